"""Who is to work a lead: the published policy applied to a set of leads, each decision with its reasons.

One transaction, a constant number of statements. Locks: leads, then seats, both in id order; only `retry_unrouted` has
the seats first, and then takes no lead that it would have to wait for.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.db import connection, transaction

from funnel.models import Stage
from routing.assignment import lead_facts, rules
from routing.assignment.deciding import Choice, Dealer, Wanted
from routing.assignment.matching import decision, match, published
from routing.assignment.rules import Policy, Rule
from routing.assignment.writing import ASSIGNED, KEPT, UNROUTED, Assigned, Dealt, Decision, write
from routing.seats import seats
from routing.seats.places import Place, Settled, room_of
from routing.seats.seats import Floor

# Read apart from the lock: a statement that has waited for a lock still joins what it saw before it waited.
_LOCK: Final = "SELECT id FROM funnel_lead WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_LEADS: Final = """
SELECT l.id, l.owner_id, r.active, l.closed_at IS NOT NULL
FROM funnel_lead l LEFT JOIN funnel_rep r ON r.id = l.owner_id WHERE l.id = ANY(%s)
"""
_ANSWERED: Final = """
SELECT a.lead_id, a.id, a.kind, a.rep_id, a.team_id, a.rule, coalesce(a.explanation ->> 'reason', '')
FROM unnest(%s::bigint[], %s::text[]) n (lead_id, cause)
JOIN routing_assignment a ON a.lead_id = n.lead_id AND a.cause = n.cause
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Whom the rules would give one lead to. rep_id: None where nobody could take it; `explanation` says why."""

    rep_id: int | None
    policy: str = ""
    rule: str = ""
    explanation: Mapping[str, Any] = field(default_factory=dict)
    settled: Sequence[Settled] = ()


def propose(lead_id: int, *, stage: str, now: datetime, out: Mapping[int, str]) -> Proposal:
    """Whom the rules of this stage would give the lead to. The seats stay locked; `seats.save` takes the turn.

    out: reps who cannot take it for another reason than their seats know, with its code.
    """
    one = Decision(lead_id, UNROUTED, None)
    policy = published(stage)
    dealt = _decide([one], policy, now=now, stage=stage, out=out)
    return Proposal(
        rep_id=one.rep_id if one.kind == ASSIGNED else None,
        policy=policy.name if policy else "",
        rule=one.rule,
        explanation=one.explanation,
        settled=dealt.settled,
    )


@transaction.atomic
def assign(lead_ids: Sequence[int], *, now: datetime, causes: Mapping[int, str]) -> list[Assigned]:
    """Give each lead to a rep, into a pool, or say why nobody can take it. One `Assigned` a lead that exists.

    lead_ids: in the order in which they are dealt. causes: what made it happen, by lead; the same cause gives the
    same answer ever after. An active owner keeps the lead, and the ledger says so.
    """
    return _assign(lead_ids, now=now, causes=causes)


@transaction.atomic
def assign_anew(lead_ids: Sequence[int], *, now: datetime, causes: Mapping[int, str]) -> list[Assigned]:
    """The same, for leads that their owners are not to keep."""
    return _assign(lead_ids, now=now, causes=causes, keep=False)


@transaction.atomic
def pass_on(
    lead_ids: Sequence[int],
    *,
    stage: str,
    now: datetime,
    causes: Mapping[int, str],
    out: Mapping[int, str] = MappingProxyType({}),
    again: bool = False,
) -> list[Assigned]:
    """Give each lead to somebody else than its owner, who has let a promise run out, by the rules of this stage.

    Where nobody else can be given a lead it stays, its reason is "nobody_else", and the ledger says why. out: reps who
    cannot take any, with the code. again: that was said of these before, and is not said again.
    """
    return _assign(lead_ids, now=now, causes=causes, stage=stage, passing_on=True, out=out, again=again)


def _assign(
    lead_ids: Sequence[int],
    *,
    now: datetime,
    causes: Mapping[int, str],
    stage: str = Stage.MQL,
    again: bool = False,
    keep: bool = True,
    passing_on: bool = False,
    out: Mapping[int, str] = MappingProxyType({}),
) -> list[Assigned]:
    """again: it is known of these that nobody could be given them, so that what is still so need not be said again.
    keep: active owners keep their leads; passing_on: they are not to, but do where nobody else can take one.
    """
    wanted = list(dict.fromkeys(lead_ids))
    leads = _locked(wanted)
    answers = _answered(leads, causes)
    decisions = []
    for lead_id in wanted:
        if lead_id not in leads or lead_id in answers:
            continue
        owner_id, owner_active, closed = leads[lead_id]
        if closed:
            answers[lead_id] = Assigned(lead_id=lead_id, kind="", reason="closed")
        elif owner_active and keep and not passing_on:
            decisions.append(_kept(lead_id, owner_id))
        else:
            decisions.append(Decision(lead_id, UNROUTED, owner_id, had=owner_id if passing_on else None))
    policy = published(stage) if decisions else None
    dealt = _decide([one for one in decisions if one.moves], policy, now=now, stage=stage, out=out)
    if again:
        decisions = [one for one in decisions if one.moves and one.kind != UNROUTED]
    for made in write(decisions, policy=policy.name if policy else "", dealt=dealt, causes=causes, now=now):
        answers[made.lead_id] = made
    return [answers[lead_id] for lead_id in wanted if lead_id in answers]


def _locked(lead_ids: Collection[int]) -> dict[int, tuple[int | None, bool | None, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(lead_ids)])
        cursor.execute(_LEADS, [list(lead_ids)])
        return {row[0]: row[1:] for row in cursor.fetchall()}


def _answered(lead_ids: Iterable[int], causes: Mapping[int, str]) -> dict[int, Assigned]:
    """What was decided for these causes before."""
    ids = list(lead_ids)
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERED, [ids, [causes[lead_id] for lead_id in ids]])
        return {
            lead_id: Assigned(
                lead_id=lead_id, assignment_id=pk, kind=kind, rep_id=rep_id, team_id=team_id, rule=rule, reason=reason,
                repeated=True,
            )
            for lead_id, pk, kind, rep_id, team_id, rule, reason in cursor.fetchall()
        }  # fmt: skip


def _kept(lead_id: int, owner_id: int | None) -> Decision:
    return Decision(
        lead_id, ASSIGNED, owner_id, rep_id=owner_id, reason="kept", explanation={"method": KEPT, "reason": "kept"}
    )


# --- deciding -------------------------------------------------------------------------------------


def _decide(
    decisions: Sequence[Decision],
    policy: Policy | None,
    *,
    now: datetime,
    stage: str = Stage.MQL,
    out: Mapping[int, str] = MappingProxyType({}),
) -> Dealt:
    """Fill the decisions in, in order."""
    if not decisions:
        return Dealt()
    if policy is None:
        for one in decisions:
            nobody = {"method": "none", "reason": "no_policy"}
            _take(one, Choice(kind=UNROUTED, reason="no_policy", explanation=nobody), stage=stage)
        return Dealt()
    wanted, floor = wanted_of([one.lead_id for one in decisions], policy, stage=stage, out=out, now=now)
    dealer = dealer_of(policy, wanted.values(), floor, now=now)
    for one in decisions:
        _take(one, dealer.choose(replace(wanted[one.lead_id], had=one.had)), stage=stage)
    return Dealt(dealer.settled(), {place.rep_id: place.user_id for place in _all(floor)})


def _take(one: Decision, choice: Choice, *, stage: str) -> None:
    """Take the choice over. A lead that its owner is to lose stays where nobody else can have it."""
    one.rule, explanation = choice.rule, dict(choice.explanation)
    if stage != Stage.MQL:
        explanation["stage"] = str(stage)
    if one.had is not None:
        explanation["had"] = one.had
    if one.had is not None and choice.rep_id is None and choice.reason:
        one.kind, one.rep_id, one.reason = ASSIGNED, one.had, "nobody_else"
        one.explanation = explanation | {"method": KEPT, "reason": one.reason, "why": choice.reason}
        return
    one.kind, one.rep_id, one.team_id = choice.kind, choice.rep_id, choice.team_id
    one.reason, one.explanation = choice.reason, explanation


def wanted_of(
    lead_ids: Sequence[int],
    policy: Policy,
    *,
    stage: str = Stage.MQL,
    out: Mapping[int, str] = MappingProxyType({}),
    lock: bool = True,
    now: datetime,
) -> tuple[dict[int, Wanted], Floor]:
    """The leads with the rules that they meet, and the seats that may take them. lock: keep the seats as they are.

    stage: where the leads stand, of which the seats' capacity speaks. out: reps who cannot take any, with the code.
    """
    chains = match(lead_ids, policy.rules)
    met = {id(rule): rule for chain in chains.values() for rule in chain}.values()
    known = lead_facts.read(lead_ids, scored=any(rules.SCORE in rule.steps for rule in met), now=now)
    wanted = {
        lead_id: Wanted(
            lead_id=lead_id,
            rules=chains.get(lead_id, ()),
            facts=known.facts[lead_id],
            hot=lead_id in known.hot,
            refused=known.refused.get(lead_id, frozenset()),
        )
        for lead_id in lead_ids
    }
    floor = seats.floor_of(
        {rule.team_id for rule in met if rule.deals},
        rep_ids=_owners(wanted.values()),
        work=any(rules.LEAST_OPEN in rule.steps for rule in met),
        hours=any(rule.at_work == rules.ALWAYS or (rule.at_work == rules.HOT and known.hot) for rule in met),
        stage=stage,
        lock=lock,
        now=now,
    )
    return wanted, floor.without(out)


def _owners(wanted: Iterable[Wanted]) -> set[int]:
    """Account owners whom a rule may give their leads."""
    return {
        one.facts.owner_id
        for one in wanted
        if one.facts.owner_id is not None and any(rule.method == rules.OWNER for rule in one.rules)
    }


def dealer_of(policy: Policy, wanted: Iterable[Wanted], floor: Floor, *, now: datetime) -> Dealer:
    """Who deals these leads among these seats by this policy."""
    pools = {rule.team_id for one in wanted for rule in one.rules if rules.POOL in rule.steps}
    return Dealer(
        teams=floor.teams,
        others=floor.others,
        staffed=seats.staffed(pools),
        weights=policy.weights,
        today=now.date(),
    )


# --- trying again ---------------------------------------------------------------------------------

PAGES: Final = 10  # of leads that still find nobody, before the rest waits for the next sweep

_STUCK: Final = """
SELECT l.id, latest.id, l.mql_at FROM funnel_lead l
JOIN LATERAL (
    SELECT id, kind FROM routing_assignment WHERE lead_id = l.id ORDER BY id DESC LIMIT 1
) latest ON latest.kind = 'unrouted'
{joins}
WHERE l.stage = 'mql' AND l.closed_at IS NULL AND l.owner_id IS NULL AND l.pool_id IS NULL
  AND {chosen} AND (l.mql_at, l.id) > (%s::timestamptz, %s)
ORDER BY l.mql_at, l.id LIMIT %s FOR NO KEY UPDATE OF l SKIP LOCKED
"""
_BEFORE_ALL: Final = ("-infinity", 0)


@transaction.atomic
def retry_unrouted(*, now: datetime, limit: int) -> list[Assigned]:
    """Assign leads that nobody could take, the oldest first, as far as somebody can now. Those that still wait for
    somebody are not written again. Returns what was assigned.
    """
    policy = published()
    if policy is None or not policy.rules or not _any_unrouted():
        return []
    owned = any(rule.method == rules.OWNER for rule in policy.rules)
    floor = seats.floor_of(
        {rule.team_id for rule in policy.rules if rule.deals}, rep_ids=_seated() if owned else (), now=now
    )
    room = {team_id: room_of(places, limit) for team_id, places in floor.teams.items()}
    useful = {number for number, rule in enumerate(policy.rules) if _may_find(rule, room)}
    owners = {place.rep_id for place in _all(floor) if place.state.receives} if owned else set()
    if not useful and not owners:
        return []
    chosen, joins, params = decision(policy.rules, useful=useful, owners=owners)
    assigned: list[Assigned] = []
    after: tuple[Any, int] = _BEFORE_ALL
    for _page in range(PAGES):  # what a page of leads does not find, those behind them may
        with connection.cursor() as cursor:
            cursor.execute(_STUCK.format(joins=joins, chosen=chosen), [*params, *after, limit])
            stuck = cursor.fetchall()
        causes = {lead_id: f"retry:{pk}" for lead_id, pk, _mql_at in stuck}
        assigned += _assign(list(causes), now=now, causes=causes, again=True)
        if assigned or len(stuck) < limit:
            break
        after = (stuck[-1][2], stuck[-1][0])
    return assigned


def _may_find(rule: Rule, room: Mapping[int, int]) -> bool:
    """Whether the rule may have somebody for a lead that nobody could take, whoever owns its account."""
    return not rule.broken and (rules.POOL in rule.steps or (rule.deals and bool(room.get(rule.team_id))))


def _all(floor: Floor) -> list[Place]:
    return [*(place for team in floor.teams.values() for place in team), *floor.others.values()]


def _seated() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rep_id FROM routing_seat")
        return [row[0] for row in cursor.fetchall()]


def _any_unrouted() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM funnel_lead WHERE stage = 'mql' AND closed_at IS NULL"
            " AND owner_id IS NULL AND pool_id IS NULL)"
        )
        return bool(cursor.fetchone()[0])
