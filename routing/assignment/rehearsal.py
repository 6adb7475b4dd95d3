"""What a routing policy would do, without doing it: with one lead now, with past decisions, or with one once more.

Past decisions are made again from what was kept of them: who was there, what they had, what kept them out. What a
version asks that was not kept, its conditions and what reps serve, is asked of the leads and reps as they are today;
under its own version a decision is made again from what was kept alone, and comes out the same.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import Q

from funnel.models import Lead
from routing.assignment.deciding import Choice, Dealer
from routing.assignment.engine import dealer_of, wanted_of
from routing.assignment.matching import policy_of
from routing.assignment.recalling import Recall, replayed
from routing.models import Assignment, RoutingPolicy

MOST: Final = 2_000  # decisions at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where a lead goes: to a rep, into a team's pool, or to nobody; by which rule, and how it is explained."""

    kind: str
    rep_id: int | None
    team_id: int | None
    rule: str
    explanation: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def goes_as(self, other: "Outcome") -> bool:
        """Whether both end with the same rep or pool, or with nobody."""
        return (self.rep_id, self.team_id) == (other.rep_id, other.team_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One past decision beside what it would be."""

    lead_id: int
    assignment_id: int
    decided_at: datetime
    was: Outcome
    would: Outcome

    @property
    def differs(self) -> bool:
        return not self.was.goes_as(self.would)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Past decisions under a version, in their order. cut: there were more, and these are the latest."""

    policy: RoutingPolicy
    lines: Sequence[Line]
    cut: bool

    @property
    def differing(self) -> list[Line]:
        return [line for line in self.lines if line.differs]

    def by_rep(self) -> dict[int, tuple[int, int]]:
        """By rep how many leads they got, and would get."""
        return _both(self.lines, lambda outcome: outcome.rep_id)

    def by_rule(self) -> dict[str, tuple[int, int]]:
        """By rule how many leads it decided about, and would."""
        return _both(self.lines, lambda outcome: outcome.rule)

    def nobody(self) -> tuple[int, int]:
        """How many leads found nobody, and would find nobody."""
        return (
            sum(line.was.kind == Assignment.Kind.UNROUTED for line in self.lines),
            sum(line.would.kind == Assignment.Kind.UNROUTED for line in self.lines),
        )


def try_lead(lead_id: int, policy: RoutingPolicy, *, now: datetime) -> Outcome:
    """Who would get this lead now under this version, as if it had no owner. Writes and locks nothing."""
    return try_leads([lead_id], policy, now=now)[lead_id]


def try_leads(lead_ids: Sequence[int], policy: RoutingPolicy, *, now: datetime) -> dict[int, Outcome]:
    """The same for several, dealt one after the other. A constant number of queries."""
    version = policy_of(policy)
    wanted, floor = wanted_of(lead_ids, version, lock=False, now=now)
    dealer: Dealer = dealer_of(version, wanted.values(), floor, now=now)
    return {lead_id: _outcome(dealer.choose(wanted[lead_id])) for lead_id in lead_ids}


def replay(assignment: Assignment, policy: RoutingPolicy) -> Outcome:
    """One past decision of routing made again under a version: the same version gives the same answer."""
    return _replay([assignment], policy)[0]


def rehearse(policy: RoutingPolicy, *, since: datetime, until: datetime, most: int = MOST) -> Rehearsal:
    """The decisions of [since, until) under a version, beside what they were: of each lead the last one.

    What the version gives somebody counts for the leads behind it. A constant number of queries.
    """
    decided = _decisions(since=since, until=until)
    latest = list(decided.order_by("-id")[: most + 1])
    cut = len(latest) > most
    rows = sorted(latest[:most], key=lambda row: row.pk)
    outcomes = _replay(rows, policy)
    lines = [
        Line(
            lead_id=row.lead_id,
            assignment_id=row.pk,
            decided_at=row.occurred_at,
            was=_was(row),
            would=would,
        )
        for row, would in zip(rows, outcomes, strict=True)
    ]
    return Rehearsal(policy=policy, lines=lines, cut=cut)


def _decisions(*, since: datetime, until: datetime) -> Any:
    """What routing decided within the span: of each lead the last one that it decided by its rules."""
    made = Assignment.objects.filter(
        Q(policy__startswith="routing:"), actor=None, occurred_at__gte=since, occurred_at__lt=until
    ).exclude(Q(explanation__method="kept") | Q(explanation__has_key="stage"))
    last = made.order_by("lead", "-id").distinct("lead").values("pk")
    return Assignment.objects.filter(pk__in=last)


def _replay(rows: Sequence[Assignment], policy: RoutingPolicy) -> list[Outcome]:
    if not rows:
        return []
    version = policy_of(policy)
    lead_ids = list(dict.fromkeys(row.lead_id for row in rows))
    decided = dict(Lead.objects.filter(pk__in=lead_ids).values_list("pk", "sal_at"))
    closed = dict(Lead.objects.filter(pk__in=lead_ids).values_list("pk", "closed_at"))
    wanted, floor = wanted_of(lead_ids, version, lock=False, now=rows[-1].occurred_at)
    recall = Recall(version, floor, over_at={pk: _first(decided[pk], closed[pk]) for pk in lead_ids})
    return [_outcome(replayed(recall, row, wanted[row.lead_id])) for row in rows]


def _first(*moments: datetime | None) -> datetime | None:
    return min((at for at in moments if at is not None), default=None)


def _outcome(choice: Choice) -> Outcome:
    return Outcome(
        kind=choice.kind,
        rep_id=choice.rep_id,
        team_id=choice.team_id,
        rule=choice.rule,
        explanation=choice.explanation,
    )


def _was(row: Assignment) -> Outcome:
    return Outcome(kind=row.kind, rep_id=row.rep_id, team_id=row.team_id, rule=row.rule, explanation=row.explanation)


def _both(lines: Iterable[Line], of: Any) -> dict[Any, tuple[int, int]]:
    was, would = Counter[Any](), Counter[Any]()
    for line in lines:
        was[of(line.was)] += 1
        would[of(line.would)] += 1
    return {key: (was[key], would[key]) for key in sorted({*was, *would} - {None}, key=str)}
