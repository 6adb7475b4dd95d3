"""Cadences of leads by address: started, stopped; and the library of templates."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from funnel.access import visible_to
from funnel.models import Lead
from funnel.versions import Status
from routing.acts.answering import Dialog, ask, asks, at_once, given, of_lead
from routing.acts.doing import Done
from routing.cadences import enrolments
from routing.cadences.library import found, labels, text_of
from routing.models import Cadence, Medium


class CadenceForm(forms.Form):
    """Which cadence a lead is put into."""

    cadence_id = forms.ModelChoiceField(
        label="Cadence",
        queryset=Cadence.objects.filter(status=Status.PUBLISHED),
        empty_label="Pick a cadence …",
        widget=forms.Select(attrs={"autofocus": True}),
        error_messages={"required": "Pick a cadence."},
    )


@asks
@of_lead
def enrol(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = CadenceForm(given(request))

    def deed(said: dict[str, Any]) -> Done:
        return enrolments.enrol(lead.pk, cadence_id=said["cadence_id"].pk, user=request.user, now=timezone.now())

    note = "Its steps become dates of the lead; it stops by itself when they answer or a meeting is booked."
    return ask(request, lead, form, deed, Dialog(f"Start a cadence with {lead.person}", "Start", note))


@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    return at_once(request, pk, lambda now: enrolments.stop(pk, user=request.user, now=now))


@require_GET
@permission_required("routing.view_messagetemplate", raise_exception=True)
def library(request: HttpRequest) -> HttpResponse:
    """Templates by persona, industry and medium; filled, where the address names a lead."""
    chosen = {name: request.GET.get(name, "")[:120] for name in ("persona", "industry", "medium")}
    told = request.GET.get("lead", "")
    leads = visible_to(Lead.objects.select_related("person", "account", "solution", "owner"), request.user)
    lead = leads.filter(pk=int(told)).first() if told.isascii() and told.isdigit() and len(told) < 18 else None
    known = {name: [(value, value) for value in values] for name, values in labels().items()}
    known["medium"] = [(str(value), str(label)) for value, label in Medium.choices]
    return render(
        request,
        "routing/library.html",
        {
            "texts": [text_of(template, lead) for template in found(**chosen)],
            "lead": lead,
            "menus": [_menu(name, known[name], chosen, told) for name in ("persona", "industry", "medium")],
            "narrowed": any(chosen.values()),
        },
    )


def _menu(name: str, options: list[tuple[str, str]], chosen: dict[str, str], lead: str) -> dict[str, Any]:
    def address(value: str) -> str:
        kept = {key: one for key, one in (chosen | {name: value, "lead": lead}).items() if one}
        return f"{reverse('routing:library')}?{urlencode(kept)}"

    value = chosen[name]
    shown = [("All", address(""), not value)] + [(label, address(key), key == value) for key, label in options]
    label = dict(options).get(value, value or "All")
    return {"name": name, "title": name.capitalize(), "value": label, "set": bool(value), "options": shown}
