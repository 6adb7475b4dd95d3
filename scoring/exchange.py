"""Columns of numbers between numpy and PostgreSQL by binary COPY: no parsing, whatever the number of rows.

Only for queries of our own whose every column is there in every row: a NULL is an error.
"""

import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

Columns = Mapping[str, str]  # PostgreSQL's type of each column (of those in _WIRE), in order

_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"
# What PostgreSQL sends for a type, in network order.
_WIRE: Final = {"bigint": ">i8", "integer": ">i4", "smallint": ">i2", "float8": ">f8", "boolean": "i1"}


def fetch(sql: str, params: Mapping[str, Any], columns: Columns) -> dict[str, NDArray[Any]]:
    """The rows of a query as one array a column.

    Raises ValueError where the query gives something else, such as a NULL.
    """
    out = io.BytesIO()
    params = {name: _array(value) if _is_of_numbers(value) else value for name, value in params.items()}
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({cursor.mogrify(sql, params).decode()}) TO STDOUT (FORMAT binary)", out)
    layout = _layout(columns)
    body = out.getbuffer()[len(_SIGNATURE) : -len(_END)]
    if len(body) % layout.itemsize:
        raise ValueError(f"The query gave other columns than {', '.join(columns)}, or a NULL.")
    rows = np.frombuffer(body, dtype=layout)
    for name, type_ in columns.items():
        if (rows[f"{name} length"] != np.dtype(_WIRE[type_]).itemsize).any():
            raise ValueError(f"The query gave a NULL as {name}, or not a {type_}.")
    return {name: rows[name].astype(np.dtype(type_).newbyteorder("=")) for name, type_ in _types(columns).items()}


def send(table: str, columns: Mapping[str, tuple[str, NDArray[Any]]]) -> None:
    """COPY columns into a table. columns: PostgreSQL's type and the values of each, all of one length."""
    layout = _layout({name: type_ for name, (type_, _values) in columns.items()})
    count = len(next(iter(columns.values()))[1])
    rows = np.empty(count, dtype=layout)
    rows["fields"] = len(columns)
    for name, (type_, values) in columns.items():
        rows[f"{name} length"] = np.dtype(_WIRE[type_]).itemsize
        rows[name] = values
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.copy_expert(
            f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)",
            io.BytesIO(_SIGNATURE + rows.tobytes() + _END),
        )


def _is_of_numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], int | float)


def _array(numbers: list[Any]) -> str:
    """Numbers as PostgreSQL writes an array: in one go, where the driver would adapt each by itself."""
    return f"{{{','.join(map(repr, numbers))}}}"


def literal(sql: str, params: tuple[Any, ...]) -> str:
    """The expression with its parameters written into it, to stand in a statement that has named ones of its own."""
    with connection.cursor() as cursor:
        return cursor.mogrify(sql, params).decode().replace("%", "%%")


def _types(columns: Columns) -> dict[str, str]:
    return {name: _WIRE[type_] for name, type_ in columns.items()}


def _layout(columns: Columns) -> np.dtype:
    """A row as it travels: how many fields, then each one's length and value."""
    fields = [("fields", ">i2")]
    for name, type_ in columns.items():
        fields += [(f"{name} length", ">i4"), (name, _WIRE[type_])]
    return np.dtype(fields)
