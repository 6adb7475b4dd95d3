"""The daily work on leads, by address: logging calls, next dates, snoozes, tasks, and taking each of them back."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from funnel.models import Lead, Stage
from routing.acts.answering import OUT_OF_SIGHT, Dialog, acted, ask, asks, at_once, given, of_lead, refused, seen
from routing.acts.doing import Done, Refused
from routing.day import agenda, attempts, ratings, snoozes
from routing.day.forms import AttemptForm, PlanForm, RateForm, UntilForm
from routing.models import Medium, Task

LOGGED = {Medium.CALL: "Log a call with", Medium.EMAIL: "Log an e-mail to", Medium.SOCIAL: "Log a social message to"}


@asks
@of_lead
def log(request: HttpRequest, lead: Lead) -> HttpResponse:
    """Log an attempt; one that comes with its outcome is logged at once."""
    told = request.POST.get("medium") or request.GET.get("medium") or ""
    medium = Medium(told) if told in Medium.values else Medium.CALL
    form = AttemptForm(given(request), medium=medium)

    def deed(said: dict[str, Any]) -> Done:
        return attempts.log(
            lead.pk, medium=said["medium"], outcome=said["outcome"], text=said["text"], next_at=said["next_at"],
            user=request.user, now=timezone.now(),
        )  # fmt: skip

    early = lead.stage == Stage.MQL and lead.closed_at is None
    note = "The lead is accepted with it." if early else ""
    return ask(request, lead, form, deed, Dialog(f"{LOGGED[medium]} {lead.person}", "Log it", note))


@asks
@of_lead
def plan(request: HttpRequest, lead: Lead) -> HttpResponse:
    before = Task.objects.filter(lead=lead, kind=Task.Kind.NEXT, state=Task.State.OPEN).first()
    initial = {"next_at": timezone.localtime(before.shown_at)} if before else None
    form = PlanForm(given(request), initial=initial)

    def deed(said: dict[str, Any]) -> Done:
        return agenda.plan(lead.pk, next_at=said["next_at"], text=said["text"], user=request.user, now=timezone.now())

    note = f"In your time zone, {timezone.get_current_timezone_name()}."
    return ask(request, lead, form, deed, Dialog(f"Note and next date: {lead.person}", "Save", note))


@asks
@of_lead
def snooze(request: HttpRequest, lead: Lead) -> HttpResponse:
    form = UntilForm(given(request))

    def deed(said: dict[str, Any]) -> Done:
        return snoozes.snooze(lead.pk, until=said["next_at"], user=request.user, now=timezone.now())

    note = "Its clocks run on. It comes back earlier when a promise is about to run out, or when the person asks."
    return ask(request, lead, form, deed, Dialog(f"Snooze {lead.person}", "Snooze", note))


@asks
@of_lead
def rate(request: HttpRequest, lead: Lead) -> HttpResponse:
    before = ratings.of_user(lead, request.user)
    form = RateForm(given(request), initial={"stars": before.stars, "why": before.why} if before else None)

    def deed(said: dict[str, Any]) -> Done:
        return ratings.rate(
            lead.pk, stars=said["stars"], why=said["why"], text=said["text"], user=request.user, now=timezone.now()
        )

    note = "Marketing sees it, summed up by campaign."
    return ask(request, lead, form, deed, Dialog(f"Rate the lead {lead.person}", "Rate", note))


@asks
def put_off(request: HttpRequest, pk: int) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    lead = seen(request, task.lead_id)
    if lead is None:
        return refused(request, Refused(OUT_OF_SIGHT), lead_id=task.lead_id)
    form = UntilForm(given(request))

    def deed(said: dict[str, Any]) -> Done:
        return agenda.put_off(pk, until=said["next_at"], user=request.user, now=timezone.now())

    title = f"Put off: {task.get_kind_display().lower()} of {lead.person}"
    return ask(request, lead, form, deed, Dialog(title, "Put off", "When it was due at first stays known."))


@require_POST
def finish(request: HttpRequest, pk: int) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    return at_once(request, task.lead_id, lambda now: agenda.finish(pk, user=request.user, now=now))


@require_POST
def skip(request: HttpRequest, pk: int) -> HttpResponse:
    task = get_object_or_404(Task, pk=pk)
    return at_once(request, task.lead_id, lambda now: agenda.finish(pk, skipped=True, user=request.user, now=now))


# --- Taking back ----------------------------------------------------------------------------------


@require_POST
def undo_attempt(request: HttpRequest, pk: int) -> HttpResponse:
    return _taken_back(request, lambda now: attempts.take_back(pk, user=request.user, now=now))


@require_POST
def wake(request: HttpRequest, pk: int) -> HttpResponse:
    return _taken_back(request, lambda now: snoozes.wake(pk, user=request.user, now=now))


@require_POST
def undo_work(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what this cause did to the dates of the lead."""
    cause = request.GET.get("cause", "")
    return _taken_back(request, lambda now: agenda.take_back(pk, cause=cause, user=request.user, now=now))


def _taken_back(request: HttpRequest, deed: Any) -> HttpResponse:
    try:
        return acted(request, deed(timezone.now()), undone=True)
    except Refused as refusal:
        return refused(request, refusal, lead_id=None)
