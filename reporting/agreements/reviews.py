"""The life of a review: begun, minuted, closed with its figures; and the actions that it leaves behind.

Open actions are nobody's copy: each later review shows those that were not done before it, wherever they were settled.
"""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q, QuerySet

from funnel.access import name_of
from funnel.versions import PolicyProblem
from reporting.agreements import stretches, telling
from reporting.agreements.pack import pack_of
from reporting.facts import Copy
from reporting.models import Agreement, Attendance, Review, ReviewAction, Target
from reporting.periods import DAY, Period

LONGEST: Final = 366  # days that a review can be about
MAY_MINUTE: Final = "reporting.change_review"


class Overtaken(PolicyProblem):
    """Somebody else saved the minutes first; nothing was written. `review` is what stands now."""

    def __init__(self, review: Review) -> None:
        self.review = review
        name = name_of(review.minutes_by) if review.minutes_by else "Somebody"
        super().__init__([f"{name} has changed the minutes since you opened them."])


def latest(most: int) -> QuerySet[Any]:
    """The latest reviews, each with `left`: how many of its actions are open."""
    left = Count("actions", filter=Q(actions__done_at=None))
    found = Review.objects.defer("pack", "minutes").annotate(left=left)
    return found.order_by("-held_on", "-pk")[:most]


def unreviewed(today: date) -> Period | None:
    """The latest quarter that is over, where an agreement was in force in it and no review was held about its end."""
    quarter = stretches.latest(Target.Every.QUARTER, today, 2)[1]
    _start, ends = quarter.bounds(settings.REPORTING_ZONE)
    if not Agreement.objects.filter(in_force_at__lt=ends).exists():
        return None
    return None if Review.objects.filter(ends_on__gte=(quarter.end or today) - DAY).exists() else quarter


def open_actions() -> QuerySet[ReviewAction]:
    """What is still to be done, what is due first at the top."""
    return ReviewAction.objects.filter(done_at=None).select_related("owner", "review").order_by("due_on", "pk")


def carried_to(review: Review) -> QuerySet[ReviewAction]:
    """Of earlier reviews, what is open, or was not done before the day on which this one was held."""
    earlier = Q(review__held_on__lt=review.held_on) | Q(review__held_on=review.held_on, review__lt=review.pk)
    left = Q(done_at=None) | Q(done_at__date__gte=review.held_on)
    return (
        ReviewAction.objects.filter(earlier, left).select_related("owner", "review", "done_by").order_by("due_on", "pk")
    )


@transaction.atomic
def begin(
    *,
    held_on: date,
    starts_on: date,
    ends_on: date,
    attendees: Collection[User],
    guests: str = "",
    user: User | None,
    now: datetime,
) -> Review:
    """A review of a period, both days included. Raises PolicyProblem where the days make no sense."""
    problems = []
    if held_on < starts_on:
        problems.append("A review looks back: it is held after its period has begun.")
    if (ends_on - starts_on).days >= LONGEST:
        problems.append("A review is about a year at most.")
    if not attendees:
        problems.append("Say who is there.")
    if problems:
        raise PolicyProblem(problems)
    made = Review.objects.create(
        held_on=held_on, starts_on=starts_on, ends_on=ends_on, guests=guests.strip(), created_at=now, created_by=user
    )
    Attendance.objects.bulk_create(Attendance(review=made, user=one) for one in attendees)
    return made


@transaction.atomic
def write_minutes(review: Review, text: str, *, revision: int, user: User | None, now: datetime) -> Review:
    """Put the minutes in place. revision: the one that the writer saw.

    Raises Overtaken where somebody else has saved since, PolicyProblem for a review that is closed.
    """
    held = _hold(review, revision)
    text = text.replace("\r\n", "\n")  # as browsers send it
    if held.minutes != text:
        held.minutes, held.revision = text, held.revision + 1
        held.minutes_at, held.minutes_by = now, user
        held.save(update_fields=["minutes", "revision", "minutes_at", "minutes_by"])
    return held


@transaction.atomic
def close(review: Review, text: str, *, revision: int, copy: Copy, user: User | None, now: datetime) -> Review:
    """Put the minutes in place, store the figures as they are now, and end the review: nothing of it changes any more.

    Raises Overtaken where the minutes are not those that were seen, PolicyProblem without minutes.
    """
    held = write_minutes(review, text, revision=revision, user=user, now=now)
    if not held.minutes.strip():
        raise PolicyProblem(["Write down what was said first: who was not there reads only the minutes."])
    held.pack = pack_of(held, carried_to(held), copy=copy, now=now)
    held.closed_at, held.closed_by = now, user
    held.save(update_fields=["pack", "closed_at", "closed_by"])
    return held


@transaction.atomic
def add_action(
    review: Review, *, text: str, owner: User, due_on: date, user: User | None, now: datetime
) -> ReviewAction:
    """Settle who is to do what by when, and tell them, unless `user`, who settles it, is the one.

    Raises PolicyProblem once the review is closed, or for a day before it.
    """
    held = _hold(review)
    if due_on < held.held_on:
        raise PolicyProblem(["Something to be done is due on the day of the review or later."])
    made = ReviewAction.objects.create(review=held, text=text.strip(), owner=owner, due_on=due_on, created_at=now)
    telling.action_settled(made, by=user, now=now)
    return made


@transaction.atomic
def drop_action(action: ReviewAction, *, now: datetime) -> None:
    """Take an action out of a review that is open. Raises PolicyProblem once it is closed."""
    _hold(action.review)
    telling.action_over(action, now=now)
    action.delete()


@transaction.atomic
def settle(action: ReviewAction, *, done: bool, user: User, now: datetime) -> None:
    """Say that an action is done, or is not after all; whoever says it second changes nothing.

    Raises PolicyProblem for somebody who neither owns it nor minutes reviews.
    """
    if action.owner_id != user.pk and not user.has_perm(MAY_MINUTE):
        raise PolicyProblem([f"{name_of(action.owner)} says when this is done."])
    same = ReviewAction.objects.filter(pk=action.pk)
    if done:
        same.filter(done_at=None).update(done_at=now, done_by=user)
        telling.action_over(action, now=now)
    else:
        same.update(done_at=None, done_by=None)


def _hold(review: Review, revision: int | None = None) -> Review:
    """The review, locked, open and as it was seen."""
    held = Review.objects.select_for_update(of=("self",)).select_related("minutes_by", "closed_by").get(pk=review.pk)
    if held.closed_at is not None:
        raise PolicyProblem(["The review is closed, so its minutes stay as they are."])
    if revision is not None and held.revision != revision:
        raise Overtaken(held)
    return held
