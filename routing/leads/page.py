"""All that the page of one lead shows, put together from its panels. A constant number of queries."""

from datetime import datetime
from typing import Any

from django.http import QueryDict

from funnel.access import visible_to
from funnel.keyset import BadCursor
from funnel.models import Lead, Opportunity, StageEvent
from routing.acts.viewer import TAB_TITLES, viewer_of
from routing.assignment.explain import why_owner
from routing.decisions.offers import offers
from routing.leads import timeline as timelines
from routing.leads.answers import answers_of
from routing.leads.clock_panel import clock_lines, standstill
from routing.leads.grades import grades_of
from routing.leads.interest import added_by, curve
from routing.leads.likelihood import panel_of as likelihood_of
from routing.leads.next_up import next_up
from routing.leads.record import path_of, why_this_stage
from routing.leads.score_panel import moment_asked, panel_of
from routing.models import Meeting
from routing.sales.handoff import of_lead
from scoring import evidence
from scoring.accounts import standings
from scoring.by_lead import policy_for
from scoring.explain import why_mql
from scoring.parts import Parts
from scoring.trials import arm_of

BESIDE = 10  # records shown beside a lead


def whole(lead: Lead, events: list[StageEvent], query: QueryDict, user: Any, *, now: datetime) -> dict[str, Any]:
    """The context of the page. events: the lead's stage events as `timeline.ordered`."""
    viewer = viewer_of(user)
    all_deals = visible_to(Opportunity.objects.all(), user).select_related("owner").order_by("-opened_at", "-id")
    deals = list(all_deals.filter(lead=lead)[:BESIDE])
    others = visible_to(Lead.objects.all(), user).filter(person=lead.person_id).exclude(pk=lead.pk)
    meeting = Meeting.objects.filter(lead=lead, outcome="").first()
    clocks = clock_lines(lead, now=now)
    parts = parts_now(lead, now=now)
    hand_offs = of_lead(lead)
    acts = offers(
        lead, viewer, meeting=meeting, deals=deals, works_deals=user.has_perm("routing.work_deal"),
        hand_off=hand_offs[0] if hand_offs else None,
    )  # fmt: skip
    return timeline_of(lead, events, query, parts=parts) | {
        "now": now,
        "viewer": viewer,
        "acts": [act for act in acts if not act.more],
        "more_acts": [act for act in acts if act.more],
        "came_from": query.get("from") if query.get("from") in (*TAB_TITLES, "today") else "",
        "grade": grades_of([lead]).get(lead.pk),
        "face": next((line.face for line in clocks if line.face), None),
        "clocks": clocks,
        "standstill": standstill(lead, viewer, running=any(line.face for line in clocks), now=now),
        "meeting": meeting,
        "expected": list(meeting.attendees.select_related("rep", "person").order_by("pk")) if meeting else (),
        "hand_offs": hand_offs,
        **next_up(lead, viewer, now=now),
        "path": path_of(lead),
        "because": why_this_stage(lead, events),
        "checks": why_mql(lead) if lead.mql_at else [],
        "why_owner": why_owner(lead),
        "answers": answers_of(lead),
        "likelihood": likelihood_of(lead.pk),
        "deals": deals,
        "arm": arm_of(lead.person_id),
        "standing": standings([lead.account_id], now=now).get(lead.account_id) if lead.account_id else None,
        "account_deals": all_deals.filter(account=lead.account_id).exclude(lead=lead)[:BESIDE]
        if lead.account_id
        else (),
        "others": others.select_related("solution", "owner").order_by("-number")[:BESIDE],
        **score_of(lead, query, now=now),
        **curve_of(lead, parts, now=now),
    }


def timeline_of(lead: Lead, events: list[StageEvent], query: QueryDict, *, parts: Parts | None) -> dict[str, Any]:
    """A page of the timeline, with what each touch on it added to interest."""
    show = query.get("show", "all")
    if show not in timelines.SHOWS:
        show = "all"
    try:
        entries = timelines.read(lead, events, show=show, older=query.get("older", ""))
    except BadCursor:
        entries = timelines.read(lead, events, show=show)
    touches = [entry.touch for _day, _headed, day in entries.days for entry in day if entry.touch]
    added = added_by(parts, touches) if parts and touches else {}
    return {"lead": lead, "timeline": entries, "show": show, "shows": timelines.SHOWS, "added": added}


def score_of(lead: Lead, query: QueryDict, *, now: datetime) -> dict[str, Any]:
    """The panel "why this score", now or at the moment that was asked for."""
    at = moment_asked(query.get("at", ""), now=now)
    return {"score": panel_of(lead, at=at, now=now), "score_at": at, "now": now}


def parts_now(lead: Lead, *, now: datetime) -> Parts | None:
    """The parts of the person's score under the version that decides about the lead; None where none does."""
    policy = policy_for(lead)
    if policy is None:
        return None
    known = evidence.read(policy, [lead.person_id], at=now, past=False)
    return Parts(policy, known[lead.person_id], at=now) if lead.person_id in known else None


def curve_of(lead: Lead, parts: Parts | None, *, now: datetime) -> dict[str, Any]:
    """The curve of interest with its next crossing of the threshold."""
    if parts is None or not parts.earned:
        return {"curve": None}
    over = parts.is_over(parts.interest(now.timestamp()))
    crossing = next(
        (moment for moment, interest in parts.reviews(now.timestamp()) if parts.is_over(interest) != over), None
    )
    since = min(at for at in (lead.inquiry_at, lead.mql_at, lead.stage_since) if at is not None)
    at = datetime.fromtimestamp(crossing, now.tzinfo) if crossing else None
    return {"curve": curve(parts, now=now, since=since, crossing=at, mql_at=lead.mql_at), "crossing": at}
