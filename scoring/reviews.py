"""Looking again at how good the version that decides is: by when, and that somebody did.

A model that nobody looks at gets worse unnoticed. Each version is due a while after it began to decide
(`SCORING_REVIEW_DAYS`), and again after each review.
"""

from datetime import date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from funnel.versions import PolicyProblem
from scoring.models import ModelReview, ScoringModel

LONGEST: Final = timedelta(days=731)  # until the next review


def next_review(now: datetime) -> date:
    """When a version that begins to decide, or was reviewed, is due."""
    return timezone.localdate(now) + timedelta(days=settings.SCORING_REVIEW_DAYS)


def overdue(today: date) -> list[ScoringModel]:
    """The versions that decide and whose day of review has come."""
    return list(ScoringModel.objects.filter(active=True, review_on__lte=today).order_by("version"))


@transaction.atomic
def review(
    model: ScoringModel, *, user: User | None, note: str, now: datetime, next_on: date | None = None
) -> ModelReview:
    """Record that somebody looked at the version. next_on: the day of the next look, by default as usual.

    Raises PolicyProblem for a version that does not decide, without a note, or for a day that is not ahead.
    """
    held = ScoringModel.objects.select_for_update(no_key=True).get(pk=model.pk)
    due, today = next_on or next_review(now), timezone.localdate(now)
    problems = []
    if not held.active:
        problems.append(f"Version {held.version} does not decide; review the one that does.")
    if not note.strip():
        problems.append("Say what you looked at and what follows from it; the next reviewer reads it.")
    if not today < due <= today + LONGEST:
        problems.append("The next review is on a day ahead, within two years.")
    if problems:
        raise PolicyProblem(problems)
    held.review_on = due
    held.save(update_fields=["review_on"])
    made = ModelReview.objects.create(model=held, reviewed_at=now, reviewed_by=user, note=note.strip(), next_on=due)
    model.refresh_from_db()
    return made
