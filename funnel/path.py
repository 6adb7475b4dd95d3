"""The path of a lead as pure rules: the stages, which move is allowed from where, and where events lead to.

Definitions: domain.md 3.2 and 3.3. Nothing here touches the database or a clock; `stages.py` does.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import TextChoices


class Stage(TextChoices):
    """The one path, in order. Wording for people is data (glossary); the path itself is code."""

    INQUIRY = "inquiry", "Inquiry"
    MQL = "mql", "MQL"
    SAL = "sal", "SAL"
    SQL = "sql", "SQL"
    OPPORTUNITY = "opportunity", "Opportunity"
    WON = "won", "Won"


class Exit(TextChoices):
    """How a lead left the path. A lead whose every event was voided never was: `void`."""

    WON = "won", "Won"
    RECYCLED = "recycled", "Recycled"
    DISQUALIFIED = "disqualified", "Disqualified"
    EXPIRED = "expired", "Expired"
    LOST = "lost", "Lost"
    NO_DECISION = "no_decision", "No decision"
    MERGED = "merged", "Merged"
    VOID = "void", "Void"


class Kind(TextChoices):
    """What kind of stage event it is."""

    ADVANCE = "advance", "Advance"
    PASSTHROUGH = "passthrough", "Pass-through"
    REGRESS = "regress", "Moved back"
    REOPEN = "reopen", "Reopened"
    CORRECTION = "correction", "Correction"
    VOID = "void", "Void"
    WON = "won", "Won"
    RECYCLE = "recycle", "Recycled"
    DISQUALIFY = "disqualify", "Disqualified"
    EXPIRE = "expire", "Expired"
    LOST = "lost", "Lost"
    NO_DECISION = "no_decision", "No decision"
    MERGED = "merged", "Merged"


RANK: dict[str, int] = {stage: rank for rank, stage in enumerate(Stage.values, start=1)}
MILESTONES: dict[str, str] = {stage: f"{stage}_at" for stage in Stage.values}

# Kinds that put a lead on a stage of the path: forward, or wherever they say. And those that take it off.
FORWARD = frozenset({Kind.ADVANCE, Kind.PASSTHROUGH, Kind.WON})
BACK = frozenset({Kind.REGRESS, Kind.REOPEN, Kind.CORRECTION})
ENTRIES = FORWARD | BACK
EXITS: dict[str, str] = {
    Kind.WON: Exit.WON,
    Kind.RECYCLE: Exit.RECYCLED,
    Kind.DISQUALIFY: Exit.DISQUALIFIED,
    Kind.EXPIRE: Exit.EXPIRED,
    Kind.LOST: Exit.LOST,
    Kind.NO_DECISION: Exit.NO_DECISION,
    Kind.MERGED: Exit.MERGED,
}

# Live work: the next stage, and the exits that make sense from each. Loaded history is freer (see `refusal`).
_NEXT = {
    Stage.INQUIRY: Stage.MQL,
    Stage.MQL: Stage.SAL,
    Stage.SAL: Stage.SQL,
    Stage.SQL: Stage.OPPORTUNITY,
    Stage.OPPORTUNITY: Stage.WON,
}
_EXITS_FROM = {
    Stage.INQUIRY: {Kind.DISQUALIFY, Kind.RECYCLE, Kind.EXPIRE},
    Stage.MQL: {Kind.DISQUALIFY, Kind.RECYCLE, Kind.EXPIRE},
    Stage.SAL: {Kind.DISQUALIFY, Kind.RECYCLE, Kind.EXPIRE},
    Stage.SQL: {Kind.DISQUALIFY, Kind.RECYCLE, Kind.LOST, Kind.NO_DECISION},
    Stage.OPPORTUNITY: {Kind.RECYCLE, Kind.LOST, Kind.NO_DECISION},
}


@dataclass(frozen=True, slots=True)
class Step:
    """What the fold needs of one stage event. `id` is None while the event is not stored yet."""

    kind: str
    to_stage: str
    occurred_at: datetime
    id: int | None = None
    supersedes: int | None = None
    reason: int | None = None


@dataclass(slots=True)
class State:
    """Where a lead stands. Without a standing event it is void: closed, and at no stage that counts."""

    stage: str = Stage.INQUIRY
    stage_since: datetime | None = None
    closed_at: datetime | None = None
    exit: str = Exit.VOID
    reason: int | None = None
    passthrough: bool = False
    milestones: dict[str, datetime] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.exit == ""


def order_rank(kind: str, to_stage: str) -> int:
    """Order among events of one instant: along the path, then exits, then moves back.

    A file that knows only dates gives one instant to several stages, in any order of rows.
    """
    if kind in FORWARD:
        return RANK[to_stage]
    return 7 if kind in EXITS else 8


def standing(steps: Iterable[Step]) -> list[Step]:
    """The steps that count, in order: voided ones and voids are gone, and so is what a later correction took back."""
    steps = list(steps)
    voided = {step.supersedes for step in steps if step.kind == Kind.VOID}
    kept = [step for step in steps if step.kind != Kind.VOID and (step.id is None or step.id not in voided)]
    kept.sort(key=lambda s: (s.occurred_at, order_rank(s.kind, s.to_stage), s.id if s.id is not None else 1 << 62))
    ceiling = len(RANK) + 1
    result: list[Step] = []
    for step in reversed(kept):
        if ceiling > len(RANK) or (step.kind in ENTRIES and RANK[step.to_stage] <= ceiling):
            result.append(step)
        if step.kind == Kind.CORRECTION:
            ceiling = min(ceiling, RANK[step.to_stage])
    result.reverse()
    return result


def fold(steps: Iterable[Step]) -> State:
    """The state that these events of one lead come to (domain.md 3.2, 3.3).

    A first entry never moves a lead back, whatever its date, so that a milestone dated before its predecessor, as
    dirty sources have it, still counts as reached. Entering a stage again puts the lead there, wherever it stood.
    """
    state = State()
    corrected: dict[str, datetime] = {}
    for step in standing(steps):
        if step.kind == Kind.CORRECTION:
            corrected.setdefault(step.to_stage, step.occurred_at)
        advance(state, step)
    state.milestones = corrected | state.milestones
    return state


def advance(state: State, step: Step) -> None:
    """Take a lead one step on, which stands and comes after those that made the state. The heart of `fold`.

    A correction or a void changes what stands before it, so these need the whole `fold`.
    """
    again = step.to_stage in state.milestones
    if step.kind in FORWARD:
        state.milestones.setdefault(step.to_stage, step.occurred_at)
        state.passthrough |= step.kind == Kind.PASSTHROUGH and step.to_stage == Stage.MQL
    if step.kind in BACK or (step.kind in FORWARD and (again or RANK[step.to_stage] >= RANK[state.stage])):
        state.stage, state.stage_since = step.to_stage, step.occurred_at
        state.closed_at, state.exit, state.reason = None, "", None
        if step.to_stage == Stage.WON:
            state.closed_at, state.exit, state.reason = step.occurred_at, Exit.WON, step.reason
    elif state.exit == Exit.WON:
        pass  # won stays won until it is moved back, corrected or reopened
    elif step.kind in EXITS:
        state.closed_at, state.exit, state.reason = step.occurred_at, EXITS[step.kind], step.reason
        state.stage_since = state.stage_since or step.occurred_at
    else:
        state.closed_at, state.exit, state.reason = None, "", None


def refusal(state: State, kind: str, to_stage: str, *, history: bool = False) -> str:
    """Why this move is not allowed from this state, as a sentence; empty when it is.

    history: loaded history may skip stages forward, enter a stage again, and leave by any exit from any open stage.
    """
    if kind == Kind.REOPEN:
        return _refuse_reopen(state, to_stage)
    if state.exit == Exit.VOID:  # no event stands: only an opening can come, or the first that a file knows
        return "" if kind in FORWARD or history else "The lead was never opened."
    if kind == Kind.CORRECTION:
        return "" if RANK[to_stage] <= RANK[state.stage] else f"A correction cannot move forward to {to_stage}."
    if not state.is_open:
        return _refuse_closed(state, kind, to_stage, history=history)
    if kind in EXITS and kind != Kind.WON:
        return _refuse_exit(state, kind, history=history)
    return _refuse_entry(state, kind, to_stage, history=history)


def _refuse_closed(state: State, kind: str, to_stage: str, *, history: bool) -> str:
    if history and state.exit == Exit.WON and kind in FORWARD and to_stage not in state.milestones:
        return ""  # a source that dates a first contact after the deal
    return f"The lead is closed ({Exit(state.exit).label.lower()}), so it cannot be moved; reopen it first."


def _refuse_reopen(state: State, to_stage: str) -> str:
    if state.is_open:
        return "The lead is open already."
    if state.exit in (Exit.MERGED, Exit.VOID):
        return f"A lead that is {Exit(state.exit).label.lower()} cannot be reopened."
    return "A lead is reopened at a stage before Won." if to_stage == Stage.WON else ""


def _refuse_exit(state: State, kind: str, *, history: bool) -> str:
    if history or kind == Kind.MERGED or kind in _EXITS_FROM[Stage(state.stage)]:
        return ""
    return f"A lead at {Stage(state.stage).label} does not leave as “{Kind(kind).label}”."


def _refuse_entry(state: State, kind: str, to_stage: str, *, history: bool) -> str:
    ahead = RANK[to_stage] - RANK[state.stage]
    if ahead > 0 and history and kind != Kind.REGRESS:
        return ""  # nearly every row of a large file
    here, there = Stage(state.stage).label, Stage(to_stage).label
    if kind == Kind.REGRESS:
        return "" if ahead < 0 else f"{there} is not behind {here}."
    if ahead < 0 and not (history and to_stage not in state.milestones):
        return f"{there} lies behind {here}; use a move back or a correction."
    if history or kind == Kind.PASSTHROUGH or ahead == 1:
        return ""
    return f"From {here} the next stage is {_NEXT[Stage(state.stage)].label}, not {there}."


def disorder(milestones: dict[str, datetime], to_stage: str, at: datetime) -> str:
    """A warning when this milestone is dated before an earlier stage's, or after a later stage's; else empty."""
    for stage, reached in milestones.items():
        if (RANK[stage] < RANK[to_stage] and at < reached) or (RANK[stage] > RANK[to_stage] and at > reached):
            return (
                f"{Stage(to_stage).label} is dated {at:%Y-%m-%d %H:%M}, {Stage(stage).label} {reached:%Y-%m-%d %H:%M} "
                "UTC: the wrong way round. Both count as reached and are left out of stage times."
            )
    return ""
