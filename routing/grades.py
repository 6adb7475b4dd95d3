"""Grade and band of leads, as lists and heads of pages show them."""

from collections.abc import Iterable
from dataclasses import dataclass

from funnel.models import Lead
from scoring.models import Score
from scoring.scopes import scopes_now


@dataclass(frozen=True, slots=True)
class Grade:
    """A cell of the grid: fit letter and interest band."""

    grade: str
    band: int

    def __str__(self) -> str:
        return f"{self.grade}{self.band}"

    @property
    def top(self) -> bool:
        """The best fit, which is drawn strongly."""
        return self.grade == "A"

    @property
    def words(self) -> str:
        return f"Fit {self.grade}, interest band {self.band}"


def grades_of(leads: Iterable[Lead]) -> dict[int, Grade]:
    """Grade and band by lead, each under the version that decides about it; leads without a score left out.

    Two queries, whatever the number of leads and versions.
    """
    scopes = scopes_now()
    deciding = {lead.pk: (lead.person_id, scopes.model_of(lead.solution_id, lead.region_id)) for lead in leads}
    people = {person for person, _model in deciding.values()}
    scores = Score.objects.filter(person__in=people, model__in=scopes.models)
    known = {
        (person, model): Grade(grade, band)
        for person, model, grade, band in scores.values_list("person_id", "model_id", "grade", "band")
    }
    return {pk: known[key] for pk, key in deciding.items() if key in known}
