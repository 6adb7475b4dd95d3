"""What people do to leads from the queue and from a lead's page: each address takes one act and asks one service.

To htmx an act answers 204 with the event `acted` (or 409 with `refused`), for static/js/acts.js to say and to follow;
without a script it goes back to the lead with a message.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from funnel.access import visible_to
from funnel.models import Lead, Stage
from routing import services
from routing.acts import Done, Invalid, Refused
from routing.forms import ReassignForm, RecycleForm, RejectForm, ReopenForm
from routing.queue import MOST_IN_BULK

OUT_OF_SIGHT = "This lead is with another team by now, so you no longer see it."
asks = require_http_methods(["GET", "POST"])


@dataclass(frozen=True, slots=True)
class Dialog:
    """What a form is headed with. deed: what its button says; note: what the act will do."""

    title: str
    deed: str
    note: str = ""
    danger: bool = False


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
def reject(request: HttpRequest, pk: int) -> HttpResponse:
    lead = _seen(request, pk)
    if lead is None:
        return _refused(request, Refused(OUT_OF_SIGHT), lead_id=pk)
    early = lead.stage == Stage.MQL
    title = f"Reject {lead.person}" if early else f"Disqualify {lead.person}"
    form = RejectForm(request.POST or None, lead=lead)

    def deed(given: dict[str, Any]) -> Done:
        return services.reject(
            pk, user=request.user, reason_id=given["reason_id"], text=given["text"], now=timezone.now(),
            seen=given["seen"] or Stage.MQL,
        )  # fmt: skip

    return _ask(request, lead, form, deed, Dialog(title, "Reject" if early else "Disqualify"))


@asks
def recycle(request: HttpRequest, pk: int) -> HttpResponse:
    lead = _seen(request, pk)
    if lead is None:
        return _refused(request, Refused(OUT_OF_SIGHT), lead_id=pk)
    form = RecycleForm(request.POST or None, lead=lead)

    def deed(given: dict[str, Any]) -> Done:
        return services.recycle(
            pk, user=request.user, reason_id=given["reason_id"], revisit_on=given["revisit_on"], text=given["text"],
            now=timezone.now(), seen=given["seen"],
        )  # fmt: skip

    note = "The lead closes and may come back: on the day you name, or when interest rises again."
    return _ask(request, lead, form, deed, Dialog(f"Recycle {lead.person}", "Recycle", note))


@asks
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    lead = _seen(request, pk)
    if lead is None:
        return _refused(request, Refused(OUT_OF_SIGHT), lead_id=pk)
    form = ReopenForm(request.POST or None, lead=lead)

    def deed(given: dict[str, Any]) -> Done:
        return services.reopen(pk, user=request.user, reason_id=given["reason_id"], now=timezone.now())

    note = f"It stands at {Stage(lead.stage).label} again, as it did before it closed."
    return _ask(request, lead, form, deed, Dialog(f"Reopen {lead.person}", "Reopen", note))


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
