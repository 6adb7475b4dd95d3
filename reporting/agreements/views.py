"""The page of the agreement: what is in force and how it is kept, drafts and who signs them."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel.access import name_of
from funnel.versions import PolicyProblem
from reporting.agreements import reviews, stretches, versions
from reporting.agreements.attainment import attainment
from reporting.agreements.forms import Draft
from reporting.agreements.shown import dressed, told
from reporting.agreements.source import Source
from reporting.facts import Copy, shared
from reporting.models import Agreement

may_look = permission_required("reporting.view_agreement", raise_exception=True)
may_edit = permission_required("reporting.change_agreement", raise_exception=True)
MOST_REVIEWS = 12
_PEOPLE = ("marketing_signer", "sales_signer", "created_by")


@require_GET
@may_look
def agreement(request: HttpRequest) -> HttpResponse:
    """The version in force, else the draft: signers, promises and how they are kept; reviews and versions."""
    return _page(request, versions.in_force() or versions.the_draft())


@require_GET
@may_look
def version(request: HttpRequest, pk: int) -> HttpResponse:
    """One version, in force or not."""
    return _page(request, get_object_or_404(Agreement.objects.select_related(*_PEOPLE), pk=pk))


def _page(request: HttpRequest, found: Agreement | None, *, problems: list[str] | None = None) -> HttpResponse:
    copy, now, user = shared(), timezone.now(), who(request)
    context: dict[str, Any] = {
        "agreement": found,
        "versions": Agreement.objects.select_related(*_PEOPLE),
        "draft": versions.the_draft(),
        "may_edit": user.has_perm("reporting.change_agreement"),
        "may_review": user.has_perm("reporting.change_review"),
        "reviews": reviews.latest(MOST_REVIEWS),
        "open_actions": reviews.open_actions(),
        "unreviewed": _unreviewed(),
        "today": timezone.localdate(),
        "problems": problems or [],
        "fresh_at": copy.fresh_at,
    }
    if found is not None:
        context |= _about(found, copy, user, now=now)
    return render(request, "reporting/agreement.html", context, status=409 if problems else 200)


def _unreviewed() -> str:
    """The quarter that is over and nobody has reviewed, in words."""
    quarter = reviews.unreviewed(timezone.localdate())
    return stretches.words(quarter) if quarter else ""


def _about(found: Agreement, copy: Copy, user: User, *, now: dt.datetime) -> dict[str, Any]:
    side = versions.side_of(found, user)
    is_draft = found.status == Agreement.Status.DRAFT
    signed = side is not None and getattr(found, f"{side}_signed_at") is not None
    return {
        "halves": dressed(
            [told(half) for half in attainment(found, found.targets.all(), copy, now=now)],
            Source(copy, set(), zone=settings.REPORTING_ZONE, now=now),
        ),
        "is_draft": is_draft,
        "live": versions.in_force() if is_draft else None,
        "promised": found.targets.count(),
        "may_sign": side if is_draft and side is not None and not signed else None,
        "may_take_back": is_draft and signed,
    }


@require_http_methods(["GET", "POST"])
@may_edit
def new(request: HttpRequest) -> HttpResponse:
    """A next version, beginning with the one in force."""
    like = versions.in_force()
    typed = Draft(request.POST if request.method == "POST" else None, like=like)
    if request.method == "POST" and typed.is_valid():
        try:
            made = versions.draft(typed.terms(), user=who(request), now=timezone.now())
        except PolicyProblem as refused:
            return _form(request, typed, problems=refused.problems)
        messages.success(request, f"Version {made.version} is a draft. It is in force once both signers have signed.")
        return redirect("reporting:agreement-version", pk=made.pk)
    return _form(request, typed)


@require_http_methods(["GET", "POST"])
@may_edit
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft. Whoever is overtaken keeps what they typed, and is told what stands by now."""
    found = get_object_or_404(Agreement, pk=pk)
    typed = Draft(request.POST if request.method == "POST" else None, like=found)
    if request.method == "POST" and typed.is_valid():
        try:
            versions.edit(found, typed.terms(), revision=typed.revision, user=who(request), now=timezone.now())
        except versions.Overtaken as overtaken:
            typed.see(overtaken.agreement.revision)
            said = "What you typed is here still; saving again puts it in place of theirs."
            return _form(request, typed, agreement=found, problems=[*overtaken.problems, said], status=409)
        except PolicyProblem as refused:
            return _form(request, typed, agreement=found, problems=refused.problems)
        signed = found.marketing_signed_at or found.sales_signed_at
        taken_back = " It was signed on one side; that signature is taken back." if signed else ""
        messages.success(request, f"Version {found.version} is changed.{taken_back}")
        return redirect("reporting:agreement-version", pk=pk)
    if found.status != Agreement.Status.DRAFT:
        messages.error(request, f"Version {found.version} is signed and cannot be changed; make a new one.")
        return redirect("reporting:agreement-version", pk=pk)
    return _form(request, typed, agreement=found)


def _form(
    request: HttpRequest,
    typed: Draft,
    *,
    agreement: Agreement | None = None,
    problems: list[str] | None = None,
    status: int = 422,
) -> HttpResponse:
    failed = bool(problems or typed.head.errors or typed.rows.total_error_count())
    context = {"typed": typed, "agreement": agreement, "problems": problems or [], "live": versions.in_force()}
    return render(request, "reporting/agreement_form.html", context, status=status if failed else 200)


@require_POST
@may_look
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign a draft as the signer of one side; both make it the agreement in force."""

    def act(found: Agreement) -> str:
        signed = versions.sign(found, user=who(request), revision=_revision(request), now=timezone.now())
        if signed.status == Agreement.Status.IN_FORCE:
            return f"Version {signed.version} is signed by both sides and in force from now on."
        other = signed.sales_signer if signed.marketing_signed_at else signed.marketing_signer
        return f"You have signed version {signed.version}. {name_of(other)} is still to sign it."

    return _act(request, pk, act)


@require_POST
@may_look
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one's own signature back while the other side has not signed."""

    def act(found: Agreement) -> str:
        versions.take_back(found, user=who(request), revision=_revision(request))
        return "Your signature is taken back."

    return _act(request, pk, act)


@require_POST
@may_edit
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Throw a draft away."""
    found = get_object_or_404(Agreement, pk=pk)
    try:
        versions.discard(found, revision=_revision(request), now=timezone.now())
    except PolicyProblem as refused:
        return _page(request, get_object_or_404(Agreement, pk=pk), problems=refused.problems)
    messages.success(request, f"The draft of version {found.version} is discarded.")
    return redirect("reporting:agreement")


def _act(request: HttpRequest, pk: int, act: Callable[[Agreement], str]) -> HttpResponse:
    """Do something with a draft. Whoever is overtaken sees what stands now, and that nothing was done."""
    try:
        messages.success(request, act(get_object_or_404(Agreement, pk=pk)))
    except versions.Overtaken as overtaken:
        said = [*overtaken.problems, "Nothing was signed: read it as it stands now."]
        return _page(request, overtaken.agreement, problems=said)
    except PolicyProblem as refused:
        return _page(request, versions.in_force() or versions.the_draft(), problems=refused.problems)
    return redirect("reporting:agreement-version", pk=pk)


def _revision(request: HttpRequest) -> int:
    asked = request.POST.get("revision", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0


def who(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the middleware lets nobody else through
    return request.user
