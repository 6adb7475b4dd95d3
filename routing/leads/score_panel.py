"""Why a score is what it is, as the lead's page shows it: its parts as bars, what caps took, gates, what is next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from funnel.models import Lead
from routing.hours.countdown import moment_words
from routing.leads.grades import Grade
from scoring.buying_stages import StagePart
from scoring.by_lead import model_for
from scoring.explain import AttributePart, CategoryPart, TouchPart, Why, why
from scoring.models import Gate

WIDEST = 100.0  # of a bar's own units
EARLIEST = timedelta(days=3650)
_HOLDS = {True: "yes", False: "no", None: "not known"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One part as a bar. width, taken, tick: parts of WIDEST; taken: what a cap took; tick: where the cap is."""

    name: str
    note: str
    points: float
    width: float
    taken: float = 0.0
    tick: float | None = None
    known: bool = True
    told: str = ""


@dataclass(frozen=True, slots=True)
class GateLine:
    """A gate and whether it stands in the way now. state: good, bad, or warn where it is not known."""

    name: str
    detail: str
    state: str
    answer: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Everything the panel shows. left_out: attribute rules that do not apply and so add nothing."""

    why: Why
    grade: Grade
    interest: Sequence[Bar]
    fit: Sequence[Bar]
    gates: Sequence[GateLine]
    touches: Sequence[TouchPart]
    stages: Sequence[Bar]
    left_out: int
    cap_took: float
    next_words: str
    next_at: str
    next_unless: str
    is_now: bool


def panel_of(lead: Lead, *, at: datetime, now: datetime) -> Panel | None:
    """The score of the lead's person at a moment, by the version that decided about such a lead then.

    None where none did or does. A constant number of queries.
    """
    model = model_for(lead, at=at)
    found = why(lead.person_id, at=at, model=model) if model else None
    if found is None:
        return None
    interest = [part for part in found.categories if part.axis == "interest"]
    fit = [part for part in found.categories if part.axis == "fit"]
    shown = [part for part in found.attributes if part.points or not part.known]
    change = found.next_change
    return Panel(
        why=found,
        grade=Grade(found.grade, found.band),
        interest=_interest_bars(interest, found.touches),
        fit=_fit_bars(shown),
        gates=[_gate_line(gate) for gate in found.gates],
        touches=[part for part in found.touches if part.points_then or part.points_now or part.note],
        stages=_stage_bars(found.buying_stages) if found.whereabouts else (),
        left_out=len(found.attributes) - len(shown),
        cap_took=sum(part.cap_took for part in fit),
        next_words=change.words if change else "",
        next_unless=change.unless if change else "",
        next_at=moment_words(change.moment, now=at) if change else "",
        is_now=at == now,
    )


def moment_asked(text: str, *, now: datetime) -> datetime:
    """The moment that `?at=` names, in the viewer's zone where it names none; now for anything that cannot be."""
    try:
        at = parse_datetime(text)
    except ValueError:
        return now
    if at is None:
        return now
    if timezone.is_naive(at):
        at = timezone.make_aware(at)
    return at if now - EARLIEST <= at <= now else now


def _interest_bars(parts: Sequence[CategoryPart], touches: Sequence[TouchPart]) -> list[Bar]:
    scale = max((max(part.raw, part.counted, part.cap or 0.0) for part in parts), default=0.0) or 1.0
    bars = []
    for part in parts:
        counted = sum(1 for touch in touches if touch.category == part.name and touch.points_now)
        took = part.cap_took if part.cap is not None and part.cap_took > 0.05 else 0.0
        note = f"cap took {took:.1f}" if took else f"cap {part.cap:g}" if part.cap is not None else ""
        told = f"{counted} touch{'' if counted == 1 else 'es'}, {part.raw:.1f} before the cap"
        bars.append(
            Bar(
                name=part.name,
                note=note,
                points=part.counted,
                width=_share(part.counted, scale),
                taken=_share(took, scale),
                tick=_share(part.cap, scale) if part.cap is not None else None,
                told=told,
            )
        )
    return bars


def _fit_bars(parts: Sequence[AttributePart]) -> list[Bar]:
    scale = max((abs(part.points) for part in parts), default=0.0) or 1.0
    ordered = sorted(parts, key=lambda part: (not part.known, -part.points, part.rule))
    return [
        Bar(
            name=part.rule,
            note="" if part.known else "not known",
            points=part.points,
            width=_share(abs(part.points), scale),
            known=part.known,
            told=part.category,
        )
        for part in ordered
    ]


def _stage_bars(parts: Sequence[StagePart]) -> list[Bar]:
    scale = max((part.interest for part in parts), default=0.0) or 1.0
    return [
        Bar(
            name=part.name,
            note=part.content[0] if part.content else "",
            points=part.interest,
            width=_share(part.interest, scale),
            told=f"{part.touches} touch{'' if part.touches == 1 else 'es'}, {', '.join(part.content) or 'no content'}",
        )
        for part in parts
    ]


def _share(value: float, scale: float) -> float:
    return min(max(value / scale, 0.0), 1.0) * WIDEST


def _gate_line(gate: Any) -> GateLine:
    wanted = gate.kind == Gate.Kind.REQUIRE
    unknown = wanted and gate.holds is None  # it stands in the way until somebody knows
    state = "warn" if unknown else "good" if bool(gate.holds) is wanted else "bad"
    return GateLine(gate.name, gate.detail, state, _HOLDS[gate.holds])
