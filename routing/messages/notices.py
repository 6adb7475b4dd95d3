"""What a user is told in the product: once a user, kind and cause. How it reads: words.py."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from funnel import staging
from funnel.versions import Version
from routing.messages.words import Told, newest
from routing.models import Notice
from scoring.reviews import overdue

KEPT: Final = timedelta(days=30)  # after it was read
KEPT_UNREAD: Final = timedelta(days=180)
MANAGING: Final = "routing.reassign_lead"
MODELLING: Final = "scoring.change_scoringmodel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """One thing to tell one user. data: ids, codes and numbers for the words; no personal data."""

    user_id: int
    kind: str
    cause: str
    lead_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def managers() -> list[int]:
    """The users who may give leads to somebody else: whoever has to know when a lead is stuck."""
    users = get_user_model()._default_manager.with_perm(MANAGING, backend="django.contrib.auth.backends.ModelBackend")
    return sorted(users.values_list("pk", flat=True))


def modellers() -> list[int]:
    """The users who may change the scoring model."""
    users = get_user_model()._default_manager.with_perm(MODELLING, backend="django.contrib.auth.backends.ModelBackend")
    return sorted(users.values_list("pk", flat=True))


def tell_of_reviews(*, now: datetime) -> int:
    """Tell whoever may change the scoring model that a version is due for review, once a due day. Returns how many."""
    due = [model for model in overdue(timezone.localdate(now)) if model.review_on]
    users = modellers() if due else []
    return tell(
        [
            one
            for model in due
            for one in tell_each(
                users,
                kind=Notice.Kind.REVIEW,
                cause=f"scoring_model:{model.pk}:{model.review_on}",
                lead_id=None,
                data={"version": model.version, "due": str(model.review_on)},
            )
        ],
        now=now,
    )


def tell_of_version(version: Version, *, user_id: int | None, event: str, now: datetime) -> None:
    """Tell a user what concerns them about a draft. event: asked, approved, published or held_up."""
    if user_id is None:
        return
    of, number = version._meta.model_name, version.version
    data = {"of": of, "id": version.pk, "version": number, "event": event}
    cause = f"{of}:{version.pk}:{event}:{now:%Y%m%d%H%M%S}"
    tell([Tell(user_id=user_id, kind=Notice.Kind.VERSION, cause=cause, data=data)], now=now)


def outdate(kind: str, cause: str, *, now: datetime, user_id: int | None = None) -> None:
    """Mark as read what is so no longer: unread notices whose cause begins with this, of one user or of everybody."""
    notices = Notice.objects.filter(kind=kind, cause__startswith=cause, read_at=None)
    if user_id is not None:
        notices = notices.filter(user=user_id)
    notices.update(read_at=now)


# One cause is posted to a webhook once, however many users are told.
_TELL: Final = """
WITH told AS (
    INSERT INTO routing_notice (user_id, kind, cause, lead_id, data, created_at)
    SELECT user_id, kind, cause, lead_id, data::jsonb, %(now)s
    FROM unnest(%(users)s::bigint[], %(kinds)s::text[], %(causes)s::text[], %(leads)s::bigint[], %(data)s::text[])
        n (user_id, kind, cause, lead_id, data)
    ON CONFLICT (user_id, kind, cause) DO NOTHING
    RETURNING id, user_id, kind, cause
), delivered AS (
    INSERT INTO routing_delivery (notice_id, channel, webhook_id, key, due_at, attempts, problem)
    SELECT t.id, w.way, NULL::bigint, w.way || ':' || t.id, %(now)s, 0, ''
    FROM told t JOIN routing_wish w ON w.user_id = t.user_id AND w.kind = t.kind AND w.way IN ('email', 'digest')
    WHERE %(mail)s
    UNION ALL
    SELECT DISTINCT ON (h.id, t.kind, t.cause)
           t.id, 'webhook', h.id, 'webhook:' || h.id || ':' || t.kind || ':' || t.cause, %(now)s, 0, ''
    FROM told t
    LEFT JOIN funnel_rep r ON r.user_id = t.user_id
    JOIN routing_webhook h ON h.active AND (h.kinds = '[]' OR jsonb_exists(h.kinds, t.kind))
                          AND (h.team_id IS NULL OR h.team_id = r.team_id)
    ON CONFLICT (key) DO NOTHING
)
SELECT count(*) FROM told
"""


def tell(tells: Collection[Tell], *, now: datetime) -> int:
    """Write the notices that were not written before, with their deliveries (outbox.py), in one statement.

    Returns how many are new.
    """
    if not tells:
        return 0
    rows = sorted(tells, key=lambda one: (one.user_id, one.kind, one.cause))
    with connection.cursor() as cursor:
        cursor.execute(
            _TELL,
            {
                "now": now,
                "users": [one.user_id for one in rows],
                "kinds": [one.kind for one in rows],
                "causes": [one.cause for one in rows],
                "leads": [one.lead_id for one in rows],
                "data": [staging.as_json(dict(one.data)) for one in rows],
                "mail": settings.MAIL_ON,
            },
        )
        return int(cursor.fetchone()[0])


def users_of(lead_ids: Collection[int], *, or_account: bool = False) -> dict[int, int]:
    """The log-in of each lead's owner, or where it has none that of its account's owner. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT l.id, r.user_id FROM funnel_lead l
            LEFT JOIN funnel_account a ON a.id = l.account_id
            JOIN funnel_rep r ON r.id = coalesce(l.owner_id, CASE WHEN %s THEN a.owner_id END)
            WHERE l.id = ANY(%s) AND r.user_id IS NOT NULL
            """,
            [or_account, list(lead_ids)],
        )
        return dict(cursor.fetchall())


def tell_owners(
    lead_ids: Collection[int],
    *,
    kind: str,
    now: datetime,
    causes: Mapping[int, str] | None = None,
    urgent: bool = False,
) -> int:
    """Tell the owner of each lead, once a kind and cause; by default once a lead. Returns how many notices are new.

    urgent: somebody has to hear it: without an owner the account's owner is told, without either the managers are.
    """
    if not lead_ids:
        return 0
    users = users_of(lead_ids, or_account=urgent)
    unheard = managers() if urgent and len(users) < len(lead_ids) else []
    return tell(
        [
            one
            for lead_id in lead_ids
            for one in tell_each(
                [users[lead_id]] if lead_id in users else unheard,
                kind=kind,
                cause=causes[lead_id] if causes else f"lead:{lead_id}",
                lead_id=lead_id,
                data={},
            )
        ],
        now=now,
    )


def count_unread(user: Any) -> int:
    return Notice.objects.filter(user=user, read_at=None).count()


def unread(user: Any, *, limit: int = 20) -> list[Told]:
    """What the user has not read yet, newest first."""
    return newest(Notice.objects.filter(user=user, read_at=None), limit)


def latest(user: Any, *, limit: int = 20) -> list[Told]:
    """The newest notices of the user, read ones too."""
    return newest(Notice.objects.filter(user=user), limit)


def mark_read(user: Any, *, now: datetime, ids: Collection[int] | None = None) -> int:
    """Mark these notices of the user as read, or all (None). Returns how many were unread."""
    notices = Notice.objects.filter(user=user, read_at=None)
    if ids is not None:
        notices = notices.filter(pk__in=ids)
    return notices.update(read_at=now)


def prune(*, now: datetime) -> int:
    """Delete what was read a month ago, and what nobody has read in half a year. Returns how many went."""
    gone, _ = Notice.objects.filter(read_at__lt=now - KEPT).delete()
    forgotten, _ = Notice.objects.filter(read_at=None, created_at__lt=now - KEPT_UNREAD).delete()
    return gone + forgotten


def tell_each(
    users: Sequence[int], *, kind: str, cause: str, lead_id: int | None, data: Mapping[str, Any]
) -> list[Tell]:
    """The same thing for several users."""
    return [Tell(user_id=user, kind=kind, cause=cause, lead_id=lead_id, data=data) for user in users]
