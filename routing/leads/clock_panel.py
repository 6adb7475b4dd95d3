"""The promises of one lead: those that run, those that were kept or not, and those that have not begun."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from funnel.models import Lead, Stage
from funnel.path import RANK
from routing.acts.viewer import Viewer
from routing.decisions import pauses
from routing.decisions.offers import Offer
from routing.hours.countdown import Face, Running, face, moment_words, span_words
from routing.models import Clock, ClockEvent, Pause, SlaPromise
from routing.sla.deadlines import promised

TITLES = {
    "accept": "Accept or reject",
    "hot": "First contact",
    "follow_up": "First follow-up",
    "working": "Work it to an end",
    "outcome": "How the meeting went",
    "decision": "Opportunity or not",
    "take_over": "Take over or return",
}
_NOT_YET = {
    "accept": "Starts when the lead becomes an MQL",
    "hot": "Starts when somebody asks for us: a demo, a quote, a talk",
    "follow_up": "Starts when the lead is accepted",
    "working": "Starts when the lead is accepted",
    "outcome": "Starts when a meeting’s time has come",
    "decision": "Starts when a meeting was held",
    "take_over": "Starts when the SQL is handed over",
}
# From which stage on a promise that has not begun is no news any more.
_PAST: dict[str, Stage] = {"accept": Stage.MQL, "follow_up": Stage.SAL, "working": Stage.SAL}


@dataclass(frozen=True, slots=True)
class Line:
    """One clock. face: while it runs; said: what became of it, or what it is; css: good or bad."""

    title: str
    face: Face | None = None
    said: str = ""
    css: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class Standstill:
    """Whether the clocks of a lead stand still. said: until when and for what; act: what the user may do about it."""

    said: str = ""
    act: Offer | None = None


def standstill(lead: Lead, viewer: Viewer, *, running: bool, now: datetime) -> Standstill:
    """What holds the clocks, and the button that lets them stand still or run. running: some clock runs. Two queries
    where one does.
    """
    held = pauses.current(lead, now=now) if running else None
    said = pauses.said(held, now=now) if held else ""
    works = viewer.may_work and (lead.owner_id is None or viewer.may_act_on(lead.owner_id))
    if not running or not works or lead.closed_at is not None:
        return Standstill(said)
    if held is None:
        return Standstill(act=Offer("pause", "Pause", reverse("routing:pause", args=[lead.pk]), "player-pause"))
    if held.kind == Pause.Kind.AWAY:
        return Standstill(said)
    url = reverse("routing:resume", args=[lead.pk])
    return Standstill(said, Offer("resume", "Let them run", url, "player-play", asks=False))


def clock_lines(lead: Lead, *, now: datetime) -> list[Line]:
    """Running clocks first, then what was, latest first, then what is promised but has not begun. Four queries."""
    clocks = list(Clock.objects.filter(lead=lead).select_related("promise").order_by("-started_at", "-id"))
    running = [clock for clock in clocks if clock.stopped_at is None]
    running.sort(key=lambda clock: (clock.kind != "hot", clock.due_at))
    went = _given_away(running)
    lines = [_of_running(clock, now, went=clock.pk in went) for clock in running]
    lines += [_of_stopped(clock, now) for clock in clocks if clock.stopped_at is not None]
    if lead.closed_at is None:
        known = {clock.kind for clock in clocks}
        ahead = [
            promise
            for (_lead, kind), promise in promised([lead.pk]).items()
            if kind not in known and RANK[lead.stage] < RANK[_PAST.get(kind, Stage.OPPORTUNITY)]
        ]
        ahead.sort(key=lambda promise: SlaPromise.Kind.values.index(promise.kind))
        lines += [Line(TITLES[one.kind], said=one.length, more=_NOT_YET[one.kind]) for one in ahead]
    return lines


def _given_away(running: list[Clock]) -> set[int]:
    """Which of these clocks have moved their lead to a colleague. A query where one could have."""
    late = [clock.pk for clock in running if clock.reassign_done]
    moved = ClockEvent.objects.filter(clock__in=late, kind=ClockEvent.Kind.REASSIGNED)
    return set(moved.values_list("clock", flat=True)) if late else set()


def _of_running(clock: Clock, now: datetime, *, went: bool) -> Line:
    running = Running(clock.kind, clock.started_at, clock.warn_at, clock.due_at, clock.paused_until)
    shown = face(running, now=now)
    began, due = moment_words(clock.started_at, now=now), moment_words(clock.due_at, now=now)
    warns = moment_words(clock.warn_at, now=now)
    reminded = "reminded" if clock.warned else "reminds"
    told = "the managers were told" if clock.breach_told else "tells the managers"
    more = [f"{warns} {reminded} the owner", f"{due} {told}"]
    if went:
        more.append("it went to a colleague")
    elif clock.reassign_at and not clock.reassign_done:
        more.append(f"{moment_words(clock.reassign_at, now=now)} goes to a colleague, unless somebody works it")
    elif clock.reassign_again_at:
        more.append("nobody else can take it yet: it goes as soon as somebody can, unless somebody works it")
    if clock.expires_at and not clock.expiry_done:
        more.append(f"{moment_words(clock.expires_at, now=now)} counts as never decided")
    return Line(TITLES[clock.kind], shown, said=f"{began} to {due}", more=" · ".join(more))


def _of_stopped(clock: Clock, now: datetime) -> Line:
    assert clock.stopped_at is not None
    if clock.cancelled:
        return Line(TITLES[clock.kind], said="not needed", more=f"Stopped {moment_words(clock.stopped_at, now=now)}")
    kept = clock.stopped_at <= clock.due_at
    took = f"after {span_words(clock.stopped_at - clock.started_at)}, due {moment_words(clock.due_at, now=now)}"
    at = moment_words(clock.stopped_at, now=now)
    return Line(
        TITLES[clock.kind], said="kept" if kept else "late", css="good" if kept else "bad", more=f"{at}, {took}"
    )
