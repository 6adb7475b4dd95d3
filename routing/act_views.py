"""What people do to leads from the queue and from a lead's page: each address takes one act and asks one service.

To htmx an act answers 204 with the event `acted` (or 409 with `refused`), for static/js/acts.js to say and to follow;
without a script it goes back to the lead with a message.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from funnel.access import visible_to
from funnel.models import Lead, Opportunity, Stage
from routing import deals, meetings, services
from routing.acts import Done, Invalid, Refused
from routing.forms import (
    CloseForm,
    HandOverForm,
    MeetingForm,
    OpportunityForm,
    OutcomeForm,
    ReassignForm,
    RecycleForm,
    RejectForm,
    ReopenForm,
)
from routing.models import Meeting
from routing.queue import MOST_IN_BULK

OUT_OF_SIGHT = "This lead is with another team by now, so you no longer see it."
asks = require_http_methods(["GET", "POST"])


@dataclass(frozen=True, slots=True)
class Dialog:
    """What a form is headed with. deed: what its button says; note: what the act will do."""

    title: str
    deed: str
    note: str = ""


def of_lead(view: Callable[[HttpRequest, Lead], HttpResponse]) -> Callable[..., HttpResponse]:
    """Hand the view the lead of its address; one that has left the user's sight is told of instead."""

    @wraps(view)
    def found(request: HttpRequest, pk: int) -> HttpResponse:
        lead = _seen(request, pk)
        return view(request, lead) if lead else _refused(request, Refused(OUT_OF_SIGHT), lead_id=pk)

    return found


# --- Acts of one click ----------------------------------------------------------------------------


@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    return _at_once(request, pk, lambda now: services.accept(pk, user=request.user, now=now))


@require_POST
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    return _at_once(request, pk, lambda now: services.claim(pk, user=request.user, now=now))


@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    return _at_once(request, pk, lambda now: services.release(pk, user=request.user, now=now))


@require_POST
def undo(request: HttpRequest, event_id: int) -> HttpResponse:
    """Take the act back that wrote this event."""
    try:
        done = services.undo(event_id, user=request.user, now=timezone.now())
    except Refused as refusal:
        return _refused(request, refusal, lead_id=None)
    return _acted(request, done, undone=True)


# --- Acts that ask something first ----------------------------------------------------------------


@asks
@of_lead
def reject(request: HttpRequest, lead: Lead) -> HttpResponse:
    early = lead.stage == Stage.MQL
    title = f"Reject {lead.person}" if early else f"Disqualify {lead.person}"
    form = RejectForm(_given(request), lead=lead)

    def deed(given: dict[str, Any]) -> Done:
        return services.reject(
            lead.pk, user=request.user, reason_id=given["reason_id"], text=given["text"], now=timezone.now(),
            seen=given["seen"] or Stage.MQL,
        )  # fmt: skip

    return _ask(request, lead, form, deed, Dialog(title, "Reject" if early else "Disqualify"))


@asks
@of_lead
def recycle(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = RecycleForm(_given(request), lead=lead)

    def deed(given: dict[str, Any]) -> Done:
        return services.recycle(
            lead.pk, user=request.user, reason_id=given["reason_id"], revisit_on=given["revisit_on"],
            text=given["text"], now=timezone.now(), seen=given["seen"],
        )  # fmt: skip

    note = "The lead closes and may come back: on the day you name, or when interest rises again."
    return _ask(request, lead, form, deed, Dialog(f"Recycle {lead.person}", "Recycle", note))


@asks
@of_lead
def reopen(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = ReopenForm(_given(request), lead=lead)

    def deed(given: dict[str, Any]) -> Done:
        return services.reopen(lead.pk, user=request.user, reason_id=given["reason_id"], now=timezone.now())

    note = f"It stands at {Stage(lead.stage).label} again, as it did before it closed."
    return _ask(request, lead, form, deed, Dialog(f"Reopen {lead.person}", "Reopen", note))


@asks
@permission_required("routing.reassign_lead", raise_exception=True)
@of_lead
def hand_over(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = HandOverForm(_given(request))

    def deed(given: dict[str, Any]) -> Done:
        rep = given["rep_id"]
        services.reassign([lead.pk], rep_id=rep.pk, user=request.user, now=timezone.now())
        return Done(lead_id=lead.pk, sentence=f"{lead.person} is with {rep} now.")

    return _ask(request, lead, form, deed, Dialog(f"Give {lead.person} to somebody else", "Give"))


# --- Meetings and deals ---------------------------------------------------------------------------


@asks
@of_lead
def meeting(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = MeetingForm(_given(request))

    def deed(given: dict[str, Any]) -> Done:
        return meetings.book(lead.pk, starts_at=given["starts_at"], user=request.user, now=timezone.now())

    note = f"In your time zone, {timezone.get_current_timezone_name()}."
    return _ask(request, lead, form, deed, Dialog(f"Book a meeting with {lead.person}", "Book", note))


@asks
def outcome(request: HttpRequest, pk: int) -> HttpResponse:
    """What came of a meeting, by the meeting's id."""
    booked = get_object_or_404(Meeting, pk=pk)
    lead = _seen(request, booked.lead_id)
    if lead is None:
        return _refused(request, Refused(OUT_OF_SIGHT), lead_id=booked.lead_id)
    ahead = booked.starts_at > timezone.now()
    form = OutcomeForm(_given(request), initial={"outcome": "cancelled" if ahead else "held"})

    def deed(given: dict[str, Any]) -> Done:
        return meetings.record_outcome(pk, outcome=given["outcome"], user=request.user, now=timezone.now())

    note = "The first meeting that is held makes the lead an SQL." if lead.stage == Stage.SAL else ""
    return _ask(request, lead, form, deed, Dialog(f"The meeting with {lead.person}", "Save", note))


@asks
@of_lead
def opportunity(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = OpportunityForm(_given(request))

    def deed(given: dict[str, Any]) -> Done:
        return deals.open_from_lead(lead.pk, **given, user=request.user, now=timezone.now())

    return _ask(request, lead, form, deed, Dialog(f"Make an opportunity of {lead.person}", "Make it"))


@asks
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """How a deal ended, by the deal's id; its lead follows."""
    deal = get_object_or_404(Opportunity, pk=pk, lead__isnull=False)
    lead = _seen(request, deal.lead_id or 0)
    if lead is None:
        return _refused(request, Refused(OUT_OF_SIGHT), lead_id=deal.lead_id)
    form = CloseForm(_given(request), lead=lead, initial={"amount": deal.amount})

    def deed(given: dict[str, Any]) -> Done:
        return deals.close(
            pk, state=given["state"], amount=given["amount"], reason_id=given["reason_id"], text=given["text"],
            user=request.user, now=timezone.now(),
        )  # fmt: skip

    return _ask(request, lead, form, deed, Dialog(f"Close {deal}", "Close", "The lead closes with it."))


@require_POST
def reopen_deal(request: HttpRequest, pk: int) -> HttpResponse:
    deal = get_object_or_404(Opportunity, pk=pk, lead__isnull=False)
    return _at_once(request, deal.lead_id or 0, lambda now: deals.reopen(pk, user=request.user, now=now))


# --- Many at once ---------------------------------------------------------------------------------


@require_POST
@permission_required("routing.reassign_lead", raise_exception=True)
def reassign(request: HttpRequest) -> HttpResponse:
    """Give the ticked leads to a rep, all or none."""
    form = ReassignForm(request.POST)
    form.fields["lead"].choices = [(value, value) for value in request.POST.getlist("lead")[:MOST_IN_BULK]]  # type: ignore[attr-defined]
    if not form.is_valid():
        problem = next(str(errors[0]) for errors in form.errors.values())
        return _refused(request, Refused(problem), lead_id=None)
    wanted = form.cleaned_data["lead"]
    seen = set(visible_to(Lead.objects.filter(pk__in=wanted), request.user).values_list("pk", flat=True))
    rep = form.cleaned_data["rep_id"]
    try:
        done = services.reassign(sorted(seen), rep_id=rep.pk, user=request.user, now=timezone.now())
    except Refused as refusal:
        return _refused(request, refusal, lead_id=None)
    leads = "1 lead" if len(done) == 1 else f"{len(done)} leads"
    return _acted(request, Done(lead_id=None, sentence=f"Gave {leads} to {rep}."))


# --- Their parts ----------------------------------------------------------------------------------


def _seen(request: HttpRequest, pk: int) -> Lead | None:
    """The lead, if it exists and the user still sees it; 404 for one that never was."""
    lead = get_object_or_404(Lead.objects.select_related("person"), pk=pk)
    return lead if visible_to(Lead.objects.filter(pk=pk), request.user).exists() else None


def _given(request: HttpRequest) -> QueryDict | None:
    """What was sent, however little; None where the form is only asked for."""
    return request.POST if request.method == "POST" else None


def _at_once(request: HttpRequest, pk: int, deed: Callable[[Any], Done]) -> HttpResponse:
    if _seen(request, pk) is None:
        return _refused(request, Refused(OUT_OF_SIGHT), lead_id=pk)
    try:
        return _acted(request, deed(timezone.now()))
    except Refused as refusal:
        return _refused(request, refusal, lead_id=pk)


def _ask(
    request: HttpRequest, lead: Lead, form: forms.Form, deed: Callable[[dict[str, Any]], Done], dialog: Dialog
) -> HttpResponse:
    """Show the form, or do what it says; what cannot be is said at its field, with everything typed still there."""
    if request.method == "POST" and form.is_valid():
        try:
            return _acted(request, deed(form.cleaned_data))
        except Invalid as problem:
            form.add_error(problem.field if problem.field in form.fields else None, problem.sentence)
        except Refused as refusal:
            return _refused(request, refusal, lead_id=lead.pk)
    template = "routing/_act_form.html" if request.htmx else "routing/act.html"  # type: ignore[attr-defined]
    context = {"lead": lead, "form": form, "dialog": dialog, "address": request.path}
    return render(request, template, context, status=422 if form.is_bound else 200)


def _acted(request: HttpRequest, done: Done, *, undone: bool = False) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, done.sentence)
        return redirect(_back(request, done.lead_id))
    told = {
        "lead": done.lead_id,
        "text": done.sentence,
        "undo": reverse("routing:undo", args=[done.event_id]) if done.undo_until and done.event_id else "",
        "undone": undone,
    }
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps({"acted": told})})


def _refused(request: HttpRequest, refusal: Refused, *, lead_id: int | None) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        messages.error(request, refusal.sentence)
        return redirect(_back(request, lead_id))
    told = {"lead": lead_id, "text": refusal.sentence}
    return HttpResponse(status=409, headers={"HX-Trigger": json.dumps({"refused": told})})


def _back(request: HttpRequest, lead_id: int | None) -> str:
    """Where the act was begun, if that is a page of ours, else the lead, else the queue."""
    origin = request.POST.get("back", "")
    if origin and url_has_allowed_host_and_scheme(origin, allowed_hosts={request.get_host()}):
        return origin
    return reverse("routing:lead", args=[lead_id]) if lead_id else reverse("routing:queue")
