"""Calendars as files (iCalendar, RFC 5545), as far as "whom does somebody meet when" needs them. Pure.

Read are VEVENTs with DTSTART, ATTENDEE, ORGANIZER, SUMMARY, STATUS, RRULE (daily, weekly, monthly, yearly, with
INTERVAL, COUNT, UNTIL and weekdays), EXDATE and changed occurrences (RECURRENCE-ID). An all-day event begins at
midnight where the calendar is; a time without a zone, or with one that nobody knows, is local time there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MOST_OCCURRENCES: Final = 20_000  # that a rule is followed through before it is given up
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_LINE: Final = re.compile(r'([A-Za-z0-9-]+)((?:;[^=;:]+=(?:"[^"]*"|[^;:"]*))*):(.*)')
_PARAMETER: Final = re.compile(r';([^=;:]+)=(?:"([^"]*)"|([^;:"]*))')
_DAYS: Final = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_KNOWN_PARTS: Final = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}
_WEEK: Final = timedelta(weeks=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """One occurrence. starts_at: in UTC; people: the e-mail addresses of all who are asked, in small letters."""

    starts_at: datetime
    people: frozenset[str]
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a calendar says of a span of time. problems: what could not be read, a sentence each."""

    meetings: tuple[Meeting, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Event:
    """A VEVENT by its properties: each a list of (parameters, value)."""

    properties: dict[str, list[tuple[Mapping[str, str], str]]] = field(default_factory=dict)

    def first(self, name: str) -> tuple[Mapping[str, str], str] | None:
        return next(iter(self.properties.get(name, ())), None)

    def text(self, name: str) -> str:
        found = self.first(name)
        return found[1] if found else ""


def read(text: str, *, zone: ZoneInfo, start: datetime, end: datetime) -> Feed:
    """The meetings that begin in [start, end), in order. zone: where the calendar is.

    Raises ValueError with a sentence for what is no calendar.
    """
    if "BEGIN:VCALENDAR" not in text.upper():
        raise ValueError("This is no calendar file: it does not begin with BEGIN:VCALENDAR.")
    problems: list[str] = []
    events = [event for event in _events(text) if event.text("STATUS").upper() != "CANCELLED"]
    changed = _changed(_events(text), zone, problems)
    meetings = []
    for event in events:
        try:
            begins = list(_begins(event, zone, changed, start=start, end=end))
        except (ValueError, OverflowError) as error:
            problems.append(f"“{event.text('SUMMARY')[:60] or 'Without a title'}”: {error}")
            continue
        people, summary = _people(event), _unescaped(event.text("SUMMARY"))
        meetings += [Meeting(starts_at=at, people=people, summary=summary) for at in begins]
    meetings.sort(key=lambda one: (one.starts_at, one.summary))
    return Feed(meetings=tuple(meetings), problems=tuple(problems))


def _events(text: str) -> list[_Event]:
    events: list[_Event] = []
    inside: list[str] = []
    for line in _FOLD.sub("", text).splitlines():
        found = _LINE.fullmatch(line.strip())
        if found is None:
            continue
        name, value = found[1].upper(), found[3]
        if name == "BEGIN":
            inside.append(value.strip().upper())
            if inside[-1] == "VEVENT":
                events.append(_Event())
        elif name == "END":
            inside = inside[:-1]
        elif inside and inside[-1] == "VEVENT":  # and not an alarm within it
            parameters = {key.upper(): quoted or plain for key, quoted, plain in _PARAMETER.findall(found[2])}
            events[-1].properties.setdefault(name, []).append((parameters, value.strip()))
    return events


def _changed(events: Sequence[_Event], zone: ZoneInfo, problems: list[str]) -> dict[str, set[datetime]]:
    """By event the occurrences that an entry of their own replaces, or calls off."""
    found: dict[str, set[datetime]] = {}
    for event in events:
        if instead := event.first("RECURRENCE-ID"):
            try:
                found.setdefault(event.text("UID"), set()).add(_moment(*instead, zone)[0])
            except (ValueError, OverflowError) as error:
                problems.append(f"“{event.text('SUMMARY')[:60]}”, a changed occurrence: {error}")
    return found


def _begins(
    event: _Event, zone: ZoneInfo, changed: Mapping[str, set[datetime]], *, start: datetime, end: datetime
) -> Iterator[datetime]:
    """When the event's occurrences begin, as far as they do within the span."""
    given = event.first("DTSTART")
    if given is None:
        raise ValueError("it does not say when it begins.")
    first, local = _moment(*given, zone)
    rule = event.text("RRULE")
    if not rule or event.first("RECURRENCE-ID"):
        if start <= first < end:
            yield first
        return
    left_out = {_moment(told, one, zone)[0] for told, dates in event.properties.get("EXDATE", ()) for one in
                dates.split(",")}  # fmt: skip
    left_out |= changed.get(event.text("UID"), set())
    for at in _recurring(local, _rule_of(rule), zone):
        moment = at.astimezone(UTC)
        if moment >= end:
            return
        if moment >= start and moment not in left_out:
            yield moment


def _rule_of(text: str) -> dict[str, str]:
    parts = dict(part.upper().split("=", 1) for part in text.split(";") if "=" in part)
    frequency = parts.get("FREQ", "")
    if frequency not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
        raise ValueError(f"it repeats by “{frequency or text[:40]}”, which is not followed.")
    unknown = set(parts) - _KNOWN_PARTS
    byday = parts.get("BYDAY", "")
    if frequency in ("MONTHLY", "YEARLY") and byday or any(day not in _DAYS for day in byday.split(",") if day):
        unknown.add("BYDAY")
    if unknown:
        raise ValueError(f"it repeats by {', '.join(sorted(unknown))}, which is not followed.")
    return parts


def _recurring(first: datetime, rule: Mapping[str, str], zone: ZoneInfo) -> Iterator[datetime]:
    """The occurrences of a rule, at the same time of day where the event is."""
    try:
        interval = int(rule.get("INTERVAL", "1"))
        count = int(rule["COUNT"]) if "COUNT" in rule else MOST_OCCURRENCES
    except ValueError as error:
        raise ValueError("how often it repeats is no number.") from error
    if interval < 1:
        raise ValueError("it repeats every 0 times.")
    until = _moment({}, rule["UNTIL"], zone, ends=True)[0] if "UNTIL" in rule else None
    days = [_DAYS[day] for day in rule.get("BYDAY", "").split(",") if day]
    told = 0
    for day in _days(first.date(), rule["FREQ"], interval, days):
        at = datetime.combine(day, first.time(), first.tzinfo)
        if at < first:
            continue
        if told >= count or (until is not None and at.astimezone(UTC) > until):
            return
        told += 1
        yield at


def _days(first: date, frequency: str, interval: int, days: Sequence[int]) -> Iterator[date]:
    if frequency == "DAILY":
        for number in range(MOST_OCCURRENCES):
            day = first + timedelta(days=number * interval)
            if not days or day.weekday() in days:
                yield day
    elif frequency == "WEEKLY":
        monday = first - timedelta(days=first.weekday())
        for number in range(MOST_OCCURRENCES):
            week = monday + number * interval * _WEEK
            yield from (week + timedelta(days=day) for day in sorted(days or [first.weekday()]))
    else:
        step = interval * (12 if frequency == "YEARLY" else 1)
        for number in range(MOST_OCCURRENCES):
            month = first.month - 1 + number * step
            if first.year + month // 12 > date.max.year:
                return
            try:
                yield first.replace(year=first.year + month // 12, month=month % 12 + 1)
            except ValueError:
                continue  # a month without such a day has no occurrence


def _moment(
    parameters: Mapping[str, str], value: str, zone: ZoneInfo, *, ends: bool = False
) -> tuple[datetime, datetime]:
    """A moment in UTC, and as the clock on the wall shows it there. ends: a bare day means its end."""
    value = value.strip().upper()
    try:
        if len(value) == 8:
            local = datetime.combine(date.fromisoformat(value), time.max if ends else time(), zone)
        elif value.endswith("Z"):
            local = datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        else:
            there = _zone(parameters.get("TZID", ""), zone)
            local = datetime.strptime(value, "%Y%m%dT%H%M%S").replace(tzinfo=there)
    except ValueError as error:
        raise ValueError(f"“{value[:30]}” is no time.") from error
    return local.astimezone(UTC), local


def _zone(name: str, here: ZoneInfo) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else here
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return here  # a name of the sender's own, like “W. Europe Standard Time”


def _people(event: _Event) -> frozenset[str]:
    found = [value for name in ("ATTENDEE", "ORGANIZER") for _told, value in event.properties.get(name, ())]
    return frozenset(value[len("mailto:") :].strip().lower() for value in found if value.lower().startswith("mailto:"))


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\;,nN])", lambda found: " " if found[1] in "nN" else found[1], text)
