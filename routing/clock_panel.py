"""The promises of one lead: those that run, those that were kept or not, and those that have not begun."""

from dataclasses import dataclass
from datetime import datetime

from funnel.models import Lead, Stage
from routing.countdown import Face, Running, face, moment_words, span_words
from routing.models import Clock, SlaPolicy

TITLES = {"accept": "Accept or reject", "hot": "First contact"}
_NOT_YET = {
    "accept": "Starts when the lead becomes an MQL",
    "hot": "Starts when somebody asks for us: a demo, a quote, a talk",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One clock. face: while it runs; said: what became of it, or what it is; css: good or bad."""

    title: str
    face: Face | None = None
    said: str = ""
    css: str = ""
    more: str = ""


def clock_lines(lead: Lead, *, now: datetime) -> list[Line]:
    """Running clocks first, then what was, latest first, then what is promised but has not begun. Two queries."""
    clocks = list(Clock.objects.filter(lead=lead).order_by("-started_at", "-id"))
    running = [clock for clock in clocks if clock.stopped_at is None]
    running.sort(key=lambda clock: (clock.kind != "hot", clock.due_at))
    lines = [_of_running(clock, now) for clock in running]
    lines += [_of_stopped(clock, now) for clock in clocks if clock.stopped_at is not None]
    known = {clock.kind for clock in clocks}
    if lead.closed_at is None:
        lines += [
            Line(title=TITLES[policy.kind], said=_length(policy), more=_NOT_YET[policy.kind])
            for policy in SlaPolicy.objects.filter(active=True)
            if policy.kind not in known and (policy.kind != "accept" or lead.stage == Stage.INQUIRY)
        ]
    return lines


def _of_running(clock: Clock, now: datetime) -> Line:
    shown = face(Running(clock.kind, clock.started_at, clock.warn_at, clock.due_at), now=now)
    began, due = moment_words(clock.started_at, now=now), moment_words(clock.due_at, now=now)
    warns = moment_words(clock.warn_at, now=now)
    reminded = "reminded" if clock.warned else "reminds"
    told = "the managers were told" if clock.breach_told else "tells the managers"
    more = f"{warns} {reminded} the owner · {due} {told}"
    return Line(TITLES[clock.kind], shown, said=f"{began} to {due}", more=more)


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


def _length(policy: SlaPolicy) -> str:
    return f"{policy.amount} {policy.get_unit_display().lower()}"
