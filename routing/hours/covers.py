"""Who stands in for whom on a day: absences and their covers, followed to somebody who is here. Pure: no database."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Away:
    """An absence of a rep, both days included."""

    rep_id: int
    starts_on: date
    ends_on: date
    cover_id: int | None = None


def covers_on(day: date, absences: Iterable[Away]) -> dict[int, int | None]:
    """Who is away on a day, and their cover. Of several absences of one rep, one with a cover counts."""
    found: dict[int, int | None] = {}
    for one in absences:
        if one.starts_on <= day <= one.ends_on:
            found[one.rep_id] = found.get(one.rep_id) or one.cover_id
    return found


def cover_of(rep_id: int, away: Mapping[int, int | None]) -> int | None:
    """Who looks after the leads of a rep: themselves if they are here, else their cover, else the cover's cover.

    away: covers of those who are away. None: nobody; also where they cover for each other in a circle.
    """
    here: int | None = rep_id
    passed: set[int] = set()
    while here is not None and here in away:
        if here in passed:
            return None
        passed.add(here)
        here = away[here]
    return here


def nobody_on(absence: Away, others: Collection[Away]) -> date | None:
    """The first day of an absence with a cover on which nobody would stand in after all."""
    if absence.cover_id is None:
        return None
    day = absence.starts_on
    while day <= absence.ends_on:
        if cover_of(absence.rep_id, covers_on(day, [absence, *others])) is None:
            return day
        day += timedelta(days=1)
    return None
