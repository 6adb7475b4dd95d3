"""The columnar copy of the facts: an in-process DuckDB that follows PostgreSQL, which stays the only truth.

How it keeps current (architecture.md): each refresh is one REPEATABLE READ transaction that first reads the oldest
transaction still running, then every row written by a transaction not older than the *previous* refresh's oldest one.
Rows may come twice, which does no harm, and a transaction that commits late is never missed.
"""

import os
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from django.db import connection as default_connection
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from reporting import copying
from reporting.sources import ON_DEMAND, SOURCES, STAMPS, UNLOGGED, attribute_key, on_demand, wanted

LEAST_INTERVAL = 1.0  # seconds between two refreshes
MOST_CHANGES = 200_000  # more than these are slower to merge than everything is to read
PATIENCE = 2.0  # seconds a reader waits for somebody else's refresh before reading what is there
MOST_ANSWERS = 1_000
YOUNG = "1 minute"  # a transaction of this age may yet write

# Where the facts come from; another answer means that what the copy knows of transactions is void.
_ORIGIN = """
SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
                      (SELECT timeline_id FROM pg_control_checkpoint()),
                      (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
# Nothing can become known any more of before this moment: no transaction that wrote, or is young enough to write yet,
# began earlier. Read before the snapshot, or a transaction that commits in between would be in neither.
_FRESH_AT = f"""
SELECT least(now(), (SELECT min(xact_start) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()
                       AND (backend_xid IS NOT NULL OR xact_start > now() - interval '{YOUNG}')
                       AND backend_type = 'client backend'),
                    (SELECT min(prepared) FROM pg_prepared_xacts WHERE database = current_database()))
"""
_SNAPSHOT = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_current_xact_id_if_assigned() IS NOT NULL
"""
_SEEN = "SELECT DISTINCT txid, source = 'pruned' FROM reporting_change WHERE txid >= %s"
# Without the test of what was seen, a transaction that stays open, even in another database of the cluster, would make
# every refresh merge the same rows again. A mark of pruning carries the number of a transaction that may be seen long.
_CHANGES = """
SELECT source, count(*), bool_or(row_id = 0) FROM reporting_change
WHERE txid >= %s AND txid <> ALL(CASE source WHEN 'pruned' THEN %s ELSE %s END::bigint[]) GROUP BY source
"""


@dataclass(frozen=True, slots=True)
class State:
    """What a copy holds. `oldest` is the oldest transaction running at its snapshot, `seen` what it has of younger."""

    database: duckdb.DuckDBPyConnection
    version: int
    fresh_at: datetime
    origin: str
    oldest: int
    seen: frozenset[tuple[int, bool]]  # transaction, and whether as a mark of pruning
    own_writes: bool  # read inside a transaction that had written: it may be rolled back
    churn: int = 0  # rows replaced since everything was read
    held: frozenset[str] = frozenset()  # facts and attributes that were asked for


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer of a query: column names and tuples."""

    names: list[str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Reading:
    """One state of the copy, for statements whose answers must agree; see `Copy.reading`."""

    cursor: duckdb.DuckDBPyConnection
    fresh_at: datetime

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Run one DuckDB query (named parameters `$name`)."""
        return _fetch(self.cursor, sql, parameters)

    def columns(self, sql: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The same with the answer as an array of numpy a column, masked where there are nulls; for many rows."""
        self.cursor.execute(sql, dict(parameters or {}))
        return self.cursor.fetchnumpy()


def _fetch(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any] | None) -> Rows:
    cursor.execute(sql, dict(parameters or {}))
    return Rows([column[0] for column in cursor.description or ()], cursor.fetchall())


@dataclass(slots=True)
class _Answers:
    """The latest answers, forgotten in the order in which they were last used."""

    kept: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
                return self.kept[key]
        answer = make()
        with self.lock:
            self.kept[key] = answer
            while len(self.kept) > MOST_ANSWERS:
                self.kept.popitem(last=False)
        return answer


class Copy:
    """A columnar copy of the facts for one process; many threads may read it.

    connection: Django's connection to PostgreSQL (`django.db.connection` gives each thread its own). Inside an atomic
    block the copy sees what that transaction sees, uncommitted rows included, and starts anew afterwards.
    """

    def __init__(self, connection: BaseDatabaseWrapper | Any = default_connection, *, interval: float = LEAST_INTERVAL):
        self._connection = connection
        self._interval = interval
        self._lock = threading.Lock()
        self._refreshed = float("-inf")
        self._state: State | None = None
        self._wanted: tuple[str, ...] = ()
        self._pinned: Counter[str] = Counter()
        self._stale: frozenset[str] = frozenset()
        self._stamps: dict[str, Any] = {}
        self._wanting = threading.Lock()
        self._answers = _Answers()
        self._process = os.getpid()

    # --- reading -----------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        if self._state is None:
            self.refresh()
        assert self._state is not None
        return self._state

    @property
    def version(self) -> int:
        """Grows with every change of the copy, so an answer is good for as long as it stays."""
        return self.state.version

    @property
    def fresh_at(self) -> datetime:
        """The moment up to which everything that was recorded is in the copy."""
        return self.state.fresh_at

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Run one DuckDB query (named parameters `$name`) on the copy as it stands."""
        with self._cursor() as cursor:
            return _fetch(cursor, sql, parameters)

    @contextmanager
    def reading(self, *names: str) -> Iterator[Reading]:
        """The copy as it stands, with these facts; what is merged or dropped until the block ends does not show."""
        with self._pinning(names):
            try:
                reading = self._begin(names)
            except duckdb.CatalogException:  # a refresh that was under way when they were asked for dropped one
                self.refresh(now=True)
                reading = self._begin(names)
        try:
            yield reading
        finally:
            reading.cursor.close()

    @contextmanager
    def _pinning(self, names: Collection[str]) -> Iterator[None]:
        """Until the block ends, whatever else is asked for makes no room at the cost of these."""
        with self._wanting:
            self._pinned += Counter(names)
        try:
            yield
        finally:
            with self._wanting:
                self._pinned -= Counter(names)

    def _begin(self, names: Collection[str]) -> Reading:
        self.need(*names)
        state, tables = self.state, ["lead", *(on_demand(name).name for name in names)]
        cursor = state.database.cursor()
        try:
            cursor.begin()
            # Only the first statement takes DuckDB's snapshot.
            cursor.execute(" UNION ALL ".join(f"(SELECT true FROM {table} LIMIT 0)" for table in tables))
        except BaseException:
            cursor.close()
            raise
        return Reading(cursor, state.fresh_at)

    def answer(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """`make()`, or what it gave for this key and this state of the copy before."""
        return self._answers.get((self.state.version, key), make)

    def need(self, *names: str) -> None:
        """Have these facts in the copy, of those that are only read when somebody asks for them.

        Those of which no log tells are read anew, unless their stamp is the one they were read under.
        """
        stamps = self._stamps_of(STAMPS.keys() & set(names))
        kept = {name for name, stamp in stamps.items() if self._stamps.get(name) == stamp}
        missing, stale = set(names) - self.state.held, (UNLOGGED & set(names)) - kept
        with self._wanting:
            self._wanted = wanted(self._wanted, [*self._pinned, *names])
            self._stale |= stale
        if missing or stale:
            self.refresh(now=True)
            self._stamps |= stamps  # of before: what came meanwhile is read once more, not missed

    def _stamps_of(self, names: Collection[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        asked = {STAMPS[name] for name in names}
        with self._connection.cursor() as cursor:
            for stamp in asked:
                cursor.execute(stamp)
                [value] = cursor.fetchone()
                found |= {name: value for name in names if STAMPS[name] == stamp}
        return found

    def attribute(self, name: str) -> bool:
        """Have this custom attribute of people in the copy; False where no person has one of this name."""
        key = attribute_key(name)
        if key not in self.state.held:
            if name not in self.attributes():
                return False
            self.need(key)
        return True

    def attributes(self) -> list[str]:
        """The names of the custom attributes that people have, in order."""

        def names() -> list[str]:
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT DISTINCT jsonb_object_keys(attributes) FROM funnel_person ORDER BY 1")
                return [name for (name,) in cursor.fetchall()]

        return self.answer("attributes", names)

    def export(self, folder: Path) -> list[Path]:
        """Write every fact as a Parquet file into `folder`, all of one state; returns the files."""
        folder.mkdir(parents=True, exist_ok=True)
        self.need(*ON_DEMAND)
        files = []
        with self._cursor() as cursor:
            cursor.begin()
            for name in SOURCES:
                file = folder / f"{name}.parquet"
                cursor.execute(f"COPY {name} TO '{str(file).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
                files.append(file)
            cursor.rollback()
        return files

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        self._check_process()
        cursor = self.state.database.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError("A copy of the facts was opened before a fork; open it in the process that reads it.")

    # --- following PostgreSQL ----------------------------------------------------------------------------------

    def refresh(self, *, now: bool = False) -> None:
        """Bring the copy up to date, at most once an interval unless `now`. One thread works, others wait a little."""
        self._check_process()
        if self._state is not None and not now and self._is_recent():
            return
        if not self._lock.acquire(timeout=-1 if self._state is None or now else PATIENCE):
            return
        try:
            if now or self._state is None or not self._is_recent():
                self._state = self._read()
                self._refreshed = time.monotonic()
        finally:
            self._lock.release()

    def _is_recent(self) -> bool:
        assert self._state is not None
        # Inside a transaction there is no other way to see what was just written there.
        return time.monotonic() - self._refreshed < self._interval and not self._connection.in_atomic_block

    def _read(self) -> State:
        with self._connection.cursor() as cursor:
            cursor.execute(_ORIGIN)
            origin = cursor.fetchone()[0]
            cursor.execute(_FRESH_AT)
            fresh_at = cursor.fetchone()[0]
        isolated = not self._connection.in_atomic_block
        with transaction.atomic(using=self._connection.alias), self._connection.cursor() as cursor:
            if isolated:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(_SNAPSHOT)
            oldest, own_writes = cursor.fetchone()
            cursor.execute(_SEEN, [oldest])  # first: what commits meanwhile is then merged twice, not never
            seen = frozenset(cursor.fetchall())
            before, (asked, stale) = self._state, self._asked_for()
            changes = self._changes(cursor, before, origin, stale)
            now = {"fresh_at": fresh_at, "oldest": oldest, "seen": seen, "own_writes": own_writes}
            if before is None or changes is None:
                version = before.version + 1 if before else 1
                database = copying.build(cursor, asked)
                return State(database=database, version=version, origin=origin, held=asked, **now)
            if not changes and asked == before.held:
                return replace(before, **now | {"own_writes": False})  # what it wrote is not in the copy
            merged = copying.merge(
                before.database.cursor(), cursor, changes, oldest=before.oldest, held=before.held, wanted=asked
            )
            return replace(before, **now, version=before.version + 1, churn=before.churn + merged, held=asked)

    def _asked_for(self) -> tuple[frozenset[str], frozenset[str]]:
        """The facts to hold, and those of them to read again although no log says that they changed."""
        with self._wanting:
            stale, self._stale = self._stale, frozenset()
            return frozenset(self._wanted), stale

    def _changes(self, cursor: Any, before: State | None, origin: str, stale: frozenset[str]) -> list[str] | None:
        """Which facts changed, of those that the copy holds; None when everything is to be read anew."""
        if before is None or before.origin != origin or before.own_writes:
            return None
        marks = [txid for txid, pruned in before.seen if pruned]
        cursor.execute(_CHANGES, [before.oldest, marks, [txid for txid, pruned in before.seen if not pruned]])
        found = {
            source: (count, everything)
            for source, count, everything in cursor.fetchall()
            if source not in ON_DEMAND - before.held
        }
        count = before.churn + sum(count for count, _ in found.values())
        if "pruned" in found or count > max(MOST_CHANGES, copying.size(before.database) // 2):
            return None
        if any(everything and not copying.is_whole(source) for source, (_, everything) in found.items()):
            return None  # a truncated table names no rows
        return [*found, *(stale & before.held)]


# --- this process's copy ---------------------------------------------------------------------------------------

_shared: Copy | None = None
_shared_lock = threading.Lock()
_inherited: list[Copy | None] = []  # a parent's DuckDB must not even be closed by the child


def shared() -> Copy:
    """This process's copy, brought up to date; opened when first asked for."""
    global _shared  # noqa: PLW0603
    with _shared_lock:
        if _shared is None:
            _shared = Copy()
        copy = _shared
    copy.refresh()
    return copy


def _after_fork() -> None:
    global _shared, _shared_lock  # noqa: PLW0603
    _inherited.append(_shared)
    _shared, _shared_lock = None, threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
