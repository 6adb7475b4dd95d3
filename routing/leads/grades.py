"""Grade and band of leads, as lists and heads of pages show them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from funnel.models import Lead
from scoring.models import Score
from scoring.scopes import scopes_now
from scoring.words import when

_SHOWN = ("person_id", "model_id", "grade", "band", "next_review_at")


@dataclass(frozen=True, slots=True)
class Grade:
    """A cell of the grid: fit letter and interest band. next_at: when they may change by themselves; None for never."""

    grade: str
    band: int
    next_at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.grade}{self.band}"

    @property
    def top(self) -> bool:
        """The best fit, which is drawn strongly."""
        return self.grade == "A"

    @property
    def words(self) -> str:
        said = f"Fit {self.grade}, interest band {self.band}"
        return f"{said}; may change on {when(self.next_at)} unless something new happens" if self.next_at else said


def grades_of(leads: Iterable[Lead]) -> dict[int, Grade]:
    """Grade and band by lead, each under the version that decides about it; leads without a score left out.

    Two queries, whatever the number of leads and versions.
    """
    scopes = scopes_now()
    deciding = {lead.pk: (lead.person_id, scopes.model_of(lead.solution_id, lead.region_id)) for lead in leads}
    people = {person for person, _model in deciding.values()}
    scores = Score.objects.filter(person__in=people, model__in=scopes.models)
    known = {
        (person, model): Grade(grade, band, next_at)
        for person, model, grade, band, next_at in scores.values_list(*_SHOWN)
    }
    return {pk: known[key] for pk, key in deciding.items() if key in known}
