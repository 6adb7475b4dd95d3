"""What an address of the promises page asks for, and addresses that ask for it. Pure."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from reporting.periods import DAY, PRESETS, Period, preset

PERIODS = {key: PRESETS[key] for key in ("month", "last-month", "quarter", "last-quarter", "year", "last-year", "all")}
BY = {"rep": "Rep", "team": "Team", "week": "Week", "month": "Month"}
PARTS = {
    "all": "have run out or ended",
    "kept": "were kept",
    "missed": "were missed at some time",
    "overdue": "are overdue now",
}
USUAL = "quarter"
CUSTOM = "custom"  # a period by its first and last day


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A period of due times, one kind of clock or all (blank), and what the rows are by.

    part, group: behind which number the leads are; group is a row's key, blank for all rows.
    """

    period: Period
    kind: str = ""
    by: str = "rep"
    part: str = "all"
    group: str = ""

    def query(self, **changes: str) -> str:
        """The address of this with other parts; what is usual is left out."""
        values = {"period": self.period.key, "kind": self.kind, "by": self.by} | changes
        if values["period"] == CUSTOM and self.period.start and self.period.end:
            values |= {"from": self.period.start.isoformat(), "to": (self.period.end - DAY).isoformat()}
        usual = {"period": USUAL, "kind": "", "by": "rep", "part": "all", "group": ""}
        kept = {name: value for name, value in values.items() if value != usual.get(name)}
        return f"?{urlencode(kept)}" if kept else ""


def read(query: Mapping[str, Any], *, kinds: Mapping[str, str], today: dt.date) -> Asked:
    """What an address asks for; what makes no sense is as usual."""
    found = Asked(period=_period(query, today))
    kind, by, part, group = (str(query.get(name, "")) for name in ("kind", "by", "part", "group"))
    found = replace(found, kind=kind if kind in kinds else "", by=by if by in BY else "rep")
    found = replace(found, part=part if part in PARTS else "all")
    return replace(found, group=group) if _names_a_row(group, found.by) else found


def _period(query: Mapping[str, Any], today: dt.date) -> Period:
    asked = str(query.get("period", ""))
    if asked == CUSTOM:
        try:
            first, last = (dt.date.fromisoformat(str(query.get(name, ""))) for name in ("from", "to"))
        except ValueError:
            return preset(USUAL, today)
        if first.year >= 1900 and first <= last and last.year <= 2200:
            return Period(CUSTOM, first, last + DAY)
    return preset(asked if asked in PERIODS else USUAL, today)


def _names_a_row(group: str, by: str) -> bool:
    """Whether it could be a row's key: an id, a day, or none (a rep or team that nobody is)."""
    if by in ("rep", "team"):
        return group == "none" or (group.isascii() and group.isdigit() and len(group) < 19)
    try:
        dt.date.fromisoformat(group)
    except ValueError:
        return False
    return True
