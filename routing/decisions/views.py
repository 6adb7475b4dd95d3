"""What people do to leads from the queue and from a lead's page: each address takes one act and asks one service.

How they answer stands in routing/acts/answering.py.
"""

from dataclasses import replace
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from funnel.access import visible_to
from funnel.models import Lead, Opportunity, Stage
from routing.acts.answering import OUT_OF_SIGHT, Dialog, acted, ask, asks, at_once, given, of_lead, refused, seen
from routing.acts.doing import Done, Refused
from routing.decisions import hands_back, pauses, services
from routing.decisions.forms import (
    CloseForm,
    HandOverForm,
    MeetingForm,
    OpportunityForm,
    OutcomeForm,
    PauseForm,
    ReassignForm,
    RecycleForm,
    RejectForm,
    ReopenForm,
    seen_owners,
)
from routing.models import Meeting
from routing.sales import deals, meetings
from routing.sales.sql_definitions import in_force, makes_sql

MOST_IN_BULK = 200

# --- Acts of one click ----------------------------------------------------------------------------


@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    return at_once(request, pk, lambda now: services.accept(pk, user=request.user, now=now))


@require_POST
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    return at_once(request, pk, lambda now: services.claim(pk, user=request.user, now=now))


@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    return at_once(request, pk, lambda now: services.release(pk, user=request.user, now=now))


@require_POST
def undo(request: HttpRequest, event_id: int) -> HttpResponse:
    """Take the act back that wrote this event."""
    try:
        done = services.undo(event_id, user=request.user, now=timezone.now())
    except Refused as refusal:
        return refused(request, refusal, lead_id=None)
    return acted(request, done, undone=True)


@require_POST
def undo_hands(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the act back that made this assignment: leads given to somebody else, or a wrong route."""
    try:
        done = hands_back.undo(pk, user=request.user, now=timezone.now())
    except Refused as refusal:
        return refused(request, refusal, lead_id=None)
    return acted(request, done, undone=True)


# --- Acts that ask something first ----------------------------------------------------------------


@asks
@of_lead
def reject(request: HttpRequest, lead: Lead) -> HttpResponse:
    early = lead.stage == Stage.MQL
    title = f"Reject {lead.person}" if early else f"Disqualify {lead.person}"
    form = RejectForm(given(request), lead=lead)

    def deed(given: dict[str, Any]) -> Done:
        return services.reject(
            lead.pk, user=request.user, reason_id=given["reason_id"], text=given["text"], now=timezone.now(),
            seen=given["seen"] or Stage.MQL,
        )  # fmt: skip

    return ask(request, lead, form, deed, Dialog(title, "Reject" if early else "Disqualify"))


@asks
@of_lead
def recycle(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = RecycleForm(given(request), lead=lead)

    def deed(given: dict[str, Any]) -> Done:
        return services.recycle(
            lead.pk, user=request.user, reason_id=given["reason_id"], revisit_on=given["revisit_on"],
            text=given["text"], now=timezone.now(), seen=given["seen"],
        )  # fmt: skip

    note = "The lead closes and may come back: on the day you name, or when interest rises again."
    return ask(request, lead, form, deed, Dialog(f"Recycle {lead.person}", "Recycle", note))


@asks
@of_lead
def reopen(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = ReopenForm(given(request), lead=lead)

    def deed(given: dict[str, Any]) -> Done:
        return services.reopen(lead.pk, user=request.user, reason_id=given["reason_id"], now=timezone.now())

    note = f"It stands at {Stage(lead.stage).label} again, as it did before it closed."
    return ask(request, lead, form, deed, Dialog(f"Reopen {lead.person}", "Reopen", note))


@asks
@permission_required("routing.reassign_lead", raise_exception=True)
@of_lead
def hand_over(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = HandOverForm(given(request), initial={"owner": request.GET.get("owner", "")})

    def deed(given: dict[str, Any]) -> Done:
        rep = given["rep_id"]
        saw = seen_owners([f"{lead.pk}:{given['owner']}"])
        (done,) = services.reassign([lead.pk], rep_id=rep.pk, user=request.user, now=timezone.now(), seen=saw)
        return replace(done, sentence=f"{lead.person} is with {rep} now.")

    return ask(request, lead, form, deed, Dialog(f"Give {lead.person} to somebody else", "Give"))


@asks
@of_lead
def pause(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = PauseForm(given(request))

    def deed(given: dict[str, Any]) -> Done:
        return pauses.pause(lead.pk, **given, user=request.user, now=timezone.now())

    note = "The time until then does not count; what is due moves with it."
    return ask(request, lead, form, deed, Dialog(f"Pause the clocks of {lead.person}", "Pause", note))


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    return at_once(request, pk, lambda now: pauses.resume(pk, user=request.user, now=now))


# --- Meetings and deals ---------------------------------------------------------------------------


@asks
@of_lead
def meeting(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = MeetingForm(given(request), initial={"executive_id": meetings.usual_executive(lead)})

    def deed(given: dict[str, Any]) -> Done:
        seller = given["executive_id"]
        return meetings.book(
            lead.pk, starts_at=given["starts_at"], executive_id=seller.pk if seller else None, user=request.user,
            now=timezone.now(),
        )  # fmt: skip

    note = f"In your time zone, {timezone.get_current_timezone_name()}."
    if lead.stage == Stage.SAL and makes_sql("booked", in_force(timezone.now())):
        note += " A meeting that is booked makes the lead an SQL."
    return ask(request, lead, form, deed, Dialog(f"Book a meeting with {lead.person}", "Book", note))


@asks
def outcome(request: HttpRequest, pk: int) -> HttpResponse:
    """What came of a meeting, by the meeting's id."""
    booked = get_object_or_404(Meeting, pk=pk)
    lead = seen(request, booked.lead_id)
    if lead is None:
        return refused(request, Refused(OUT_OF_SIGHT), lead_id=booked.lead_id)
    ahead = booked.starts_at > timezone.now()
    form = OutcomeForm(given(request), meeting=booked, initial={"outcome": "moved" if ahead else "held"})

    def deed(given: dict[str, Any]) -> Done:
        return meetings.record_outcome(
            pk, outcome=given["outcome"], came=form.who_came(), rebook_for=given["starts_at"], user=request.user,
            now=timezone.now(),
        )  # fmt: skip

    note = "The first meeting that is held makes the lead an SQL." if lead.stage == Stage.SAL else ""
    return ask(request, lead, form, deed, Dialog(f"The meeting with {lead.person}", "Save", note))


@asks
@of_lead
def opportunity(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = OpportunityForm(given(request))

    def deed(given: dict[str, Any]) -> Done:
        return deals.open_from_lead(lead.pk, **given, user=request.user, now=timezone.now())

    return ask(request, lead, form, deed, Dialog(f"Make an opportunity of {lead.person}", "Make it"))


@asks
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """How a deal ended, by the deal's id; its lead follows."""
    deal = get_object_or_404(Opportunity, pk=pk, lead__isnull=False)
    lead = seen(request, deal.lead_id or 0)
    if lead is None:
        return refused(request, Refused(OUT_OF_SIGHT), lead_id=deal.lead_id)
    form = CloseForm(given(request), lead=lead, initial={"amount": deal.amount})

    def deed(given: dict[str, Any]) -> Done:
        return deals.close(
            pk, state=given["state"], amount=given["amount"], reason_id=given["reason_id"], text=given["text"],
            user=request.user, now=timezone.now(),
        )  # fmt: skip

    return ask(request, lead, form, deed, Dialog(f"Close {deal}", "Close", "The lead closes with it."))


@require_POST
def reopen_deal(request: HttpRequest, pk: int) -> HttpResponse:
    deal = get_object_or_404(Opportunity, pk=pk, lead__isnull=False)
    return at_once(request, deal.lead_id or 0, lambda now: deals.reopen(pk, user=request.user, now=now))


# --- Many at once ---------------------------------------------------------------------------------


@require_POST
@permission_required("routing.reassign_lead", raise_exception=True)
def reassign(request: HttpRequest) -> HttpResponse:
    """Give the ticked leads to a rep, all or none. `seen`, as lead:rep: whose each was on the user's page."""
    form = ReassignForm(request.POST)
    form.fields["lead"].choices = [(value, value) for value in request.POST.getlist("lead")[:MOST_IN_BULK]]  # type: ignore[attr-defined]
    if not form.is_valid():
        problem = next(str(errors[0]) for errors in form.errors.values())
        return refused(request, Refused(problem), lead_id=None)
    wanted = form.cleaned_data["lead"]
    theirs = set(visible_to(Lead.objects.filter(pk__in=wanted), request.user).values_list("pk", flat=True))
    rep = form.cleaned_data["rep_id"]
    try:
        done = services.reassign(
            sorted(theirs), rep_id=rep.pk, user=request.user, now=timezone.now(),
            seen=seen_owners(request.POST.getlist("seen")),
        )  # fmt: skip
    except Refused as refusal:
        return refused(request, refusal, lead_id=None)
    leads = "1 lead" if len(done) == 1 else f"{len(done)} leads"
    changed = next((one for one in done if one.assignment_id), Done(lead_id=None, sentence=""))
    return acted(request, replace(changed, lead_id=None, sentence=f"Gave {leads} to {rep}."))
