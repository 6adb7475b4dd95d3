"""Touches of people on both sides: those that the product itself writes of what one of us did, and which are spoken."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import connection

from funnel import inbox, staging
from funnel.models import Activity, Inbox
from funnel.replies import REPLY

SOURCE: Final = "sales"


def record_ours(person_id: int, *, type: str, payload: Mapping[str, Any], occurred_at: datetime, now: datetime) -> int:
    """Write one touch of ours towards the person, made by a human; the pipeline hears of it. Returns its id.

    It opens no lead. Whether it counts for interest is the scoring model's to say; the one that ships counts only what
    comes from them.
    """
    key = f"{type}:{uuid4().hex}"
    body = {"type": type, "person": person_id, "occurred_at": occurred_at.timestamp(), "payload": dict(payload)}
    digest = hashlib.md5(staging.as_json(body | {"key": key}).encode(), usedforsecurity=False).digest()
    touch = Activity.objects.create(
        person_id=person_id,
        type=type,
        direction=Activity.Direction.OUTBOUND,
        occurred_at=occurred_at,
        recorded_at=now,
        payload=dict(payload),
        source=SOURCE,
        external_id=key,
        digest=UUID(bytes=digest),
    )
    inbox.add(Inbox.Cause.ACTIVITY, [(person_id, touch.pk)])
    return touch.pk


def take_back(activity_ids: Collection[int], *, now: datetime) -> None:
    """Void these touches, once; the scores of their people are worked out anew. Two statements."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE funnel_activity SET voided_at = %s WHERE id = ANY(%s) AND voided_at IS NULL RETURNING person_id",
            [now, list(activity_ids)],
        )
        people = sorted({person_id for (person_id,) in cursor.fetchall() if person_id is not None})
    inbox.add(Inbox.Cause.REBUILD, [(person_id, None) for person_id in people])


def spoken(activity_ids: Collection[int]) -> list[int]:
    """Those of these touches in which somebody speaks: what one of us did, and their answers to us. One statement.

    All that promises, tasks and attempts hear of; nearly everything that comes in is a visit or a click.
    """
    if not activity_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT t.id FROM funnel_activity t WHERE t.id = ANY(%s) "
            f"AND (t.direction = 'out' AND NOT t.automatic OR {REPLY})",
            [list(activity_ids)],
        )
        return [pk for (pk,) in cursor.fetchall()]
