"""What the columnar copy holds, and how each fact is read from PostgreSQL.

Everything arrives as CSV, where blank text and null are the same: reports know one kind of blank.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from funnel.models import DealState, Exit, Function, Kind, Motion, Stage
from reporting import moments

Columns = Mapping[str, tuple[str, str]]

ENUMS: dict[str, list[str]] = {
    "stage_name": Stage.values,
    "exit_name": Exit.values,
    "kind_name": Kind.values,
    "function_name": Function.values,
    "motion_name": Motion.values,
    "deal_state": DealState.values,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One table of the copy. `name` is its name there and in the log of changes.

    columns: name -> (DuckDB type, PostgreSQL expression over `t`). derived: likewise, but a DuckDB expression over the
    columns, worked out on arrival. whole: so small that any change reads all of it. on_demand: only read once a report
    needs it. unlogged: no log tells of its changes, so it is read whole, anew, whenever a report needs it; with a
    stamp, a PostgreSQL query of one value, only when that value is another one. log: its name in the log of changes,
    where that is another one.
    """

    name: str
    table: str
    columns: Columns
    derived: Columns = field(default_factory=dict)
    whole: bool = False
    on_demand: bool = False
    unlogged: bool = False
    stamp: str = ""
    log: str = ""

    @property
    def logged(self) -> str:
        return self.log or self.name

    def create(self) -> str:
        """The DuckDB statement that makes the empty table."""
        columns = ", ".join(f"{name} {kind}" for name, (kind, _) in {**self.columns, **self.derived}.items())
        return f"CREATE TABLE {self.name} ({columns})"

    def select(self, where: str = "") -> str:
        """The PostgreSQL statement that reads it."""
        return f"SELECT {', '.join(sql for _, sql in self.columns.values())} FROM {self.table} t {where}"


def _ids(*names: str) -> Columns:
    return {name: ("BIGINT", f"t.{name}") for name in names}


def _texts(*names: str) -> Columns:
    return {name: ("VARCHAR", f"t.{name}") for name in names}


def _moments(*names: str) -> Columns:
    """Moments are UTC without a zone in the copy: the same instants, faster to cut."""
    return {name: ("TIMESTAMP", f"t.{name} AT TIME ZONE 'UTC'") for name in names}


def _as(kind: str, *names: str) -> Columns:
    return {name: (kind, f"t.{name}") for name in names}


LEAD = Source(
    name="lead",
    table="funnel_lead",
    columns={
        **_ids("id", "person_id", "account_id", "owner_id", "reason_id"),
        **_ids("channel_id", "content_id", "campaign_id", "region_id", "solution_id"),
        **_as("stage_name", "stage", "entry_stage"),
        **_as("exit_name", "exit"),
        **_as("function_name", "function"),
        **_as("motion_name", "motion"),
        **_texts("segment", "source"),
        **_as("BOOLEAN", "passthrough"),
        **_moments(*(f"{stage}_at" for stage in Stage.values)),
        **_moments("closed_at", "stage_since", "recorded_at"),
    },
    derived={name: ("TIMESTAMP", sql) for name, sql in moments.columns("t").items()},
)
STAGE_EVENT = Source(
    name="stage_event",
    table="funnel_stageevent",
    on_demand=True,
    columns={
        **_ids("id", "lead_id", "reason_id", "supersedes_id"),
        **_as("kind_name", "kind"),
        **_as("stage_name", "to_stage"),
        **_moments("occurred_at", "recorded_at"),
    },
)
_AMOUNT = _as("DECIMAL(16, 2)", "amount")
OPPORTUNITY = Source(
    name="opportunity",
    table="funnel_opportunity",
    columns={
        **_ids("id", "account_id", "lead_id", "owner_id", "region_id", "solution_id", "reason_id"),
        **_as("motion_name", "motion"),
        **_as("deal_state", "state"),
        **_texts("deal_stage", "currency", "source"),
        **_AMOUNT,
        **_moments("opened_at", "closed_at", "recorded_at"),
        **_as("DATE", "expected_close_on"),
    },
)
OPPORTUNITY_EVENT = Source(
    name="opportunity_event",
    table="funnel_opportunityevent",
    on_demand=True,
    columns={
        **_ids("id", "opportunity_id"),
        **_as("deal_state", "state"),
        **_texts("deal_stage", "currency"),
        **_AMOUNT,
        **_moments("occurred_at", "recorded_at"),
    },
)
COST = Source(
    name="cost",
    table="funnel_costline",
    columns={
        **_ids("id", "campaign_id", "channel_id", "content_id", "region_id"),
        **_texts("payer", "nature", "currency"),
        **_as("BOOLEAN", "shadow"),
        **_AMOUNT,
        **_as("DATE", "incurred_on"),
    },
)
_NAMED = {**_ids("id"), **_texts("name")}
ACCOUNT = Source(name="account", table="funnel_account", columns=_NAMED)
# Two people may bear one name; then each is told apart by what else is known, so that their leads do not mix.
REP = Source(
    name="rep",
    table="funnel_rep",
    whole=True,
    columns={
        **_ids("id", "team_id", "region_id"),
        "name": (
            "VARCHAR",
            "CASE WHEN count(*) OVER (PARTITION BY t.name) = 1 THEN t.name ELSE t.name || ' (' || "
            "coalesce(nullif(t.email, ''), nullif(t.external_id, ''), '#' || t.id) || ')' END",
        ),
    },
)
# Scores are written far more often than reports ask for them: every touch writes one, and a trigger that logs it would
# cost each touch more than it costs those few reports to read all scores anew. Of the models that decide, the one for
# all leads: fits of several models are no one scale.
SCORE = Source(
    name="score",
    table="(SELECT s.person_id, s.fit_total FROM scoring_score s JOIN scoring_scoringmodel m ON m.id = s.model_id "
    "WHERE m.active AND m.solution_id IS NULL AND m.region_id IS NULL)",
    whole=True,
    on_demand=True,
    unlogged=True,
    columns={**_ids("person_id"), **_as("DOUBLE", "fit_total")},
)
# What the scoring model made MQLs of, by the latest replays of history (scoring/simulation): of each version that
# decides, one of those that reach about as far back as any. A replay that is done never changes.
_REPLAYS = """
SELECT DISTINCT ON (model_id) id FROM (
    SELECT s.id, s.model_id, s.finished_at,
           s.ends_at - s.starts_at >= 0.9 * max(s.ends_at - s.starts_at) OVER (PARTITION BY s.model_id) AS long
    FROM scoring_simulation s JOIN scoring_scoringmodel m ON m.id = s.model_id
    WHERE m.active AND s.status = 'done' AND s.part_of_id IS NULL
) done ORDER BY model_id, long DESC, finished_at DESC NULLS LAST, id DESC
"""
_STAMP = f"SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') FROM ({_REPLAYS}) r"
# Of each lead that became an MQL, what the version makes of it that decides about it: the most specific one, as in
# scoring/scopes.py.
_MADE = f"""
WITH RECURSIVE below (top, id) AS (
    SELECT region_id, region_id FROM scoring_scoringmodel WHERE active AND region_id IS NOT NULL
    UNION SELECT b.top, r.id FROM below b JOIN funnel_region r ON r.parent_id = b.id
)
SELECT DISTINCT ON (l.id) s.*, m.id AS model_id
FROM funnel_lead l JOIN scoring_simulatedlead s ON s.lead_id = l.id
JOIN scoring_simulation r ON r.id = s.simulation_id JOIN scoring_scoringmodel m ON m.id = r.model_id
WHERE l.mql_at IS NOT NULL AND s.simulation_id IN ({_REPLAYS})
  AND (m.solution_id IS NULL OR m.solution_id = l.solution_id)
  AND (m.region_id IS NULL OR EXISTS (SELECT FROM below b WHERE b.top = m.region_id AND b.id = l.region_id))
ORDER BY l.id, m.solution_id NULLS LAST, m.region_id IS NULL,
         (SELECT count(*) FROM below b WHERE b.top = m.region_id), m.id
"""
MADE = Source(
    name="made",
    table=f"(SELECT * FROM ({_MADE}) s WHERE mql_at IS NOT NULL)",
    whole=True,
    on_demand=True,
    unlogged=True,
    stamp=_STAMP,
    columns={
        **_ids("lead_id", "model_id"),
        **_moments("mql_at"),
        "by_hand": ("BOOLEAN", "t.by = 'hand'"),
        **_as("DOUBLE", "interest", "fit"),
        **_texts("grade"),
        **_as("INTEGER", "band"),
    },
)
# What each rule gave to each of them, and that as a share of all that rules of its axis gave (before caps).
MADE_BY = Source(
    name="made_by",
    table=f"""(
        SELECT l.lead_id, given.rule_id, given.points, l.by = 'hand' AS by_hand,
               given.points / nullif(sum(greatest(given.points, 0)) OVER (PARTITION BY l.lead_id, c.axis), 0) AS share
        FROM ({_MADE}) l CROSS JOIN LATERAL unnest(l.rule_ids, l.points) given (rule_id, points)
        JOIN scoring_scorerule r ON r.id = given.rule_id JOIN scoring_scorecategory c ON c.id = r.category_id
        WHERE l.mql_at IS NOT NULL)""",
    whole=True,
    on_demand=True,
    unlogged=True,
    stamp=_STAMP,
    columns={**_ids("lead_id", "rule_id"), **_as("DOUBLE", "points", "share"), **_as("BOOLEAN", "by_hand")},
)
CLOCK = Source(
    name="clock",
    table="routing_clock",
    on_demand=True,
    columns={
        **_ids("id", "lead_id"),
        **_texts("kind"),
        **_moments("started_at", "due_at", "stopped_at"),
        **_as("BOOLEAN", "cancelled"),
    },
)
REASON = Source(
    name="reason", table="funnel_reason", whole=True, columns={**_NAMED, **_as("BOOLEAN", "needs_text", "reroutes")}
)
TEAM = Source(name="team", table="funnel_team", whole=True, columns={**_NAMED, **_ids("region_id")})
_NAMES = [
    Source(name=name, table=f"funnel_{name}", whole=True, columns=_NAMED)
    for name in ("channel", "content", "campaign", "region", "solution")
]
SOURCES: dict[str, Source] = {
    source.name: source
    for source in [
        *[LEAD, STAGE_EVENT, OPPORTUNITY, OPPORTUNITY_EVENT, COST, CLOCK, ACCOUNT, REP, TEAM, REASON, *_NAMES],
        *[SCORE, MADE, MADE_BY],
    ]
}
ALWAYS = [source for source in SOURCES.values() if not source.on_demand]
ON_DEMAND = frozenset(source.name for source in SOURCES.values() if source.on_demand)
UNLOGGED = frozenset(source.name for source in SOURCES.values() if source.unlogged)
STAMPS = {source.name: source.stamp for source in SOURCES.values() if source.stamp}

# --- facts of which there is one a name or a number, read when a report first asks for it --------------------------

ATTRIBUTE_CHANGES = "person"  # the log's name for a change of any custom attribute
_ATTRIBUTE, _REPLAY, _MQLS = "attribute:", "replay:", "mqls:"
# How many are held of a kind, those asked for last: a replay has a row for most leads, its MQLs are a tenth of them.
# Attributes stay, for few are ever used.
MOST = {_REPLAY: 8, _MQLS: 80}


def attribute_key(name: str) -> str:
    """What a custom attribute is called among the facts that are read on demand."""
    return _ATTRIBUTE + name


def replay_key(simulation: int) -> str:
    """What a replay of history that is done is called among them."""
    return f"{_REPLAY}{simulation:d}"


def mqls_key(simulation: int) -> str:
    """What the MQLs alone of a replay that is done are called among them."""
    return f"{_MQLS}{simulation:d}"


def on_demand(key: str) -> Source:
    """A fact that is read on demand, by its name or its key."""
    kind, colon, name = key.partition(":")
    make = {_ATTRIBUTE: attribute_source, _REPLAY: _replay_source, _MQLS: _mqls_source}.get(kind + colon)
    return make(name) if make else SOURCES[key]


def wanted(before: Sequence[str], names: Collection[str]) -> tuple[str, ...]:
    """The facts to hold once these are asked for as well, the latest last; what was asked for long ago goes. Pure."""
    found = [*(name for name in before if name not in names), *dict.fromkeys(names)]
    for kind, most in MOST.items():
        held = [name for name in found if name.startswith(kind)]
        gone = {name for name in held[: max(len(held) - most, 0)] if name not in names}
        found = [name for name in found if name not in gone]
    return tuple(found)


def attribute_table(name: str) -> str:
    """The copy's table of one custom attribute, quoted."""
    return '"attribute ' + name.replace('"', '""') + '"'


def replay_table(simulation: int) -> str:
    """The copy's table of what a replay made of every lead that it looked at."""
    return f"replay_{simulation:d}"


def mqls_table(simulation: int) -> str:
    """The copy's table of the MQLs alone of a replay."""
    return f"mqls_{simulation:d}"


def attribute_source(name: str) -> Source:
    """A custom attribute of people as a fact of its own: person and value, only where there is one."""
    literal = "'" + name.replace("'", "''") + "'"
    return Source(
        name=attribute_table(name),
        table=f"(SELECT id, attributes ->> {literal} AS value FROM funnel_person WHERE attributes ? {literal})",
        columns={**_ids("id"), **_texts("value")},
        log=ATTRIBUTE_CHANGES,
    )


def _replay_source(simulation: str) -> Source:
    """What a replay made of every lead. Its rows never change once it is done, so they are read once.

    A lead that is deleted takes its rows along, here as well: whoever asks joins `lead`.
    """
    return Source(
        name=replay_table(int(simulation)),
        table=f"(SELECT * FROM scoring_simulatedlead WHERE simulation_id = {int(simulation)})",
        columns={
            **_ids("lead_id"),
            **_moments("mql_at"),
            "by_hand": ("BOOLEAN", "t.by = 'hand'"),
            "peak": ("DOUBLE", "round(t.peak::numeric, 6)::float8"),  # as thresholds are compared
        },
        unlogged=True,
    )


def _mqls_source(simulation: str) -> Source:
    where = f"simulation_id = {int(simulation)} AND mql_at IS NOT NULL"
    return Source(
        name=mqls_table(int(simulation)),
        table=f"(SELECT lead_id, mql_at FROM scoring_simulatedlead WHERE {where})",
        columns={**_ids("lead_id"), **_moments("mql_at")},
        unlogged=True,
    )


def create_types() -> Iterable[str]:
    for name, values in ENUMS.items():
        quoted = ", ".join(f"'{value}'" for value in values)
        yield f"CREATE TYPE {name} AS ENUM ({quoted})"
