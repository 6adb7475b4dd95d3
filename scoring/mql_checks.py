"""Why a lead is an MQL: the conditions of the rule as they stood at the moment of its MQL event."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from funnel.models import Kind, Lead, Stage, StageEvent
from funnel.path import RANK
from funnel.stages import derive
from scoring import evidence, trials
from scoring.decay import DECIMALS
from scoring.models import Action, Gate, ScoringModel
from scoring.parts import Parts
from scoring.policy import Policy, policy_of
from scoring.qualifying import FAST_TRACK
from scoring.words import number, when

_BY_OTHERS = {
    Kind.PASSTHROUGH: "It came in further down, so MQL was only passed through",
    Kind.REGRESS: "Somebody moved it back to MQL",
    Kind.REOPEN: "Somebody reopened it as an MQL",
    Kind.CORRECTION: "Somebody corrected it to MQL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition. holds: whether it did. detail: by what, in words. fast_track: a raised hand, which is enough."""

    name: str
    holds: bool
    detail: str
    fast_track: bool = False


def why_mql(lead: Lead) -> list[Check]:
    """What made this lead an MQL, as it was known at that moment; empty for a lead that is none.

    By score: the five conditions of the rule. By a raised hand: the touch, the exclusions and the leads in work. By a
    person, a load or a revisit date: that alone. The version of the event judges, whichever decides today; where an
    experiment chose it, that stands first.
    """
    voided = StageEvent.objects.filter(supersedes__lead=lead).values("supersedes")
    events = lead.events.filter(to_stage=Stage.MQL).exclude(pk__in=voided)
    event = events.order_by("-occurred_at", "-id").first()
    if event is None:
        return []
    model = _model_of(event)
    if model is None or event.kind != Kind.ADVANCE:
        return [Check(name="Not by score", holds=True, detail=_by_others(event))]
    if event.cause.startswith("mql:revisit:"):
        return [Check(name="Day to look again", holds=True, detail="The day set at its last recycle had come")]
    policy, at = policy_of(model), event.occurred_at
    found = evidence.read(policy, [lead.person_id], at=at).get(lead.person_id)
    if found is None:
        return []
    parts = Parts(policy, found, at=at)
    tried, in_work = _tried(lead, model, at), _no_lead_in_work(lead, at)
    if event.cause.endswith(f":{FAST_TRACK}"):
        return [*tried, _raised_hand(parts, event), _not_excluded(parts), in_work]
    return [*tried, _interest(parts, event), _fit(parts, at), _confirmed(parts), _not_excluded(parts), in_work]


def _model_of(event: StageEvent) -> ScoringModel | None:
    kind, _colon, version = event.policy.partition(":")
    return (
        ScoringModel.objects.filter(version=int(version)).first() if kind == "scoring" and version.isdigit() else None
    )


def _by_others(event: StageEvent) -> str:
    said = _BY_OTHERS.get(Kind(event.kind), "")
    return said or ("Loaded with its history" if event.cause.startswith("load:") else "Somebody made it an MQL")


def _tried(lead: Lead, model: ScoringModel, at: datetime) -> list[Check]:
    arm = trials.arm_at(lead.person_id, model, at)
    if arm is None:
        return []
    said = f"with the change ({arm.experiment.change})" if arm.changed else "without the change"
    detail = f"“{arm.experiment}”: the arm {said}, so version {model.version} decided"
    return [Check(name="In an experiment", holds=True, detail=detail)]


# --- the conditions ----------------------------------------------------------------------------------------------


def _interest(parts: Parts, event: StageEvent) -> Check:
    interest = event.score if event.score is not None else parts.interest(event.occurred_at.timestamp())
    threshold = parts.policy.threshold
    above = f", counted from {when(parts.evidence.baseline_at)}" if parts.evidence.baseline_at else ""
    return Check(
        name="Interest is at the threshold",
        holds=round(interest, DECIMALS) >= threshold,
        detail=f"{number(interest)} of the {number(threshold)} needed{above}",
    )


def _fit(parts: Parts, at: datetime) -> Check:
    cell = f"{parts.grade}{parts.band_of(parts.interest(at.timestamp()))}"
    action = Action(_asked(parts.policy, cell))
    return Check(
        name="The grid says MQL",
        holds=action == Action.MQL,
        detail=f"{cell} (fit {number(parts.fit)}) asks for: {action.label}",
    )


def _asked(policy: Policy, cell: str) -> str:
    return policy.grid.get(cell, Action.HOLD.value)


def _confirmed(parts: Parts) -> Check:
    required = [(gate, holds) for gate, holds in parts.gates if gate.kind == Gate.Kind.REQUIRE]
    missing = [f"{gate.name} ({'not known' if holds is None else 'no'})" for gate, holds in required if not holds]
    names = ", ".join(gate.name for gate, _holds in required) or "Nothing has to be"
    return Check(name="What must be so is confirmed", holds=not missing, detail=", ".join(missing) or names)


def _not_excluded(parts: Parts) -> Check:
    excluded = [gate.name for gate in parts.excluded_by]
    return Check(name="Not excluded", holds=not excluded, detail=", ".join(excluded) or "No exclusion holds")


def _raised_hand(parts: Parts, event: StageEvent) -> Check:
    touch_id = int(event.cause.split(":")[2])
    raised = [(touch, gate) for touch, gate in parts.fast_tracks() if touch.id == touch_id]
    detail = f"{raised[0][1].name}, {when(raised[0][0].occurred_at)}" if raised else "The touch is no longer known"
    return Check(name="Raised a hand", holds=True, detail=detail, fast_track=True)


def _no_lead_in_work(lead: Lead, at: datetime) -> Check:
    others = [*Lead.objects.filter(person=lead.person_id, solution=lead.solution_id).exclude(pk=lead.pk)]
    at_work = [*_in_work(others, at)] if others else []
    told = ", ".join(f"lead {pk}" for pk in at_work)
    return Check(name="No other lead in work", holds=not at_work, detail=told or "None of this solution was")


def _in_work(leads: list[Lead], at: datetime) -> Iterator[int]:
    for state in derive([lead.pk for lead in leads], as_of=at):
        if state["exit"] == "" and RANK[state["stage"]] >= RANK[Stage.MQL]:
            yield state["lead_id"]
