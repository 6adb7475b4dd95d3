"""The pipeline's inbox: what became known of whom. The row is the queue; a hint only says that it is worth a look.

Rows are inserted in the transaction of the fact itself and taken with DELETE ... RETURNING in the transaction that acts
on them, so that whatever dies in between, a fact is worked exactly once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Count

from funnel import hints, staging
from funnel.models import Inbox

DRAIN: Final = "demandcenter.tasks.drain"
HANDS: Final = (Inbox.Rank.HAND,)
OTHERS: Final = (Inbox.Rank.NOW, Inbox.Rank.BULK)
EVERYTHING: Final = (*HANDS, *OTHERS)  # in the order in which they go
HINT_PAUSE = 0.1  # seconds
MANY: int = 1_000  # rows that wait; behind fewer nobody waits long
SHORTEST_PAUSE, LONGEST_PAUSE = 60.0, 6 * 3600.0  # seconds until a person who could not be worked is tried again
MOST_COUNTED = 100_000  # rows
LONGEST_PROBLEM = 2000  # characters
_FARTHEST = 200_000  # rows; behind so many of people whom others hold, the next look finds them free

# The partial indexes inbox_ready and inbox_postponed: rows that wait for another attempt cost the others nothing.
_READY = """
SELECT id, person_id FROM funnel_inbox
WHERE not_before IS NULL AND rank = %s AND id > %s ORDER BY id LIMIT %s
"""
_MANY = "SELECT FROM funnel_inbox WHERE not_before IS NULL AND rank = %s ORDER BY id OFFSET %s LIMIT 1"
_DUE_AGAIN = "SELECT person_id FROM funnel_inbox WHERE not_before <= %s ORDER BY not_before LIMIT %s"
# NO KEY: a plain FOR UPDATE would block every insert of a touch through its foreign key.
_LOCK = "SELECT id FROM funnel_person WHERE id = ANY(%s) ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED"
_TAKE = """
DELETE FROM funnel_inbox WHERE person_id = ANY(%s) AND (not_before IS NULL OR not_before <= %s)
RETURNING id, person_id, cause, object_id
"""
_POSTPONE = """
UPDATE funnel_inbox SET
    attempts = least(attempts + 1, 32767),
    not_before = %(now)s + make_interval(secs => least(%(longest)s, %(shortest)s * 2.0 ^ least(attempts, 20))),
    problem = %(problem)s
WHERE person_id = %(person)s AND (not_before IS NULL OR not_before <= %(now)s)
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """One row out of the inbox: `object_id` is the row that the cause (Inbox.Cause) names."""

    person_id: int
    cause: str
    object_id: int | None


# Who says which touches, (person id, touch id), raise a hand: scoring does, which is not known here.
_raises_hands: list[Callable[[Sequence[tuple[int, int]]], Collection[int]]] = []


def ask_for_hands(judge: Callable[[Sequence[tuple[int, int]]], Collection[int]]) -> None:
    """Let this judge say which touches, given as (person id, touch id), go before all others; it returns their ids."""
    if judge not in _raises_hands:
        _raises_hands.append(judge)


def add(cause: str, rows: Iterable[tuple[int, int | None]], *, rank: int = Inbox.Rank.NOW) -> None:
    """Tell the pipeline what became known, as (person id, object id), in the transaction of the fact. One statement,
    and a few more for touches that would wait behind many: those that raise a hand go before them.
    """
    add_all({cause: list(rows)}, ranks={cause: rank})


def add_all(news: Mapping[str, Sequence[tuple[int, int | None]]], *, ranks: Mapping[str, int]) -> None:
    """The same for several causes, in as few statements. ranks: by cause; NOW where it does not say."""
    values = []
    for cause, told in news.items():
        rank = ranks.get(cause, Inbox.Rank.NOW)
        first = _hands_among(told, rank) if cause == Inbox.Cause.ACTIVITY else ()
        values += [
            {
                "person_id": person_id,
                "cause": str(cause),
                "object_id": object_id,
                "rank": int(Inbox.Rank.HAND if object_id in first else rank),
            }
            for person_id, object_id in told
        ]
    if values:
        staging.insert(Inbox, values)
        # One look finds everything: a hundred touches a second need no hundred hints, and beat looks at the rest.
        hints.look(DRAIN, pause=HINT_PAUSE)


def take(
    *,
    limit: int,
    now: datetime,
    among: Collection[int] | None = None,
    held: Collection[int] = (),
    ranks: Collection[int] = EVERYTHING,
) -> list[Taken]:
    """Lock about `limit` people with rows that are ready and take those rows out, in the order they came in.

    Runs in the caller's transaction (READ COMMITTED): rolled back, the rows are there again. The longest waiting come
    first, by rank; people whom somebody else holds are passed over; those whose pause is over come when nobody else
    waits, so that a person who fails again holds up nobody. At least one row, unless nothing is ready and free.
    among: only of these people, and of all of them. held: only of these, who are locked by this transaction already.
    ranks: only of people with rows of these; HANDS or OTHERS.
    """
    if held:
        return _take(sorted(held), now)
    if among is not None:
        return _take(_hold(among, len(among)), now)
    while people := _hold_next(limit, now, ranks):
        if taken := _take(people, now):
            return taken
        # Between our look and our hold somebody worked them all: there may be more behind them.
    return []


def postpone(person_id: int, *, problem: str, now: datetime) -> None:
    """Let a person's rows wait, after an attempt that failed, for a pause that doubles with every attempt."""
    with connection.cursor() as cursor:
        cursor.execute(
            _POSTPONE,
            {
                "person": person_id,
                "now": now,
                "problem": problem[:LONGEST_PROBLEM],
                "shortest": SHORTEST_PAUSE,
                "longest": LONGEST_PAUSE,
            },
        )


def set_aside(person_id: int, *, problem: str, now: datetime) -> None:
    """Note, where operators see it, that something about this person failed; they are looked at again after a pause."""
    Inbox.objects.create(
        person_id=person_id,
        cause=Inbox.Cause.PERSON,
        object_id=person_id,
        rank=Inbox.Rank.BULK,
        attempts=1,
        not_before=now + timedelta(seconds=SHORTEST_PAUSE),
        problem=problem[:LONGEST_PROBLEM],
    )


def try_again(person_ids: Collection[int]) -> int:
    """Let postponed rows of these people be worked at once. Returns how many rows; what has failed stays written."""
    changed = Inbox.objects.filter(person__in=person_ids, not_before__isnull=False).update(not_before=None)
    hints.look(DRAIN)
    return changed


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits. rows: that are ready, counted as far as MOST_COUNTED. since: the longest waiting of those that go
    first. people: who could not be worked; problem: why the first of them could not, at `failed_since`.
    """

    rows: int
    since: datetime | None
    people: int
    problem: str
    failed_since: datetime | None


def backlog() -> Backlog:
    """How the inbox stands. Five short queries."""
    ready = Inbox.objects.filter(not_before=None)
    failed = Inbox.objects.filter(not_before__isnull=False)
    oldest = [
        at
        for rank in (Inbox.Rank.HAND, Inbox.Rank.NOW)
        for at in ready.filter(rank=rank).order_by("rank", "id").values_list("recorded_at", flat=True)[:1]
    ]
    first = failed.order_by("id").first()
    return Backlog(
        rows=ready.order_by()[:MOST_COUNTED].count(),
        since=min(oldest, default=None),
        people=failed.aggregate(people=Count("person", distinct=True))["people"],
        problem=first.problem if first else "",
        failed_since=first.recorded_at if first else None,
    )


def _take(held: Sequence[int], now: datetime) -> list[Taken]:
    if not held:
        return []
    with connection.cursor() as cursor:
        # A statement of its own: what was committed before we held the person, this one sees.
        cursor.execute(_TAKE, [list(held), now])
        return [Taken(*row[1:]) for row in sorted(cursor.fetchall())]


def _hands_among(told: Sequence[tuple[int, int | None]], rank: int) -> Collection[int]:
    """The touches that go first, where it makes a difference: behind few rows a hand waits for nobody."""
    if not (_raises_hands and told) or (rank == Inbox.Rank.NOW and not _many_wait()):
        return ()
    touches = [(person_id, touch_id) for person_id, touch_id in told if touch_id is not None]
    return {touch_id for judge in _raises_hands for touch_id in judge(touches)}


def _many_wait() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_MANY, [Inbox.Rank.NOW.value, MANY])
        return cursor.fetchone() is not None  # a row of no columns


def _hold_next(limit: int, now: datetime, ranks: Collection[int]) -> list[int]:
    for rank in ranks:  # each a batch of its own: who waits now does not wait for a mass of others
        if held := _hold_waiting(rank, limit):
            return held
    return _hold(_due_again(limit, now), limit) if Inbox.Rank.BULK in ranks else []


def _hold_waiting(rank: int, limit: int) -> list[int]:
    """Lock people from the front of the queue, going on behind those whom somebody else holds.

    Half of the wanted number will do, since each further look costs two statements.
    """
    held: dict[int, None] = {}
    after, length = -1, limit
    while length <= _FARTHEST:
        with connection.cursor() as cursor:
            cursor.execute(_READY, [rank, after, length])
            rows = cursor.fetchall()
        people = {person_id for _id, person_id in rows} - held.keys()
        held |= dict.fromkeys(_hold(people, limit - len(held)))
        if len(rows) < length or len(held) * 2 >= limit:
            break
        after, length = rows[-1][0], length * 2
    return list(held)


def _due_again(limit: int, now: datetime) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE_AGAIN, [now, limit])
        return {person_id for (person_id,) in cursor.fetchall()}


def _hold(person_ids: Collection[int], limit: int) -> list[int]:
    """Lock, in id order, as many of the people as nobody else holds."""
    if not person_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(person_ids), limit])
        return [pk for (pk,) in cursor.fetchall()]
