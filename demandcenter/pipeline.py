"""The main path on one page: what came in is scored, decided, routed and timed, one transaction a batch of people.

`drain` works the inbox, `sweep` what only time brings. Any number of them may run at once and die at any moment: people
are locked and passed over by the others, rows leave the inbox in the transaction that acts on them, and every decision
is written once a cause.
"""

import itertools
import math
import random
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from demandcenter import publishing
from demandcenter.timers import Timer, run
from funnel import hints, inbox
from funnel.inbox import Taken
from funnel.inquiries import open_inquiries
from funnel.models import Inbox, Kind, Stage, StageEvent
from funnel.touches import spoken
from routing.assignment.engine import assign, retry_unrouted
from routing.cadences import capping, enrolments, replies
from routing.day import outreach
from routing.decisions import pauses
from routing.messages.notices import tell_owners
from routing.models import Clock, Notice
from routing.overdue import ladder
from routing.sla import clocks
from scoring import accounts, engine, qualifying
from scoring.engine import Standing
from scoring.models import Score, Status
from scoring.qualifying import ReRaise

BATCH: Final = 500  # people
LARGEST: Final = 2_000  # people a batch while many wait: a set twice as large costs less than two
ROUNDS: Final = 4  # what a batch itself moves is worked with it; what is left after so many rounds waits its turn
ATTEMPTS: Final = 6  # at a batch that another transaction got in the way of
HOPELESS: Final = 10  # people in a row who fail, without one who does not: it is not for what they brought
LATER: Final = timedelta(hours=1)  # a clock that cannot be swept is looked at again
ENTERS_MQL: Final = (Kind.ADVANCE, Kind.REGRESS, Kind.REOPEN)
# PostgreSQL's error codes: serialization failure, deadlock, a lock that was not to be had.
_IN_THE_WAY: Final = frozenset({"40001", "40P01", "55P03"})
_UNIQUE_VIOLATION: Final = "23505"

log = structlog.get_logger(__name__)


def drain(
    *, now: datetime | None = None, limit: int = BATCH, most: int | None = None, seconds: float | None = None
) -> int:
    """Work the inbox until nothing in it is ready, or `most` people or `seconds` are through. Returns how many people.

    limit: people a batch, to begin with; after a full one up to LARGEST. now: the moment of
    everything that happens; by default each batch takes its own.
    A person who makes a batch fail is found and postponed (`inbox.postpone`), and the others go on. Raises what failed
    when everybody fails, when the database has gone away, or when other transactions keep getting in the way.
    """
    work = _Drain(limit=limit, now=now)
    deadline = None if seconds is None else time.monotonic() + seconds
    while work.some():
        if (most is not None and work.people >= most) or (deadline is not None and time.monotonic() >= deadline):
            break
    return work.people


def sweep(*, now: datetime | None = None, seconds: float | None = None) -> int:
    """Do what only time brings, after the inbox: a touch that came before a deadline counts before it, however late the
    sweep. Returns how many things were due. seconds: for each kind of them, and for the inbox before and after.

    What a timer moves goes through the inbox like every move; it is worked here right away.
    """
    now = now or timezone.now()
    drain(now=now, seconds=seconds)
    done = 0
    for timer in TIMERS:  # each has its own time: many reviews must not keep clocks from being looked at
        deadline = time.monotonic() + (math.inf if seconds is None else seconds)
        done += run(timer, now=now, deadline=deadline, problem_of=_problem_of_work)
    if done:
        drain(now=now, seconds=seconds)
    return done


class BatchFailed(Exception):
    """A batch was taken back because of something that these people brought."""

    def __init__(self, people: Collection[int]) -> None:
        super().__init__(f"{len(people)} people")
        self.people = sorted(people)


class _Drain:
    """One run through the inbox: how many people it has worked, and how many have failed since one did not."""

    def __init__(self, *, limit: int, now: datetime | None) -> None:
        self.limit, self.now = limit, now
        self.people = 0
        self._failures = 0

    def some(self) -> bool:
        """Work a batch of raised hands and one of the others, by turns, so that neither waits for all of the other.
        False when nothing was ready.
        """
        hands = self._work(None, ranks=inbox.HANDS)
        return self._work(None, ranks=inbox.OTHERS) + hands > 0

    def _work(self, among: Collection[int] | None, *, ranks: Collection[int] = inbox.EVERYTHING) -> int:
        """Work a batch, in halves around whoever makes it fail. Returns how many people it was."""
        now = self.now or timezone.now()
        try:
            done = self._at_last(now, among, ranks)
        except BatchFailed as failed:
            return self._isolate(failed, now=now)
        if done:
            self.people += len(done)
            self._failures = 0
        if ranks == inbox.OTHERS and self.limit <= len(done) < LARGEST:
            self.limit = LARGEST
        return len(done)

    def _at_last(self, now: datetime, among: Collection[int] | None, ranks: Collection[int]) -> Collection[int]:
        """Try again what other transactions get in the way of."""
        for attempt in itertools.count(1):
            try:
                return work_batch(limit=self.limit, now=now, among=among, ranks=ranks)
            except BatchFailed as failed:
                if attempt > 1 or _code(failed.__cause__) != _UNIQUE_VIOLATION:  # else somebody was faster
                    raise
            except DatabaseError as error:
                if attempt >= ATTEMPTS or _code(error) not in _IN_THE_WAY:
                    raise
                time.sleep(random.uniform(0.01, 0.05) * attempt)
        raise AssertionError("it returns or raises")

    def _isolate(self, failed: BatchFailed, *, now: datetime) -> int:
        people, error = failed.people, failed.__cause__
        if len(people) == 1:
            self._give_up(people[0], error, now=now)
        else:
            middle = len(people) // 2
            self._work(people[:middle])
            self._work(people[middle:])
        return len(people)

    def _give_up(self, person_id: int, error: BaseException | None, *, now: datetime) -> None:
        self._failures += 1
        inbox.postpone(person_id, problem=problem_of(error), now=now)
        log.error("person_not_processed", person=person_id, problem=problem_of(error), exc_info=error)
        self.people += 1
        if self._failures >= HOPELESS and error is not None:
            raise error


@dataclass(slots=True)
class News:
    """What a batch came to, by ids. raised: raised hands, those that made MQLs among them."""

    events: list[int] = field(default_factory=list)
    touches: list[int] = field(default_factory=list)
    raised: list[ReRaise] = field(default_factory=list)


def work_batch(
    *, limit: int, now: datetime, among: Collection[int] | None = None, ranks: Collection[int] = inbox.EVERYTHING
) -> Collection[int]:
    """Take a batch out of the inbox and act on it, in one transaction. Returns whom it was about.

    among: only these people. ranks: as for `inbox.take`. What the batch itself puts into the inbox (every move is a
    row) is worked with it, so that a touch, its MQL, the owner and the clocks become visible together. Raises
    BatchFailed when it was taken back for what it brought, and the database's own error when that is in the way or
    gone.
    """
    people: set[int] = set()
    news = News()
    try:
        with hints.without(inbox.DRAIN), transaction.atomic():
            _commit_without_waiting()
            for _ in range(ROUNDS):
                taken = inbox.take(limit=limit, now=now, among=among, held=people, ranks=ranks)
                if not taken:
                    break
                people |= {row.person_id for row in taken}
                act_on(taken, news, now=now)
            tell(news, now=now)
    except Exception as error:
        if not people or _is_the_databases(error):
            raise
        raise BatchFailed(people) from error
    return people


def _commit_without_waiting() -> None:
    """Let the batch's commit not wait for the disk: one that a crash of the server takes back is worked again, for its
    rows are in the inbox again too. What people do upon it waits, and takes it to the disk as well.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def act_on(taken: Sequence[Taken], news: News, *, now: datetime) -> None:
    """What follows from these rows for scores, stages and owners, in the caller's transaction with their people locked.

    Adds to the news what others are to hear of.
    """
    touches = _objects(taken, Inbox.Cause.ACTIVITY)
    events = _objects(taken, Inbox.Cause.STAGE_EVENT, Inbox.Cause.BY_RULE)
    standings = engine.apply(taken, now=now)
    open_inquiries(touches, now=now)
    news.raised += take_decisions(standings, now=now)
    if causes := entries_into_mql(events):
        assign(list(causes), now=now, causes=causes)
    news.events += events
    news.touches += touches


def tell(news: News, *, now: datetime) -> None:
    """Let clocks, tasks and cadences follow what a batch came to, in its transaction, once leads have their owners."""
    said = spoken(news.touches)
    clocks.follow(news.events, touches=said, raised=news.raised, now=now)
    outreach.follow(said, now=now)
    replies.follow(said, now=now)
    enrolments.follow(news.events, news.touches, now=now)


def take_decisions(standings: Sequence[Standing], *, now: datetime) -> list[ReRaise]:
    """Move the leads of these people by the rule and tell owners whose lead has cooled. Returns the raised hands."""
    decided = qualifying.decide(standings, now=now, may_cool=clocks.may_cool)
    tell_owners(decided.flagged, kind=Notice.Kind.SCORE, now=now)
    return [*decided.fast_tracks, *decided.reraised]


def entries_into_mql(event_ids: Collection[int]) -> dict[int, str]:
    """The leads that these events brought to MQL and that still stand there, each with its cause for routing.

    Whoever moved them: the rule, a person or a live import. What only passed through MQL is in somebody's hands.
    """
    if not event_ids:
        return {}
    events = StageEvent.objects.filter(
        pk__in=event_ids, to_stage=Stage.MQL, kind__in=ENTERS_MQL, lead__stage=Stage.MQL, lead__closed_at=None
    )
    return {lead_id: f"stage_event:{pk}" for pk, lead_id in events.order_by("pk").values_list("pk", "lead_id")}


def problem_of(error: BaseException | None) -> str:
    """What went wrong, without values of rows: they may be personal data."""
    diagnosis = getattr(getattr(error, "__cause__", None), "diag", None)
    said = getattr(diagnosis, "message_primary", None) or str(error).partition("\n")[0]
    return f"{type(error).__name__}: {said}"[:300]


def _objects(taken: Sequence[Taken], *causes: str) -> list[int]:
    return [row.object_id for row in taken if row.cause in causes and row.object_id is not None]


def _code(error: BaseException | None) -> str:
    return getattr(getattr(error, "__cause__", None), "pgcode", None) or ""


def _is_the_databases(error: BaseException) -> bool:
    """Whether it lies at the database or at other transactions, so that the same rows may well succeed later."""
    if isinstance(error, InterfaceError) or _code(error) in _IN_THE_WAY:
        return True
    # Without a code the connection broke; the classes are connection, resources, operator's intervention, system.
    return isinstance(error, OperationalError) and (not _code(error) or _code(error)[:2] in ("08", "53", "57", "58"))


def _problem_of_work(error: Exception) -> str | None:
    return None if _is_the_databases(error) else problem_of(error)


# --- What falls due -----------------------------------------------------------------------------------------------


@transaction.atomic
def _review(now: datetime, limit: int) -> int:
    standings = engine.review(now=now, limit=limit)
    take_decisions(standings, now=now)
    return len(standings)


@transaction.atomic
def _review_by_the_inbox(now: datetime, problem: str) -> str:
    """The inbox looks at the person again, as at everybody it could not work."""
    first = (
        Score.objects.filter(model__status=Status.PUBLISHED, next_review_at__lte=now).order_by("next_review_at").first()
    )
    if first is None:
        return ""
    Score.objects.filter(person=first.person_id, next_review_at__lte=now).update(next_review_at=None)
    inbox.set_aside(first.person_id, problem=problem, now=now)
    return f"person:{first.person_id}"


def _revisit(now: datetime, limit: int) -> int:
    return len(qualifying.revisit(now=now, limit=limit).mqls)


@transaction.atomic
def _revisit_tomorrow(now: datetime, problem: str) -> str:
    put_off = qualifying.put_off_revisit(now=now)
    if put_off is None:
        return ""
    lead_id, person_id = put_off
    inbox.set_aside(person_id, problem=problem, now=now)
    return f"lead:{lead_id}"


def _publish(now: datetime, limit: int) -> int:
    return publishing.publish_due(now=now, limit=limit)


def _assign_unrouted(now: datetime, limit: int) -> int:
    return len(retry_unrouted(now=now, limit=limit))


def _follow_absences(now: datetime, limit: int) -> int:
    return pauses.follow_absences(now=now, limit=limit)


def _start_meetings(now: datetime, limit: int) -> int:
    return clocks.start_meetings(now=now, limit=limit)


def _follow_hand_offs(now: datetime, limit: int) -> int:
    return clocks.follow_hand_offs(now=now, limit=limit)


def _sweep_clocks(now: datetime, limit: int) -> int:
    return ladder.sweep(now=now, limit=limit)


@transaction.atomic
def _clock_later(now: datetime, problem: str) -> str:
    first = Clock.objects.filter(next_at__lte=now).select_related("lead").order_by("next_at", "pk").first()
    if first is None:
        return ""
    Clock.objects.filter(pk=first.pk).update(next_at=now + LATER)
    inbox.set_aside(first.lead.person_id, problem=problem, now=now)
    return f"clock:{first.pk}"


def _stop_cadences(now: datetime, limit: int) -> int:
    return enrolments.stop_what_is_over(now=now, limit=limit)


def _cap_contact(now: datetime, limit: int) -> int:
    return capping.put_off_over_cap(now=now, limit=limit)


def _score_accounts(now: datetime, limit: int) -> int:
    return accounts.score(now=now, limit=limit)


@transaction.atomic
def _account_tomorrow(now: datetime, problem: str) -> str:
    """The problem itself stands in the log: an account has nobody in the inbox whom it could be shown with."""
    account_id = accounts.put_off(now=now, until=now + timedelta(days=1))
    return f"account:{account_id}" if account_id else ""


TIMERS: Final = (
    # First: what was promised for this moment decides about what else is due at it.
    Timer(name="publications", work=_publish, set_aside=publishing.set_aside),
    Timer(name="reviews", work=_review, set_aside=_review_by_the_inbox),
    Timer(name="revisits", work=_revisit, set_aside=_revisit_tomorrow),
    Timer(name="unrouted", work=_assign_unrouted, set_aside=lambda _now, _problem: ""),
    # Before the clocks: one that is to stand still does not run out meanwhile.
    Timer(name="absences", work=_follow_absences, set_aside=lambda _now, _problem: ""),
    Timer(name="meetings", work=_start_meetings, set_aside=lambda _now, _problem: ""),
    Timer(name="hand_offs", work=_follow_hand_offs, set_aside=lambda _now, _problem: ""),
    Timer(name="clocks", work=_sweep_clocks, set_aside=_clock_later),
    Timer(name="cadences", work=_stop_cadences, set_aside=lambda _now, _problem: ""),
    Timer(name="contact cap", work=_cap_contact, set_aside=lambda _now, _problem: ""),
    # In the sweep rather than with its people: a hundred touches of one company in between are one look at it.
    Timer(name="accounts", work=_score_accounts, set_aside=_account_tomorrow),
)
