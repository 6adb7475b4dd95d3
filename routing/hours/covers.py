"""Who stands in for whom on a day: absences and their covers, followed to somebody who is here. Pure: no database.

Absences of one rep may overlap: they are away once, until the last of those that follow on each other is over, and
whoever covers in any of them may look after their leads.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Away:
    """An absence of a rep, both days included."""

    rep_id: int
    starts_on: date
    ends_on: date
    cover_id: int | None = None

    def holds(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on


def covers_on(day: date, absences: Iterable[Away]) -> dict[int, tuple[int, ...]]:
    """Who is away on a day, each once, and who covers for them, in the order of the absences."""
    found: dict[int, tuple[int, ...]] = {}
    for one in absences:
        if one.holds(day):
            covers = found.setdefault(one.rep_id, ())
            if one.cover_id is not None and one.cover_id not in covers:
                found[one.rep_id] = (*covers, one.cover_id)
    return found


def cover_of(rep_id: int, away: Mapping[int, Sequence[int]]) -> int | None:
    """Who looks after the leads of a rep: themselves if they are here, else the first of their covers who is, else of
    the covers' covers.

    away: covers of those who are away. None: nobody; also where they cover for each other in a circle.
    """
    asked = deque([rep_id])
    passed = {rep_id}
    while asked:
        one = asked.popleft()
        if one not in away:
            return one
        further = [cover for cover in away[one] if cover not in passed]
        asked += further
        passed |= set(further)
    return None


def last_day(day: date, absences: Iterable[Away]) -> date | None:
    """The last day of the absence that holds this day, with those that overlap it or follow on at once; None: none
    does. absences: of one rep.
    """
    last = None
    for one in sorted(absences, key=lambda one: one.starts_on):
        if one.holds(day) or (last is not None and one.starts_on <= last + _DAY):
            last = max(last or one.ends_on, one.ends_on)
    return last


def nobody_on(absence: Away, others: Collection[Away]) -> date | None:
    """The first day of an absence with a cover on which nobody would stand in after all."""
    if absence.cover_id is None:
        return None
    return next((day for day in _days(absence) if _uncovered(absence.rep_id, day, [absence, *others])), None)


def left_alone(absence: Away, others: Collection[Away]) -> dict[int, date]:
    """Who would have nobody any more because of this absence, each with the first such day: those whose cover it is
    that is away now.
    """
    found: dict[int, date] = {}
    promised = {one.rep_id for one in others if one.cover_id is not None} - {absence.rep_id}
    for day in _days(absence) if promised else ():
        before, after = covers_on(day, others), covers_on(day, [*others, absence])
        for rep_id in promised & before.keys() - found.keys():
            if cover_of(rep_id, before) is not None and cover_of(rep_id, after) is None:
                found[rep_id] = day
    return found


def _days(absence: Away) -> Iterable[date]:
    return (absence.starts_on + number * _DAY for number in range((absence.ends_on - absence.starts_on).days + 1))


def _uncovered(rep_id: int, day: date, absences: Iterable[Away]) -> bool:
    return cover_of(rep_id, covers_on(day, absences)) is None
