"""The touches of people as columns, and which rules and raised hands of a version each of them meets.

What kind of touch it is says for most rules whether they match, so a kind is judged once; what asks for more, such as
the campaign or the person's title, is judged touch by touch in SQL, with the person as known then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from funnel.conditions import evaluate
from funnel.fields import FIELDS_OF_TOUCHES
from scoring.decay import Floats
from scoring.exchange import fetch, literal
from scoring.fits import Flags, Ids
from scoring.judging import FROM_THEM, MOMENT, is_of_kinds
from scoring.models import Gate, ScoreRule
from scoring.policy import GateTerms, Policy, RuleTerms
from scoring.simulation import knowledge

Places = NDArray[np.int64]
MOST_KINDS: Final = 100_000  # remembered; types are free text
NO_GATE: Final = 1_000  # more than any version has

_COLUMNS: Final = {
    "person": ("bigint", "t.person_id"),
    "id": ("bigint", "t.id"),
    "recorded": ("float8", "date_part('epoch', t.recorded_at)"),
    "occurred": ("float8", "date_part('epoch', t.occurred_at)"),
    "moment": ("float8", MOMENT),
    "voided": ("float8", "coalesce(date_part('epoch', t.voided_at), 'infinity')"),
    "from_them": ("boolean", FROM_THEM),
    "solution": ("bigint", "coalesce(t.solution_id, own.solution_id, 0)"),
    "type": ("bigint", "hashtextextended(t.type, 0)"),
    "flags": (
        "integer",
        "(t.direction = 'in')::integer + 2 * t.automatic::integer + 4 * t.counts_as_response::integer",
    ),
}
_INBOUND, _AUTOMATIC, _RESPONSE = 1, 2, 4
# A touch that names no solution is about that of its campaign, as in scoring.qualifying.
_OWN: Final = "LEFT JOIN funnel_campaign own ON own.id = t.campaign_id"


@dataclass(frozen=True, slots=True, eq=False)
class Touches:
    """n touches in the order of people, of when they were recorded, and of ids.

    person: a place among the people asked for. recorded, occurred, moment (which counts), voided: seconds since 1970,
    inf for not voided. solution: 0 for none. gate: the place among the fast tracks of the first that it meets, NO_GATE
    for none. since, until: from when to when what it says of rules held; several rows are of one touch where rules ask
    for its person, who became another.
    """

    person: Places
    id: Ids
    recorded: Floats
    occurred: Floats
    moment: Floats
    voided: Floats
    from_them: Flags
    solution: Ids
    gate: Places
    since: Floats
    until: Floats
    hits: "Hits"

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Which touch (a row of Touches) meets which rule (a place among the version's touch rules), in any order."""

    touch: Places
    rule: Places


class Reader:
    """Reads touches for one version; remembers the kinds that it has met."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.rules: tuple[RuleTerms, ...] = policy.rules_of(ScoreRule.Kind.TOUCH)
        self._fast_tracks: tuple[GateTerms, ...] = policy.gates_of(Gate.Kind.FAST_TRACK)
        self._kinds: dict[tuple[int, int], int] = {}
        self._rules: list[list[int]] = []
        self._gates: list[int] = []

    def read(self, people: Ids, *, until: float) -> Touches:
        """Everything recorded of these people (sorted) before `until`. One statement, another for kinds unheard of."""
        sql, types = self._statement
        params = {"people": people.tolist(), "until": until}
        found = fetch(sql, params, types)
        found["person"] = np.searchsorted(people, found["person"])
        order = np.lexsort((found["id"], found["recorded"], found["person"]))
        found = {name: values[order] for name, values in found.items()}
        kinds = self._kinds_of(found["type"], found["flags"], params)
        ever = np.full(len(order), np.inf)
        return Touches(
            **{name: found[name] for name in ("person", "id", "recorded", "occurred", "moment", "voided", "solution")},
            from_them=found["from_them"].astype(bool),
            gate=self._gate(found, kinds),
            since=found.get("since", -ever),
            until=found.get("until", ever),
            hits=self._hits(found, kinds),
        )

    # --- judging ---------------------------------------------------------------------------------------------------

    def _gate(self, found: dict[str, NDArray[Any]], kinds: Places) -> Places:
        gate = np.array([*self._gates, NO_GATE], dtype=np.int64)[kinds]
        for place, terms in enumerate(self._fast_tracks):
            if not is_of_kinds(terms):
                np.minimum(gate, np.where(found[f"gate{place}"], place, NO_GATE), out=gate)
        return gate

    def _hits(self, found: dict[str, NDArray[Any]], kinds: Places) -> Hits:
        """Rules by kind, spread over the touches of each kind, and then those judged touch by touch."""
        lengths = np.array([len(rules) for rules in self._rules] or [0])
        flat = np.array([rule for rules in self._rules for rule in rules], dtype=np.int64)
        counts = lengths[kinds] if len(kinds) else np.zeros(0, dtype=np.int64)
        touch = np.repeat(np.arange(len(kinds)), counts)
        within = np.arange(len(touch)) - np.repeat(np.cumsum(counts) - counts, counts)
        starts = np.cumsum(lengths) - lengths
        parts = [(touch, flat[np.repeat(starts[kinds], counts) + within] if len(touch) else touch)]
        for place, terms in enumerate(self.rules):
            if not is_of_kinds(terms):
                (matched,) = np.nonzero(found[f"rule{place}"])
                parts.append((matched, np.full(len(matched), place)))
        touches, rules = zip(*parts, strict=True)
        return Hits(np.concatenate(touches), np.concatenate(rules))

    def _kinds_of(self, types: Ids, flags: NDArray[Any], params: dict[str, Any]) -> Places:
        """The place of each touch's kind, after judging those that are new."""
        if len(self._kinds) > MOST_KINDS:
            self._kinds, self._rules, self._gates = {}, [], []
        met, places = np.unique(types, return_inverse=True)
        codes, inverse = np.unique(places * 8 + flags, return_inverse=True)
        pairs = [(int(met[code // 8]), int(code % 8)) for code in codes]
        self._learn([pair for pair in pairs if pair not in self._kinds], params)
        return np.array([self._kinds[pair] for pair in pairs] or [0], dtype=np.int64)[inverse]

    def _learn(self, pairs: Sequence[tuple[int, int]], params: dict[str, Any]) -> None:
        if not pairs:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT hashtextextended(t.type, 0), t.type FROM funnel_activity t "
                "WHERE t.person_id = ANY(%s) AND hashtextextended(t.type, 0) = ANY(%s)",
                [params["people"], [hashed for hashed, _flags in pairs]],
            )
            names = dict(cursor.fetchall())
        for hashed, flags in pairs:
            values = {
                "touch.type": names[hashed],
                "touch.direction": "in" if flags & _INBOUND else "out",
                "touch.automatic": bool(flags & _AUTOMATIC),
                "touch.response": bool(flags & _RESPONSE),
            }
            self._kinds[hashed, flags] = len(self._rules)
            self._rules.append(
                [place for place, rule in enumerate(self.rules) if is_of_kinds(rule) and evaluate(rule.tree, values)]
            )
            met = (n for n, gate in enumerate(self._fast_tracks) if is_of_kinds(gate) and evaluate(gate.tree, values))
            self._gates.append(next(met, NO_GATE))

    # --- the statement -----------------------------------------------------------------------------------------------

    @cached_property
    def _statement(self) -> tuple[str, dict[str, str]]:
        asking: list[tuple[str, RuleTerms | GateTerms]] = []
        asking += ((f"rule{place}", rule) for place, rule in enumerate(self.rules) if not is_of_kinds(rule))
        asking += ((f"gate{place}", gate) for place, gate in enumerate(self._fast_tracks) if not is_of_kinds(gate))
        columns = dict(_COLUMNS)
        for name, terms in asking:
            columns[name] = ("boolean", f"({literal(terms.condition.sql, terms.condition.params)}) IS TRUE")
        groups = {group for _name, terms in asking for group in terms.condition.groups}
        clauses = joins = ""
        if groups & {"person", "account"}:
            clauses, joins = knowledge.clauses(), self._joins_of_people()
        if self.policy.touches_ask_of_people:
            columns |= {"since": ("float8", knowledge.SINCE), "until": ("float8", knowledge.UNTIL)}
        sql = f"""{clauses}
            SELECT {", ".join(value for _type, value in columns.values())}
            FROM funnel_activity t {_OWN} {FIELDS_OF_TOUCHES.joins(groups & {"touch"}, root="touch")} {joins}
            WHERE t.person_id = ANY(%(people)s) AND t.recorded_at < to_timestamp(%(until)s)
              AND (t.voided_at IS NULL OR t.voided_at > t.recorded_at)"""
        return sql, {name: type_ for name, (type_, _value) in columns.items()}

    def _joins_of_people(self) -> str:
        """Where rules ask for the person: all that the person has been. Where only hands do: as known at the touch."""
        if self.policy.touches_ask_of_people:
            return f"JOIN person_then p ON p.id = t.person_id {knowledge.account_joins()}"
        then = "p.since <= t.recorded_at AND p.until > t.recorded_at"
        return f"JOIN person_then p ON p.id = t.person_id AND {then} {knowledge.account_joins(at='t.recorded_at')}"


def lighter(people: Ids, *, most: int) -> Ids:
    """The first of these people (sorted), as many as have so many touches together; at least one. One statement."""
    if not len(people):
        return people
    found = fetch(
        "SELECT person_id, count(*) FROM funnel_activity WHERE person_id = ANY(%(people)s) GROUP BY person_id",
        {"people": people.tolist()},
        {"person": "bigint", "count": "bigint"},
    )
    counts = np.zeros(len(people), dtype=np.int64)
    counts[np.searchsorted(people, found["person"])] = found["count"]
    return people[: max(1, int(np.searchsorted(np.cumsum(counts), most, side="right")))]
