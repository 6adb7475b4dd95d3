"""Writing one chunk: whole or not at all, tried again after a race, cut in halves around what the database refuses."""

import itertools
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import DatabaseError, connection, transaction

from funnel import inbox
from funnel.ingest import accounts, activities, campaigns, leads, opportunities, people, reps, stage_events
from funnel.ingest.chunk import Chunk, Overtaken, Refused
from funnel.ingest.fields import KINDS
from funnel.ingest.rows import Outcome, Row
from funnel.memory import collector_paused
from funnel.models import Inbox

LARGEST_CHUNK = 10_000
ANSWERED_AT_ONCE = 1_000  # rows; in a larger chunk nobody waits for a single one
_WRITERS: dict[str, Callable[[Chunk], None]] = {
    "accounts": accounts.write,
    "activities": activities.write,
    "campaigns": campaigns.write_campaigns,
    "content": campaigns.write_content,
    "costs": campaigns.write_costs,
    "leads": leads.write,
    "opportunities": opportunities.write,
    "people": people.write,
    "reps": reps.write,
    "stage-events": stage_events.write,
}
# PostgreSQL's error codes.
_UNIQUE_VIOLATION = "23505"
_ATTEMPTS = {_UNIQUE_VIOLATION: 3, "40P01": 8, "40001": 8}  # deadlock, serialization failure
_OVERTAKINGS = 8  # each means that somebody else got on, so that this many in a row do not happen
_BAD_DATA = ("22", "23")  # the classes of data exceptions and of integrity violations

# Constraints that a row can run into although it was looked at before; others are named as they are.
_SENTENCES = {
    "one_open_lead_a_person_and_solution": "The person has another open lead of the same solution.",
    "account_tier_1_to_9": "A tier is a number from 1 to 9.",
    "account_is_not_its_own_parent": "An account cannot be its own parent.",
    "campaign_ends_after_it_starts": "The campaign ends before it starts.",
    "funnel_campaign_name_key": "Another campaign has this name.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    kind: str
    source: str
    now: datetime
    live: bool
    create_missing: bool

    def chunk(self, rows: Sequence[Row]) -> Chunk:
        return Chunk(
            KINDS[self.kind],
            rows,
            source=self.source,
            now=self.now,
            live=self.live,
            create_missing=self.create_missing,
        )


def write(
    kind: str,
    rows: Sequence[Row],
    *,
    source: str,
    now: datetime,
    live: bool = False,
    create_missing: bool = False,
    dry_run: bool = False,
) -> list[Outcome]:
    """Write one chunk of at most 10,000 rows of a kind in one transaction; returns an outcome a row, in their order.

    source: the system the rows come from; with the external id it is the key of each row. now: when this is being
    recorded; take it anew for each chunk. live: it happens now, so the pipeline hears of it. create_missing: reference
    data that a row names is created. dry_run: everything is done and taken back.
    Raises ValueError for a source, kind or size that cannot be; a bad row is an outcome, not an exception.
    """
    if not re.fullmatch(r"[^/\x00]{1,60}", source):
        raise ValueError("A source is a name of 1 to 60 characters without a slash.")
    if kind not in KINDS:
        raise ValueError(f"There is no kind {kind!r}; there are {', '.join(KINDS)}.")
    if len(rows) > LARGEST_CHUNK:
        raise ValueError(f"A chunk has at most {LARGEST_CHUNK:,} rows, not {len(rows):,}.")
    job = _Job(kind=kind, source=source, now=now, live=live, create_missing=create_missing)
    with collector_paused():
        return _try_out(job, rows) if dry_run else _land(job, rows)


def record(touches: Sequence[Row], *, source: str, now: datetime, live: bool = True) -> list[Outcome]:
    """Write touches that come in as they happen; the pipeline hears of them. Everything else as in `write`."""
    return write("activities", touches, source=source, now=now, live=live)


@transaction.atomic
def finish(kind: str, *, source: str, now: datetime, live: bool = False) -> list[Outcome]:
    """Settle what the chunks of a load left pending: parents that came after their children, people without an account.

    Call it once after the last chunk, with `live` as for the chunks. Returns an error for each row whose parent never
    came; the row itself landed.
    """
    if kind == "accounts":
        return accounts.finish(source=source, live=live)
    if kind == "campaigns":
        return campaigns.finish_campaigns(source=source)
    return []


def _try_out(job: _Job, rows: Sequence[Row]) -> list[Outcome]:
    with transaction.atomic():
        outcomes = _land(job, rows)
        transaction.set_rollback(True)
    return [replace(outcome, id=None) for outcome in outcomes]


def _land(job: _Job, rows: Sequence[Row]) -> list[Outcome]:
    """Write the rows; those that the writer or the database refuses become errors, alone."""
    try:
        return _attempts(job, rows)
    except Refused as refused:
        with transaction.atomic():
            return _without(job, rows, refused)
    except DatabaseError as error:
        if not _code(error).startswith(_BAD_DATA):
            raise
        if len(rows) == 1:
            return [Outcome(rows[0].number, "error", problem=_sentence(error))]
    with transaction.atomic():
        middle = len(rows) // 2
        return _land(job, rows[:middle]) + _land(job, rows[middle:])


def _without(job: _Job, rows: Sequence[Row], refused: Refused) -> list[Outcome]:
    rest = iter(_land(job, [row for place, row in enumerate(rows) if place not in refused.problems]))
    outcomes = []
    for place, row in enumerate(rows):
        if place in refused.problems:
            field, problem = refused.problems[place]
            outcomes.append(Outcome(row.number, "error", field, problem))
        else:
            outcomes.append(next(rest))
    return outcomes


def _attempts(job: _Job, rows: Sequence[Row]) -> list[Outcome]:
    """Somebody else may be loading the same: what they were faster with is there at the next attempt.

    What lands at once is a transaction, with no savepoint within; parts of what does not are savepoints of one.
    """
    within = connection.in_atomic_block
    for attempt in itertools.count(1):
        try:
            with transaction.atomic():
                outcomes = _attempt(job, rows)
                if within:
                    _check_references()
            return outcomes
        except Overtaken:
            if attempt >= _OVERTAKINGS:
                raise
        except DatabaseError as error:
            if attempt >= _ATTEMPTS.get(_code(error), 0):
                raise
            if _code(error) != _UNIQUE_VIOLATION:  # that one has waited for the winner already
                time.sleep(random.uniform(0.02, 0.1) * attempt)
    raise AssertionError("it returns or raises")


def _attempt(job: _Job, rows: Sequence[Row]) -> list[Outcome]:
    chunk = job.chunk(rows)
    if chunk.entries:
        _WRITERS[job.kind](chunk)
        _tell_pipeline(chunk)
    return chunk.outcomes()


def _check_references() -> None:
    """Foreign keys are checked at commit. In a transaction that goes on, a violation could not be laid at a row's door
    by then.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def _tell_pipeline(chunk: Chunk) -> None:
    """What happens now may be decided on; of history one row a person says that scores follow.

    Of a large chunk only the moves go with what others send: they start clocks.
    """
    if chunk.live:
        large = len(chunk.all) > ANSWERED_AT_ONCE
        late = chunk.news.keys() - {Inbox.Cause.STAGE_EVENT} if large else ()
        inbox.add_all(chunk.news, ranks=dict.fromkeys(late, Inbox.Rank.BULK))
    else:
        people = sorted({person_id for rows in chunk.news.values() for person_id, _ in rows})
        inbox.add(Inbox.Cause.LOADED, [(pk, None) for pk in people], rank=Inbox.Rank.BULK)


def _code(error: DatabaseError) -> str:
    return getattr(error.__cause__, "pgcode", None) or ""


def _sentence(error: DatabaseError) -> str:
    diagnosis = getattr(error.__cause__, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None) or ""
    message = getattr(diagnosis, "message_primary", None) or str(error).partition("\n")[0]
    return _SENTENCES.get(constraint, f"The database refused the row: {message}.")
