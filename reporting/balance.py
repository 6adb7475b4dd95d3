"""What came into each stage and what left it: open at the start + entered = open at the end + left (domain.md 3.3)."""

from dataclasses import replace

from funnel.derivation import ENTRY_KINDS, LEAVING_KINDS
from funnel.models import Kind, Stage
from funnel.path import EXITS, RANK
from reporting.as_of import standing
from reporting.facts import Copy, Rows
from reporting.queries import LEAVING
from reporting.selection import Asked, QueryError, Selection, utc

OPEN_STAGES = tuple(stage for stage in Stage.values if stage != Stage.WON)
# How a lead leaves a stage: to another one, by winning, or by an exit.
WAYS = ("advanced", "moved_back", Stage.WON.value, *LEAVING)
_LEFT_BY = " ".join(f"WHEN '{kind}' THEN '{name}'" for kind, name in EXITS.items() if kind != Kind.WON)

# One row a stay of a lead at a stage of the path, in order of time: where from when until when, and how it ended.
_STAYS = f"""
runs AS (
    SELECT *, count(*) FILTER (WHERE anew) OVER (PARTITION BY lead_id ORDER BY seq) AS run FROM standing
), ranked AS (
    SELECT lead_id, seq, kind, occurred_at, coalesce(max(rank) FILTER (WHERE kind IN {ENTRY_KINDS})
               OVER (PARTITION BY lead_id, run ORDER BY seq), 1) AS rank
    FROM runs
), placed AS (
    SELECT lead_id, seq, kind, occurred_at,
           CASE WHEN kind IN {LEAVING_KINDS} OR rank = {RANK[Stage.WON]} THEN 0 ELSE rank END AS position
    FROM ranked
), changed AS (
    SELECT * FROM placed
    QUALIFY position <> lag(position, 1, 0) OVER (PARTITION BY lead_id ORDER BY seq)
), stay AS (
    SELECT lead_id, position, occurred_at AS entered_at, lead(occurred_at) OVER way AS left_at,
           CASE WHEN lead(position) OVER way > position THEN 'advanced'
                WHEN lead(position) OVER way > 0 THEN 'moved_back'
                ELSE CASE lead(kind) OVER way {_LEFT_BY} ELSE '{Stage.WON}' END END AS left_by
    FROM changed
    WINDOW way AS (PARTITION BY lead_id ORDER BY seq)
)"""


def balances(copy: Copy, query: Asked) -> Rows:
    """Figures for each stage of the path that leads stand at: open_start, entered, one a way to leave, open_end.

    Entered means: came to stand there, from before, from behind or by reopening; a skipped stage was not entered.
    """
    if not query.object == "leads":
        raise QueryError("Balance is about leads.")
    for name in {*query.by, *query.where} & {"stage", "month", "quarter"}:
        raise QueryError(f"A balance is for one period, stage by stage; it cannot be split or filtered by {name}.")
    copy.need("stage_event")
    by = (*query.by, "stage")
    timeless = replace(query, start=None, end=None)  # type: ignore[type-var]
    selection = Selection(copy, timeless, steps=OPEN_STAGES)
    chosen = selection.select({"id": "l.id"}, at="l.recorded_at")
    known = "true" if query.as_of is None else "recorded_at <= $as_of"
    start = "NULL::TIMESTAMP" if query.start is None else selection.parameter(utc(query.start))
    end = "NULL::TIMESTAMP" if query.end is None else selection.parameter(utc(query.end))
    inner = (
        f"SELECT chosen.*, stay.position - 1 AS d{len(query.by)}, "
        f"coalesce(entered_at < {start}, false) AS before, coalesce(entered_at >= {end}, false) AS after, "
        f"coalesce(left_at < {start}, false) AS left_before, left_at IS NOT NULL AND "
        f"coalesce(left_at < {end}, true) AS left_by_end, left_by "
        f"FROM ({chosen}) chosen JOIN (WITH {standing(known)}, {_STAYS} SELECT * FROM stay WHERE position > 0) stay "
        f"ON stay.lead_id = chosen.id"
    )
    return selection.grouped(inner, _figures(), by)


def _figures() -> dict[str, str]:
    left = "left_by_end AND NOT left_before"
    return {
        "open_start": "count(*) FILTER (WHERE before AND NOT left_before)",
        "entered": "count(*) FILTER (WHERE NOT before AND NOT after)",
        **{way: f"count(*) FILTER (WHERE {left} AND left_by = '{way}')" for way in WAYS},
        "open_end": "count(*) FILTER (WHERE NOT after AND NOT left_by_end)",
    }
