"""The moments of one clock: when it warns, runs out, and what comes after. Pure: no database, no clock.

Definitions: domain.md 8.3. Everything is reckoned in the working time that the promise comes to, less the pauses: a
share of it until the warning, all of it until it runs out, one and a half times as much until the lead goes to somebody
else, and so many times as much until an MQL counts as never decided.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from routing.hours.calendars import ALWAYS, Hours, Span, add_days, add_minutes, minutes_between, next_opening

REASSIGN_AT: Final = 1.5  # times the promised time
DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is promised. unit: business_days, business_minutes or days (by the calendar).

    warn_at: a share of the time. reassign: whether the lead goes to somebody else in the end. expires_at: times the
    promised time, or None.
    """

    amount: int
    unit: str
    warn_at: float = 0.8
    reassign: bool = False
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Moments:
    """When a clock does what; None: never."""

    warn_at: datetime
    due_at: datetime
    reassign_at: datetime | None = None
    expires_at: datetime | None = None


def moments(terms: Terms, hours: Hours | None, started_at: datetime, pauses: Sequence[Span] = ()) -> Moments:
    """The moments of a clock that began then. hours: None where every hour of every day counts.

    pauses: spans that do not count, in order and apart. Raises ValueError for a promise of more than 40 years.
    """
    if hours is None or terms.unit == "days":
        hours = ALWAYS
    due_at = _promised(terms, hours, started_at)
    minutes = minutes_between(hours, started_at, due_at)
    if pauses and minutes_between(hours, started_at, due_at, without=pauses) < minutes:
        due_at = add_minutes(hours, started_at, minutes, without=pauses)
    for begins, ends in pauses:
        if begins < due_at < ends:  # at an opening, of which the time before it left nothing to count
            due_at = next_opening(hours, ends)

    def after(times: float) -> datetime:
        return add_minutes(hours, started_at, times * minutes, without=pauses)

    return Moments(
        warn_at=after(terms.warn_at),
        due_at=due_at,
        reassign_at=_if_ever(after, REASSIGN_AT) if terms.reassign else None,
        expires_at=_if_ever(after, terms.expires_at) if terms.expires_at else None,
    )


def took(unit: str, hours: Hours | None, started_at: datetime, ended_at: datetime, pauses: Sequence[Span]) -> float:
    """The minutes of the promise's own time from its start to its end, less the pauses."""
    counted = ALWAYS if hours is None or unit == "days" else hours
    return minutes_between(counted, started_at, ended_at, without=pauses)


def _promised(terms: Terms, hours: Hours, started_at: datetime) -> datetime:
    if terms.unit == "business_days":
        return add_days(hours, started_at, terms.amount)
    minutes = terms.amount * (DAY if terms.unit == "days" else 1)
    return add_minutes(hours, started_at, minutes)


def _if_ever(after: Callable[[float], datetime], times: float) -> datetime | None:
    """A rung that lies beyond what a calendar can reckon is never reached."""
    try:
        return after(times)
    except ValueError:
        return None


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order and apart: those that overlap or touch made one, empty ones left out."""
    found: list[Span] = []
    for begins, ends in sorted(span for span in spans if span[0] < span[1]):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends))
        else:
            found.append((begins, ends))
    return found


def within(spans: Iterable[Span], since: datetime, until: datetime | None) -> list[Span]:
    """What of the spans lies after one moment and before another, if there is one."""
    clipped = ((max(begins, since), ends if until is None else min(ends, until)) for begins, ends in spans)
    return [span for span in clipped if span[0] < span[1]]
