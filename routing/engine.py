"""Who is to work a lead: the published policy applied to a set of leads, each decision with its reasons.

One transaction, a constant number of statements. Locks: leads, then seats, both in id order; only `retry_unrouted` has
the seats first, and then takes no lead that it would have to wait for.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.db import connection, transaction

from funnel import staging
from funnel.models import Stage
from funnel.owners import Ownership, set_owners
from routing import notices, seats
from routing.distribution import SeatState, deal, join, settle
from routing.matching import Policy, Rule, decision, match, published
from routing.models import Assignment, Notice
from routing.notices import Tell
from routing.seats import Place

ASSIGNED, POOLED, UNROUTED = (
    kind.value for kind in (Assignment.Kind.ASSIGNED, Assignment.Kind.POOLED, Assignment.Kind.UNROUTED)
)

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
class Assigned:
    """What became of one lead.

    kind: assigned, pooled or unrouted; blank for a closed lead, which is left alone. reason: the code of why it has no
    owner, or "kept" where an active owner kept it. repeated: this cause was answered before; this is that answer.
    """

    lead_id: int
    kind: str
    rep_id: int | None = None
    team_id: int | None = None
    rule: str = ""
    reason: str = ""
    assignment_id: int | None = None
    repeated: bool = False


@dataclass(slots=True)
class _Decision:
    """One lead on its way to an assignment."""

    lead_id: int
    kind: str
    previous_id: int | None
    rep_id: int | None = None
    team_id: int | None = None
    rule: str = ""
    reason: str = ""
    explanation: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Whom the rules would give one lead to. rep_id: None where nobody could take it; `explanation` says why."""

    rep_id: int | None
    policy: str
    rule: str
    explanation: dict[str, Any]
    places: list[Place]


def propose(lead_id: int, *, stage: str, now: datetime, out: Mapping[int, str]) -> Proposal:
    """Whom the rules of this stage would give the lead to. The seats stay locked; `seats.save` takes the turn.

    out: reps who cannot take it for another reason than their seats know, with its code.
    """
    one = _Decision(lead_id, UNROUTED, None)
    policy = published(stage)
    places = _decide([one], policy, now=now, stage=stage, out=out)
    return Proposal(
        rep_id=one.rep_id if one.kind == ASSIGNED else None,
        policy=policy.name if policy else "",
        rule=one.rule,
        explanation=one.explanation | {"stage": stage},
        places=places,
    )


@transaction.atomic
def assign(lead_ids: Sequence[int], *, now: datetime, causes: Mapping[int, str]) -> list[Assigned]:
    """Give each lead to a rep, into a pool, or say why nobody can take it. One `Assigned` a lead that exists.

    lead_ids: in the order in which they are dealt. causes: what made it happen, by lead; the same cause gives the
    same answer ever after. An active owner keeps the lead, and the ledger says so.
    """
    return _assign(lead_ids, now=now, causes=causes)


def _assign(
    lead_ids: Sequence[int], *, now: datetime, causes: Mapping[int, str], again: bool = False
) -> list[Assigned]:
    """again: these are known to be unrouted, so that one which still is need not be said again."""
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
        elif owner_active:
            decisions.append(_kept(lead_id, owner_id))
        else:
            decisions.append(_Decision(lead_id, UNROUTED, owner_id))
    policy = published() if decisions else None
    places = _decide([one for one in decisions if one.reason != "kept"], policy, now=now)
    if again:
        decisions = [one for one in decisions if one.kind != UNROUTED]
    for made in _write(decisions, policy, places, causes, now=now):
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


def _kept(lead_id: int, owner_id: int | None) -> _Decision:
    return _Decision(
        lead_id, ASSIGNED, owner_id, rep_id=owner_id, reason="kept", explanation={"method": "kept", "reason": "kept"}
    )


# --- deciding -------------------------------------------------------------------------------------


def _decide(
    decisions: Sequence[_Decision],
    policy: Policy | None,
    *,
    now: datetime,
    stage: str = Stage.MQL,
    out: Mapping[int, str] = MappingProxyType({}),
) -> list[Place]:
    """Fill the decisions in, in order. Returns the places of the teams that leads were dealt in, as they end up."""
    if policy is None:
        for one in decisions:
            _unrouted(one, "no_policy")
        return []
    rules = match([one.lead_id for one in decisions], policy.rules)
    to_deal = defaultdict(list)
    for one in decisions:
        rule = rules.get(one.lead_id)
        if rule is None:
            _unrouted(one, "no_rule")
        elif rule.broken:
            one.rule = rule.name
            _unrouted(one, "broken_rule")
        elif rule.pooled:
            one.kind, one.team_id, one.rule = POOLED, rule.team_id, rule.name
            one.explanation = {"method": "pool", "team": rule.team_id}
        else:
            to_deal[rule.team_id].append((one, rule))
    teams = {
        team_id: [_without(place, out) for place in places]
        for team_id, places in seats.places_of(to_deal.keys(), now=now, stage=stage).items()
    }
    return [place for team_id, dealt in to_deal.items() for place in _deal(dealt, teams.get(team_id, []))]


def _without(place: Place, out: Mapping[int, str]) -> Place:
    """The place of somebody who is out receives nothing, for that reason unless their seat knows another."""
    if place.rep_id not in out or place.why:
        return place
    return replace(place, why=out[place.rep_id], state=replace(place.state, left=0))


def _unrouted(one: _Decision, reason: str, **more: Any) -> None:
    one.kind, one.reason = UNROUTED, reason
    one.explanation = {"method": "none", "reason": reason, **more}


def _deal(leads: Sequence[tuple[_Decision, Rule]], places: Sequence[Place]) -> list[Place]:
    """Deal leads out among a team's places. Returns the places as they are afterwards."""
    states = join([place.state for place in places])
    reps = deal(states, len(leads))
    standing = {place.rep_id: (place, state) for place, state in zip(places, states, strict=True)}
    told = {rep_id: _candidate(place, state, 0) for rep_id, (place, state) in standing.items()}
    given: Counter[int] = Counter()
    for (one, rule), rep_id in zip(leads, reps, strict=True):
        one.rule = rule.name
        candidates = list(told.values())
        if rep_id is None:
            reason = "nobody_available" if places else "no_seats"
            _unrouted(one, reason, team=rule.team_id, candidates=candidates)
            continue
        one.kind, one.rep_id = ASSIGNED, rep_id
        one.explanation = {"method": "round_robin", "team": rule.team_id, "candidates": candidates}
        given[rep_id] += 1
        told[rep_id] = _candidate(*standing[rep_id], given[rep_id])  # only theirs has changed
    settled = settle(states, reps)
    return [
        replace(place, state=state, open=place.open + given[place.rep_id])
        for place, state in zip(places, settled, strict=True)
    ]


def _candidate(place: Place, state: SeatState, given: int) -> dict[str, Any]:
    """One rep as they stood when a lead was dealt, so and so many leads into the batch."""
    why = place.why or ("at_capacity" if state.left is not None and given >= state.left else "")
    told: dict[str, Any] = {
        "rep": place.rep_id,
        "level": round((state.calibration + state.assigned + given) / state.weight, 3),
        "weight": state.weight,
        "open": place.open + given,
        "eligible": not why,
    }
    if why:
        told["why"] = why
    if place.capacity is not None:
        told["capacity"] = place.capacity
    if place.until is not None:
        told["until"] = place.until.isoformat()
    return told


# --- writing --------------------------------------------------------------------------------------


def _write(
    decisions: Sequence[_Decision],
    policy: Policy | None,
    places: Sequence[Place],
    causes: Mapping[int, str],
    *,
    now: datetime,
) -> list[Assigned]:
    ids = staging.new_ids(Assignment, len(decisions))
    staging.insert(
        Assignment,
        [
            {
                "id": pk,
                "lead_id": one.lead_id,
                "kind": one.kind,
                "rep_id": one.rep_id,
                "team_id": one.team_id,
                "previous_id": one.previous_id,
                "occurred_at": now,
                "recorded_at": now,
                "policy": policy.name if policy else "",
                "rule": one.rule,
                "explanation": one.explanation,
                "cause": causes[one.lead_id],
            }
            for pk, one in zip(ids, decisions, strict=True)
        ],
    )
    changed = [one for one in decisions if one.reason != "kept"]
    if changed:
        set_owners([Ownership(one.lead_id, one.rep_id, one.team_id) for one in changed])
    seats.save(places, {place.rep_id: place.state for place in places})
    made = [
        Assigned(
            lead_id=one.lead_id, assignment_id=pk, kind=one.kind, rep_id=one.rep_id, team_id=one.team_id, rule=one.rule,
            reason=one.reason,
        )
        for pk, one in zip(ids, decisions, strict=True)
    ]  # fmt: skip
    _tell(made, {place.rep_id: place.user_id for place in places}, now=now)
    return made


def _tell(made: Sequence[Assigned], users: Mapping[int, int | None], *, now: datetime) -> None:
    """New owners of their leads, managers of leads that nobody could take: one notice a reason, not one a lead."""
    tells = [
        Tell(user_id=user, kind=Notice.Kind.ASSIGNED, cause=f"assignment:{one.assignment_id}", lead_id=one.lead_id)
        for one in made
        if one.kind == ASSIGNED and one.reason != "kept" and (user := users.get(one.rep_id or 0))
    ]
    stuck = defaultdict(list)
    for one in made:
        if one.kind == UNROUTED:
            stuck[one.reason].append(one)
    managers = notices.managers() if stuck else []
    for reason, leads in stuck.items():
        tells += notices.tell_each(
            managers,
            kind=Notice.Kind.UNROUTED,
            cause=f"assignment:{leads[0].assignment_id}",
            lead_id=leads[0].lead_id if len(leads) == 1 else None,
            data={"reason": reason, "count": len(leads)},
        )
    notices.tell(tells, now=now)


# --- trying again ---------------------------------------------------------------------------------

_STUCK: Final = """
SELECT l.id, latest.id FROM funnel_lead l
JOIN LATERAL (
    SELECT id, kind FROM routing_assignment WHERE lead_id = l.id ORDER BY id DESC LIMIT 1
) latest ON latest.kind = 'unrouted'
{joins}
WHERE l.stage = 'mql' AND l.closed_at IS NULL AND l.owner_id IS NULL AND l.pool_id IS NULL AND {chosen} = ANY(%s)
ORDER BY l.mql_at, l.id LIMIT %s FOR NO KEY UPDATE OF l SKIP LOCKED
"""


@transaction.atomic
def retry_unrouted(*, now: datetime, limit: int) -> list[Assigned]:
    """Assign leads that nobody could take, the oldest first, as far as somebody can now. Those that still wait for
    somebody are not written again. Returns what was assigned.
    """
    policy = published()
    if policy is None or not policy.rules or not _any_unrouted():
        return []
    teams = seats.places_of({rule.team_id for rule in policy.rules if not rule.pooled}, now=now)
    room = {team_id: _room(places, limit) for team_id, places in teams.items()}
    useful = [n for n, rule in enumerate(policy.rules) if not rule.broken and (rule.pooled or room.get(rule.team_id))]
    if not useful:
        return []
    most = limit if any(policy.rules[n].pooled for n in useful) else min(limit, sum(room.values()))
    chosen, joins, params = decision(policy.rules)
    with connection.cursor() as cursor:
        cursor.execute(_STUCK.format(joins=joins, chosen=chosen), [*params, useful, most])
        stuck = cursor.fetchall()
    causes = {lead_id: f"retry:{pk}" for lead_id, pk in stuck}
    return _assign([lead_id for lead_id, _ in stuck], now=now, causes=causes, again=True)


def _any_unrouted() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM funnel_lead WHERE stage = 'mql' AND closed_at IS NULL"
            " AND owner_id IS NULL AND pool_id IS NULL)"
        )
        return bool(cursor.fetchone()[0])


def _room(places: Iterable[Place], most: int) -> int:
    """How many leads a team could take now, at most `most`."""
    lefts = [place.state.left for place in places]
    return most if None in lefts else min(sum(left or 0 for left in lefts), most)
