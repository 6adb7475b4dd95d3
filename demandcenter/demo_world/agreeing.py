"""What marketing and sales of the demo promise each other, and the review in which they last looked at it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User

from funnel.models import Lead
from reporting.agreements import reviews, stretches, versions
from reporting.agreements.versions import Promise, Terms
from reporting.facts import shared
from reporting.models import Target
from reporting.periods import DAY, shift_months

_FIRST: Final = (
    Promise(side="marketing", measure="quality:accepted", direction="least", value=0.7, every="month"),
    Promise(side="sales", measure="kept:accept", direction="least", value=0.8, every="month"),
)
_SECOND: Final = (
    *_FIRST,
    Promise(side="marketing", measure="rating", direction="least", value=3.0, every="quarter"),
    Promise(side="sales", measure="kept:follow_up", direction="least", value=0.85, every="month"),
    Promise(side="sales", measure="kept:working", direction="least", value=0.9, every="quarter"),
    Promise(side="sales", measure="step:sal-sql", direction="least", value=0.4, every="quarter"),
)
_WHY: Final = (
    "Written down for the first time.",
    "Marketing promises a number of MQLs too, now that sales has people enough to take them; ratings by sales count.",
)
_MINUTES: Final = "\n\n".join(
    (
        "Promises: looked at one by one. Where decisions come late, it is because some lists are longer than anybody "
        "can decide on in a day; where acceptance is low, it is mostly people from webinars who are not in our "
        "profile.",
        "Lead quality: sales asks for fewer students and consultants. Raised hands are accepted as before.",
        "Settled: the points for webinars are tried in the scoring lab before they are changed, and nobody gets new "
        "leads while their list is longer than forty.",
    )
)
_ACTIONS: Final = (  # what, whose, due so many days from the day, done so many days before it
    ("Try the webinar rule with fewer points in the scoring lab", "elif", -9, 12),
    ("Bring every list below forty", "hanna", -4, None),
    ("Brief the SDRs on the winter campaign before its first mail", "elif", 8, None),
)
HELD_AFTER: Final = 12  # days after the quarter
SHARE: Final = 0.9  # of what a month brings is promised
ROUND: Final = 10


def agree(users: Mapping[str, User], *, now: datetime) -> None:
    """Leave an agreement in its second version, and the closed review of the latest quarter that is over for long."""
    today = now.astimezone(ZoneInfo(settings.REPORTING_ZONE)).date()
    quarter = stretches.stretch(Target.Every.QUARTER, shift_months(today - (HELD_AFTER + 1) * DAY, -3))
    assert quarter.start and quarter.end  # a quarter has both ends
    first, second = shift_months(quarter.start, -9), quarter.start
    _in_force(_FIRST, why=_WHY[0], users=users, at=_at(first))
    _in_force((_volume(second), *_SECOND), why=_WHY[1], users=users, at=_at(second))
    _review(quarter.start, quarter.end - DAY, users, today=today)


def _volume(since: date) -> Promise:
    """A number of MQLs that is possible: a little less than a month brought in the quarter before."""
    start, end = (_at(day) for day in (shift_months(since, -3), since))
    a_month = Lead.objects.filter(mql_at__gte=start, mql_at__lt=end).count() / 3
    promised = max(round(a_month * SHARE / ROUND) * ROUND, 1)
    return Promise(side="marketing", measure="volume:mql", direction="least", value=promised, every="month")


def _in_force(promises: Sequence[Promise], *, why: str, users: Mapping[str, User], at: datetime) -> None:
    terms = Terms(
        name="Marketing and sales",
        why=why,
        marketing_signer=users["elif"],
        sales_signer=users["hanna"],
        promises=promises,
    )
    draft = versions.draft(terms, user=users["elif"], now=at)
    for signer in ("elif", "hanna"):
        draft = versions.sign(draft, user=users[signer], revision=draft.revision, now=at)


def _review(first: date, last: date, users: Mapping[str, User], *, today: date) -> None:
    held_on = last + HELD_AFTER * DAY
    at = _at(held_on)
    people = [users[name] for name in ("elif", "hanna", "ana")]
    review = reviews.begin(held_on=held_on, starts_on=first, ends_on=last, attendees=people, user=users["elif"], now=at)
    for text, owner, due_in, done_ago in _ACTIONS:
        due_on = max(today + due_in * DAY, held_on)
        action = reviews.add_action(review, text=text, owner=users[owner], due_on=due_on, user=users["elif"], now=at)
        if done_ago is not None:
            reviews.settle(action, done=True, user=users[owner], now=max(_at(today - done_ago * DAY), at))
    reviews.close(review, _MINUTES, revision=review.revision, copy=shared(), user=users["elif"], now=at)


def _at(day: date) -> datetime:
    return datetime.combine(day, time(10), ZoneInfo(settings.REPORTING_ZONE))
