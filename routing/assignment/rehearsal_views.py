"""The pages of routing rules: what each came to, and what another version would have done with past leads."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from funnel.access import sight_of
from funnel.models import Lead, Rep, Team
from funnel.versions import Status
from routing.assignment.candidates import reps_in
from routing.assignment.explain import decision_sentence, names_by_id
from routing.assignment.policies import warnings_of
from routing.assignment.rehearsal import MOST, Line, Outcome, Rehearsal, rehearse
from routing.assignment.rule_counts import by_rule
from routing.assignment.would import would_be
from routing.models import RoutingPolicy

SPANS: Final = {7: "7 days", 30: "30 days", 90: "90 days"}
STANDARD: Final = 30
SHOWN: Final = 50  # leads that would go elsewhere


def may_rehearse(user: Any) -> bool:
    """It shows everybody's leads, so it is for roles that see everything and know the routing policy."""
    return user.has_perm("routing.view_routingpolicy") and sight_of(user).everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A rep or rule: how many leads it got, and would get."""

    name: str
    was: int
    would: int

    @property
    def more(self) -> int:
        return self.would - self.was


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A lead that would go elsewhere."""

    lead: Lead
    at: datetime
    was: str
    was_rule: str
    would: str
    would_rule: str
    why: str


@require_GET
@login_required
def rules(request: HttpRequest) -> HttpResponse:
    """The policy in force by rule, with wrong routes, and the drafts that can be tried."""
    _require(request)
    days, now = _days(request), timezone.now()
    versions = RoutingPolicy.objects.prefetch_related("rules__team").order_by("-version")
    return render(
        request,
        "routing/rules.html",
        {
            "rows": by_rule(start=now - timedelta(days=days), end=now),
            "days": days,
            "spans": SPANS,
            "policy": versions.filter(status=Status.PUBLISHED).first(),
            "lead": _lead(request),
            "drafts": versions.filter(status=Status.DRAFT)[:10],
            "retired": versions.filter(status=Status.RETIRED)[:5],
        },
    )


@require_GET
@login_required
def rehearsal(request: HttpRequest, pk: int) -> HttpResponse:
    """Past decisions under one version, beside what they were."""
    _require(request)
    policy = get_object_or_404(RoutingPolicy.objects.prefetch_related("rules"), pk=pk)
    days, now, lead = _days(request), timezone.now(), _lead(request)
    found = rehearse(policy, since=now - timedelta(days=days), until=now)
    was_nobody, would_nobody = found.nobody()
    return render(
        request,
        "routing/rehearsal.html",
        {
            "policy": policy,
            "lead": lead,
            "would": would_be(lead, policy, now=now) if lead else None,
            "days": days,
            "spans": SPANS,
            "found": found,
            "most": MOST,
            "total": len(found.lines),
            "differing": len(found.differing),
            "nobody": Share(name="Nobody", was=was_nobody, would=would_nobody),
            "reps": _of_reps(found),
            "rules": [Share(name=name or "No rule", was=was, would=would) for name, (was, would) in
                      found.by_rule().items()],
            "lines": _lines(found.differing[-SHOWN:][::-1]),
            "warnings": list(warnings_of(policy)),
        },
    )  # fmt: skip


def _require(request: HttpRequest) -> None:
    if not may_rehearse(request.user):
        raise PermissionDenied


def _lead(request: HttpRequest) -> Lead | None:
    """The one lead that the page is asked about, if any."""
    asked = request.GET.get("lead", "")
    if not asked.isdecimal() or len(asked) > 18:
        return None
    return Lead.objects.select_related("person", "account", "owner", "pool").filter(pk=int(asked)).first()


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked in map(str, SPANS) else STANDARD


def _of_reps(found: Rehearsal) -> list[Share]:
    """Every rep who got or would get one, the largest change first."""
    counts = found.by_rep()
    names = dict(Rep.objects.filter(pk__in=counts).values_list("pk", "name"))
    shares = [Share(name=names[pk], was=was, would=would) for pk, (was, would) in counts.items() if pk in names]
    return sorted(shares, key=lambda one: (-abs(one.more), -one.would, one.name))


def _lines(lines: list[Line]) -> list[Elsewhere]:
    leads = Lead.objects.select_related("person", "account").in_bulk([line.lead_id for line in lines])
    told = [outcome for line in lines for outcome in (line.was, line.would)]
    reps = names_by_id({outcome.rep_id for outcome in told if outcome.rep_id is not None})
    pools = {outcome.team_id for outcome in told if outcome.team_id is not None}
    teams = dict(Team.objects.filter(pk__in=pools).values_list("pk", "name"))
    names = reps | names_by_id({rep for outcome in told for rep in reps_in(outcome.explanation)})
    return [
        Elsewhere(
            lead=leads[line.lead_id],
            at=line.decided_at,
            was=_where(line.was, reps, teams),
            was_rule=line.was.rule,
            would=_where(line.would, reps, teams),
            would_rule=line.would.rule,
            why=decision_sentence(
                line.would.explanation,
                names,
                rep_id=line.would.rep_id,
                pool=teams.get(line.would.team_id or 0, ""),
                rule=line.would.rule,
            ),
        )
        for line in lines
        if line.lead_id in leads
    ]


def _where(outcome: Outcome, reps: dict[int, str], teams: dict[int, str]) -> str:
    if outcome.rep_id is not None:
        return reps.get(outcome.rep_id, "Somebody who is gone")
    return f"Pool of {teams.get(outcome.team_id, '')}" if outcome.team_id is not None else "Nobody"
