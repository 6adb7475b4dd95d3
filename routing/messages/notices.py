"""What a user is told in the product: once a user, kind and cause. The words are made when it is read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from funnel import staging
from funnel.models import Rep
from funnel.versions import Version
from routing.models import Clock, Notice, SlaPromise
from routing.wording import NOBODY
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notice as it reads now."""

    id: int
    kind: str
    title: str
    sentence: str
    lead_id: int | None
    path: str
    created_at: datetime
    read_at: datetime | None


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
    return _read(Notice.objects.filter(user=user, read_at=None), limit)


def latest(user: Any, *, limit: int = 20) -> list[Told]:
    """The newest notices of the user, read ones too."""
    return _read(Notice.objects.filter(user=user), limit)


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


# --- The words ------------------------------------------------------------------------------------


def words_of(ids: Collection[int]) -> dict[int, Told]:
    """These notices as they read now, by id. Two queries."""
    return {told.id: told for told in _read(Notice.objects.filter(pk__in=ids), len(ids))}


def _read(notices: Any, limit: int) -> list[Told]:
    """Two queries, however many notices."""
    rows = list(
        notices.select_related("lead__person", "lead__owner", "lead__pool", "lead__account").order_by("-id")[:limit]
    )
    clocks = Clock.objects.in_bulk([row.data["clock"] for row in rows if "clock" in row.data])
    reps = _names_of({row.data["rep"] for row in rows if "rep" in row.data})
    return [
        Told(
            id=row.pk,
            kind=row.kind,
            title=row.get_kind_display(),
            sentence=_of_departure(row, reps) if row.kind == Notice.Kind.INHERITED else _sentence(row, clocks),
            lead_id=row.lead_id,
            path=path_of(row),
            created_at=row.created_at,
            read_at=row.read_at,
        )
        for row in rows
    ]


def _sentence(notice: Notice, clocks: Mapping[int, Clock]) -> str:
    who = _who(notice.lead)
    clock = clocks.get(notice.data.get("clock", 0))
    if notice.kind in (Notice.Kind.WARNED, Notice.Kind.BREACHED):
        return _of_clock(notice, clock, who)
    if notice.kind == Notice.Kind.UNROUTED:
        return _of_unrouted(notice, who)
    if notice.kind == Notice.Kind.REVIEW:
        return _of_review(notice)
    if notice.kind == Notice.Kind.VERSION:
        noun = _POLICIES.get(notice.data["of"], "policy")
        return f"Version {notice.data['version']} of the {noun} {_EVENTS[notice.data['event']]}"
    if notice.kind == Notice.Kind.STEPS:
        count = notice.data.get("count", 1)
        return f"{count} step{'' if count == 1 else 's'} of your cadences {'is' if count == 1 else 'are'} due today."
    sentences: dict[str, str] = {
        Notice.Kind.ASSIGNED: f"{who} is yours to look at.",
        Notice.Kind.HOT: f"{who} asked for us; answer at once.",
        Notice.Kind.TAKEN: f"{who} is {_whose(notice.lead)} now.",
        Notice.Kind.REVISIT: f"The day to look at {who} again has come.",
        Notice.Kind.HANDED_OVER: f"{who} is an SQL that is handed to you; take it over or return it.",
        Notice.Kind.TAKEN_OVER: f"{who} is {_whose(notice.lead)} now, who took it over from you.",
        Notice.Kind.RETURNED: f"{who} was returned to you; the lead says why.",
        Notice.Kind.MAIL: f"Your mail to {who} was not sent; the lead says why.",
        Notice.Kind.SCORE: f"Interest of {who} has fallen below the level at which you got the lead.",
    }
    return sentences[notice.kind]


def _of_clock(notice: Notice, clock: Clock | None, who: str) -> str:
    task, missed = _TASKS.get(clock.kind if clock else SlaPromise.Kind.ACCEPT, _TASKS[SlaPromise.Kind.ACCEPT])
    owner = f" ({notice.lead.owner})" if notice.lead and notice.lead.owner else ""
    if notice.kind == Notice.Kind.WARNED:
        until = f" until {_moment(clock.due_at)}" if clock else " soon"
        return f"{who} {task}{until}."
    since = f" by {_moment(clock.due_at)}" if clock else " in time"
    stays = "; nobody else could be given it" if notice.data.get("stays") else ""
    return f"{who} {missed}{since}{owner}{stays}."


# By kind of clock: what is to be done, and what was not.
_TASKS: Final[dict[str, tuple[str, str]]] = {
    SlaPromise.Kind.ACCEPT: ("waits to be accepted or rejected", "was not accepted or rejected"),
    SlaPromise.Kind.HOT: ("waits to be contacted", "was not contacted"),
    SlaPromise.Kind.FOLLOW_UP: ("waits for a first follow-up", "was not followed up"),
    SlaPromise.Kind.WORKING: ("is to be worked to an end", "was not worked to an end"),
    SlaPromise.Kind.OUTCOME: ("waits for a word how the meeting went", "has a meeting without an outcome"),
    SlaPromise.Kind.TAKE_OVER: ("waits to be taken over or returned", "was neither taken over nor returned"),
    SlaPromise.Kind.DECISION: ("is to become an opportunity or not", "has neither become an opportunity nor left"),
}


_POLICIES: Final[dict[str, str]] = {
    "scoringmodel": "scoring model",
    "routingpolicy": "routing policy",
    "slapolicy": "SLA policy",
    "cadence": "cadence",
}
_EVENTS: Final[dict[str, str]] = {
    "asked": "waits for you to look it over before it is published.",
    "approved": "was looked over and approved.",
    "published": "published itself, as you had scheduled it.",
    "held_up": "did not publish itself as you had scheduled it; its page says why.",
}


def _of_unrouted(notice: Notice, who: str) -> str:
    why = NOBODY.get(notice.data.get("reason", ""), "")
    count = notice.data.get("count", 1)
    if count > 1:
        return f"{count} leads have no owner. {why}".strip()
    return f"{who} has no owner. {why}".strip()


def _names_of(rep_ids: Collection[int]) -> dict[int, str]:
    return dict(Rep.objects.filter(pk__in=rep_ids).values_list("pk", "name")) if rep_ids else {}


def _of_departure(notice: Notice, reps: Mapping[int, str]) -> str:
    words = (("leads", "lead", "leads"), ("meetings", "meeting", "meetings"), ("deals", "deal", "deals"))
    counts = [(notice.data.get(kind, 0), one, many) for kind, one, many in words]
    said = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count)
    return (
        f"{reps.get(notice.data.get('rep', 0), 'A colleague')} has left. Yours from now on: {said or 'what they had'}."
    )


def _of_review(notice: Notice) -> str:
    version, due = notice.data.get("version", ""), date.fromisoformat(notice.data["due"])
    return f"Scoring model, version {version}, was to be reviewed by {due.day} {due:%b %Y}. See how good it is."


def path_of(notice: Notice) -> str:
    """Where in the product a notice leads."""
    if notice.kind == Notice.Kind.REVIEW:
        return reverse("reporting:quality")
    if notice.kind == Notice.Kind.STEPS:
        return reverse("routing:today")
    if notice.kind == Notice.Kind.VERSION and notice.data["of"] == "scoringmodel":
        return f"{reverse('reporting:lab')}?draft={notice.data['version']}#publish"
    if notice.kind == Notice.Kind.VERSION:
        return reverse(f"admin:routing_{notice.data['of']}_change", args=[notice.data["id"]])
    return reverse("routing:lead", args=[notice.lead_id]) if notice.lead_id else reverse("routing:queue")


def _who(lead: Any) -> str:
    if lead is None:
        return "A lead that is gone"
    return f"{lead.person} of {lead.account}" if lead.account else str(lead.person)


def _whose(lead: Any) -> str:
    if lead is None or not (lead.owner or lead.pool):
        return "nobody’s"
    return f"with {lead.owner}" if lead.owner else f"in the pool of {lead.pool}"


def _moment(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{local:%a} {local.day} {local:%b, %H:%M}"


def tell_each(
    users: Sequence[int], *, kind: str, cause: str, lead_id: int | None, data: Mapping[str, Any]
) -> list[Tell]:
    """The same thing for several users."""
    return [Tell(user_id=user, kind=kind, cause=cause, lead_id=lead_id, data=data) for user in users]
