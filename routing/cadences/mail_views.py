"""Mails through one's own server, by address: written from a template, tried again, dropped."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from funnel.models import Lead
from routing.acts.answering import Dialog, ask, asks, at_once, given, of_lead
from routing.acts.doing import Done
from routing.cadences import own_mail
from routing.cadences.library import text_of
from routing.messages.mailboxes import mailbox_of
from routing.models import Medium, MessageTemplate, OwnMail


class MailForm(forms.Form):
    """A mail as it is about to be sent. task_id: the step that it does."""

    subject = forms.CharField(label="Subject", max_length=200, error_messages={"required": "Say what it is about."})
    body = forms.CharField(
        label="Text",
        max_length=own_mail.LONGEST,
        widget=forms.Textarea(attrs={"rows": 12}),
        error_messages={"required": "Write something here; an empty mail is not sent."},
    )
    task_id = forms.IntegerField(required=False, widget=forms.HiddenInput)


@asks
@of_lead
def write(request: HttpRequest, lead: Lead) -> HttpResponse:
    """A mail to the lead's person, filled from a template; without a server of one's own, the way to it."""
    mailbox = mailbox_of(request.user)
    if mailbox is None:
        messages.info(request, "Enter your mail server first; then you can send from here.")
        if request.htmx:  # type: ignore[attr-defined]
            return HttpResponse(status=204, headers={"HX-Redirect": reverse("routing:mailbox")})
        return redirect("routing:mailbox")
    form = MailForm(given(request), initial=_filled(request, lead))

    def deed(said: dict[str, Any]) -> Done:
        return own_mail.write(
            lead.pk, subject=said["subject"], body=said["body"], task_id=said["task_id"], user=request.user,
            now=timezone.now(),
        )  # fmt: skip

    note = f"To {lead.person.email}, from {mailbox.address}."
    return ask(request, lead, form, deed, Dialog(f"Write to {lead.person}", "Send", note))


def _filled(request: HttpRequest, lead: Lead) -> dict[str, Any]:
    """The template that the address names, filled for the lead."""
    template = MessageTemplate.objects.filter(pk=_number(request, "template") or 0, medium=Medium.EMAIL).first()
    if template is None:
        return {"task_id": _number(request, "task")}
    with_all = Lead.objects.select_related("person", "account", "solution", "owner").get(pk=lead.pk)
    text = text_of(template, with_all)
    return {"subject": text.subject, "body": text.body, "task_id": _number(request, "task")}


def _number(request: HttpRequest, name: str) -> int | None:
    told = request.GET.get(name, "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 18 else None


@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    return _with_mail(request, pk, lambda now: own_mail.try_again(pk, user=request.user, now=now))


@require_POST
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    return _with_mail(request, pk, lambda _now: own_mail.drop(pk, user=request.user))


def _with_mail(request: HttpRequest, pk: int, deed: Callable[[Any], Done]) -> HttpResponse:
    mail = get_object_or_404(OwnMail, pk=pk)
    return at_once(request, mail.lead_id, deed)
