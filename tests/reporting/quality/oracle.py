"""The figures of model quality once more, in plain Python over plain records: what the SQL is held against."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

CARRIES = 0.25


@dataclass(frozen=True, kw_only=True)
class Case:
    """An MQL and what became of it. fate: as in `cases`; points: by rule."""

    mql_at: datetime
    fate: str = "open"
    reason: str = ""
    sql_after: int | None = None  # days
    won_after: int | None = None
    passthrough: bool = False
    known: bool = True
    by: str = "score"
    grade: str = "A"
    band: int = 1
    channel: str | None = None
    points: dict[str, float] = field(default_factory=dict)

    @property
    def interest(self) -> float:
        return sum(self.points.values())

    @property
    def accepted(self) -> bool:
        return self.fate == "accepted" or self.sql_after is not None or self.won_after is not None

    @property
    def rejected(self) -> bool:
        return not self.accepted and self.fate in ("rejected", "recycled")

    def carried_by(self, rule: str) -> bool:
        given = sum(max(each, 0) for each in self.points.values())
        return self.known and self.by == "score" and given > 0 and self.points.get(rule, 0) / given >= CARRIES


def tally(cases: Iterable[Case], judged: datetime) -> dict[str, int]:
    """The counts of `tallies.Tally`."""
    mine = [case for case in cases if not case.passthrough]

    def old(days: int) -> list[Case]:
        return [case for case in mine if case.mql_at + timedelta(days=days) <= judged]

    def within(case: Case, after: int | None, days: int) -> bool:
        return after is not None and after <= days

    decided = [case for case in old(14) if case.accepted or case.rejected]
    return {
        "made": len(mine),
        "known": sum(case.known for case in mine),
        "by_hand": sum(case.known and case.by == "hand" for case in mine),
        "old": len(old(14)),
        "decided": len(decided),
        "accepted": sum(case.accepted for case in decided),
        "sql_of": len(old(59)),
        "sql": sum(
            within(case, case.sql_after, 59) or (case.sql_after is None and within(case, case.won_after, 59))
            for case in old(59)
        ),
        "won_of": len(old(209)),
        "won": sum(within(case, case.won_after, 209) for case in old(209)),
    }


def group(cases: Iterable[Case], key: Callable[[Case], object], judged: datetime) -> dict[object, dict[str, int]]:
    found: dict[object, list[Case]] = {}
    for case in cases:
        if not case.passthrough:
            found.setdefault(key(case), []).append(case)
    return {name: tally(members, judged) for name, members in found.items()}
