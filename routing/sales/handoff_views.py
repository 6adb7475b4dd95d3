"""SQLs on their way to account executives: the acts of a hand-off, and the page that lists them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from funnel.models import Lead
from routing.acts.answering import Dialog, acted, ask, asks, at_once, given, of_lead, refused
from routing.acts.doing import Done, Refused
from routing.acts.viewer import viewer_of
from routing.sales import handoff
from routing.sales import handoff_answers as answers
from routing.sales.forms import HandOffForm, ReturnForm
from routing.sales.handoff_page import page_of


@require_GET
def hand_offs(request: HttpRequest) -> HttpResponse:
    """Those that wait for an answer, were taken over, or came back, of the user's team or of everybody."""
    now = timezone.now()
    context = page_of(request.GET, request.user, viewer_of(request.user), now=now)
    return render(request, "routing/hand_offs.html", context | {"now": now})


@asks
@of_lead
def offer(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = HandOffForm(given(request))

    def deed(given: dict[str, Any]) -> Done:
        seller = given.pop("rep_id")
        return handoff.offer(
            lead.pk, note=handoff.Note(**given), rep_id=seller.pk if seller else None, user=request.user,
            now=timezone.now(),
        )  # fmt: skip

    note = "What they read and asked for until now is added by itself."
    return ask(request, lead, form, deed, Dialog(f"Hand {lead.person} to an account executive", "Hand over", note))


@require_POST
def take_over(request: HttpRequest, pk: int) -> HttpResponse:
    return at_once(request, pk, lambda now: answers.take_over(pk, user=request.user, now=now))


@asks
@of_lead
def give_back(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = ReturnForm(given(request), lead=lead)

    def deed(given: dict[str, Any]) -> Done:
        return answers.give_it_back(
            lead.pk, reason_id=given["reason_id"], text=given["text"], user=request.user, now=timezone.now()
        )

    note = "It stands at SAL again and is the SDR's, who is told why."
    return ask(request, lead, form, deed, Dialog(f"Return {lead.person} to the SDR", "Return", note))


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    return at_once(request, pk, lambda now: answers.withdraw(pk, user=request.user, now=now))


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back the latest step of a hand-off."""
    try:
        done = answers.undo(pk, user=request.user, now=timezone.now())
    except Refused as refusal:
        return refused(request, refusal, lead_id=None)
    return acted(request, done, undone=True)
