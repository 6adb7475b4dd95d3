"""Leads and deals as they were known at a past moment: the same rules as `funnel.stages.derive`, over the copy.

Only what a later record touched is worked out again; everything else stood then as it stands now. Origin, region,
segment, solution and account were frozen at opening; owner is today's, until assignments are a ledger of their own.
"""

from funnel.derivation import BACK_KINDS, ENTRY_KINDS, FORWARD_KINDS, LEAVING_KINDS, RANKED, exit_of, first
from funnel.models import Kind, Stage
from funnel.path import MILESTONES
from reporting import moments


def _furthest(column: str) -> str:
    """Of the furthest entry since the lead was last placed anew, the latest; null where that entry has none."""
    return f"arg_max_null({column}, rank * 1000000 + seq) FILTER (WHERE kind IN {ENTRY_KINDS} AND seq >= back_seq)"


def standing(condition: str) -> str:
    """CTEs that end in `standing`: the stage events that count, numbered in order, of those that meet `condition`.

    `anew`: the lead stands there from then on, wherever it stood: moved back, reopened, corrected, or entered again.
    """
    return f"""
known AS (
    SELECT e.*, {RANKED} AS rank,
           CASE WHEN kind IN {FORWARD_KINDS} THEN {RANKED} WHEN kind IN {LEAVING_KINDS} THEN 7 ELSE 8 END AS ord
    FROM stage_event e WHERE {condition}
), unvoided AS (
    SELECT k.*, min(rank) FILTER (WHERE kind = '{Kind.CORRECTION}') OVER (
               PARTITION BY lead_id ORDER BY occurred_at, ord, id
               ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS ceiling
    FROM known k
    WHERE kind <> '{Kind.VOID}'
      AND id NOT IN (SELECT supersedes_id FROM known WHERE kind = '{Kind.VOID}' AND supersedes_id IS NOT NULL)
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY lead_id ORDER BY occurred_at, ord, id) AS seq
    FROM unvoided WHERE ceiling IS NULL OR (kind IN {ENTRY_KINDS} AND rank <= ceiling)
), standing AS (
    SELECT *, kind IN {BACK_KINDS} OR (kind IN {FORWARD_KINDS} AND row_number() OVER (
                  PARTITION BY lead_id, to_stage, kind IN {FORWARD_KINDS} ORDER BY seq) > 1) AS anew
    FROM numbered
)"""


# The parameter $as_of stands for the moment, UTC without a zone. The CTE `lead` hides the table of that name.
LEADS = f"""
touched AS (
    SELECT DISTINCT lead_id FROM stage_event WHERE recorded_at > $as_of
), {standing("recorded_at <= $as_of AND lead_id IN (SELECT lead_id FROM touched)")}, placed AS (
    SELECT *, coalesce(max(seq) FILTER (WHERE anew) OVER (PARTITION BY lead_id), 0) AS back_seq
    FROM standing
), folded AS (
    SELECT lead_id, arg_max(kind, seq) AS last_kind, arg_max(occurred_at, seq) AS last_at,
           arg_max_null(reason_id, seq) AS last_reason,
           {_furthest("to_stage")} AS entry_to, {_furthest("occurred_at")} AS entry_at,
           {_furthest("reason_id")} AS entry_reason,
           bool_or(kind = '{Kind.PASSTHROUGH}' AND to_stage = '{Stage.MQL}') AS passed,
           {", ".join(first(stage, column) for stage, column in MILESTONES.items())}
    FROM placed GROUP BY lead_id
), lead AS (
    SELECT * FROM main.lead WHERE id NOT IN (SELECT lead_id FROM touched)
    UNION ALL BY NAME
    SELECT l.* REPLACE ({", ".join(f"{sql} AS {name}" for name, sql in moments.columns("l").items())})
    FROM (SELECT l.* REPLACE (
        coalesce(entry_to, '{Stage.INQUIRY}')::stage_name AS stage,
        coalesce(entry_at, last_at) AS stage_since,
        (CASE WHEN entry_to = '{Stage.WON}' THEN '{Stage.WON}'
              WHEN last_kind IN {LEAVING_KINDS} THEN {exit_of("last_kind")} END)::exit_name AS exit,
        CASE WHEN entry_to = '{Stage.WON}' THEN entry_at
             WHEN last_kind IN {LEAVING_KINDS} THEN last_at END AS closed_at,
        CASE WHEN entry_to = '{Stage.WON}' THEN entry_reason
             WHEN last_kind IN {LEAVING_KINDS} THEN last_reason END AS reason_id,
        passed AS passthrough,
        {", ".join(f"f.{column} AS {column}" for column in MILESTONES.values())}
    )
    FROM main.lead l JOIN folded f ON f.lead_id = l.id) l
)
"""
# A deal is as its latest event by then says; it closed when the run of events in its present state began.
OPPORTUNITIES = """
touched AS (
    SELECT DISTINCT opportunity_id FROM opportunity_event WHERE recorded_at > $as_of
), known AS (
    SELECT *, row_number() OVER (PARTITION BY opportunity_id ORDER BY occurred_at, id) AS seq
    FROM opportunity_event
    WHERE recorded_at <= $as_of AND opportunity_id IN (SELECT opportunity_id FROM touched)
), latest AS (
    SELECT opportunity_id, arg_max(state, seq) AS state FROM known GROUP BY opportunity_id
), folded AS (
    SELECT k.opportunity_id, any_value(latest.state) AS now_state, max(seq) AS last_seq,
           coalesce(max(seq) FILTER (WHERE k.state <> latest.state), 0) AS other_seq
    FROM known k JOIN latest USING (opportunity_id) GROUP BY k.opportunity_id
), opportunity AS (
    SELECT * FROM main.opportunity WHERE id NOT IN (SELECT opportunity_id FROM touched)
    UNION ALL BY NAME
    SELECT o.* REPLACE (
        last.state AS state, last.deal_stage AS deal_stage, last.amount AS amount, last.currency AS currency,
        CASE WHEN last.state <> 'open' THEN first.occurred_at END AS closed_at,
        CASE WHEN last.state = o.state AND last.state <> 'open' THEN o.reason_id END AS reason_id
    )
    FROM main.opportunity o
    JOIN folded f ON f.opportunity_id = o.id
    JOIN known last ON last.opportunity_id = o.id AND last.seq = f.last_seq
    JOIN known first ON first.opportunity_id = o.id AND first.seq = f.other_seq + 1
)
"""
