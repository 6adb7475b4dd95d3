"""Why a score is what it is, at any moment: every part, what capped it, the gates, what comes next, and the sentence.

The parts sum to the score. They are worked out from what was recorded by the moment asked for, not from the stored
score; tests hold the two against each other.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from funnel.conditions import sentence
from scoring import buying_stages, evidence
from scoring.buying_stages import StagePart
from scoring.decay import DAY
from scoring.fields import fields_of_gate
from scoring.models import Action, Gate, ScoringModel, Status
from scoring.mql_checks import Check, why_mql
from scoring.parts import Earned, Judge, Parts, TouchFact
from scoring.policy import GateTerms, Policy, RuleTerms, policy_of
from scoring.words import number, when

__all__ = [
    "AttributePart",
    "CategoryPart",
    "Check",
    "GatePart",
    "NextChange",
    "Reason",
    "SilencePart",
    "TouchPart",
    "Why",
    "strongest",
    "why",
    "why_mql",
]

RECENT_DAYS = 30  # a raised hand is a reason for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryPart:
    """raw: what its parts come to; counted: what of it counts; cap_took: what a cap, or zero below, changed."""

    name: str
    axis: str
    cap: float | None
    raw: float
    counted: float
    cap_took: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchPart:
    """A rule that matched a touch. note: why it counts nothing by now, or less than it might; empty otherwise."""

    activity_id: int
    occurred_at: datetime
    type: str
    rule: str
    category: str
    points_then: float
    points_now: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributePart:
    """An attribute rule. known: whether what it asks for is known; holds: whether it is so."""

    rule: str
    category: str
    points: float
    known: bool
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SilencePart:
    """Points that an inactivity rule has taken."""

    rule: str
    category: str
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePart:
    """A gate. holds: None while what it asks for is not known. detail: its condition in words."""

    name: str
    kind: str
    holds: bool | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextChange:
    """What happens next unless something new does. words: without the moment, for a page that shows its own.

    unless: what would change it, as the end of the sentence.
    """

    moment: datetime
    words: str
    unless: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """A score and its parts. Interest is the sum of what the interest categories count, fit that of the others.

    policy: the version as decisions name it; model: as people do. buying_stages: today's interest once more, by how far
    the content that it comes from goes; whereabouts: the same in a sentence.
    """

    person_id: int
    at: datetime
    policy: str
    model: str
    interest: float
    threshold: float
    fit: float
    grade: str
    band: int
    action: str
    eligible: bool
    allowed: bool
    baseline_at: datetime | None
    categories: list[CategoryPart]
    touches: list[TouchPart]
    attributes: list[AttributePart]
    silences: list[SilencePart]
    gates: list[GatePart]
    buying_stages: list[StagePart]
    whereabouts: str
    next_change: NextChange | None
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values; moments stay datetimes."""
        return asdict(self)


FIRST_DEEDS = 2  # what people did tells more of today than what they are, which often weighs more


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One of the strongest reasons for a score, for lists. capped: its category's cap took something."""

    label: str
    points: float
    capped: bool = False
    fast_track: bool = False


def why(person_id: int, *, at: datetime, model: ScoringModel | None = None) -> Why | None:
    """The score of a person as it was known at a moment, part by part.

    model: the version to score by; by default the one that decided about all leads then, else the one that does now;
    of a lead see `scoring.by_lead.model_for`. None where there is neither such a version nor such a person. A constant
    number of statements, whatever the person has done.
    """
    model = model or _deciding(at)
    if model is None:
        return None
    policy = policy_of(model)
    found = evidence.read(policy, [person_id], at=at).get(person_id)
    return _why(Parts(policy, found, at=at), at) if found else None


def strongest(person_ids: Collection[int], *, now: datetime, policy: Policy, count: int = 3) -> dict[int, list[Reason]]:
    """The reasons that weigh most in each person's score now: a raised hand, the heaviest two deeds, then by points.

    Matches of one rule are one reason ("Looked at prices ×4"). People who are gone are left out. A constant number of
    statements.
    """
    found = evidence.read(policy, person_ids, at=now, past=False)
    judge = Judge(policy, at=now)
    return {pk: _reasons(Parts(policy, known, at=now, judge=judge), now)[:count] for pk, known in found.items()}


def _deciding(at: datetime) -> ScoringModel | None:
    """The version that decided about all leads at a moment, as far as it is still known."""
    versions = ScoringModel.objects.exclude(status=Status.DRAFT).filter(solution=None, region=None)
    then = versions.filter(activated_at__lte=at).order_by("-activated_at", "-version").first()
    return then or versions.filter(active=True).first()


# --- the parts in words ------------------------------------------------------------------------------------------


def _why(parts: Parts, at: datetime) -> Why:
    policy, moment = parts.policy, at.timestamp()
    interest = parts.interest(moment)
    stages = buying_stages.split([parts], at=at)[parts.evidence.person_id]
    band = parts.band_of(interest)
    cell = f"{parts.grade}{band}"
    action = Action(policy.grid.get(cell, Action.HOLD))
    return Why(
        person_id=parts.evidence.person_id,
        at=at,
        policy=policy.policy,
        model=policy.title,
        interest=interest,
        threshold=policy.threshold,
        fit=parts.fit,
        grade=parts.grade,
        band=band,
        action=action.value,
        eligible=parts.is_over(interest) and action == Action.MQL,
        allowed=parts.allowed,
        baseline_at=parts.evidence.baseline_at,
        categories=_categories(parts, moment),
        touches=sorted(
            (_touch(parts, earned, moment) for earned in parts.earned),
            key=lambda part: (-part.points_now, -part.occurred_at.timestamp(), part.activity_id, part.rule),
        ),
        attributes=_attributes(parts),
        silences=[
            SilencePart(rule=rule.name, category=policy.interest[rule.category].name, points=points)
            for rule, points in parts.silences(moment)
            if points
        ],
        gates=_gates(parts),
        buying_stages=stages,
        whereabouts=buying_stages.whereabouts(stages),
        next_change=next_change(parts, at),
        sentence=_sentence(parts, interest, cell, action),
    )


def _categories(parts: Parts, moment: float) -> list[CategoryPart]:
    totals = [*zip(parts.policy.fit, parts.fits, strict=True)]
    totals += zip(parts.policy.interest, parts.categories(moment), strict=True)
    return [
        CategoryPart(name=terms.name, axis=terms.axis, cap=terms.cap, raw=raw, counted=counted, cap_took=raw - counted)
        for terms, (raw, counted) in totals
    ]


def _touch(parts: Parts, earned: Earned, moment: float) -> TouchPart:
    touch, rule = earned.touch, earned.rule
    return TouchPart(
        activity_id=touch.id,
        occurred_at=touch.occurred_at,
        type=touch.type,
        rule=rule.name,
        category=parts.policy.interest[rule.category].name,
        points_then=0.0 if earned.lost == "limit" else rule.points,
        points_now=parts.points_at(earned, moment),
        note=_note(earned, moment),
    )


def _note(earned: Earned, moment: float) -> str:
    if earned.lost == "baseline":
        return "Counted before the lead was let go"
    if earned.lost == "limit":
        return f"Over the limit of {earned.rule.per_day} a day"
    return f"Vanished after {earned.rule.window_days} days" if moment >= earned.until else ""


def _attributes(parts: Parts) -> list[AttributePart]:
    return [
        AttributePart(
            rule=scored.rule.name,
            category=parts.policy.fit[scored.rule.category].name,
            points=scored.points,
            known=scored.holds is not None,
            holds=scored.holds is True,
        )
        for scored in parts.scored
    ]


def _gates(parts: Parts) -> list[GatePart]:
    return [
        GatePart(name=gate.name, kind=gate.kind, holds=holds, detail=sentence(gate.tree, fields_of_gate(gate.kind)))
        for gate, holds in parts.gates
    ]


def _sentence(parts: Parts, interest: float, cell: str, action: Action) -> str:
    threshold = parts.policy.threshold
    words = [
        f"Interest is {number(interest)}, and {number(threshold)} is needed; fit is {number(parts.fit)}. "
        f"{cell} asks for: {action.label}."
    ]
    missing = [gate.name for gate, holds in parts.gates if gate.kind == Gate.Kind.REQUIRE and holds is not True]
    if parts.policy.scope:
        words.insert(0, _heard(parts.policy))
    if missing:
        words.append(f"Not confirmed: {', '.join(missing)}.")
    if parts.excluded_by:
        words.append(f"Excluded: {', '.join(gate.name for gate in parts.excluded_by)}.")
    return " ".join(words)


def _heard(policy: Policy) -> str:
    by = f", by touches about {policy.solution} or about none in particular" if policy.solution else ""
    return f"Scored for {policy.scope}{by}."


# --- what comes next ---------------------------------------------------------------------------------------------


def next_change(parts: Parts, at: datetime) -> NextChange | None:
    """The next change that can be seen while nothing new happens: across the threshold, else into another band."""
    now = at.timestamp()
    interest = parts.interest(now)
    over, band = parts.is_over(interest), parts.band_of(interest)
    first_band: tuple[float, str] | None = None
    for moment, then in parts.reviews(now):
        if parts.is_over(then) != over:
            return _change(parts, moment, "Falls below the threshold" if over else "Rises to the threshold")
        there = parts.band_of(then)
        if first_band is None and there != band:
            first_band = (moment, f"{'Falls' if _is_lower(parts.policy, there, band) else 'Rises'} to band {there}")
            if not over:
                break
    return _change(parts, *first_band) if first_band else None


def _is_lower(policy: Policy, band: int, than: int) -> bool:
    places = {number: place for place, (number, _least) in enumerate(policy.bands)}
    return places[band] > places[than]


def _change(parts: Parts, moment: float, words: str) -> NextChange:
    at = datetime.fromtimestamp(moment, UTC)
    unless = "unless something new happens"
    if words.startswith("Falls") and (example := _would_help(parts, moment)):
        unless += f", such as “{example.name}” ({example.points:+g})"
    return NextChange(moment=at, words=words, unless=unless, sentence=f"{words} on {when(at)} {unless}")


def _would_help(parts: Parts, moment: float) -> RuleTerms | None:
    """What this person did last that would keep the score up if done again: its category is not at its cap then."""
    capped = {place for place, (raw, counted) in enumerate(parts.categories(moment)) if raw > counted > 0}
    helpful = [one for one in parts.earned if one.rule.points > 0 and one.rule.category not in capped]
    latest = max(helpful, key=lambda one: (one.touch.moment, one.rule.points, one.rule.name), default=None)
    return latest.rule if latest else None


# --- the strongest reasons ---------------------------------------------------------------------------------------


def _reasons(parts: Parts, now: datetime) -> list[Reason]:
    moment = now.timestamp()
    hand = _raised_hand(parts, moment)
    deeds, raised = _deeds(parts, moment, apart=hand[0] if hand else None)
    traits = _traits(parts)
    rest = sorted([*deeds[FIRST_DEEDS:], *traits], key=_weight)
    reasons = [*deeds[:FIRST_DEEDS], *rest]
    return [Reason(label=hand[1].name, points=raised, fast_track=True), *reasons] if hand else reasons


def _weight(reason: Reason) -> tuple[float, str]:
    return -reason.points, reason.label


def _deeds(parts: Parts, moment: float, *, apart: TouchFact | None) -> tuple[list[Reason], float]:
    """What the person did, the heaviest first, and what the touch that is told apart is worth."""
    points: dict[tuple[str, bool], float] = defaultdict(float)
    times: dict[tuple[str, bool], int] = defaultdict(int)
    capped = {place for place, (raw, counted) in enumerate(parts.categories(moment)) if raw > counted > 0}
    worth_apart = 0.0
    for earned in parts.earned:
        worth = parts.points_at(earned, moment)
        if earned.touch is apart:
            worth_apart += worth
        elif worth > 0:
            key = (earned.rule.name, earned.rule.category in capped)
            points[key] += worth
            times[key] += 1
    deeds = [
        Reason(label=f"{name} ×{times[name, cap]}" if times[name, cap] > 1 else name, points=worth, capped=cap)
        for (name, cap), worth in points.items()
    ]
    return sorted(deeds, key=_weight), worth_apart


def _traits(parts: Parts) -> list[Reason]:
    """What the person and the account are."""
    capped = {place for place, (raw, counted) in enumerate(parts.fits) if raw > counted}
    return [
        Reason(label=scored.rule.name, points=scored.points, capped=scored.rule.category in capped)
        for scored in parts.scored
        if scored.points > 0
    ]


def _raised_hand(parts: Parts, moment: float) -> tuple[TouchFact, GateTerms] | None:
    """The latest raised hand, where it is recent."""
    recent = parts.fast_tracks(since=moment - RECENT_DAYS * DAY)
    return recent[-1] if recent else None
