"""How rows come from PostgreSQL into the columnar copy: all of them, or those that changed."""

import os
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings

from reporting.sources import ALWAYS, SOURCES, Source, create_types, on_demand

LONGEST_ROW = 20_000_000  # bytes


def build(cursor: Any, wanted: Collection[str]) -> duckdb.DuckDBPyConnection:
    """A new database with every fact that is always there, and the wanted others."""
    database = _open()
    for statement in create_types():
        database.execute(statement)
    for source in [*ALWAYS, *map(on_demand, sorted(wanted))]:
        _add(database, cursor, source)
    return database


def merge(
    database: duckdb.DuckDBPyConnection,
    cursor: Any,
    changes: Collection[str],
    *,
    oldest: int,
    held: Collection[str],
    wanted: Collection[str],
) -> int:
    """Replace what the log names since `oldest`, drop what is held and no longer wanted, and add what newly is.

    One transaction of the copy: whoever reads in one of their own still sees what is dropped.

    Returns how many rows were replaced.
    """
    merged = 0
    database.begin()
    try:
        for source in map(on_demand, sorted(set(held) - set(wanted))):
            database.execute(f"DROP TABLE {source.name}")
        for source in [*ALWAYS, *map(on_demand, sorted(set(held) & set(wanted)))]:
            if source.logged in changes:
                merged += _replace(database, cursor, source, oldest)
        for source in map(on_demand, sorted(set(wanted) - set(held))):
            _add(database, cursor, source)
        database.commit()
    except BaseException:
        database.rollback()
        raise
    finally:
        database.close()
    return merged


def size(database: duckdb.DuckDBPyConnection) -> int:
    """How many leads there are, for judging how much has changed."""
    [(count,)] = database.cursor().execute("SELECT count(*) FROM lead").fetchall()
    return int(count)


def is_whole(logged: str) -> bool:
    """Whether any change of this fact reads all of it."""
    return logged in SOURCES and SOURCES[logged].whole


def _open() -> duckdb.DuckDBPyConnection:
    spill = Path(tempfile.gettempdir()) / f"demand-facts-{os.getpid()}"
    return duckdb.connect(
        ":memory:",
        config={
            "memory_limit": settings.REPORTING_MEMORY,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )


def _add(database: duckdb.DuckDBPyConnection, cursor: Any, source: Source) -> None:
    database.execute(source.create())
    _load(database, cursor, source, source.select())


def _replace(database: duckdb.DuckDBPyConnection, cursor: Any, source: Source, oldest: int) -> int:
    """Read again the rows of one fact that the log names since `oldest`, or all rows of a small one."""
    if source.whole:
        database.execute(f"DELETE FROM {source.name}")
        _load(database, cursor, source, source.select())
        return 0
    named = f"SELECT row_id FROM reporting_change WHERE source = '{source.logged}' AND txid >= {oldest}"
    cursor.execute(named)
    ids = [row_id for (row_id,) in cursor.fetchall()]
    database.execute(f"DELETE FROM {source.name} WHERE id IN (SELECT unnest($ids))", {"ids": ids})
    _load(database, cursor, source, source.select(f"WHERE t.id IN ({named})"))
    return len(ids)


def _load(database: duckdb.DuckDBPyConnection, cursor: Any, source: Source, select: str) -> None:
    """Append what `select` gives in PostgreSQL to the source's table."""
    with tempfile.NamedTemporaryFile(prefix="demand-facts-", suffix=".csv", buffering=1 << 20) as file:
        with cursor.db.wrap_database_errors:
            cursor.copy_expert(f"COPY ({select}) TO STDOUT (FORMAT csv)", file)
        file.flush()
        if not file.tell():
            return
        types = ", ".join(f"'{name}': '{kind}'" for name, (kind, _) in source.columns.items())
        values = ", ".join(["t.*", *(sql for _, sql in source.derived.values())])
        path = file.name.replace("'", "''")
        database.execute(
            f"""INSERT INTO {source.name} SELECT {values} FROM read_csv(
                '{path}', columns = {{{types}}}, auto_detect = false, header = false, delim = ',', quote = '"',
                escape = '"', nullstr = '', new_line = '\\n', max_line_size = {LONGEST_ROW}) t"""
        )
