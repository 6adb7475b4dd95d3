"""All that the page of one account shows: the score with its parts, its people, leads, deals and subsidiaries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import F, QuerySet

from funnel.access import visible_to
from funnel.models import Account, Lead, Opportunity, Person
from routing.leads.score_panel import WIDEST, Bar
from scoring.account_explain import MemberPart, RolePart, WeekPart, WhyAccount, why_account
from scoring.models import AccountScore, AccountScoreChange

BESIDE: Final = 15
_SEEN: Final = 0.05  # points; less is not told of a cap


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the account and the latest lead of theirs that the viewer may see."""

    part: MemberPart
    lead_id: int | None


def whole(account: Account, user: Any, *, now: datetime) -> dict[str, Any]:
    """The context of the page. A constant number of queries."""
    why = why_account(account.pk, people=visible_to(Person.objects.all(), user), now=now)
    leads = visible_to(Lead.objects.all(), user).filter(account=account).exclude(exit="void")
    deals = visible_to(Opportunity.objects.all(), user).filter(account=account)
    children = visible_to(Account.objects.all(), user).filter(parent=account)
    return {
        "account": account,
        "why": why,
        "standing": why.standing if why else None,
        "bars": role_bars(why.roles) if why else (),
        "members": _members(why, leads) if why else (),
        "weeks": week_figure(why.weeks, before=why.standing.weeks_before) if why else None,
        "changes": AccountScoreChange.objects.filter(account=account).order_by("-occurred_at", "-id")[:BESIDE],
        "leads": _latest(leads)[:BESIDE],
        "deals": deals.select_related("owner").order_by("-opened_at", "-id")[:BESIDE],
        "children": children.select_related("score").order_by("name")[:BESIDE],
        "scored": AccountScore.objects.filter(pk=account.pk).first(),
        "now": now,
    }


def _latest(leads: QuerySet[Lead]) -> QuerySet[Lead]:
    """Those open first, the latest moved first."""
    rows = leads.select_related("person", "owner", "solution")
    return rows.order_by(F("closed_at").desc(nulls_first=True), "-stage_since", "-id")


def _members(why: WhyAccount, leads: QuerySet[Lead]) -> list[Member]:
    latest = leads.filter(person__in=[part.person_id for part in why.members]).order_by("person", "-number", "-id")
    of_person = dict(latest.distinct("person").values_list("person", "pk"))
    return [Member(part, of_person.get(part.person_id)) for part in why.members]


def role_bars(roles: Sequence[RolePart]) -> list[Bar]:
    """What each role adds; pale: what its cap took, at the role's weight; the line is the most it can add."""
    scale = max((max(part.weight * part.points, part.weight * part.cap) for part in roles), default=0.0) or 1.0
    return [_bar(part, scale) for part in roles if part.people]


def _bar(part: RolePart, scale: float) -> Bar:
    took = part.cap_took * part.weight
    people = f"{part.people:,} {'person' if part.people == 1 else 'people'}"
    counts = f"{part.points:.1f} points, of which {part.counted:.1f} count, times {part.weight:g}"
    return Bar(
        name=part.label,
        note=f"{people}, cap took {took:.1f}" if took > _SEEN else people,
        points=part.adds,
        width=part.adds / scale * WIDEST,
        taken=took / scale * WIDEST if took > _SEEN else 0.0,
        tick=part.weight * part.cap / scale * WIDEST,
        told=f"{people}: {counts}",
    )


def week_figure(weeks: Sequence[WeekPart], *, before: float) -> dict[str, Any]:
    """Points earned by week as bars, this week's strong, with the mean of the three before it as a line."""
    names = [f"{week.starts_on.day} {week.starts_on:%b}" for week in weeks]
    this = len(weeks) - 1
    colours = ["var(--dc-accent)" if place == this else "var(--dc-mark)" for place in range(len(weeks))]
    top = max([before, 1.0, *(week.points for week in weeks)])
    line = {"color": "var(--dc-ink-2)", "width": 1.5, "dash": "dot"}
    said = {"x": this + 0.5, "xanchor": "left", "xshift": 4, "showarrow": False, "font": {"color": "var(--dc-ink-2)"}}
    return {
        "data": [
            {
                "type": "bar",
                "x": list(range(len(weeks))),
                "y": [round(week.points, 1) for week in weeks],
                "customdata": names,
                "marker": {"color": colours},
                "hovertemplate": "%{y:,.1f} points in the week from %{customdata}<extra></extra>",
            }
        ],
        "layout": {
            "template": None,
            "margin": {"l": 30, "r": 74, "t": 6, "b": 22},
            "bargap": 0.25,
            "xaxis": {
                "range": [-0.6, this + 0.6], "showgrid": False, "tickangle": 0,
                "tickvals": list(range(this % 3, len(weeks), 3)), "ticktext": names[this % 3 :: 3],
            },
            "yaxis": {"range": [0, top * 1.12], "nticks": 4, "rangemode": "tozero"},
            "shapes": [{"type": "line", "x0": this - 3.5, "x1": this + 0.5, "y0": before, "y1": before, "line": line}],
            "annotations": [said | {"y": before, "yanchor": "middle", "text": f"{before:.1f} before"}],
        },
    }  # fmt: skip
