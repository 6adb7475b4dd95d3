"""The life of an SLA policy's version: drafted, published, retired by the next one; and running clocks put under it.

A version that is published never touches clocks that run: `reapply` does, as an act of its own.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from funnel import versions
from funnel.conditions import check
from funnel.models import Lead
from funnel.versions import PolicyProblem, Status
from routing.fields import FIELDS
from routing.models import Clock, SlaPolicy, SlaPromise
from routing.sla.clock_facts import pauses_of
from routing.sla.deadlines import apply_moments, hours_of, promised
from routing.sla.terms import within
from routing.sla.writing import REAPPLIED, Changes, append, next_at, update

MOST_PROMISES: Final = 100
MOST_DAYS: Final = 400
BATCH: Final = 1_000
NAME: Final = "What we promise"
_PROMISE = ("position", "name", "kind", "condition", "amount", "unit", "warn_at", "reassign")
_SETTINGS = ("expiry", "expires_at", "absence")


@transaction.atomic
def draft(*, from_policy: SlaPolicy | None = None, user: User | None, name: str, why: str = "") -> SlaPolicy:
    """A new draft: a copy of a version, or empty."""
    settings = {field: getattr(from_policy, field) for field in _SETTINGS} if from_policy else {}
    number = versions.next_number(SlaPolicy)
    made = SlaPolicy.objects.create(version=number, name=name, why=why, created_by=user, **settings)
    if from_policy is not None:
        promises = from_policy.promises.order_by("position", "id").values(*_PROMISE)
        SlaPromise.objects.bulk_create(SlaPromise(sla_policy=made, **values) for values in promises)
    return made


def publish(policy: SlaPolicy, *, user: User | None, why: str = "", now: datetime) -> SlaPolicy:
    """Let a draft promise from now on; the version that did is retired. Clocks that run keep their times.

    Raises PolicyProblem for a version that cannot be.
    """
    return versions.publish(policy, problems_of=problems_of, user=user, why=why, now=now)


def problems_of(policy: SlaPolicy) -> Iterator[str]:
    """What keeps the version from being published, a sentence each."""
    promises = list(policy.promises.order_by("position", "id"))
    if not promises:
        yield "Without a promise no clock would run. Add one; a promise without a condition holds for every lead."
    if len(promises) > MOST_PROMISES:
        yield f"The version has {len(promises):,} promises; at most {MOST_PROMISES} are possible. Join similar ones."
    always: dict[str, SlaPromise] = {}
    for promise in promises:
        place = f"Promise “{promise.name}”"
        yield from (f"{place}: {problem}" for problem in _problems_with(promise))
        if promise.kind in always:
            yield f"{place} is never reached: “{always[promise.kind].name}” before it holds for every lead."
        elif promise.condition == {}:
            always[promise.kind] = promise


def _problems_with(promise: SlaPromise) -> Iterator[str]:
    if promise.amount < 1:
        yield "it runs for at least 1; leave it out where nothing is promised."
    if promise.kind not in SlaPromise.Kind.values:
        yield f"there is no clock “{promise.kind}”; there are: {', '.join(SlaPromise.Kind.values)}."
    if promise.unit not in SlaPromise.Unit.values:
        yield f"“{promise.unit}” is no unit; there are: {', '.join(SlaPromise.Unit.values)}."
    elif promise.unit != SlaPromise.Unit.BUSINESS_MINUTES and promise.amount > MOST_DAYS:
        yield f"{promise.amount:,} days are more than a promise can be; at most {MOST_DAYS}."
    if not 0.1 <= promise.warn_at <= 1:
        yield "the owner is reminded after a share of the time, between 0.1 and 1."
    yield from check(promise.condition, FIELDS)


# --- what a new installation promises (domain.md 8.3) ----------------------------------------------

# Kind: name, amount, unit, whether the lead goes to a colleague in the end.
STANDARD: Final[Mapping[str, tuple[str, int, str, bool]]] = {
    SlaPromise.Kind.ACCEPT: ("Decide about an MQL", 1, SlaPromise.Unit.BUSINESS_DAYS, True),
    SlaPromise.Kind.HOT: ("Answer a raised hand", 5, SlaPromise.Unit.BUSINESS_MINUTES, True),
    SlaPromise.Kind.FOLLOW_UP: ("Follow up on an accepted lead", 2, SlaPromise.Unit.BUSINESS_DAYS, False),
    SlaPromise.Kind.WORKING: ("Work an accepted lead", 21, SlaPromise.Unit.DAYS, False),
    SlaPromise.Kind.OUTCOME: ("Say how a meeting went", 1, SlaPromise.Unit.BUSINESS_DAYS, False),
    SlaPromise.Kind.DECISION: ("Decide on an opportunity", 5, SlaPromise.Unit.BUSINESS_DAYS, False),
    SlaPromise.Kind.TAKE_OVER: ("Take over an SQL", 1, SlaPromise.Unit.BUSINESS_DAYS, False),
}


@transaction.atomic
def ship(*, now: datetime) -> SlaPolicy:
    """Publish what the product ships with (routing/migrations/0007_first_version_of_promises.py)."""
    policy = draft(user=None, name=NAME)
    add_promises(policy, STANDARD)
    return publish(policy, user=None, now=now)


def add_promises(policy: SlaPolicy, promises: Mapping[str, tuple[str, int, str, bool]]) -> None:
    """Give a draft promises for every lead, by kind: name, amount, unit, whether the lead goes to a colleague."""
    SlaPromise.objects.bulk_create(
        SlaPromise(sla_policy=policy, position=place, kind=kind, name=name, amount=amount, unit=unit, reassign=reassign)
        for place, (kind, (name, amount, unit, reassign)) in enumerate(promises.items())
    )


# --- running clocks under another version ---------------------------------------------------------


def reapply(*, kinds: Collection[str], user: Any, why: str, now: datetime) -> int:
    """Put the running clocks of these kinds under what the published version promises. Returns how many it changed.

    Each change is a fact with who and why. A clock whose lead is promised nothing keeps its times, and what was told
    already is not told again. In batches, each a transaction of its own. Raises PolicyProblem without a reason.
    """
    if not why.strip():
        raise PolicyProblem(["Say why: those whose time changes will ask."])
    if not SlaPolicy.objects.filter(status=Status.PUBLISHED).exists():
        raise PolicyProblem(["No version is published, so there is nothing to put the clocks under."])
    changed, last = 0, 0
    while ids := list(
        Clock.objects.filter(kind__in=kinds, stopped_at=None, pk__gt=last)
        .order_by("pk")
        .values_list("pk", flat=True)[:BATCH]
    ):
        changed += _reapply(ids, user=user, why=why.strip()[:300], now=now)
        last = ids[-1]
    return changed


@transaction.atomic
def _reapply(ids: list[int], *, user: Any, why: str, now: datetime) -> int:
    found = Clock.objects.filter(pk__in=ids).values_list("lead", flat=True)
    lead_ids = sorted(set(found))
    list(Lead.objects.select_for_update(no_key=True).filter(pk__in=lead_ids).order_by("pk").values_list("pk"))
    clocks = list(Clock.objects.filter(pk__in=ids, stopped_at=None).select_related("promise__sla_policy"))
    promises, pauses = promised(lead_ids), pauses_of(lead_ids)
    hours = hours_of([clock.calendar_id for clock in clocks])
    changes = Changes()
    for clock in clocks:
        promise = promises.get((clock.lead_id, clock.kind))
        if promise is None or promise.pk == clock.promise_id:
            continue
        clock.promise = promise
        spans = within(pauses.get(clock.lead_id, []), clock.started_at, None)
        apply_moments(clock, hours.get(clock.calendar_id or 0), spans)
        clock.next_at = next_at(clock)
        changes.running.append(clock)
        changes.say(clock, REAPPLIED, now, f"promise:{promise.pk}", actor=user, why=why)
    update(changes.running)
    append(changes.events, now=now)
    return len(changes.running)
