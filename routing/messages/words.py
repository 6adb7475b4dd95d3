"""How notices read: the words are made when somebody reads them, of what is known then, and where each one leads."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone

from funnel.models import Rep
from routing.models import Clock, Notice, SlaPromise
from routing.wording import NOBODY


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


def words_of(ids: Collection[int]) -> dict[int, Told]:
    """These notices as they read now, by id. Two queries."""
    return {told.id: told for told in newest(Notice.objects.filter(pk__in=ids), len(ids))}


def newest(notices: Any, limit: int) -> list[Told]:
    """The newest of these notices, so many of them, as they read now. Two queries."""
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
    if about := _ABOUT.get(notice.kind):
        return about(notice)
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


_AGREED: Final[dict[str, str]] = {
    "sign": "of marketing and sales waits for your signature.",
    "changed": "was changed after you had signed it. Read it as it stands now, and sign again.",
    "in_force": "of marketing and sales is signed by both sides and in force.",
}
_TO_DO: Final[dict[str, str]] = {
    "settled": "A review of marketing and sales gave you something to do",
    "due": "What a review of marketing and sales gave you to do is due",
}


def _of_version(notice: Notice) -> str:
    noun = _POLICIES.get(notice.data["of"], "policy")
    return f"Version {notice.data['version']} of the {noun} {_EVENTS[notice.data['event']]}"


def _of_agreement(notice: Notice) -> str:
    return f"Version {notice.data['version']} of the agreement {_AGREED[notice.data['event']]}"


def _of_action(notice: Notice) -> str:
    return f"{_TO_DO[notice.data['event']]} by {_day(notice.data['due'])}."


def _of_steps(notice: Notice) -> str:
    count = notice.data.get("count", 1)
    return f"{count} step{'' if count == 1 else 's'} of your cadences {'is' if count == 1 else 'are'} due today."


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
    due = _day(notice.data["due"])
    return f"Scoring model, version {notice.data.get('version', '')}, was to be reviewed by {due}. See how good it is."


# Of kinds that are about no lead.
_ABOUT: Final[dict[str, Callable[[Notice], str]]] = {
    Notice.Kind.REVIEW: _of_review,
    Notice.Kind.VERSION: _of_version,
    Notice.Kind.AGREEMENT: _of_agreement,
    Notice.Kind.ACTION: _of_action,
    Notice.Kind.STEPS: _of_steps,
}


def path_of(notice: Notice) -> str:
    """Where in the product a notice leads."""
    if place := _PLACES.get(notice.kind):
        return place(notice)
    return reverse("routing:lead", args=[notice.lead_id]) if notice.lead_id else reverse("routing:queue")


def _place_of_version(notice: Notice) -> str:
    if notice.data["of"] == "scoringmodel":
        return f"{reverse('reporting:lab')}?draft={notice.data['version']}#publish"
    return reverse(f"admin:routing_{notice.data['of']}_change", args=[notice.data["id"]])


_PLACES: Final[dict[str, Callable[[Notice], str]]] = {
    Notice.Kind.REVIEW: lambda notice: reverse("reporting:quality"),
    Notice.Kind.STEPS: lambda notice: reverse("routing:today"),
    Notice.Kind.VERSION: _place_of_version,
    Notice.Kind.AGREEMENT: lambda notice: reverse("reporting:agreement-version", args=[notice.data["id"]]),
    Notice.Kind.ACTION: lambda notice: reverse("reporting:review", args=[notice.data["review"]]),
}


def _who(lead: Any) -> str:
    if lead is None:
        return "A lead that is gone"
    return f"{lead.person} of {lead.account}" if lead.account else str(lead.person)


def _whose(lead: Any) -> str:
    if lead is None or not (lead.owner or lead.pool):
        return "nobody’s"
    return f"with {lead.owner}" if lead.owner else f"in the pool of {lead.pool}"


def _day(iso: str) -> str:
    day = date.fromisoformat(iso)
    return f"{day.day} {day:%b %Y}"


def _moment(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{local:%a} {local.day} {local:%b, %H:%M}"
