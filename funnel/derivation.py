"""The state of leads as one SQL over their stage events, and the words of it that the copy for reports shares."""

from collections.abc import Iterable

from funnel.path import BACK, ENTRIES, EXITS, FORWARD, MILESTONES, RANK


def _quoted(words: Iterable[str]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in sorted(words)) + ")"


FORWARD_KINDS, BACK_KINDS, ENTRY_KINDS, LEAVING_KINDS = map(_quoted, (FORWARD, BACK, ENTRIES, EXITS))
RANKED = "CASE to_stage " + " ".join(f"WHEN '{stage}' THEN {rank}" for stage, rank in RANK.items()) + " END"


def exit_of(kind: str) -> str:
    """The exit that an event of this kind (an SQL expression) makes; null for kinds that do not leave."""
    return f"CASE {kind} " + " ".join(f"WHEN '{made}' THEN '{name}'" for made, name in EXITS.items()) + " END"


def first(stage: str, column: str) -> str:
    """A milestone: the first entry forward; failing that, the first correction that put the lead there."""
    at = f"min(occurred_at) FILTER (WHERE to_stage = '{stage}'"
    return f"coalesce({at} AND kind IN {FORWARD_KINDS}), {at} AND kind = 'correction')) AS {column}"


# The state of each lead in `lead_ids`, one row each, from its events alone; `path.fold` says the same in Python.
# Parameters: lead_ids (array), as_of (timestamp, or null for everything recorded).
DERIVE = f"""
WITH event AS (
    SELECT e.*, {RANKED} AS rank,
           CASE WHEN kind IN {FORWARD_KINDS} THEN {RANKED} WHEN kind IN {LEAVING_KINDS} THEN 7 ELSE 8 END AS ord
    FROM funnel_stageevent e
    WHERE e.lead_id = ANY(%(lead_ids)s)
      AND (%(as_of)s::timestamptz IS NULL OR e.recorded_at <= %(as_of)s::timestamptz)
), unvoided AS (
    SELECT e.*, min(rank) FILTER (WHERE kind = 'correction') OVER (
               PARTITION BY lead_id ORDER BY occurred_at, ord, id
               ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS ceiling
    FROM event e
    WHERE kind <> 'void' AND NOT EXISTS (SELECT FROM event v WHERE v.kind = 'void' AND v.supersedes_id = e.id)
), standing AS (
    SELECT lead_id, kind, to_stage, rank, occurred_at, reason_id,
           row_number() OVER (PARTITION BY lead_id ORDER BY occurred_at, ord, id) AS seq
    FROM unvoided
    WHERE ceiling IS NULL OR (kind IN {ENTRY_KINDS} AND rank <= ceiling)
), placed AS (
    SELECT *, coalesce(max(seq) FILTER (WHERE kind IN {BACK_KINDS} OR again) OVER (PARTITION BY lead_id), 0) AS back_seq
    FROM (
        SELECT *, kind IN {FORWARD_KINDS} AND row_number() OVER (
                      PARTITION BY lead_id, to_stage, kind IN {FORWARD_KINDS} ORDER BY seq) > 1 AS again
        FROM standing
    ) s
), folded AS (
    SELECT lead_id,
           max(seq) AS last_seq,
           -- The furthest entry since the lead was last moved back or entered a stage again, the latest of several.
           mod(max(rank * 1000000 + seq) FILTER (WHERE kind IN {ENTRY_KINDS} AND seq >= back_seq), 1000000)
               AS entry_seq,
           bool_or(kind = 'passthrough' AND to_stage = 'mql') AS passthrough,
           {", ".join(first(stage, column) for stage, column in MILESTONES.items())}
    FROM placed GROUP BY lead_id
), state AS (
    SELECT l.id AS lead_id,
           coalesce(entry.to_stage, 'inquiry') AS stage,
           coalesce(entry.occurred_at, last.occurred_at, l.recorded_at) AS stage_since,
           CASE WHEN f.lead_id IS NULL THEN 'void'
                WHEN entry.to_stage = 'won' THEN 'won'
                WHEN last.kind IN {LEAVING_KINDS} THEN {exit_of("last.kind")}
                ELSE '' END AS exit,
           CASE WHEN f.lead_id IS NULL THEN l.recorded_at
                WHEN entry.to_stage = 'won' THEN entry.occurred_at
                WHEN last.kind IN {LEAVING_KINDS} THEN last.occurred_at END AS closed_at,
           CASE WHEN entry.to_stage = 'won' THEN entry.reason_id
                WHEN last.kind IN {LEAVING_KINDS} THEN last.reason_id END AS reason_id,
           coalesce(f.passthrough, false) AS passthrough,
           {", ".join(f"f.{column}" for column in MILESTONES.values())}
    FROM funnel_lead l
    LEFT JOIN folded f ON f.lead_id = l.id
    LEFT JOIN standing last ON last.lead_id = l.id AND last.seq = f.last_seq
    LEFT JOIN standing entry ON entry.lead_id = l.id AND entry.seq = f.entry_seq
    WHERE l.id = ANY(%(lead_ids)s)
)
SELECT * FROM state
"""
