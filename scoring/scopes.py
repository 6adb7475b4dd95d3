"""Which version of the scoring model decides about a lead: the active one with the most specific scope it lies in.

Solution and region together come first, then the solution, then the region (the nearest of those above the lead's),
then the version for all. The order stands in `Scopes.ordered` alone; `model_of` and `sql` both go along it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from scoring.models import ScoringModel, scope_words

# The regions below each region, itself included; a circle among parents ends.
_BELOW = """
WITH RECURSIVE below (top, id) AS (
    SELECT id, id FROM funnel_region WHERE id = ANY(%s)
    UNION SELECT b.top, r.id FROM below b JOIN funnel_region r ON r.parent_id = b.id
)
SELECT top, array_agg(id) FROM below GROUP BY top
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """The leads that one version decides about. regions: a region and those below it; None: wherever they are."""

    model_id: int
    solution_id: int | None = None
    regions: frozenset[int] | None = None

    def covers(self, solution_id: int | None, region_id: int | None) -> bool:
        """Whether a lead of this solution and region lies in it."""
        return self.solution_id in (None, solution_id) and (self.regions is None or region_id in self.regions)

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """Lower is more specific. A region that lies in another has fewer regions below it."""
        return self.solution_id is None, self.regions is None, len(self.regions or ())


@dataclass(frozen=True, slots=True)
class Scopes:
    """The versions that decide, the most specific first."""

    ordered: tuple[Scope, ...] = ()

    @property
    def models(self) -> frozenset[int]:
        """Every version that decides about some lead."""
        return frozenset(scope.model_id for scope in self.ordered)

    @property
    def general(self) -> int | None:
        """The version that decides where no other does; people as such are scored by it."""
        return self.model_of(None, None)

    def model_of(self, solution_id: int | None, region_id: int | None) -> int | None:
        """The version that decides about leads of this solution and region."""
        return next((scope.model_id for scope in self.ordered if scope.covers(solution_id, region_id)), None)

    def sql(self, solution: str = "l.solution_id", region: str = "l.region_id") -> str:
        """The same as an expression over columns: the id of the version, NULL for none. It holds numbers only."""
        cases = []
        for scope in self.ordered:
            asked = [] if scope.solution_id is None else [f"{solution} = {scope.solution_id}"]
            if scope.regions is not None:
                asked.append(f"{region} IN ({', '.join(map(str, sorted(scope.regions)))})")
            cases.append(f"WHEN {' AND '.join(asked) or 'true'} THEN {scope.model_id}")
        return f"(CASE {' '.join(cases)} END)::bigint" if cases else "NULL::bigint"


def scopes_now() -> Scopes:
    """The scopes of the versions that are active. One query; two where one is for a region."""
    return scopes_of(ScoringModel.objects.filter(active=True).values_list("id", "solution_id", "region_id"))


def scopes_of(rows: Iterable[tuple[int, int | None, int | None]]) -> Scopes:
    """Scopes of versions: id, solution and region of each. A query where one is for a region."""
    found = list(rows)
    below = _regions_below([region for _pk, _solution, region in found if region is not None])
    scopes = [Scope(pk, solution, below[region] if region is not None else None) for pk, solution, region in found]
    return Scopes(tuple(sorted(scopes, key=lambda scope: (scope.rank, scope.model_id))))


def _regions_below(regions: list[int]) -> dict[int, frozenset[int]]:
    if not regions:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_BELOW, [regions])
        return {top: frozenset(ids) for top, ids in cursor.fetchall()}


def warnings() -> list[str]:
    """What whoever decides about scopes should know, a sentence each. One query."""
    to_decide = ScoringModel.objects.filter(Q(active=True) | Q(activate_when_filled=True))
    scopes = {scope_words(*names) for names in to_decide.values_list("solution__name", "region__name")}
    if not scopes or "" in scopes:
        return []
    told = ", ".join(sorted(scopes))
    return [f"No scoring model decides about all leads, only about {told}: others become MQLs by hand alone."]
