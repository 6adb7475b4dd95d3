"""The only writer of a lead's stage: `move()` appends the events and derives the state from them.

`derive()` is one SQL for every purpose: after a move, a load, a void or a merge, and as of any moment.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from funnel import inbox, staging
from funnel.derivation import DERIVE
from funnel.leads import Opening, open_leads
from funnel.models import Exit, Inbox, Kind, Lead, Stage, StageEvent
from funnel.path import (
    EXITS,
    FORWARD,
    MILESTONES,
    RANK,
    State,
    Step,
    advance,
    disorder,
    fold,
    order_rank,
    refusal,
    standing,
)

# From these on a person's interest is counted anew (or as before again), so that history of them changes scores too.
RESET_SCORES = frozenset({Kind.RECYCLE, Kind.DISQUALIFY, Kind.REOPEN})
FEW = 50  # leads; deriving so many twice is less work than a temporary table
CACHED = ("stage", "stage_since", "closed_at", "exit", "reason_id", "passthrough", *MILESTONES.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One wish to move one lead.

    to_stage: where to, for kinds that enter a stage. expected: the stage the mover saw; another one means somebody
    was faster. cause: what made it happen; the same cause never moves a lead twice. supersedes: the event a void
    takes back.
    """

    lead_id: int
    kind: str
    occurred_at: datetime
    cause: str
    to_stage: str = ""
    expected: str = ""
    actor_id: int | None = None
    reason_id: int | None = None
    policy: str = ""
    score: float | None = None
    supersedes_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What became of a wish: `done` (written now), `repeated` (this cause was written before) or refused."""

    lead_id: int
    cause: str
    event_id: int | None = None
    done: bool = False
    repeated: bool = False
    problem: str = ""
    warning: str = ""


def derive(lead_ids: Collection[int], *, as_of: datetime | None = None) -> list[dict]:
    """The state of each lead from its events, as far as they were recorded by `as_of` (None: all of them).

    Returns one dict a lead with lead_id, stage, stage_since, closed_at, exit, reason_id, passthrough and the six
    milestones. Definition: domain.md 3.2, 3.3; `path.fold` says the same in Python.
    """
    with connection.cursor() as cursor:
        cursor.execute(DERIVE, {"lead_ids": list(lead_ids), "as_of": as_of})
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def refresh(lead_ids: Collection[int]) -> None:
    """Write the derived state of these leads into their rows. The caller holds their locks.

    Closing goes before opening: a unique index is checked row by row, and a person has one open lead a solution.
    """
    if not lead_ids:
        return
    parameters = {"lead_ids": list(lead_ids), "as_of": None}
    few = len(lead_ids) <= FEW
    with connection.cursor() as cursor:
        if not few:
            cursor.execute(f"CREATE TEMP TABLE derived_state ON COMMIT DROP AS {DERIVE}", parameters)
        for half in ("d.closed_at IS NOT NULL", "d.closed_at IS NULL"):
            cursor.execute(_write_derived(f"({DERIVE})" if few else "derived_state", half), parameters)
        if not few:
            cursor.execute("DROP TABLE derived_state")


def _write_derived(source: str, half: str) -> str:
    columns = ", ".join(f"{name} = d.{name}" for name in CACHED)
    changed = " OR ".join(f"l.{name} IS DISTINCT FROM d.{name}" for name in CACHED)
    return f"UPDATE funnel_lead l SET {columns} FROM {source} d WHERE l.id = d.lead_id AND {half} AND ({changed})"


@transaction.atomic(savepoint=False)
def move(
    moves: Sequence[Move],
    *,
    now: datetime,
    history: bool = False,
    by_rule: bool = False,
    quiet: bool = False,
    opening: Mapping[int, Opening] | None = None,
) -> list[Moved]:
    """Move leads: lock them in id order, refuse what the path does not allow, append the events, derive the states.

    moves: any number, several of one lead too (worked in the order given, or by time for history).
    now: when this is being recorded. history: loaded facts; freer rules, and nothing is told to the pipeline.
    by_rule: the pipeline itself moves them forward, by scores as they stand; it need not score their people again.
    quiet: the caller tells the pipeline, with what else it has to tell.
    opening: leads that begin with these moves, by ids off their sequence; the caller holds the locks of their people.
    Nobody else knows of them before this commits, so that there is nothing to lock, and they are written in the state
    that their moves make; without an allowed move a lead is void.
    Returns one `Moved` a move, in the order of `moves`. A refusal is an answer, not an exception. What the database
    refuses ends the transaction, or the savepoint of a caller that goes on after it.
    """
    opening = opening or {}
    known = sorted({wish.lead_id for wish in moves} - opening.keys())
    journeys, causes = _known(known)
    journeys |= {pk: _Journey(one.person_id) for pk, one in opening.items()}
    verdicts = _verdicts(moves, journeys, causes, history=history)
    done = [index for index, verdict in verdicts.items() if verdict.done]
    before = [index for index in done if moves[index].lead_id not in opening]
    _append([(moves[index], verdicts[index]) for index in before], now=now)
    refresh({moves[index].lead_id for index in before})  # first: a person has one open lead a solution
    open_leads(opening, {pk: _columns(journeys[pk].state, now=now) for pk in opening}, now=now)
    _append([(moves[index], verdicts[index]) for index in done if moves[index].lead_id in opening], now=now)
    if not history and not quiet:
        cause = Inbox.Cause.BY_RULE if by_rule else Inbox.Cause.STAGE_EVENT
        _tell_pipeline([(journeys[moves[i].lead_id].person_id, verdicts[i].event_id) for i in done], cause=cause)
    return [_moved(wish, verdicts[index]) for index, wish in enumerate(moves)]


@transaction.atomic(savepoint=False)
def open_at_inquiry(openings: Sequence[Opening], causes: Sequence[str], *, now: datetime) -> list[int]:
    """Open leads, each at Inquiry by a cause of its own. Returns their ids in the order given.

    As `move` opens them, with nothing to refuse and, without owner or clock, nothing to tell the pipeline of.
    """
    state = State()
    advance(state, Step(Kind.ADVANCE.value, Stage.INQUIRY.value, now))
    lead_ids = staging.new_ids(Lead, len(openings))
    open_leads(dict(zip(lead_ids, openings, strict=True)), dict.fromkeys(lead_ids, _columns(state, now=now)), now=now)
    wishes = [
        Move(lead_id=pk, kind=Kind.ADVANCE.value, to_stage=Stage.INQUIRY.value, occurred_at=now, cause=cause)
        for pk, cause in zip(lead_ids, causes, strict=True)
    ]
    _append([(wish, _Verdict(wish.kind)) for wish in wishes], now=now)
    return lead_ids


def _columns(state: State, *, now: datetime) -> dict[str, Any]:
    """A state as the lead's row keeps it. Void since now, where no event has made it anything else."""
    milestones = {MILESTONES[stage]: at for stage, at in state.milestones.items()}
    return {
        "stage": state.stage,
        "stage_since": state.stage_since or now,
        "closed_at": now if state.exit == Exit.VOID else state.closed_at,
        "exit": state.exit,
        "reason_id": state.reason,
        "passthrough": state.passthrough,
    } | {column: milestones.get(column) for column in MILESTONES.values()}


def _verdicts(
    moves: Sequence[Move],
    journeys: "Mapping[int, _Journey]",
    causes: dict[tuple[int, str], int | None],
    *,
    history: bool,
) -> "dict[int, _Verdict]":
    """Judge the moves in their working order, each by what those before it have made; by their places in `moves`."""
    verdicts: dict[int, _Verdict] = {}
    for index in _working_order(moves, history=history):
        wish = moves[index]
        verdict = _answer(wish, journeys.get(wish.lead_id), causes, history=history)
        verdicts[index] = verdict
        if verdict.done:
            journeys[wish.lead_id].add(_step(wish, verdict.kind))
            causes[wish.lead_id, wish.cause] = None
    return verdicts


def _answer(
    wish: Move, journey: "_Journey | None", causes: dict[tuple[int, str], int | None], *, history: bool
) -> "_Verdict":
    if journey is None:
        return _Verdict(wish.kind, problem="There is no such lead.")
    if (wish.lead_id, wish.cause) in causes:
        return _Verdict(wish.kind, repeated=True, event_id=causes[wish.lead_id, wish.cause])
    return _judge(wish, journey, history=history)


def _moved(wish: Move, verdict: "_Verdict") -> Moved:
    return Moved(
        lead_id=wish.lead_id,
        cause=wish.cause,
        event_id=verdict.event_id,
        done=verdict.done,
        repeated=verdict.repeated,
        problem=verdict.problem,
        warning=verdict.warning,
    )


def _working_order(moves: Sequence[Move], *, history: bool) -> Iterable[int]:
    """History is judged in the order in which it happened, whatever the order of the file's rows."""
    if not history:
        return range(len(moves))
    return sorted(range(len(moves)), key=lambda i: _order(_step(moves[i], moves[i].kind)))


def _order(step: Step) -> tuple[datetime, int]:
    return step.occurred_at, order_rank(step.kind, step.to_stage)


class _Journey:
    """The steps of one lead and the state they come to, kept up step by step where the last one is added."""

    __slots__ = ("_last", "_plain", "person_id", "state", "steps")

    def __init__(self, person_id: int) -> None:
        self.person_id = person_id
        self.steps: list[Step] = []
        self.state = State()
        self._last: tuple[datetime, int] | None = None
        self._plain = True  # no step has changed what stands before it

    def add(self, step: Step) -> None:
        order = _order(step)
        self.steps.append(step)
        self._plain = self._plain and step.kind not in (Kind.CORRECTION, Kind.VOID)
        if self._plain and (self._last is None or order >= self._last):
            advance(self.state, step)
        else:
            self.state = fold(self.steps)
        self._last = order if self._last is None else max(order, self._last)

    def is_last(self, step: Step) -> bool:
        return self._last is None or _order(step) >= self._last

    def state_at(self, step: Step) -> State:
        """The state at this step's own moment, whatever came later."""
        if self.is_last(step):
            return self.state
        return fold(known for known in self.steps if _order(known) <= _order(step))


def _known(lead_ids: list[int]) -> tuple[dict[int, _Journey], dict[tuple[int, str], int | None]]:
    """Lock these leads. The journey of each that exists so far, and the event each cause has made."""
    journeys: dict[int, _Journey] = {}
    causes: dict[tuple[int, str], int | None] = {}
    if not lead_ids:
        return journeys, causes
    with connection.cursor() as cursor:
        # NO KEY: a plain FOR UPDATE would block everybody who inserts a row that points to the lead.
        cursor.execute("SELECT id FROM funnel_lead WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [lead_ids])
        cursor.execute(
            """
            SELECT l.id, l.person_id, e.id, e.kind, e.to_stage, e.occurred_at, e.supersedes_id, e.reason_id, e.cause
            FROM funnel_lead l LEFT JOIN funnel_stageevent e ON e.lead_id = l.id WHERE l.id = ANY(%s)
            ORDER BY e.occurred_at, e.id
            """,
            [lead_ids],
        )
        for lead_id, person_id, event_id, kind, to_stage, occurred_at, supersedes, reason, cause in cursor.fetchall():
            journey = journeys.setdefault(lead_id, _Journey(person_id))
            if event_id is not None:
                journey.add(Step(kind, to_stage, occurred_at, event_id, supersedes, reason))
                causes[lead_id, cause] = event_id
    return journeys, causes


@dataclass(slots=True)
class _Verdict:
    kind: str
    from_stage: str = ""
    problem: str = ""
    warning: str = ""
    repeated: bool = False
    event_id: int | None = None

    @property
    def done(self) -> bool:
        return not self.problem and not self.repeated


def _judge(wish: Move, journey: _Journey, *, history: bool) -> _Verdict:
    """Whether the move is allowed and as what kind. History is judged at its own moment, live moves at the latest."""
    if wish.kind == Kind.VOID:
        return _Verdict(wish.kind, problem=_void_problem(wish, journey.steps))
    step = _step(wish, wish.kind)
    state = journey.state_at(step) if history else journey.state
    verdict = _Verdict(wish.kind, from_stage="" if state.exit == Exit.VOID else state.stage)
    if history and wish.kind == Kind.ADVANCE and state.is_open and wish.to_stage in state.milestones:
        # A file's second entry into a stage that lies behind is a move back; into the present one, a re-entry.
        verdict.kind = Kind.REGRESS.value if RANK[wish.to_stage] < RANK[state.stage] else wish.kind
    if wish.expected and (state.stage != wish.expected or not state.is_open):
        verdict.problem = f"The lead is {_where(state)} by now, no longer at {Stage(wish.expected).label}."
    else:
        verdict.problem = refusal(state, verdict.kind, wish.to_stage, history=history)
    if history and not verdict.problem and not journey.is_last(step):
        verdict.problem = _later_problem(verdict.kind, step, journey.steps)
    if history and verdict.kind in FORWARD and not verdict.problem:
        milestones = journey.state.milestones
        first = milestones.get(wish.to_stage)
        if first is None or wish.occurred_at < first:
            verdict.warning = disorder(milestones, wish.to_stage, wish.occurred_at)
    return verdict


def _where(state: State) -> str:
    return f"at {Stage(state.stage).label}" if state.is_open else f"closed ({Exit(state.exit).label.lower()})"


def _later_problem(kind: str, step: Step, steps: list[Step]) -> str:
    """An exit before something that is known to have happened later is a contradiction, unless it was reopened.

    Entries after Won are no contradiction: sources date a first contact after the deal, and it was won all the same.
    """
    if kind not in EXITS:
        return ""
    later = [known for known in standing(steps) if _order(known) > _order(step)]
    if not later or later[0].kind == Kind.REOPEN:
        return ""
    if kind == Kind.WON and all(known.kind in FORWARD for known in later):
        return ""
    return f"The lead went on after this moment ({later[0].occurred_at:%Y-%m-%d %H:%M} UTC), so it cannot have left."


def _void_problem(wish: Move, steps: list[Step]) -> str:
    target = next((step for step in steps if step.id is not None and step.id == wish.supersedes_id), None)
    if target is None or target.kind == Kind.VOID:
        return "There is no such event of this lead to take back."
    if any(step.supersedes == wish.supersedes_id for step in steps):
        return "This was taken back already."
    return ""


def _step(wish: Move, kind: str) -> Step:
    return Step(kind, wish.to_stage, wish.occurred_at, None, wish.supersedes_id, wish.reason_id)


def _append(moves: Sequence[tuple[Move, _Verdict]], *, now: datetime) -> None:
    """Append the events in the order in which they were judged, and note their ids in the verdicts."""
    if not moves:
        return
    for (_, verdict), event_id in zip(moves, staging.new_ids(StageEvent, len(moves)), strict=True):
        verdict.event_id = event_id
    staging.insert(
        StageEvent,
        [
            {
                "id": verdict.event_id,
                "lead_id": wish.lead_id,
                "kind": verdict.kind,
                "from_stage": verdict.from_stage,
                "to_stage": wish.to_stage,
                "occurred_at": wish.occurred_at,
                "recorded_at": now,
                "actor_id": wish.actor_id,
                "reason_id": wish.reason_id,
                "policy": wish.policy,
                "score": wish.score,
                "cause": wish.cause,
                "supersedes_id": wish.supersedes_id,
            }
            for wish, verdict in moves
        ],
    )


def _tell_pipeline(events: Sequence[tuple[int, int | None]], *, cause: Inbox.Cause) -> None:
    """A stage event is a cause for clocks and notices; the inbox row commits with it. events: (person id, event id)."""
    inbox.add(cause, sorted(events, key=lambda event: event[1] or 0))
