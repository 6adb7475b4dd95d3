"""A first mapping for a file that nobody has mapped yet: which column is what, and how its dates are written. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from rapidfuzz import fuzz

from funnel.importing.reading import Record
from funnel.importing.values import EPOCH, ISO, Reading, Unreadable, boolean, number, reader
from funnel.ingest.rows import Field, Kind

SMALL_SET: Final = 30  # distinct values that a value map can be shown for
ALIKE: Final = 88  # how alike two names must be, of 100
DAYS: Final = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
)
TIMES: Final = (" %H:%M", " %H:%M:%S", " %I:%M %p", ", %H:%M", ", %I:%M %p", "T%H:%M:%S")
FORMATS: Final = (ISO, *DAYS, *(day + time for day in DAYS for time in TIMES), *reversed(EPOCH))

# What other systems call our fields, in lower case without signs between the words.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "external_id": ("id", "record id", "lead id", "contact id", "prospect id", "deal id", "opportunity id", "case id"),
    "email": ("e mail", "mail", "email address", "work email", "business email"),
    "first_name": ("firstname", "given name", "forename"),
    "last_name": ("lastname", "surname", "family name"),
    "title": ("job title", "jobtitle", "position", "role"),
    "company": ("company name", "organisation", "organization", "employer", "account name"),
    "phone": ("phone number", "telephone", "tel", "mobile", "mobile phone"),
    "country": ("country region", "office location", "nation"),
    "inquiry_at": ("created", "created at", "created date", "createdate", "create date", "first contact date", "date"),
    "mql_at": ("mql date", "became mql", "first mql date", "became a marketing qualified lead date"),
    "sal_at": ("sal date", "accepted date", "accepted at"),
    "sql_at": ("sql date", "became a sales qualified lead date"),
    "opportunity_at": ("became an opportunity date", "converted date"),
    "won_at": ("won date", "became a customer date", "customer since"),
    "closed_at": ("close date", "closedate", "closed date", "date closed"),
    "opened_at": ("created", "created at", "created date", "createdate", "engage date", "open date"),
    "occurred_at": ("timestamp", "time", "date", "when", "event time", "activity date", "datetime"),
    "channel": ("lead source", "origin", "original source", "utm medium", "marketing channel"),
    "campaign": ("campaign name", "utm campaign"),
    "content": ("landing page", "landing page id", "utm content", "asset"),
    "owner": ("owner name", "sales agent", "rep", "assigned to", "lead owner", "opportunity owner", "deal owner"),
    "solution": ("product", "product name", "product interest"),
    "region": ("regional office", "territory"),
    "team": ("manager", "sales team"),
    "account": ("account name", "company", "company name", "account id", "customer"),
    "parent": ("parent account", "subsidiary of", "parent company", "parent campaign"),
    "industry": ("sector", "vertical"),
    "employees": ("number of employees", "company size", "headcount"),
    "revenue": ("annual revenue", "annualrevenue", "turnover"),
    "domains": ("website", "domain", "company domain name", "email domain"),
    "amount": ("close value", "value", "deal amount", "cost", "spend"),
    "deal_stage": ("stage", "stage name", "dealstage"),
    "state": ("deal stage", "stage name", "status"),
    "lead": ("lead id", "case id", "prospect id", "mql id"),
    "person_id": ("contact id", "customer id", "visitor id"),
    "stage": ("activity", "status", "lifecycle stage", "new stage"),
    "type": ("activity type", "event", "event type", "touch type"),
    "incurred_on": ("date", "day", "spend date"),
    "name": ("full name", "deal name", "dealname", "account", "company", "company name", "sales agent", "rep", "title"),
    "exit": ("outcome", "disposition"),
    "opted_out": ("has opted out of email", "do not email", "unsubscribed"),
}


@dataclass(frozen=True)
class Sample:
    """The first records of a file."""

    header: Sequence[str]
    records: Sequence[Record]

    @cached_property
    def columns(self) -> dict[str, list[str]]:
        """Each named column's values, blanks left out, in the order of the file."""
        sound = [record.cells for record in self.records if not record.problem]
        return {
            name: [text for cells in sound if (text := cells[place].strip())]
            for place, name in enumerate(self.header)
            if name and self.header.count(name) == 1
        }

    def distinct(self, column: str) -> list[str]:
        """The values of a column, the most frequent first."""
        counts: dict[str, int] = {}
        for text in self.columns.get(column, ()):
            counts[text] = counts.get(text, 0) + 1
        return sorted(counts, key=lambda text: (-counts[text], text))


def guess(kind: Kind, sample: Sample) -> dict[str, Any]:
    """A mapping document for the file, as far as names and values tell."""
    taken: set[str] = set()
    fields: dict[str, Any] = {}
    for _score, name, column in _candidates(kind, sample):
        shared = column in taken and not _says_choices(kind.fields[name], column, sample)
        if name not in fields and not shared:
            fields[name] = entry(kind.fields[name], column, sample)
            taken.add(column)
    if "external_id" in kind.key and "external_id" not in fields and (composed := _composed_key(fields)):
        fields["external_id"] = {"template": composed}
    return {"kind": kind.name, "fields": {name: fields[name] for name in kind.fields if name in fields}}


def entry(target: Field, column: str, sample: Sample) -> dict[str, Any]:
    """What the mapping says of a field that comes from this column: how dates are written, what its choices become."""
    said: dict[str, Any] = {"column": column}
    values = sample.columns.get(column, [])
    if target.type in ("date", "datetime") and values:
        fits = date_formats(values)
        said["type"] = "date" if target.type == "date" or _days_only(values) else "datetime"
        said["format"] = fits[0] if fits else ISO
    if to_translate(target, column, sample):
        known = {text: choice for text in sample.distinct(column) if (choice := _choice(text, target.choices or ()))}
        if known:
            said["map"] = known
    return said


def to_translate(target: Field, column: str, sample: Sample) -> list[str]:
    """The values of a column that need a value map: a small set that are not the field's choices as they are."""
    found = sample.distinct(column)
    if not target.choices or len(found) > SMALL_SET or set(found) <= set(target.choices):
        return []
    return found


def attribute(column: str, sample: Sample) -> dict[str, Any]:
    """What the mapping says of a column that is kept as an attribute."""
    values = sample.columns.get(column, [])
    if values and _all(values, boolean) and not set(values) <= {"0", "1"}:
        return {"column": column, "type": "boolean"}
    if values and _all(values, number) and not any(re.match(r"[+-]?0\d", text) for text in values):
        return {"column": column, "type": "number"}
    return {"column": column}


def attribute_name(column: str) -> str:
    """A column's name as attributes are called: `Total Visits` becomes total_visits."""
    return re.sub(r"\W+", "_", column.strip().lower()).strip("_") or "column"


def date_formats(values: Sequence[str]) -> list[str]:
    """The formats under which every value is a date, the most common first. Two of them: day and month are unclear.

    What no format reads is an error of its row and says nothing of the column, unless it is half of it.
    """
    readers = {pattern: reader(_as_written(pattern), "datetime") for pattern in FORMATS}
    dates = [text for text in values if any(_all([text], read) for read in readers.values())]
    if 2 * len(dates) <= len(values):
        return []
    return [pattern for pattern, read in readers.items() if _all(dates, read)]


def _as_written(pattern: str) -> Reading:
    return Reading(type="datetime", format=pattern, ambiguous="earlier", nonexistent="forward")


def _all(values: Iterable[str], read: Callable[[str], Any]) -> bool:
    try:
        for text in values:
            read(text)
    except Unreadable:
        return False
    return True


def _days_only(values: Sequence[str]) -> bool:
    return not any(re.search(r"\d:\d|T\d|^\d{10,13}$", text) for text in values)


def _choice(text: str, choices: Sequence[str]) -> str | None:
    """The choice that a value of the file clearly means."""
    said = _words(text)
    return next((str(choice) for choice in choices if fuzz.ratio(said, _words(choice)) >= ALIKE), None)


def _says_choices(target: Field, column: str, sample: Sample) -> bool:
    """Whether a column that serves another field already says this one too, as a deal's stage says that it was won."""
    return any(_choice(text, target.choices or ()) for text in sample.distinct(column)[:SMALL_SET])


def _composed_key(fields: Mapping[str, Any]) -> str:
    """A key for events without one: whose, what and when."""
    for parts in (("lead", "stage", "occurred_at"), ("person_id", "type", "occurred_at")):
        columns = [fields[name]["column"] for name in parts if name in fields]
        if len(columns) == len(parts) and not any(set("{}") & set(column) for column in columns):
            return "/".join(f"{{{column}}}" for column in columns)
    return ""


def _candidates(kind: Kind, sample: Sample) -> list[tuple[float, str, str]]:
    """(merit of 100, field, column) for every pair that fits, the best first."""
    found = [
        (merit, name, column)
        for name, target in kind.fields.items()
        for column, values in sample.columns.items()
        if (merit := _merit(target, column)) >= ALIKE and _fits(target, values)
    ]
    return sorted(found, key=lambda pair: (-pair[0], list(kind.fields).index(pair[1])))


def _merit(target: Field, column: str) -> float:
    """How alike the names are, of 100; an alias counts less than the name, an earlier one more than a later."""
    said, name = _words(column), _words(target.name)
    bare = name.removesuffix(" at").removesuffix(" on")
    if said in (name, bare):
        return 100
    for place, alias in enumerate(ALIASES.get(target.name, ())):
        if said == alias:
            return 98 - place / 2
    if target.name == "external_id":
        return 90 if said.endswith(" id") else 0  # nothing else is like an id
    return fuzz.ratio(said, name) * 0.97


def _words(name: str) -> str:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+", " ", apart).strip().lower().removeprefix("property ")


def _fits(target: Field, values: Sequence[str]) -> bool:
    """Whether the column's values could be of the field's type."""
    if target.type in ("date", "datetime"):
        return not values or bool(date_formats(values))
    if target.type in ("number", "integer"):
        return _all(values, number)
    if target.type == "boolean":
        return _all(values, boolean)
    if target.name == "external_id":
        return len(set(values)) == len(values)
    if target.name == "email":
        return not values or sum("@" in text for text in values) * 2 >= len(values)
    return True
