"""Grade and band of people, as lists and heads of pages show them."""

from collections.abc import Collection
from dataclasses import dataclass

from scoring.models import Score


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


def grades_of(person_ids: Collection[int]) -> dict[int, Grade]:
    """Grade and band under the active model, for the people who have a score. One query."""
    scores = Score.objects.filter(person__in=person_ids, model__active=True)
    return {person: Grade(grade, band) for person, grade, band in scores.values_list("person_id", "grade", "band")}
