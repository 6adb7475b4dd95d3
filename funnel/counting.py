"""How many rows a condition matches, and which values there are to choose from: quickly, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import OperationalError, connection, transaction

from funnel.conditions import compile
from funnel.fields import Fields, Root

MOST_SECONDS: Final = 2
RECENT_DAYS: Final = 90  # touches and MQLs are counted over so many
MOST_CHOICES: Final = 50
_LATEST: Final = 50_000  # rows that values are collected from
_QUERY_CANCELED: Final = "57014"

_ROWS: Final[Mapping[Root, str]] = {
    "person": "funnel_person p {joins}",
    "touch": "funnel_activity t {joins} WHERE t.person_id IS NOT NULL AND t.voided_at IS NULL"
    f" AND t.occurred_at > CURRENT_TIMESTAMP - interval '{RECENT_DAYS} days'",
    "lead": f"funnel_lead l {{joins}} WHERE l.mql_at > CURRENT_TIMESTAMP - interval '{RECENT_DAYS} days'",
}
_WHOSE: Final[Mapping[Root, str]] = {"person": "p.id", "touch": "t.person_id", "lead": "l.person_id"}


@dataclass(frozen=True, slots=True)
class Count:
    """Rows in all, those that match, those of which it is not known, and the people of those that match."""

    rows: int
    matching: int
    unknown: int
    people: int

    def said(self, root: Root) -> str:
        """The count in a sentence."""
        unknown = f", {self.unknown:,} unknown" if self.unknown else ""
        if root == "person":
            return f"{self.matching:,} of {self.rows:,} people match{unknown}."
        if root == "lead":
            return f"{self.matching:,} of {self.rows:,} MQLs of the last {RECENT_DAYS} days match{unknown}."
        return (
            f"{self.matching:,} of {self.rows:,} touches of the last {RECENT_DAYS} days match{unknown}."
            f" They are of {self.people:,} {'person' if self.people == 1 else 'people'}."
        )


def count(tree: Mapping[str, Any], fields: Fields, root: Root) -> Count | None:
    """How many rows match; None where PostgreSQL does not say within MOST_SECONDS.

    Touches and MQLs: those of the last RECENT_DAYS. Raises funnel.conditions.ConditionError.
    """
    compiled = compile(tree, fields)
    people = "count(DISTINCT whose) FILTER (WHERE c)" if root == "touch" else "0"
    rows = _ROWS[root].format(joins=fields.joins(compiled.groups, root))
    found = _quickly(
        f"SELECT count(*), count(*) FILTER (WHERE c), count(*) FILTER (WHERE c IS NULL), {people}"
        f" FROM (SELECT {compiled.sql} AS c, {_WHOSE[root]} AS whose FROM {rows}) counted",
        compiled.params,
    )
    return Count(*found[0]) if found else None


def _latest(column: str, table: str) -> str:
    return f"SELECT {column} AS v FROM (SELECT {column} FROM {table} ORDER BY id DESC LIMIT {_LATEST}) latest"


def _names(table: str) -> str:
    return f"SELECT name AS v FROM {table}"


def _keys(column: str, table: str) -> str:
    return (
        f"SELECT jsonb_object_keys({column}) AS v FROM (SELECT {column} FROM {table} WHERE {column} <> '{{}}'"
        f" ORDER BY id DESC LIMIT 5000) latest WHERE jsonb_typeof({column}) = 'object'"
    )


# What `Field.suggests` names, and the names of custom attributes.
_SOURCES: Final = {
    "touch_types": _latest("type", "funnel_activity"),
    "channels": _names("funnel_channel"),
    "campaigns": _names("funnel_campaign"),
    "content": _names("funnel_content"),
    "content_kinds": "SELECT kind AS v FROM funnel_content",
    "solutions": _names("funnel_solution"),
    "regions": _names("funnel_region"),
    "person_countries": _latest("country", "funnel_person"),
    "languages": _latest("language", "funnel_person"),
    "industries": _latest("industry", "funnel_account"),
    "segments": _latest("segment", "funnel_account"),
    "account_countries": _latest("country", "funnel_account"),
    "attribute": _keys("attributes", "funnel_person"),
    "account_attribute": _keys("attributes", "funnel_account"),
    "payload": _keys("payload", "funnel_activity"),
    "answer": _keys(
        "answers",
        "(SELECT id, payload -> 'answers' AS answers FROM funnel_activity"
        " WHERE payload ? 'answers' ORDER BY id DESC LIMIT 5000) answered",
    ),
}


def choices(source: str, text: str = "") -> list[str]:
    """Values that exist and contain the text, the most frequent first, MOST_CHOICES at most.

    source: what a field's `suggests` names, or attribute, account_attribute, payload for the names of those. An
    unknown source, or one that takes too long, has no values.
    """
    if source not in _SOURCES:
        return []
    found = _quickly(
        f"SELECT v FROM ({_SOURCES[source]}) named WHERE btrim(v) <> '' AND strpos(lower(v), lower(%s::text)) > 0"
        f" GROUP BY v ORDER BY count(*) DESC, v LIMIT {MOST_CHOICES}",
        (text.strip().replace("\0", ""),),
    )
    return [value for (value,) in found]


def _quickly(sql: str, params: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The rows of the query, or none at all where it takes longer than MOST_SECONDS."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{MOST_SECONDS}s"])
            cursor.execute(sql, params)
            rows = cursor.fetchall()
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")  # inside another transaction it would stay
            return rows
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", "") != _QUERY_CANCELED:
            raise
        return []
