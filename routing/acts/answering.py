"""How an act on a lead is asked for and answered, whichever it is.

To htmx an act answers 204 with the event `acted` (or 409 with `refused`), for static/js/acts.js to say and to follow;
without a script it goes back to the lead with a message.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from funnel.access import visible_to
from funnel.models import Lead
from routing.acts.doing import Done, Invalid, Refused

asks = require_http_methods(["GET", "POST"])
OUT_OF_SIGHT = "This lead is with another team by now, so you no longer see it."


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
        lead = seen(request, pk)
        return view(request, lead) if lead else refused(request, Refused(OUT_OF_SIGHT), lead_id=pk)

    return found


def seen(request: HttpRequest, pk: int) -> Lead | None:
    """The lead, if it exists and the user still sees it; 404 for one that never was."""
    lead = get_object_or_404(Lead.objects.select_related("person"), pk=pk)
    return lead if visible_to(Lead.objects.filter(pk=pk), request.user).exists() else None


def given(request: HttpRequest) -> QueryDict | None:
    """What was sent, however little; None where the form is only asked for."""
    return request.POST if request.method == "POST" else None


def at_once(request: HttpRequest, pk: int, deed: Callable[[Any], Done]) -> HttpResponse:
    if seen(request, pk) is None:
        return refused(request, Refused(OUT_OF_SIGHT), lead_id=pk)
    try:
        return acted(request, deed(timezone.now()))
    except Refused as refusal:
        return refused(request, refusal, lead_id=pk)


def ask(
    request: HttpRequest, lead: Lead, form: forms.Form, deed: Callable[[dict[str, Any]], Done], dialog: Dialog
) -> HttpResponse:
    """Show the form, or do what it says; what cannot be is said at its field, with everything typed still there."""
    if request.method == "POST" and form.is_valid():
        try:
            return acted(request, deed(form.cleaned_data))
        except Invalid as problem:
            form.add_error(problem.field if problem.field in form.fields else None, problem.sentence)
        except Refused as refusal:
            return refused(request, refusal, lead_id=lead.pk)
    template = "routing/_act_form.html" if request.htmx else "routing/act.html"  # type: ignore[attr-defined]
    context = {"lead": lead, "form": form, "dialog": dialog, "address": request.path}
    return render(request, template, context, status=422 if form.is_bound else 200)


def acted(request: HttpRequest, done: Done, *, undone: bool = False) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, done.sentence)
        return redirect(_back(request, done.lead_id))
    told = {
        "lead": done.lead_id,
        "text": done.sentence,
        "undo": undo_address(done) if done.undo_until else "",
        "undone": undone,
        "gone": _gone(request, done.lead_id),
        "stays": done.stays,
    }
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps({"acted": told})})


def undo_address(done: Done) -> str:
    """Where the act is taken back; empty for one that is not."""
    if done.hand_off_id:
        return reverse("routing:undo-hand-off", args=[done.hand_off_id])
    if done.assignment_id:
        return reverse("routing:undo-hands", args=[done.assignment_id])
    if done.attempt_id:
        return reverse("routing:undo-attempt", args=[done.attempt_id])
    if done.snooze_id:
        return reverse("routing:wake", args=[done.snooze_id])
    if done.work:
        return f"{reverse('routing:undo-work', args=[done.lead_id])}?{urlencode({'cause': done.work})}"
    return reverse("routing:undo", args=[done.event_id]) if done.event_id else ""


def refused(request: HttpRequest, refusal: Refused, *, lead_id: int | None) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        messages.error(request, refusal.sentence)
        return redirect(_back(request, lead_id))
    told = {"lead": lead_id, "text": refusal.sentence, "gone": _gone(request, lead_id)}
    return HttpResponse(status=409, headers={"HX-Trigger": json.dumps({"refused": told})})


def _gone(request: HttpRequest, lead_id: int | None) -> bool:
    """Whether the user does not see the lead any more, so that its page cannot be drawn anew."""
    return lead_id is not None and not visible_to(Lead.objects.filter(pk=lead_id), request.user).exists()


def _back(request: HttpRequest, lead_id: int | None) -> str:
    """Where the act was begun, if that is a page of ours, else the lead, else the queue."""
    origin = request.POST.get("back", "")
    if origin and url_has_allowed_host_and_scheme(origin, allowed_hosts={request.get_host()}):
        return origin
    here = lead_id is not None and not _gone(request, lead_id)
    return reverse("routing:lead", args=[lead_id]) if here else reverse("routing:queue")
