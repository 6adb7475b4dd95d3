"""What stands beside the selected lead of the queue: why it is here, the account, the last touches, why it is yours."""

from datetime import datetime
from typing import Any

from django.db.models import Max

from funnel.models import Activity, Lead, Opportunity, Person
from routing.acts.viewer import Viewer
from routing.assignment.explain import why_owner
from routing.hours.countdown import Face, Running, face, moment_words
from routing.leads.grades import grades_of
from routing.leads.next_up import next_up
from routing.leads.score_panel import panel_of
from routing.models import Clock
from routing.queue.rows import around_of, company_of
from routing.wording import touch_icon, touch_words
from scoring.accounts import standings
from scoring.explain import why_mql

TOUCHES = 4
OTHERS = 3
NOT_OTHERS = 3
LONGEST_MESSAGE = 400
MESSAGE_NAMES = ("message", "comment", "comments", "question", "text")


def detail_of(lead: Lead, viewer: Viewer, *, now: datetime) -> dict[str, Any]:
    """Everything the pane shows. A constant number of queries."""
    touches = _touches(lead)
    checks = why_mql(lead) if lead.mql_at else []
    owner = why_owner(lead)
    return {
        "viewer": viewer,
        "company": company_of(lead),
        "grade": grades_of([lead]).get(lead.pk),
        "clocks": running_faces(lead, now=now),
        "around": around_of(lead, now=now),
        "standing": standings([lead.account_id], now=now).get(lead.account_id) if lead.account_id else None,
        "deal": _open_deal(lead),
        "others": _others(lead),
        "touches": [_said(touch, now) for touch in touches],
        "message": _message(touches),
        "first_check": checks[0] if checks else None,
        "score": panel_of(lead, at=now, now=now),
        "why_owner": owner,
        "mine": lead.owner_id is not None and lead.owner_id == viewer.rep_id,
        "covering": lead.owner if lead.owner_id in viewer.covers else None,
        "not_others": [one for one in owner.candidates if not one.eligible][:NOT_OTHERS],
        "may_act": lead.stage == "mql" and lead.closed_at is None and viewer.may_act_on(lead.owner_id),
        **next_up(lead, viewer, now=now),
        "may_claim": lead.closed_at is None and lead.owner_id is None and viewer.may_claim(lead.pool_id),
    }


def running_faces(lead: Lead, *, now: datetime) -> list[Face]:
    """The lead's running clocks, the hot one first. One query."""
    clocks = Clock.objects.filter(lead=lead, stopped_at=None)
    faces = [
        face(Running(clock.kind, clock.started_at, clock.warn_at, clock.due_at, clock.paused_until), now=now)
        for clock in clocks
    ]
    return sorted(faces, key=lambda one: (not one.hot, one.due_at))


def _touches(lead: Lead) -> list[Activity]:
    touches = Activity.objects.filter(person=lead.person_id, voided_at=None).select_related("content", "channel")
    return list(touches.order_by("-occurred_at", "-id")[:TOUCHES])


def _said(touch: Activity, now: datetime) -> dict[str, Any]:
    words = touch_words(touch.type)
    if touch.direction == Activity.Direction.OUTBOUND:
        words = f"Us: {words.lower()}"
    about = f"“{touch.content.name}”" if touch.content else str(touch.channel or "")
    return {
        "at": touch.occurred_at,
        "at_words": moment_words(touch.occurred_at, now=now),
        "words": words,
        "about": about,
        "icon": touch_icon(touch.type),
    }


def _message(touches: list[Activity]) -> str:
    """What the person wrote to us with one of the last touches, as far as a form has a field for it."""
    for touch in touches:
        if touch.direction != Activity.Direction.INBOUND or not isinstance(touch.payload, dict):
            continue
        for name in MESSAGE_NAMES:
            text = touch.payload.get(name)
            if isinstance(text, str) and text.strip():
                return text.strip()[:LONGEST_MESSAGE]
    return ""


def _open_deal(lead: Lead) -> Opportunity | None:
    if lead.account_id is None:
        return None
    deals = Opportunity.objects.filter(account=lead.account_id, state="open").select_related("owner")
    return deals.order_by("-opened_at", "-id").first()


def _others(lead: Lead) -> list[Person]:
    """People of the account whose score heard of them last, latest first."""
    if lead.account_id is None:
        return []
    heard_of = Max("scores__last_at")  # the same under every version
    people = Person.objects.filter(account=lead.account_id).exclude(pk=lead.person_id).annotate(heard_of=heard_of)
    return list(people.exclude(heard_of=None).order_by("-heard_of")[:OTHERS])
