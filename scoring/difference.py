"""What another version would change: two versions' scores of the same people side by side."""

from dataclasses import dataclass

from django.db import connection

from scoring.models import ScoringModel


@dataclass(frozen=True, slots=True)
class Difference:
    """People scored under both versions. qualified: by interest, grid and gates, whatever their leads."""

    people: int
    qualified_before: int
    qualified_now: int
    newly: int
    no_longer: int
    grade_up: int
    grade_down: int
    band_up: int
    band_down: int


def difference(before: ScoringModel, now: ScoringModel) -> Difference:
    """Who would stand otherwise under `now` than under `before`, as of their latest scores. One query.

    A grade is better the earlier it stands in its own version's list, and a band the smaller its number.
    """
    grades_before = [grade for grade, _ in before.grades]
    grades_now = [grade for grade, _ in now.grades]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*),
                   count(*) FILTER (WHERE old_yes), count(*) FILTER (WHERE new_yes),
                   count(*) FILTER (WHERE new_yes AND NOT old_yes), count(*) FILTER (WHERE old_yes AND NOT new_yes),
                   count(*) FILTER (WHERE new_grade < old_grade), count(*) FILTER (WHERE new_grade > old_grade),
                   count(*) FILTER (WHERE new_band < old_band), count(*) FILTER (WHERE new_band > old_band)
            FROM (
                SELECT o.eligible AND o.allowed AS old_yes, n.eligible AND n.allowed AS new_yes,
                       array_position(%s::text[], o.grade::text) AS old_grade,
                       array_position(%s::text[], n.grade::text) AS new_grade,
                       o.band AS old_band, n.band AS new_band
                FROM scoring_score n JOIN scoring_score o ON o.person_id = n.person_id AND o.model_id = %s
                WHERE n.model_id = %s
            ) side_by_side
            """,
            [grades_before, grades_now, before.pk, now.pk],
        )
        return Difference(*cursor.fetchone())
