"""Notices on their way out of the product. The rows are the queue: taken for a while, sent, and told as sent or not.

A notice and its deliveries are written in one statement (notices.tell), so none is lost; a worker that dies while it
sends leaves a row that is due again, so one may arrive twice, with the same key. No channel holds up another: each
delivery fails by itself, waits longer each time, and is set aside where operators see it.
"""

import smtplib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.utils import timezone

from funnel.sealing import Unreadable, unseal
from routing.messages import posting, words
from routing.messages.envelopes import Told, again_after, body_for, digest_after, headers_for, mail_of, quiet_until
from routing.messages.posting import NotPosted
from routing.models import Delivery, Notice, Reach, Webhook

DELIVER: Final = "routing.tasks.deliver"
LEASE: Final = timedelta(minutes=5)  # a worker that has not said by then what came of it is gone
MOST_ATTEMPTS: Final = 8  # over some ten hours
KEPT: Final = timedelta(days=30)
LATE: Final = timedelta(minutes=15)
UNREADABLE: Final = "Its address and secret can no longer be read here; enter them again under Admin > Webhooks."
EMAIL, DIGEST, WEBHOOK = (channel.value for channel in Delivery.Channel)

log = structlog.get_logger(__name__)

_TAKE: Final = """
UPDATE routing_delivery d SET due_at = %(lease)s, attempts = d.attempts + 1
FROM (SELECT id FROM routing_delivery WHERE sent_at IS NULL AND set_aside_at IS NULL AND due_at <= %(now)s
      ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED) due
WHERE d.id = due.id RETURNING d.id
"""
# What else is due for the same daily e-mail: it is one message.
_TAKE_WITH: Final = """
UPDATE routing_delivery d SET due_at = %(lease)s, attempts = d.attempts + 1
FROM (SELECT x.id FROM routing_delivery x JOIN routing_notice n ON n.id = x.notice_id
      WHERE x.channel = 'digest' AND x.sent_at IS NULL AND x.set_aside_at IS NULL AND x.due_at <= %(now)s
        AND n.user_id = ANY(%(users)s)
      ORDER BY x.due_at, x.id FOR UPDATE OF x SKIP LOCKED) due
WHERE d.id = due.id RETURNING d.id
"""


@dataclass(slots=True)
class _Parcel:
    """Deliveries that go out as one message."""

    rows: list[Delivery]
    told: list[Told]

    @property
    def first(self) -> Delivery:
        return self.rows[0]


def deliver(*, now: datetime, limit: int = 50) -> int:
    """Send what is due. Returns how many deliveries were looked at; 0 when nothing was due.

    Sends outside of any transaction. What quiet hours or the hour of the daily e-mail hold back is due again then.
    """
    rows = _take(now=now, limit=limit)
    if not rows:
        return 0
    reaches = Reach.objects.in_bulk({row.notice.user_id for row in rows}, field_name="user_id")
    rows = [
        row for row in rows if not _forgotten(row) and not _held_back(row, reaches.get(row.notice.user_id), now=now)
    ]
    for parcel in _parcels(rows, reaches):
        _send(parcel, now=now)
    return max(len(rows), 1)


@dataclass(frozen=True, slots=True)
class Backlog:
    """late: deliveries that should have gone out a while ago; aside: those that were given up; problem: of the last."""

    late: int
    aside: int
    problem: str


def backlog(*, now: datetime) -> Backlog:
    """What waits too long, and what was set aside. Two queries."""
    late = Delivery.objects.filter(sent_at=None, set_aside_at=None, due_at__lt=now - LATE).count()
    aside = Delivery.objects.filter(set_aside_at__isnull=False).order_by("-set_aside_at")
    first = aside.first()
    return Backlog(late=late, aside=aside.count(), problem=first.problem if first else "")


def try_again(ids: Collection[int], *, now: datetime) -> int:
    """Let deliveries that were set aside try again now. Returns how many."""
    return Delivery.objects.filter(pk__in=ids, set_aside_at__isnull=False).update(
        set_aside_at=None, attempts=0, due_at=now, problem=""
    )


def prune(*, now: datetime) -> int:
    """Delete what was sent a month ago. Returns how many went."""
    return Delivery.objects.filter(sent_at__lt=now - KEPT).delete()[0]


# --- Taking ---------------------------------------------------------------------------------------


def _take(*, now: datetime, limit: int) -> list[Delivery]:
    given: dict[str, Any] = {"now": now, "lease": now + LEASE, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, given)
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return []
        digests = Notice.objects.filter(deliveries__in=ids, deliveries__channel=DIGEST)
        users = list(digests.values_list("user_id", flat=True).distinct())
        if users:
            cursor.execute(_TAKE_WITH, given | {"users": users})
            ids += [row[0] for row in cursor.fetchall()]
    return list(
        Delivery.objects.filter(pk__in=ids).select_related("notice__user", "webhook").order_by("notice_id", "pk")
    )


def _forgotten(row: Delivery) -> bool:
    """A daily e-mail does not repeat what was read meanwhile."""
    if row.channel != DIGEST or row.notice.read_at is None:
        return False
    row.delete()
    return True


def _held_back(row: Delivery, reach: Reach | None, *, now: datetime) -> bool:
    """Put off what is not to go out now. A webhook is no person: it is told at any hour."""
    if row.channel == WEBHOOK:
        return False
    reach = reach or Reach()
    due = now
    if row.channel == DIGEST:
        due = digest_after(row.notice.created_at, zone=reach.zone, at=reach.digest_at)
    elif not (row.notice.kind == Notice.Kind.HOT and reach.hot_passes):
        ends = quiet_until(now, zone=reach.zone, since=reach.quiet_from, until=reach.quiet_until)
        due = ends or now
    if due <= now:
        return False
    Delivery.objects.filter(pk=row.pk).update(due_at=due, attempts=row.attempts - 1)
    return True


def _parcels(rows: Sequence[Delivery], reaches: Mapping[int, Reach]) -> Iterable[_Parcel]:
    """One message each; the daily e-mail of a user is one for all. Words are made now, in the user's zone."""
    parcels: dict[Any, _Parcel] = {}
    found = _words(rows, reaches)
    for row in rows:
        place = ("digest", row.notice.user_id) if row.channel == DIGEST else row.pk
        parcel = parcels.setdefault(place, _Parcel([], []))
        parcel.rows.append(row)
        parcel.told.append(_told(row, found[row.pk]))
    return parcels.values()


def _words(rows: Sequence[Delivery], reaches: Mapping[int, Reach]) -> dict[int, words.Told]:
    by_zone: dict[str, list[Delivery]] = {}
    for row in rows:
        reach = reaches.get(row.notice.user_id)
        by_zone.setdefault(reach.zone if reach and row.channel != WEBHOOK else settings.REPORTING_ZONE, []).append(row)
    found: dict[int, words.Told] = {}
    for zone, some in by_zone.items():
        with timezone.override(zone):
            said = words.words_of([row.notice_id for row in some])
        found |= {row.pk: said[row.notice_id] for row in some}
    return found


def _told(row: Delivery, said: words.Told) -> Told:
    return Told(
        key=row.key,
        kind=said.kind,
        title=said.title,
        sentence=said.sentence,
        lead_id=said.lead_id,
        at=said.created_at,
        url=f"{settings.PUBLIC_URL.rstrip('/')}{said.path}",
    )


# --- Sending --------------------------------------------------------------------------------------


def _send(parcel: _Parcel, *, now: datetime) -> None:
    """Send one message and say what came of it. Whatever goes wrong, the others go on."""
    ids = [row.pk for row in parcel.rows]
    try:
        _CHANNELS[parcel.first.channel](parcel, now)
    except NotPosted as problem:
        _failed(parcel, problem, now=now)
    except Exception as error:  # a channel's own mistake must not hold up the others
        log.error("delivery_failed", delivery=parcel.first.key, exc_info=error)
        _failed(parcel, NotPosted(f"It failed: {type(error).__name__}."), now=now)
    else:
        Delivery.objects.filter(pk__in=ids).update(sent_at=now, problem="")


def _failed(parcel: _Parcel, problem: NotPosted, *, now: datetime) -> None:
    attempts = max(row.attempts for row in parcel.rows)
    rows = Delivery.objects.filter(pk__in=[row.pk for row in parcel.rows])
    if problem.hopeless or attempts >= MOST_ATTEMPTS:
        rows.update(set_aside_at=now, problem=problem.sentence[:300])
    else:
        rows.update(due_at=now + again_after(attempts), problem=problem.sentence[:300])


def _mail(parcel: _Parcel, now: datetime) -> None:
    to = parcel.first.notice.user.email
    if not settings.MAIL_ON:
        raise NotPosted("E-mail is not set up: EMAIL_HOST is not set.", hopeless=True)
    if not to:
        raise NotPosted("This log-in has no e-mail address.", hopeless=True)
    subject, text = mail_of(parcel.told)
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    message_id = f"<{parcel.first.key.replace(':', '.')}@{host}>"
    message = EmailMessage(
        subject, text, to=[to], headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"}
    )
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        raise NotPosted("The mail server refuses this address.", hopeless=True) from error
    except (smtplib.SMTPException, OSError) as error:
        raise NotPosted(f"The mail server did not take it: {type(error).__name__}.") from error


def _post(parcel: _Parcel, now: datetime) -> None:
    webhook, (told,) = parcel.first.webhook, parcel.told
    assert webhook is not None
    if not webhook.active:
        raise NotPosted("This webhook was switched off.", hopeless=True)
    post_to(webhook, told, now=now)


def post_to(webhook: Webhook, told: Told, *, now: datetime) -> None:
    """Post one notice to a webhook. Raises NotPosted."""
    try:
        url, secret = unseal(webhook.sealed_url), unseal(webhook.sealed)
    except Unreadable as error:
        raise NotPosted(UNREADABLE, hopeless=True) from error
    body = body_for(webhook.preset, told)
    headers = headers_for(told, body, secret=secret, now=now)
    posting.post(url, body, headers=headers, private=settings.WEBHOOKS_WITHIN)


_CHANNELS: Final[dict[str, Callable[[_Parcel, datetime], None]]] = {EMAIL: _mail, DIGEST: _mail, WEBHOOK: _post}
