"""The filter bar of the leads list: what each filter is set to, and the options to choose from.

Short lists come with the page; lists that may be long (campaigns, owners) are fetched when their menu is opened.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse

from funnel.models import Campaign, Channel, Function, Region, Rep, Solution, Stage
from funnel.personas import PERSONA, UNKNOWN
from routing.leads.filters import NOBODY, STATES, LeadFilter

CURSORS = ("older", "newer")
MOST_OPTIONS = 200

Option = tuple[str, str, bool]  # label, address, chosen

_FIXED: dict[str, tuple[str, Iterable[tuple[str, str]]]] = {
    "stage": ("Stage", Stage.choices),
    "state": ("State", STATES),
    "function": ("Found by", Function.choices),
}
_FETCHED: dict[str, tuple[str, str, Any]] = {  # name: (title, what "none" is called, model; None: see _WORDS)
    "owner": ("Owner", "Nobody", Rep),
    "campaign": ("Campaign", "No campaign", Campaign),
    "channel": ("Channel", "No channel", Channel),
    "region": ("Region", "No region", Region),
    "solution": ("Solution", "No solution", Solution),
    "persona": ("Persona", UNKNOWN, None),
    "source": ("Loaded from", "", None),
}
_ORDER = ("stage", "state", "owner", "campaign", "channel", "region", "solution", "persona", "function", "source")
FETCHED = tuple(_FETCHED)


@dataclass(frozen=True, slots=True)
class Menu:
    """One menu. options: those that come with the page; options_url: where the rest is fetched, else empty."""

    name: str
    title: str
    value: str
    chosen: bool
    options: list[Option] = field(default_factory=list)
    options_url: str = ""


def menus(lead_filter: LeadFilter, query: QueryDict) -> list[Menu]:
    """Every menu of the bar for the filters in `query`."""
    values = lead_filter.values()
    return [
        _fixed(name, values.get(name), query) if name in _FIXED else _fetched(name, values.get(name), query)
        for name in _ORDER
    ]


def _fixed(name: str, value: Any, query: QueryDict) -> Menu:
    title, choices = _FIXED[name]
    labels = dict(choices)
    options = [("All", address(query, name, ""), value is None)]
    options += [(label, address(query, name, key), key == value) for key, label in choices]
    return Menu(name, title, labels[value] if value else "All", value is not None, options)


def _fetched(name: str, value: Any, query: QueryDict) -> Menu:
    title, nothing, _model = _FETCHED[name]
    label = "All" if value is None else nothing if value == NOBODY else str(value)
    url = f"{reverse('routing:options', args=[name])}?{without_cursor(query).urlencode()}"
    return Menu(name, title, label, value is not None, options_url=url)


def options(name: str, query: QueryDict, *, find: str = "") -> tuple[list[Option], bool]:
    """The options of a fetched menu that contain `find`, and whether there are more than are given."""
    _title, nothing, model = _FETCHED[name]
    chosen = query.get(name, "")
    keys = _named(model.objects.all(), find) if model else _worded(_WORDS[name], find)
    found = [(label, address(query, name, key), key == chosen) for key, label in keys[:MOST_OPTIONS]]
    if not find:
        head: list[Option] = [("All", address(query, name, ""), not chosen)]
        if nothing:
            head.append((nothing, address(query, name, NOBODY), chosen == NOBODY))
        found = head + found
    return found, len(keys) > MOST_OPTIONS


def _named(queryset: QuerySet, find: str) -> list[tuple[str, str]]:
    if find:
        queryset = queryset.filter(name__icontains=find)
    return [(str(pk), name) for pk, name in queryset.values_list("pk", "name")[: MOST_OPTIONS + 1]]


# Words that stand on rows: what they are called, of which table, and which rows count. An index has them in order.
_WORDS = {
    "source": ("x.source", "funnel_lead x", "x.external_id <> ''"),
    "persona": (PERSONA, "funnel_person p", "true"),
}


def _worded(words: tuple[str, str, str], find: str) -> list[tuple[str, str]]:
    """The different words, such as systems of record: one index step each, however many rows there are."""
    word, table, counts = words
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE name AS (
                SELECT min({word}) AS word FROM {table} WHERE {counts}
                UNION ALL
                SELECT (SELECT min({word}) FROM {table} WHERE {counts} AND {word} > name.word)
                FROM name WHERE name.word IS NOT NULL
            )
            SELECT word FROM name WHERE word <> '' LIMIT 1000
            """
        )
        names = [row[0] for row in cursor.fetchall()]
    return [(name, name) for name in names if find.lower() in name.lower()]


def without_cursor(query: QueryDict) -> QueryDict:
    """The query of the first page: filters only."""
    copy = query.copy()
    for name in (*CURSORS, "find"):
        copy.pop(name, None)
    return copy


def address(query: QueryDict, name: str, value: str, *, page: str = "routing:leads") -> str:
    """The list's address with one filter set to `value`, or without it; from the first page on."""
    copy = without_cursor(query)
    if value:
        copy[name] = value
    else:
        copy.pop(name, None)
    rest = copy.urlencode()
    return f"{reverse(page)}?{rest}" if rest else reverse(page)
