"""What is replayed: a stretch of history, the leads of one version's scope, and whose they are."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.db import connection

from scoring.fits import Flags, Ids
from scoring.models import ScoringModel
from scoring.scopes import Scopes, scopes_of

# A lead that was an inquiry at some time of the window, as far as its row tells; its events tell exactly.
_CANDIDATES: Final = """
FROM funnel_lead l
WHERE l.person_id > %(after)s AND {model} = %(model)s AND l.inquiry_at < to_timestamp(%(until)s)
  AND (l.closed_at IS NULL OR l.closed_at > to_timestamp(%(since)s) - interval '30 days')
  AND (l.mql_at IS NULL OR l.stage = 'inquiry' OR l.mql_at > to_timestamp(%(since)s) - interval '30 days')
"""


@dataclass(frozen=True, slots=True)
class Window:
    """What is replayed: from when until when (seconds since 1970), and the leads of one version's scope."""

    since: float
    until: float
    model_id: int
    solution_id: int | None
    scopes: Scopes

    @classmethod
    def of(cls, model: ScoringModel, *, since: float, until: float) -> "Window":
        """The leads that the version decides about, or would if it were the active one of its scope."""
        mine = (model.pk, model.solution_id, model.region_id)
        active = ScoringModel.objects.filter(active=True).values_list("id", "solution_id", "region_id")
        others = [row for row in active if row[1:] != mine[1:]]
        return cls(since, until, model.pk, model.solution_id, scopes_of([mine, *others]))

    def is_ours(self, solutions: Ids, regions: Ids) -> Flags:
        pairs, inverse = np.unique(np.stack([solutions, regions]), axis=1, return_inverse=True)
        decided = [self.scopes.model_of(solution or None, region or None) for solution, region in pairs.T.tolist()]
        return np.array([model_id == self.model_id for model_id in decided], dtype=bool)[inverse.ravel()]

    def hears(self, solution: int) -> bool:
        """Whether what is about a solution (0: none) concerns the version."""
        return self.solution_id is None or solution in (0, self.solution_id)


def candidates(window: Window, *, after: int, limit: int) -> Ids:
    """The next people, by id, who may have had an inquiry open in the window."""
    with connection.cursor() as cursor:
        sql = f"SELECT DISTINCT l.person_id {_CANDIDATES} ORDER BY l.person_id LIMIT %(limit)s"
        cursor.execute(sql.format(model=window.scopes.sql()), _params(window, after) | {"limit": limit})
        return np.array([pk for (pk,) in cursor.fetchall()], dtype=np.int64)


def count(window: Window) -> int:
    """How many such people there are."""
    with connection.cursor() as cursor:
        sql = f"SELECT count(DISTINCT l.person_id) {_CANDIDATES}"
        cursor.execute(sql.format(model=window.scopes.sql()), _params(window, 0))
        return int(cursor.fetchone()[0])


def _params(window: Window, after: int) -> dict[str, Any]:
    return {"after": after, "since": window.since, "until": window.until, "model": window.model_id}
