"""By what figures may be split and filtered: each dimension as SQL over the copy, with the joins it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


class QueryError(ValueError):
    """A question that cannot be answered as asked; the message says what to ask instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """`sql` over `l` (the lead or opportunity) and its joins; a template with {local} for a part of the calendar.

    label: SQL that turns the grouped value `{0}` into what people read. parse: the other way, for filters.
    """

    sql: str
    joins: tuple[str, ...] = ()
    label: str = "{0}"
    parse: Callable[[str], str | int] = str
    calendar: bool = False


def _month(text: str) -> int:
    try:
        year, month = text.split("-")
        return int(year) * 12 + int(month) - 1
    except ValueError:
        raise QueryError(f"“{text}” is no month; write it like 2017-06.") from None


def _quarter(text: str) -> int:
    try:
        year, quarter = text.split("Q")
        return int(year) * 4 + int(quarter) - 1
    except ValueError:
        raise QueryError(f"“{text}” is no quarter; write it like 2017Q1.") from None


def _by_name(table: str) -> Dimension:
    return Dimension(sql=f"{table}.name", joins=(table,))


# In the order in which they are joined: a rep before the rep's team.
JOINS: dict[str, str] = {
    **{
        name: f"LEFT JOIN {name} ON {name}.id = l.{name}_id"
        for name in ("channel", "content", "campaign", "solution", "account", "reason")
    },
    "made": "LEFT JOIN made ON made.lead_id = l.id",
    # The first promise to decide on it that anybody had to keep.
    "promise": "LEFT JOIN (SELECT DISTINCT ON (lead_id) lead_id, due_at, stopped_at FROM clock "
    "WHERE kind = 'accept' AND NOT cancelled ORDER BY lead_id, started_at, id) promise ON promise.lead_id = l.id",
    "score": "LEFT JOIN score ON score.person_id = l.person_id",
    "owner": "LEFT JOIN rep owner ON owner.id = l.owner_id",
    "team": "LEFT JOIN team ON team.id = owner.team_id",
    "region": "LEFT JOIN region ON region.id = l.region_id",
    # A deal that names no region belongs to that of its owner, as a rep without one belongs to the team's.
    "deal_region": "LEFT JOIN region ON region.id = coalesce(l.region_id, owner.region_id, team.region_id)",
}
_CALENDAR = {
    "month": Dimension(
        sql="(year({local}) * 12 + month({local}) - 1)",
        label="printf('%04d-%02d', {0} // 12, {0} % 12 + 1)",
        parse=_month,
        calendar=True,
    ),
    "quarter": Dimension(
        sql="(year({local}) * 4 + quarter({local}) - 1)",
        label="printf('%04dQ%d', {0} // 4, {0} % 4 + 1)",
        parse=_quarter,
        calendar=True,
    ),
}
_SHARED = {
    **_CALENDAR,
    **{name: _by_name(name) for name in ("solution", "account", "reason")},
    "owner": Dimension(sql="owner.name", joins=("owner",)),
    "team": Dimension(sql="team.name", joins=("owner", "team")),
    "source": Dimension(sql="l.source"),
    "motion": Dimension(sql="l.motion::VARCHAR"),
}
LEAD_DIMENSIONS: Mapping[str, Dimension] = {
    "stage": Dimension(sql="l.stage::VARCHAR"),
    **_SHARED,
    **{name: _by_name(name) for name in ("channel", "content", "campaign", "region")},
    "function": Dimension(sql="l.function::VARCHAR"),
    "segment": Dimension(sql="l.segment"),
    "exit": Dimension(sql="l.exit::VARCHAR"),
    "entry_stage": Dimension(sql="l.entry_stage::VARCHAR"),
}
OPPORTUNITY_DIMENSIONS: Mapping[str, Dimension] = {
    "deal_stage": Dimension(sql="l.deal_stage"),
    "state": Dimension(sql="l.state::VARCHAR"),
    **_SHARED,
    "region": Dimension(sql="region.name", joins=("owner", "team", "deal_region")),
    "currency": Dimension(sql="l.currency"),
}
