"""What an address of the promises page asks for, and addresses that ask for it. Pure."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from reporting.periods import PRESETS, Period, preset

PERIODS = {key: PRESETS[key] for key in ("month", "last-month", "quarter", "last-quarter", "year", "last-year", "all")}
BY = {"rep": "Rep", "team": "Team", "week": "Week", "month": "Month"}
PARTS = {
    "all": "have run out or ended",
    "kept": "were kept",
    "missed": "were missed at some time",
    "overdue": "are overdue now",
}
USUAL = "quarter"


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
        usual = {"period": USUAL, "kind": "", "by": "rep", "part": "all", "group": ""}
        kept = {name: value for name, value in values.items() if value != usual[name]}
        return f"?{urlencode(kept)}" if kept else ""


def read(query: Mapping[str, Any], *, kinds: Mapping[str, str], today: dt.date) -> Asked:
    """What an address asks for; what makes no sense is as usual."""
    period = str(query.get("period", ""))
    found = Asked(period=preset(period if period in PERIODS else USUAL, today))
    kind, by, part, group = (str(query.get(name, "")) for name in ("kind", "by", "part", "group"))
    found = replace(found, kind=kind if kind in kinds else "", by=by if by in BY else "rep")
    found = replace(found, part=part if part in PARTS else "all")
    return replace(found, group=group) if _names_a_row(group, found.by) else found


def _names_a_row(group: str, by: str) -> bool:
    """Whether it could be a row's key: an id, a day, or none (a rep or team that nobody is)."""
    if by in ("rep", "team"):
        return group == "none" or (group.isascii() and group.isdigit() and len(group) < 19)
    try:
        dt.date.fromisoformat(group)
    except ValueError:
        return False
    return True
