"""Mails of reps to prospects, through the rep's own server. The rows are the queue: taken for a while, sent, told.

A mail becomes an attempt once it has left, with its touch, and its text is forgotten. A worker that dies in between
leaves a row that is due again: the mail may arrive twice, with the same Message-ID, and is logged once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import structlog
from django.db import connection, transaction
from django.utils import timezone

from funnel import touches
from funnel.models import Lead
from routing.acts.doing import Done, Invalid, Refused, locked, moment, require_doer, to_work
from routing.cadences.capping import allowed_at
from routing.cadences.templating import unfilled
from routing.day import attempts
from routing.messages import mailboxes
from routing.messages.envelopes import again_after
from routing.messages.notices import Tell, tell
from routing.messages.posting import NotPosted
from routing.models import Attempt, Medium, Notice, OwnMail, Task

LEASE: Final = timedelta(minutes=5)  # a worker that has not said by then what came of it is gone
MOST_ATTEMPTS: Final = 8  # over some ten hours
LATE: Final = timedelta(minutes=15)
KEPT: Final = timedelta(days=30)
LONGEST: Final = 20_000

log = structlog.get_logger(__name__)

_TAKE: Final = """
UPDATE routing_ownmail m SET due_at = %(lease)s, attempts = m.attempts + 1
FROM (SELECT id FROM routing_ownmail WHERE sent_at IS NULL AND set_aside_at IS NULL AND due_at <= %(now)s
      ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED) due
WHERE m.id = due.id RETURNING m.id
"""


# --- What people do -------------------------------------------------------------------------------


@transaction.atomic
def write(lead_id: int, *, subject: str, body: str, task_id: int | None = None, user: Any, now: datetime) -> Done:
    """Send a mail to the person of an open lead from the user's own address. It is logged once it has left.

    task_id: the step of a cadence that it does. The same mail to the same lead on one day is one. Raises Invalid for
    the subject or the text; Refused where the person wants none or has had enough, NotAllowed.
    """
    lead = to_work(lead_id, user=user, deed="write to prospects", now=now)
    mailbox = mailboxes.mailbox_of(user)
    if mailbox is None:
        raise Refused("Your mail is not set up yet. Enter your server under Your mail first.")
    subject, body = " ".join(subject.split()), body.replace("\r\n", "\n").strip()
    _refuse_half_written(subject, body)
    person = lead.person
    if not person.email or person.opted_out:
        raise Refused(f"{person} {'wants no more mail' if person.opted_out else 'has no e-mail address'}.")
    key = f"{user.pk}:{lead.pk}:{timezone.localdate(now):%Y%m%d}:{_digest(person.email, subject, body)}"
    before = OwnMail.objects.filter(key=key).first()
    if before is not None:
        return _again(before, lead, now=now)
    if (allowed := _allowed_at(lead, now=now)) > now:
        raise Refused(
            f"{person} has heard from us as often as the cap on contact allows, until {moment(allowed, now=now)}."
        )
    OwnMail.objects.create(
        user=user,
        lead=lead,
        person=person,
        task=Task.objects.filter(pk=task_id, lead=lead, state=Task.State.OPEN).first() if task_id else None,
        key=key,
        message_id=mailboxes.message_id_of(key.replace(":", ".")),
        recipient=person.email,
        subject=subject,
        body=body,
        made_at=now,
        due_at=now,
    )
    return _on_its_way(lead)


@transaction.atomic
def try_again(mail_id: int, *, user: Any, now: datetime) -> Done:
    """Let a mail that was set aside try again. By whoever wrote it, or a manager. Raises Refused, NotAllowed."""
    mail, lead = _mine(mail_id, user)
    return _again(mail, lead, now=now)


@transaction.atomic
def drop(mail_id: int, *, user: Any) -> Done:
    """Forget a mail that has not left. By whoever wrote it, or a manager. Raises Refused, NotAllowed."""
    mail, lead = _mine(mail_id, user)
    if mail.sent_at is not None:
        raise Refused(f"The mail to {lead.person} has left already.")
    mail.delete()
    return Done(lead_id=lead.pk, sentence=f"The mail to {lead.person} is not sent.", stays=True)


def revive(mail_ids: Collection[int], *, now: datetime) -> int:
    """Let mails that were set aside try again now. Returns how many."""
    return OwnMail.objects.filter(pk__in=mail_ids, set_aside_at__isnull=False).update(
        set_aside_at=None, attempts=0, due_at=now, problem=""
    )


def unsent(lead: Lead) -> Sequence[OwnMail]:
    """Mails to the lead that are on their way or were set aside, the latest first. One query."""
    return list(OwnMail.objects.filter(lead=lead, sent_at=None).select_related("user").order_by("-pk")[:5])


# --- Sending --------------------------------------------------------------------------------------


def deliver(*, now: datetime, limit: int = 20) -> int:
    """Send what is due. Returns how many mails were looked at. Sends outside of any transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"now": now, "lease": now + LEASE, "limit": limit})
        ids = [pk for (pk,) in cursor.fetchall()]
    for mail in OwnMail.objects.filter(pk__in=ids).select_related("user", "lead", "person").order_by("pk"):
        _deliver(mail, now=now)
    return len(ids)


def _deliver(mail: OwnMail, *, now: datetime) -> None:
    """Send one and say what came of it. Whatever goes wrong, the others go on."""
    try:
        _send(mail, now=now)
    except NotPosted as problem:
        _failed(mail, problem, now=now)
    except Exception as error:  # one mail's mistake must not hold up the others
        log.error("own_mail_failed", mail=mail.pk, exc_info=error)
        _failed(mail, NotPosted(f"It failed: {type(error).__name__}."), now=now)
    else:
        _sent(mail, now=now)


def _send(mail: OwnMail, *, now: datetime) -> None:
    if mail.person.opted_out:
        raise NotPosted("They want no more mail since it was written.", hopeless=True)
    if mail.lead.closed_at is not None:
        raise NotPosted("The lead was closed before it could be sent.", hopeless=True)
    mailbox = mailboxes.mailbox_of(mail.user)
    if mailbox is None:
        raise NotPosted("The mail server of its writer is no longer set up.", hopeless=True)
    letter = mailboxes.letter_from(
        mailbox, recipient=mail.recipient, subject=mail.subject, body=mail.body, key=mail.key.replace(":", "."), at=now
    )
    mailboxes.send(mailbox, letter)


@transaction.atomic
def _sent(mail: OwnMail, *, now: datetime) -> None:
    """Log it, once, and forget its text."""
    lead = locked(mail.lead_id)
    left = OwnMail.objects.filter(pk=mail.pk, sent_at=None)
    if not left.update(sent_at=now, set_aside_at=None, subject="", body="", problem=""):
        return
    attempt = _log(mail, lead, now=now)
    OwnMail.objects.filter(pk=mail.pk).update(attempt=attempt)


def _log(mail: OwnMail, lead: Lead, *, now: datetime) -> Attempt | None:
    """An attempt about the lead as it is now. Where the lead was closed meanwhile, its touch alone: it has left."""
    if lead.closed_at is not None:
        touches.record_ours(
            mail.person_id, type=attempts.TOUCHES[Medium.EMAIL], payload={"outcome": "sent"}, occurred_at=now, now=now
        )
        return None
    for accepts in (True, False):
        try:
            with transaction.atomic():
                return attempts.record(
                    lead, medium=Medium.EMAIL, outcome=Attempt.Outcome.SENT, task_id=mail.task_id, accepts=accepts,
                    user=mail.user, now=now,
                )  # fmt: skip
        except Refused:
            lead.refresh_from_db()  # somebody else's by now: no acceptance comes with it
    return None


def _failed(mail: OwnMail, problem: NotPosted, *, now: datetime) -> None:
    rows = OwnMail.objects.filter(pk=mail.pk, sent_at=None)
    if not problem.hopeless and mail.attempts < MOST_ATTEMPTS:
        rows.update(due_at=now + again_after(mail.attempts), problem=problem.sentence[:300])
        return
    rows.update(set_aside_at=now, problem=problem.sentence[:300])
    cause = f"own_mail:{mail.pk}:{now.timestamp():.0f}"
    tell([Tell(user_id=mail.user_id, kind=Notice.Kind.MAIL, cause=cause, lead_id=mail.lead_id)], now=now)


@dataclass(frozen=True, slots=True)
class Backlog:
    """late: mails that should have left a while ago; aside: those that were given up."""

    late: int
    aside: int


def backlog(*, now: datetime) -> Backlog:
    """What waits too long, and what was set aside. Two queries."""
    late = OwnMail.objects.filter(sent_at=None, set_aside_at=None, due_at__lt=now - LATE).count()
    return Backlog(late=late, aside=OwnMail.objects.filter(set_aside_at__isnull=False).count())


def prune(*, now: datetime) -> int:
    """Delete what was sent or set aside a month ago. Returns how many went."""
    gone = OwnMail.objects.filter(sent_at__lt=now - KEPT).delete()[0]
    return gone + OwnMail.objects.filter(set_aside_at__lt=now - KEPT).delete()[0]


# --- Their parts ----------------------------------------------------------------------------------


def _refuse_half_written(subject: str, body: str) -> None:
    for field, text, longest in (("subject", subject, 200), ("body", body, LONGEST)):
        if not text:
            raise Invalid(field, "Write something here; an empty mail is not sent.")
        if len(text) > longest:
            raise Invalid(field, f"It holds {longest:,} characters; shorten it.")
        if left := unfilled(text):
            raise Invalid(field, f"Fill in {', '.join(left)} before you send it.")


def _allowed_at(lead: Lead, *, now: datetime) -> datetime:
    """When the cap on contact lets another mail go; those that are on their way count."""
    waiting = OwnMail.objects.filter(person=lead.person_id, sent_at=None, set_aside_at=None)
    return allowed_at(lead.person_id, more=list(waiting.values_list("made_at", flat=True)), now=now)


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:24]


def _mine(mail_id: int, user: Any) -> tuple[OwnMail, Lead]:
    """The mail under the lock of its lead."""
    found = OwnMail.objects.filter(pk=mail_id).values_list("lead", flat=True).first()
    if found is None:
        raise Refused("There is no such mail any more.")
    lead = locked(found)
    mail = OwnMail.objects.filter(pk=mail_id).first()
    if mail is None:
        raise Refused("There is no such mail any more.")
    require_doer(mail.user_id, user, did="wrote it", deed="do this with it")
    return mail, lead


def _again(mail: OwnMail, lead: Lead, *, now: datetime) -> Done:
    if mail.sent_at is not None:
        when = moment(mail.sent_at, now=now)
        return Done(lead_id=lead.pk, sentence=f"This very mail was sent to {lead.person} ({when}).", stays=True)
    revive([mail.pk], now=now)
    return _on_its_way(lead)


def _on_its_way(lead: Lead) -> Done:
    return Done(
        lead_id=lead.pk,
        sentence=f"Your mail to {lead.person} is on its way; it is logged once it has left.",
        stays=True,
    )
