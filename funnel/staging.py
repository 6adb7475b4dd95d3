"""Rows between Python and PostgreSQL in bulk: COPY in, one statement for a thousand rows.

Every function is a constant number of statements, whatever the number of rows. Columns are named as in the database
(`channel_id`). They run inside the caller's transaction.
"""

import io
import itertools
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, models

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_SPECIAL = re.compile(r"[\\\t\n\r]")
_WORDS: Mapping[type, Callable[[Any], str]] = {int: str, UUID: str, datetime: datetime.isoformat}  # need no escapes
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False)
_names = itertools.count(1)
HAS_KEY = "external_id <> ''"  # see `find_keys`


def as_json(value: Any) -> str:
    """JSON text; the same for the same content, whatever the order of keys."""
    return _ENCODER.encode(value)


def _cell(value: Any) -> str:
    """One value in COPY's text format."""
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict):
        return as_json(value).translate(_ESCAPES)
    return str(value)


def _cells(values: Sequence[Any]) -> Iterable[str]:
    """One column in COPY's text format. Many hold one thing throughout, most are of one type and need no escapes."""
    if len(set(map(id, values))) == 1:
        return itertools.repeat(_cell(values[0]), len(values))
    types = set(map(type, values))
    if types == {str} and not _SPECIAL.search("\v".join(values)):
        return values
    if len(types) == 1 and (words := _WORDS.get(*types)):
        return map(words, values)
    if types == {dict}:
        texts = [as_json(value) if value else "{}" for value in values]  # most payloads are empty
        return [text.translate(_ESCAPES) if "\\" in text else text for text in texts]
    return map(_cell, values)


def copy_into(table: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """COPY columns, lists of equal length, into a table. Text must hold no NUL; a refused row refuses them all."""
    lines = map("\t".join, zip(*map(_cells, columns.values()), strict=True))
    text = io.StringIO("\n".join(lines) + "\n")
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", text)


def new_ids(model: type[models.Model], count: int) -> list[int]:
    """Take `count` ids off the table's sequence, so that rows that point to new rows can be made in Python."""
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval((SELECT pg_get_serial_sequence(%s, 'id')::regclass)) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [row[0] for row in cursor.fetchall()]


def insert(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns; what they leave out has the model's default.

    Give them in the order of their key: two writers of the same rows then wait for each other instead of deadlocking.
    A row that is there already raises IntegrityError.
    """
    if not rows:
        return
    columns = {column: [row[column] for row in rows] for column in rows[0]}
    for column, field in fields_of(model).items():
        if column not in columns and not field.null and not field.primary_key and not field.has_db_default():
            columns[column] = [field.get_default()] * len(rows)
    copy_into(model._meta.db_table, columns)


@cache
def fields_of(model: type[models.Model]) -> "dict[str, models.Field[Any, Any]]":
    """The model's fields by the names of their columns."""
    return {str(field.column): field for field in model._meta.concrete_fields}


def read(
    model: type[models.Model], ids: Collection[int], columns: Sequence[str], *, lock: bool = False
) -> dict[int, dict[str, Any]]:
    """The given columns of these rows by id; with `lock`, nobody else changes the rows until the transaction ends.

    Locks are taken in id order, and leave inserts that point to the rows alone (NO KEY).
    """
    if not ids:
        return {}
    json_columns = [column for column in columns if isinstance(fields_of(model)[column], models.JSONField)]
    locking = "ORDER BY id FOR NO KEY UPDATE" if lock else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {', '.join(columns)} FROM {model._meta.db_table} WHERE id = ANY(%s) {locking}",
            [sorted(ids)],
        )
        found = {row[0]: dict(zip(columns, row[1:], strict=True)) for row in cursor.fetchall()}
    for column in json_columns:
        for row in found.values():
            row[column] = json.loads(row[column])
    return found


def update(model: type[models.Model], rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Set the given columns of the rows by id; all rows name the same columns. The caller holds their locks."""
    if not rows:
        return
    columns = tuple(next(iter(rows.values())))
    table = model._meta.db_table
    staged = f"staged_{next(_names)}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE {staged} ON COMMIT DROP AS SELECT id, {', '.join(columns)} FROM {table} WITH NO DATA"
        )
        copy_into(staged, {"id": list(rows)} | {c: [row[c] for row in rows.values()] for c in columns})
        sets = ", ".join(f"{column} = s.{column}" for column in columns)
        cursor.execute(f"UPDATE {table} t SET {sets} FROM {staged} s WHERE t.id = s.id")
        cursor.execute(f"DROP TABLE {staged}")


def find(table: str, key: str, values: Collection[str], column: str = "id", **where: Any) -> dict[str, int]:
    """The `column` of the rows whose `key` is among the values, by key. `where`: further columns and their values."""
    narrowed = "".join(f" AND {name} = %s" for name in where)
    return _find(f"SELECT {key}, {column} FROM {table} WHERE {key} = ANY(%s){narrowed}", values, *where.values())


def find_keys(table: str, keys: Collection[str], *, source: str) -> dict[str, int]:
    """The ids of the rows that have these keys in this source, by key.

    A key is never blank. Saying so lets PostgreSQL use the index of the rows that have one, which it otherwise passes
    over for more than a hundred keys.
    """
    return _find(
        f"SELECT external_id, id FROM {table} WHERE external_id = ANY(%s) AND source = %s AND {HAS_KEY}", keys, source
    )


def _find(sql: str, values: Collection[str], *more: Any) -> dict[str, int]:
    if not values:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(values), *more])
        return dict(cursor.fetchall())
