"""How a running clock looks: its state, the time left in words, and when it is due. Pure; queue.js goes on counting."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import dateformat, timezone

SECONDS_SHOWN_BELOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Running:
    """A clock that runs: what it promises, between which moments, and until when it stands still, if it does."""

    kind: str
    started_at: datetime
    warn_at: datetime
    due_at: datetime
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Face:
    """A clock as it is shown now. state: hot, late, warn, ok, paused; css: its colour; share: of its time that has
    passed.
    """

    state: str
    icon: str
    css: str
    left: str
    due: str
    share: float
    due_at: datetime
    warn_at: datetime
    started_at: datetime
    hot: bool
    kind: str = "accept"

    @property
    def what(self) -> str:
        """What the time is left for: "to accept"."""
        return _WHAT.get(self.kind, "")

    @property
    def bar(self) -> str:
        """The colour of its bar."""
        return self.css or "mark"


_LOOK = {
    "hot": ("flame", "bad"),
    "late": ("alert-octagon", "bad"),
    "warn": ("clock-exclamation", "warn"),
    "ok": ("clock", ""),
    "paused": ("clock-pause", ""),
}


_WHAT = {
    "accept": "to accept",
    "hot": "for first contact",
    "follow_up": "for the first follow-up",
    "working": "to work it to an end",
    "outcome": "to say how the meeting went",
    "decision": "to decide on an opportunity",
    "take_over": "to take it over",
}


def face(clock: Running, *, now: datetime) -> Face:
    """The clock at `now`. Time left is wall time until it is due; late from the moment after."""
    hot, late = clock.kind == "hot", now > clock.due_at
    paused = clock.paused_until is not None and now < clock.paused_until and not late
    state = "late" if late else "paused" if paused else "hot" if hot else "warn" if now >= clock.warn_at else "ok"
    icon, css = _LOOK[state]
    whole = (clock.due_at - clock.started_at) / timedelta(seconds=1)
    passed = (now - clock.started_at) / timedelta(seconds=1)
    at = moment_words(clock.due_at, now=now)
    due = f"was due {at}" if late else f"first contact by {at}" if hot else f"due {at}"
    return Face(
        state=state,
        icon="flame" if hot and not paused else icon,
        css=css,
        left=f"paused until {moment_words(clock.paused_until, now=now)}"
        if paused and clock.paused_until
        else left_words(clock.due_at - now),
        due=due,
        share=min(max(passed / whole, 0.0), 1.0) if whole > 0 else 1.0,
        due_at=clock.due_at,
        warn_at=clock.warn_at,
        started_at=clock.started_at,
        hot=hot,
        kind=clock.kind,
    )


def left_words(left: timedelta) -> str:
    """2 h 13 m left; 1:48 left within the last ten minutes; 3 h 22 m late."""
    if left < timedelta(0):
        return f"{span_words(-left)} late"
    if left < SECONDS_SHOWN_BELOW:
        minutes, seconds = divmod(int(left.total_seconds()), 60)
        return f"{minutes}:{seconds:02} left"
    return f"{span_words(left)} left"


def span_words(span: timedelta) -> str:
    """2 d 3 h, 2 h 13 m, 38 m, under a minute: the two greatest units that matter."""
    minutes = int(span.total_seconds() // 60)
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60:02} m"
    return f"{minutes} m" if minutes else "under a minute"


def moment_words(moment: datetime, *, now: datetime) -> str:
    """A moment as one says it nearby, in the viewer's zone: 12:55, Wed 09:24, 19 Nov 09:24, 3 Jan 2025."""
    there, here = timezone.localtime(moment), timezone.localtime(now)
    days = abs((there.date() - here.date()).days)
    if days == 0:
        shape = "H:i"
    elif days < 7:
        shape = "D H:i"
    elif there.year == here.year:
        shape = "j M H:i"
    else:
        shape = "j M Y"
    return dateformat.format(there, shape)
