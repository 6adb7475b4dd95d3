"""What touches add to accumulators, and what windows hold, summed by PostgreSQL (scoring.md 1, 3, 6).

A batch either adds touches to what people have, or sums all of a person's touches anew. Nothing else is stored about
single touches: how often a rule with a daily limit has matched is counted among the touches of that day.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.decay import DAY, MOST_DOUBLINGS, Floats
from scoring.exchange import Columns
from scoring.judging import MOMENT, Judged, Kinds, Source, fetch_judged, judge
from scoring.models import ScoreRule
from scoring.policy import Policy, RuleTerms

Ids = NDArray[np.int64]
Touches = Sequence[tuple[int, int]]  # (person id, touch id)
Statement = Callable[..., str]  # (kinds, *, based) -> SQL

# A touch with an inbox row of its person's own is added when that row is worked: counting it before would be twice.
_DRAINED: Final = """t.voided_at IS NULL
    AND NOT EXISTS (SELECT FROM funnel_inbox i
                    WHERE i.cause = 'activity' AND i.object_id = t.id AND i.person_id = t.person_id)"""
# coalesce: the planner would multiply the chances of two equalities, expect one row, and loop over what is joined next.
_TAKEN: Final = """unnest(%(people)s::bigint[], %(touches)s::bigint[]) taken (person_id, id)
    JOIN funnel_activity t ON t.id = taken.id AND coalesce(t.person_id = taken.person_id, false)"""
_BATCH: Final = Source(_TAKEN, "t.voided_at IS NULL")
_ALL: Final = Source("funnel_activity t", f"t.person_id = ANY(%(people)s) AND {_DRAINED}")
# The touches of the days on which something was added: no touch counts for a later day than it bears.
_DAYS: Final = Source(
    f"""(
        SELECT taken.person_id, to_timestamp(floor(min({MOMENT}) / {DAY}) * {DAY}) AS since FROM {_TAKEN}
        WHERE t.voided_at IS NULL GROUP BY taken.person_id
    ) added JOIN funnel_activity t ON t.person_id = added.person_id AND t.occurred_at >= added.since""",
    _DRAINED,
    extra=(("is_new", "t.id = ANY(%(touches)s)"),),
)
_LATELY: Final = Source(
    "funnel_activity t", f"t.person_id = ANY(%(people)s) AND t.occurred_at >= %(since)s AND {_DRAINED}"
)


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What n people's touches add: to the accumulators and to what the baseline holds (n, c); the latest from them.

    last_at: seconds since 1970, -inf for none.
    """

    acc: Floats
    base: Floats
    last_at: Floats


def add(policy: Policy, people: Ids, touches: Touches, *, baselines: Floats) -> Contributions:
    """What these touches add to what people have. Touches void, gone or somebody else's add nothing. Two statements.

    people: sorted. baselines: theirs, in seconds since 1970, nan for none.
    """
    params = {"people": [person for person, _touch in touches], "touches": [touch for _person, touch in touches]}
    params |= _left(people, baselines)
    statements: list[tuple[Source, Statement]] = [(_BATCH, _plain)]
    if _limited(policy):
        statements.append((_DAYS, _limits))
    return _collect(policy, people, statements, params)


def sum_anew(policy: Policy, people: Ids, *, baselines: Floats) -> Contributions:
    """What all touches of these people come to, save those that wait in the inbox. One statement.

    people: sorted. baselines: theirs, in seconds since 1970, nan for none.
    """
    params = {"people": people.tolist()} | _left(people, baselines)
    return _collect(policy, people, [(_ALL, _everything)], params)


def windows(policy: Policy, people: Ids, at: float, *, baselines: Floats) -> tuple[Floats, Floats]:
    """What windows that are open at a moment hold above the baseline (n, c), and when the next runs out (n).

    people: sorted. Seconds since 1970, nan for none and never. One statement, none where no rule has a window.
    """
    held, expires_at = np.zeros((len(people), len(policy.interest))), np.full(len(people), np.nan)
    rules = _windowed(policy)
    if not rules or not len(people):
        return held, expires_at
    first = int(at // DAY) - max(rule.window_days or 0 for rule in rules)
    params = {"people": people.tolist(), "since": date.fromordinal(max(1, first + _1970))} | _left(people, baselines)
    build = partial(_open_windows, based=bool(params["left"]))
    found = fetch_judged(policy, _LATELY, build, params, _WINDOW_COLUMNS)
    for rule in rules:
        mine = found["rule"] == rule.id
        places = np.searchsorted(people, found["person"][mine])
        ends = (found["day"][mine] + (rule.window_days or 0)) * DAY
        points = rule.points * (_limit(rule, found["n"][mine]) - _limit(rule, found["n_base"][mine]))
        is_open = (ends > at) & (points != 0)
        np.add.at(held[:, rule.category], places[is_open], points[is_open])
        np.fmin.at(expires_at, places[is_open], ends[is_open])
    return held, expires_at


@dataclass(frozen=True, slots=True, eq=False)
class Earned:
    """Points that people earned by what they did, as rows: whose (id), on which (UTC) day since 1970, how many."""

    people: Ids
    days: NDArray[np.int32]
    points: Floats


def earned(policy: Policy, people: Ids, since: int, *, baselines: Floats) -> Earned:
    """What these people earned above their baseline on each day from `since` (days since 1970): before decay and caps
    of categories, after limits a day, without what takes points off.

    people: sorted. baselines: theirs, in seconds since 1970, nan for none. One statement.
    """
    if not len(people):
        return Earned(people, np.array([], dtype=np.int32), np.array([]))
    params = {"people": people.tolist(), "since": date.fromordinal(max(1, since + _1970))} | _left(people, baselines)
    build = partial(_earnings, based=bool(params["left"]))
    found = fetch_judged(policy, _LATELY, build, params, _WINDOW_COLUMNS | {"points": "float8"})
    points = found["points"].copy()
    for rule in _of_touches(policy):
        if rule.is_counted and rule.points > 0:
            mine = found["rule"] == rule.id
            points[mine] = rule.points * (_limit(rule, found["n"][mine]) - _limit(rule, found["n_base"][mine]))
    return Earned(found["person"], found["day"], points)


_1970: Final = date(1970, 1, 1).toordinal()
_WINDOW_COLUMNS: Final = {"person": "bigint", "rule": "bigint", "day": "integer", "n": "integer", "n_base": "integer"}


def _limit(rule: RuleTerms, n: NDArray[Any]) -> NDArray[Any]:
    return n if rule.per_day is None else np.minimum(n, rule.per_day)


def _left(people: Ids, baselines: Floats) -> dict[str, Any]:
    left = np.isfinite(baselines)
    return {"left": people[left].tolist(), "left_at": baselines[left].tolist()}


def _collect(
    policy: Policy, people: Ids, statements: Iterable[tuple[Source, Statement]], params: Mapping[str, Any]
) -> Contributions:
    shape, based = (len(people), len(policy.interest)), bool(params["left"])
    sums = {"acc": np.zeros(shape), "base": np.zeros(shape)}
    last_at = np.full(len(people), -np.inf)
    columns = _columns(policy, based=based)
    for source, build in statements:
        found = fetch_judged(policy, source, partial(build, based=based), params, columns)
        places = np.searchsorted(people, found["person"])
        np.maximum.at(last_at, places, found["last_at"])
        for name in columns.keys() - {"person", "last_at"}:
            kind, _, category = name.partition(" ")
            np.add.at(sums[kind][:, int(category)], places, found[name])
    return Contributions(sums["acc"], sums["base"], last_at)


# --- statements, built once for the kinds of touches known --------------------------------------------------------


def _of_touches(policy: Policy) -> list[RuleTerms]:
    return list(policy.rules_of(ScoreRule.Kind.TOUCH))


def _windowed(policy: Policy) -> list[RuleTerms]:
    return [rule for rule in _of_touches(policy) if rule.window_days is not None]


def _limited(policy: Policy) -> list[RuleTerms]:
    return [rule for rule in _of_touches(policy) if rule.window_days is None and rule.per_day is not None]


def _columns(policy: Policy, *, based: bool) -> dict[str, str]:
    names = ["acc", "base"] if based else ["acc"]
    sums = {f"{name} {category}": "float8" for name in names for category in range(len(policy.interest))}
    return {"person": "bigint", "last_at": "float8"} | sums


@lru_cache(maxsize=64)
def _plain(kinds: Kinds, *, based: bool) -> str:
    """Points of rules without limits, and the latest touch, by person."""
    rules = [rule for rule in _of_touches(kinds.policy) if not rule.is_counted]
    judged = judge(kinds, _BATCH, rules, based=based)
    return f"{judged.clauses} {_sums(kinds.policy, judged, based=based)}"


@lru_cache(maxsize=64)
def _limits(kinds: Kinds, *, based: bool) -> str:
    """What rules with a daily limit add on the days of the batch, by person."""
    judged = judge(kinds, _DAYS, _limited(kinds.policy), based=based)
    nothing = _nothing(judged, _columns(kinds.policy, based=based))
    return f"{judged.clauses}, {_counted(judged, news=True)} {_gains(kinds.policy, based=based, news=True)} {nothing}"


@lru_cache(maxsize=64)
def _everything(kinds: Kinds, *, based: bool) -> str:
    """Both, of all touches: a person has up to two rows."""
    policy = kinds.policy
    judged = judge(kinds, _ALL, [rule for rule in _of_touches(policy) if rule.window_days is None], based=based)
    sums = _sums(policy, judged, based=based)
    if not _limited(policy):
        return f"{judged.clauses} {sums}"
    gains = _gains(policy, based=based, news=False)
    return f"{judged.clauses}, {_counted(judged, news=False)} {sums} UNION ALL {gains}"


@lru_cache(maxsize=64)
def _open_windows(kinds: Kinds, *, based: bool) -> str:
    """How often each rule with a window has matched each person on each day."""
    judged = judge(kinds, _LATELY, _windowed(kinds.policy), based=based)
    counts = "SELECT person_id, rule_id, day, n, n_base FROM counted"
    return f"{judged.clauses}, {_counted(judged, news=False)} {counts} {_nothing(judged, _WINDOW_COLUMNS)}"


@lru_cache(maxsize=64)
def _earnings(kinds: Kinds, *, based: bool) -> str:
    """What each touch gave by rules without limits, by person and day, and the counts of those with."""
    judged = judge(kinds, _LATELY, _of_touches(kinds.policy), based=based)
    given = " + ".join(judged.points.values()) or "0::float8"
    columns = _WINDOW_COLUMNS | {"points": "float8"}
    return f"""{judged.clauses}, {_counted(judged, news=False)}
        SELECT touch.person_id, 0::bigint, floor(touch.moment / {DAY})::integer, 0, 0,
               coalesce(sum(greatest({given}, 0)) FILTER (WHERE NOT touch.in_base), 0)
        FROM touch GROUP BY 1, 3
        UNION ALL SELECT person_id, rule_id, day, n, n_base, 0 FROM counted {_nothing(judged, columns)}"""


def _nothing(judged: Judged, columns: Columns) -> str:
    """A row of nobody's where a touch is of a kind not judged yet."""
    zeros = ", ".join(f"0::{type_}" for type_ in columns.values())
    return f"UNION ALL (SELECT {zeros} FROM touch WHERE {judged.unknown} LIMIT 1)"


def _sums(policy: Policy, judged: Judged, *, based: bool) -> str:
    values = ["touch.person_id", "coalesce(max(touch.moment) FILTER (WHERE touch.from_them), '-infinity')"]
    filters = ["", " FILTER (WHERE touch.in_base)"] if based else [""]
    for only in filters:
        for category, terms in enumerate(policy.interest):
            points = judged.points.get(category)
            if points is None:
                values.append("0::float8")
            else:
                grown = _grown(policy, "touch.moment", f"{terms.half_life!r}") if terms.half_life_days else "1"
                # Most touches give nothing to most categories: a power of nothing need not be taken.
                worth = f"CASE WHEN {points} <> 0 THEN {points} * {grown} ELSE 0 END"
                values.append(f"coalesce(sum({worth}){only}, 0)")
    nothing = _nothing(judged, _columns(policy, based=based))
    return f"SELECT {', '.join(values)} FROM touch GROUP BY touch.person_id {nothing}"


def _counted(judged: Judged, *, news: bool) -> str:
    """How often each counted rule has matched each person on each (UTC) day, counted in days since 1970.

    news: only where the batch brings something, with the counts before.
    """
    before = (
        "count(*) FILTER (WHERE NOT touch.is_new)::integer, "
        "count(*) FILTER (WHERE touch.in_base AND NOT touch.is_new)::integer"
    )
    return f"""counted (person_id, rule_id, day, n, n_base, n_before, n_base_before) AS (
        SELECT touch.person_id, hit.rule_id, floor(touch.moment / {DAY})::integer,
               count(*)::integer, count(*) FILTER (WHERE touch.in_base)::integer, {before if news else "0, 0"}
        FROM touch CROSS JOIN LATERAL {judged.hits}
        GROUP BY 1, 2, 3 {"HAVING bool_or(touch.is_new)" if news else ""}
    )"""


def _gains(policy: Policy, *, based: bool, news: bool) -> str:
    """What the counts add, decayed from the beginning of the day: order does not matter then."""
    limited = _limited(policy)
    terms = ", ".join(
        f"({rule.id}::bigint, {rule.category}, {rule.points!r}::float8, {rule.per_day}, "
        f"'{policy.interest[rule.category].half_life!r}'::float8)"
        for rule in limited
    )
    values = ["c.person_id", "'-infinity'::float8"]
    for count in ["n", "n_base"] if based else ["n"]:
        before = f" - least(c.{count}_before, r.most)" if news else ""
        worth = f"r.points * (least(c.{count}, r.most){before}) * {_grown(policy, f'c.day * {DAY}', 'r.half_life')}"
        for category in range(len(policy.interest)):
            there = any(rule.category == category for rule in limited)
            values.append(f"coalesce(sum({worth}) FILTER (WHERE r.category = {category}), 0)" if there else "0::float8")
    return f"""SELECT {", ".join(values)} FROM counted c
        JOIN (VALUES {terms}) r (id, category, points, most, half_life) ON r.id = c.rule_id GROUP BY c.person_id"""


def _grown(policy: Policy, moment: str, half_life: str) -> str:
    """decay.growth in SQL."""
    doublings = f"({moment} - {policy.landmark!r}) / {half_life}"
    return f"power(2.0::float8, greatest(-{MOST_DOUBLINGS}, least({MOST_DOUBLINGS}, {doublings})))"
