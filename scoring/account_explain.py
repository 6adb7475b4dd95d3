"""Why an account's score is what it is: by role, by person, by week, and the sentence."""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
from django.db.models import QuerySet

from funnel.models import BuyingRole, Person
from scoring import contributions, states
from scoring.account_measures import Measured, measure
from scoring.accounts import Standing, since_of, standing_of
from scoring.decay import DAY
from scoring.engagement import MOST, WEEK, by_week
from scoring.explain import Reason, strongest
from scoring.policy import Policy, general_policy
from scoring.words import number, when

MOST_PEOPLE: Final = 25
WEEKS: Final = 12
REASONS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePart:
    """What a role adds: weight x counted, counted being the points of its people as far as the cap lets them."""

    role: str
    label: str
    weight: float
    cap: float
    people: int
    points: float
    counted: float
    adds: float

    @property
    def cap_took(self) -> float:
        return self.points - self.counted


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPart:
    """A person of the account: the role that the title suggests, and interest now with its strongest reasons."""

    person_id: int
    name: str
    title: str
    role: str
    label: str
    interest: float
    engaged: bool
    reasons: list[Reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPart:
    """Points earned in seven (UTC) days from `starts_on`."""

    starts_on: date
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyAccount:
    """An account's score and its parts. What the roles add sums to the engagement, save where that is limited to 100.

    members: those with most interest whom the viewer may see; more_members: how many others are scored.
    """

    at: datetime
    policy: str
    tier: int | None
    standing: Standing
    engaged_from: float
    roles: list[RolePart]
    members: list[MemberPart]
    more_members: int
    weeks: list[WeekPart]
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values; moments stay datetimes."""
        return asdict(self)


def why_account(account_id: int, *, people: QuerySet[Person], now: datetime) -> WhyAccount | None:
    """The score of an account now, part by part. None where nothing decides, or nobody of it is scored.

    people: those who may be named. A constant number of statements.
    """
    policy = general_policy()
    if policy is None:
        return None
    found = measure(policy, np.array([account_id], dtype=np.int64), now=now)
    if not len(found.members):
        return None
    standing = standing_of(found, 0, since=since_of([account_id]))
    roles = _roles(policy, found)
    members = _members(policy, found, people=people, now=now)
    return WhyAccount(
        at=now,
        policy=policy.policy,
        tier=found.tiers[0],
        standing=standing,
        engaged_from=policy.accounts.weights.engaged_from,
        roles=roles,
        members=members,
        more_members=len(found.members) - len(members),
        weeks=_weeks(policy, found, now=now),
        sentence=_sentence(standing, roles, found.tiers[0]),
    )


def _roles(policy: Policy, found: Measured) -> list[RolePart]:
    together = found.engagement
    people = np.bincount(found.roles, minlength=len(policy.accounts.weights.roles))
    return [
        RolePart(
            role=terms.role,
            label=BuyingRole(terms.role).label,
            weight=terms.weight,
            cap=terms.cap,
            people=int(people[place]),
            points=float(together.points[0, place]),
            counted=float(together.counted[0, place]),
            adds=float(together.adds[0, place]),
        )
        for place, terms in enumerate(policy.accounts.weights.roles)
    ]


def _members(policy: Policy, found: Measured, *, people: QuerySet[Person], now: datetime) -> list[MemberPart]:
    """The people with most interest. The statements of `strongest`, and one for who they are."""
    places = np.lexsort((found.members, -found.interest))[:MOST_PEOPLE].tolist()
    ids = [int(found.members[place]) for place in places]
    named = {pat.pk: pat for pat in people.filter(pk__in=ids)}
    reasons = strongest(list(named), now=now, policy=policy, count=REASONS)
    weights = policy.accounts.weights
    return [
        MemberPart(
            person_id=pk,
            name=named[pk].name,
            title=named[pk].title,
            role=(role := weights.roles[found.roles[place]].role),
            label=BuyingRole(role).label,
            interest=float(found.interest[place]),
            engaged=bool(round(float(found.interest[place]), 6) >= weights.engaged_from),
            reasons=[reason for reason in reasons.get(pk, ()) if reason.points > 0],
        )
        for place, pk in zip(places, ids, strict=True)
        if pk in named
    ]


def _weeks(policy: Policy, found: Measured, *, now: datetime) -> list[WeekPart]:
    today = int(now.timestamp() // DAY)
    known = states.read(policy, found.members)
    first = today - WEEK * WEEKS + 1
    earned = contributions.earned(policy, found.members, first, baselines=known.baseline_at)
    nobody = np.zeros(len(earned.points), dtype=np.intp)
    sums = by_week(nobody, earned.days, earned.points, today=today, count=1, weeks=WEEKS)[0]
    start = datetime.fromtimestamp(first * DAY, UTC).date()
    return [
        WeekPart(starts_on=start + timedelta(days=WEEK * place), points=float(points))
        for place, points in enumerate(sums)
    ]


# --- in words ----------------------------------------------------------------------------------------------------


def _sentence(standing: Standing, roles: list[RolePart], tier: int | None) -> str:
    whose = f"an account of tier {tier}" if tier else "an account without a tier"
    since = f": over it since {when(standing.since)}" if standing.since else ""
    needed = f"{number(standing.threshold)} is needed for {whose}{since}"
    words = [
        f"Engagement is {number(standing.engagement)} of {MOST:g}, and {needed}.",
        _who(standing, roles),
        momentum_words(standing),
    ]
    return " ".join(filter(None, words))


def _who(standing: Standing, roles: list[RolePart]) -> str:
    if not standing.people:
        return "Nobody is engaged at present."
    known = f" in {_counted(standing.breadth, 'known role')}" if standing.breadth else ", in no role that is known"
    most = max(roles, key=lambda part: part.adds)
    verb = "is" if standing.people == 1 else "are"
    return (
        f"{_counted(standing.people, 'person', 'people')} {verb} engaged{known}; "
        f"{most.label.lower()} adds most ({number(most.adds)})."
    )


def momentum_words(standing: Standing) -> str:
    """This week against the three before."""
    if not (standing.week or standing.weeks_before):
        return "No points were earned in the last four weeks."
    return (
        f"In the last seven days {number(standing.week)} points were earned, against {number(standing.weeks_before)} "
        "a week in the three weeks before."
    )


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
