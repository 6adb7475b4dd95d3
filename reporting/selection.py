"""One statement over the copy, put together: what is selected, by which dimensions, filters, period and zone."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from funnel.path import MILESTONES
from reporting import as_of
from reporting.dimensions import JOINS, LEAD_DIMENSIONS, OPPORTUNITY_DIMENSIONS, Dimension, QueryError
from reporting.facts import Copy, Rows
from reporting.sources import attribute_table
from reporting.zones import offsets

_ATTRIBUTE = "attribute:"  # before a custom attribute that is named like a dimension


class Asked(Protocol):
    """What this module needs of a question (`metrics.Query`)."""

    @property
    def object(self) -> str: ...
    @property
    def basis(self) -> str: ...
    @property
    def start(self) -> datetime | None: ...
    @property
    def end(self) -> datetime | None: ...
    @property
    def tz(self) -> str: ...
    @property
    def where(self) -> Mapping[str, Sequence[str | None]]: ...
    @property
    def by(self) -> tuple[str, ...]: ...
    @property
    def window(self) -> int | None: ...
    @property
    def as_of(self) -> datetime | None: ...


@dataclass
class Selection:
    """The rows that a question is about, as SQL: filters, dimensions and their joins.

    steps: the stages that a question counts one by one; then they, and not where a lead stands, are its dimension
    `stage`, in this order.
    """

    copy: Copy
    query: Asked
    joins: set[str] = field(default_factory=set)
    attributes: dict[str, str] = field(default_factory=dict)
    steps: Sequence[str] = ()
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def leads(self) -> bool:
        return self.query.object == "leads"

    @property
    def table(self) -> str:
        return "lead" if self.leads else "opportunity"

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        return LEAD_DIMENSIONS if self.leads else OPPORTUNITY_DIMENSIONS

    def dimension(self, name: str) -> Dimension:
        found = self.dimensions.get(name)
        if found is None and self.leads and self.copy.attribute(attribute := name.removeprefix(_ATTRIBUTE)):
            alias = self.attributes.setdefault(attribute, f"a{len(self.attributes)}")
            return Dimension(sql=f"{alias}.value")
        if found is None:
            known = [*self.dimensions, *(self.copy.attributes() if self.leads else ())]
            raise QueryError(f"There is no dimension “{name}” of {self.query.object}. There are: {', '.join(known)}.")
        self.joins.update(found.joins)
        return found

    def parameter(self, value: Any) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def value(self, name: str, calendar: str) -> str:
        """The dimension's SQL; a part of the calendar is that of the moment `calendar` in the query's zone."""
        dimension = self.dimension(name)
        return dimension.sql.replace("{local}", self.local(calendar)) if dimension.calendar else dimension.sql

    def local(self, at: str) -> str:
        """The moment as the clocks of the query's zone show it: a few shifts of fixed size, the fastest way."""
        shifts = offsets(self.query.tz, *bounds(self.copy, self.query.object))
        whens = [f"WHEN {at} < TIMESTAMP '{until}' THEN {at} + {_interval(shift)}" for until, shift in shifts[:-1]]
        last = f"{at} + {_interval(shifts[-1][1])}" if shifts[-1][1] else at
        return f"(CASE {' '.join(whens)} ELSE {last} END)" if whens else f"({last})"

    def within(self, at: str) -> list[str]:
        """The conditions that `at` lies in the query's period."""
        found = []
        if self.query.start is not None:
            found.append(f"{at} >= {self.parameter(utc(self.query.start))}")
        if self.query.end is not None:
            found.append(f"{at} < {self.parameter(utc(self.query.end))}")
        return found

    def filters(self, calendar: str) -> list[str]:
        return [self._filter(name, labels, calendar) for name, labels in self.query.where.items()]

    def _filter(self, name: str, labels: Sequence[str | None], calendar: str) -> str:
        sql, parse = self.value(name, calendar), self.dimension(name).parse
        named = [self.parameter(parse(label)) for label in labels if label is not None]
        tests = [f"{sql} IN ({', '.join(named)})"] if named else []
        tests += [f"{sql} IS NULL"] if None in labels else []
        return f"({' OR '.join(tests)})" if tests else "false"

    def select(
        self,
        columns: Mapping[str, str],
        *,
        at: str,
        conditions: Iterable[str] = (),
        by: Sequence[str] | None = None,
        step: int | None = None,
    ) -> str:
        """One row a lead or deal: the dimensions `by` (the query's) as d0, d1 ... and the named columns.

        at: the moment that must lie in the query's period, and whose month and quarter are a lead's; a deal's are
        those of its close. step: which of the steps this is.
        """
        calendar = at if self.leads else "l.closed_at"
        values = [
            f"{step if self._is_step(name) else self.value(name, calendar)} AS d{index}"
            for index, name in enumerate(self._by(by))
        ]
        values += [f"{sql} AS {name}" for name, sql in columns.items()]
        tests = [*conditions, *self.within(at), *self.filters(calendar)]
        joins = [sql for name, sql in JOINS.items() if name in self.joins]
        joins += [
            f"LEFT JOIN {attribute_table(name)} {alias} ON {alias}.id = l.person_id"
            for name, alias in self.attributes.items()
        ]
        where = f"WHERE {' AND '.join(tests)}" if tests else ""
        return f"SELECT {', '.join(values) or 'true'} FROM {self.table} l {' '.join(joins)} {where}"

    def _by(self, by: Sequence[str] | None) -> Sequence[str]:
        return self.query.by if by is None else by

    def _is_step(self, name: str) -> bool:
        return name == "stage" and bool(self.steps)

    def _label(self, index: int, name: str) -> str:
        if self._is_step(name):
            return f"{list(self.steps)}[d{index} + 1]"
        return self.dimension(name).label.format(f"d{index}")

    def grouped(
        self, inner: str, figures: Mapping[str, str], by: Sequence[str] | None = None, also: Sequence[str] = ()
    ) -> Rows:
        """Group what `inner` selects by its dimensions, in their order, blank last; `also` by these columns of it."""
        by = self._by(by)
        keys = [*(f"d{index}" for index in range(len(by))), *also]
        counted = ", ".join([*keys, *(f'{sql} AS "{name}"' for name, sql in figures.items())])
        labels = [f'{self._label(index, name)} AS "{_quoted(name)}"' for index, name in enumerate(by)]
        shown = ", ".join([*labels, *(f'"{name}"' for name in (*also, *figures))])
        group = f"GROUP BY {', '.join(keys)}" if keys else ""
        order = f"ORDER BY {', '.join(f'{key} ASC NULLS LAST' for key in keys)}" if keys else ""
        return self.rows(f"SELECT {shown} FROM (SELECT {counted} FROM ({inner}) {group}) {order}")

    def rows(self, sql: str) -> Rows:
        """Run a statement over what `select` gave, as of the query's moment."""
        if self.query.as_of is None:
            return self.copy.rows(sql, self.parameters)
        self.copy.need("stage_event" if self.leads else "opportunity_event")
        self.parameters["as_of"] = utc(self.query.as_of)
        return self.copy.rows(f"WITH {as_of.LEADS if self.leads else as_of.OPPORTUNITIES} {sql}", self.parameters)


def _interval(seconds: int) -> str:
    return f"INTERVAL ({seconds}) SECOND"


def _quoted(name: str) -> str:
    return name.replace('"', '""')


def utc(moment: datetime) -> datetime:
    """A moment as the copy writes it: UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def bounds(copy: Copy, kind: str) -> tuple[date, date]:
    """The first and last day on which anything of this kind happened, within reason, for cutting a calendar."""
    columns = [*MILESTONES.values(), "closed_at"] if kind == "leads" else ["opened_at", "closed_at"]
    table = "lead" if kind == "leads" else "opportunity"

    def find() -> tuple[date, date]:
        first, last = (", ".join(f"{edge}({column})" for column in columns) for edge in ("min", "max"))
        [(low, high)] = copy.rows(f"SELECT least({first}), greatest({last}) FROM {table}").rows
        earliest, latest = date(1970, 1, 1), date(2100, 1, 1)
        if low is None:
            return earliest, earliest
        return max(low.date() - timedelta(days=1), earliest), min(high.date() + timedelta(days=1), latest)

    found: tuple[date, date] = copy.answer(("bounds", kind), find)
    return found


class Listed(ABC):
    """Leads that can be counted and walked by id; which they are says `_select`, as a selection and its SQL."""

    def count(self, copy: Copy) -> int:
        selection, inner = self._select(copy)
        [(leads,)] = selection.rows(f"SELECT count(*) FROM ({inner})").rows
        return int(leads)

    def ids(
        self, copy: Copy, *, below: int | None = None, above: int | None = None, limit: int | None = None
    ) -> list[int]:
        """Ids from the greatest down, or from `above` up; below and above are cursors, not in the answer themselves."""
        selection, inner = self._select(copy)
        tests = [f"id < {selection.parameter(below)}"] if below is not None else []
        tests += [f"id > {selection.parameter(above)}"] if above is not None else []
        where = f"WHERE {' AND '.join(tests)}" if tests else ""
        order = "ASC" if above is not None else "DESC"
        most = f"LIMIT {int(limit)}" if limit is not None else ""
        rows = selection.rows(f"SELECT id FROM ({inner}) {where} ORDER BY id {order} {most}").rows
        return [row_id for (row_id,) in rows]

    @abstractmethod
    def _select(self, copy: Copy) -> tuple[Selection, str]:
        """The selection, and its SQL with a column `id`."""
