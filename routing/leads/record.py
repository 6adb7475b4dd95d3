"""What the page of one lead says about its way: the path with dates, and why it stands where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from funnel.models import Exit, Kind, Lead, Stage, StageEvent
from funnel.path import EXITS, MILESTONES, RANK
from routing.leads.timeline import stage_details, stage_sentence


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the path. state: done, now, ahead, skipped, or before the stage at which the lead came in."""

    stage: str
    label: str
    state: str
    at: datetime | None = None


def path_of(lead: Lead) -> list[Step]:
    """The six stages as this lead went through them, and its exit as a last step where it left."""
    here = RANK[lead.stage]
    steps = []
    for stage, column in MILESTONES.items():
        at = getattr(lead, column)
        if at is None and RANK[stage] < RANK[lead.entry_stage]:
            continue  # not applicable: the lead came in further down
        reached = any(getattr(lead, MILESTONES[later]) for later in Stage.values[RANK[stage] - 1 :])
        if stage == lead.stage and lead.closed_at is None:
            state = "now"
        elif at is not None:
            state = "done"
        else:
            state = "skipped" if reached or RANK[stage] < here else "ahead"
        steps.append(Step(stage, Stage(stage).label, state, at))
    if lead.closed_at and lead.exit != Exit.WON:
        steps = [step for step in steps if step.state != "ahead"]
        steps.append(Step(lead.exit, Exit(lead.exit).label, "now", lead.closed_at))
    elif steps and lead.exit == Exit.WON:
        steps[-1] = Step(Stage.WON, Stage.WON.label, "now", lead.won_at)
    return steps


@dataclass(frozen=True, slots=True)
class Because:
    """One event behind the present stage."""

    at: datetime
    learnt_at: datetime
    sentence: str
    details: tuple[str, ...]
    stage: str
    taken_back: bool


def why_this_stage(lead: Lead, events: Sequence[StageEvent]) -> list[Because]:
    """Every stage event in the order in which it counts, with reason, actor and cause."""
    by_id = {event.pk: event for event in events}
    voided = {event.supersedes_id for event in events if event.kind == Kind.VOID}
    return [
        Because(
            at=event.occurred_at,
            learnt_at=event.recorded_at,
            sentence=stage_sentence(event, by_id),
            details=stage_details(event, lead),
            stage=event.to_stage or ("left" if event.kind in EXITS else ""),
            taken_back=event.pk in voided,
        )
        for event in events
    ]
