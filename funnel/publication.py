"""What comes before a draft is published: somebody who looks it over, and a moment at which it publishes itself.

Both are about the text as it stands. Whoever changes the draft takes the approval back and ends the schedule, so that
nothing goes into force that nobody has seen. The row is the queue: `publish_due` takes drafts whose moment has come.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from funnel.access import SEES_EVERYTHING, name_of
from funnel.versions import PolicyProblem, Status, Version, Versioned, held, held_draft

FARTHEST: Final = timedelta(days=366)  # ahead


def reviewers_of(draft: Version) -> QuerySet[User]:
    """Who may be asked to look the draft over: who sees everything and did not make it, in order of name."""
    sees = Q(is_superuser=True) | Q(groups__name__in=SEES_EVERYTHING)
    found = User.objects.filter(sees, is_active=True).exclude(pk=draft.created_by_id or 0)
    return found.distinct().order_by("first_name", "last_name", "username")


@transaction.atomic
def ask_for_review(version: Version, *, reviewer: User | None) -> None:
    """Let this user look the draft over before it is published; None: nobody has to.

    Raises PolicyProblem for its author, and for a version that is no draft any more.
    """
    draft = held_draft(version)
    if reviewer is not None and reviewer.pk == draft.created_by_id:
        raise PolicyProblem(["Whoever made the draft knows it; ask somebody else to look it over."])
    if reviewer != draft.reviewer:
        draft.reviewer, draft.approved_at = reviewer, None
        draft.save(update_fields=["reviewer", "approved_at"])
    version.refresh_from_db()


@transaction.atomic
def approve(version: Version, *, user: Any, seen: int, now: datetime) -> None:
    """Say that the draft may be published as it stands. seen: its `edits` when the user looked at it.

    Raises PolicyProblem for whoever was not asked to, and for a text that the user has not seen.
    """
    draft = held_draft(version)
    if draft.reviewer_id != user.pk:
        raise PolicyProblem(["Only whoever was asked to look it over can approve it."])
    if draft.edits != seen:
        raise PolicyProblem(["It was changed since you looked at it. Look at what it says now, then approve it."])
    draft.approved_at = draft.approved_at or now
    draft.save(update_fields=["approved_at"])
    version.refresh_from_db()


@transaction.atomic
def schedule(
    version: Versioned, *, at: datetime, problems_of: Callable[[Versioned], Iterable[str]], user: User | None, why: str,
    now: datetime,
) -> None:  # fmt: skip
    """Let the draft publish itself at this moment. It may be approved until then.

    Raises PolicyProblem for a moment that has passed or is over a year ahead, and for a draft that could not be
    published.
    """
    draft = held_draft(version)
    problems = list(problems_of(draft))
    if not now < at <= now + FARTHEST:
        problems.append("Choose a moment that lies ahead, within a year.")
    if problems:
        raise PolicyProblem(problems)
    draft.publish_at, draft.scheduled_by, draft.why, draft.held_up = at, user, why or draft.why, ""
    draft.save(update_fields=["publish_at", "scheduled_by", "why", "held_up"])
    version.refresh_from_db()


@transaction.atomic
def unschedule(version: Version) -> None:
    """Let the draft wait for somebody to publish it. Raises PolicyProblem for one that was published meanwhile."""
    draft = held_draft(version)
    draft.publish_at = None
    draft.save(update_fields=["publish_at"])
    version.refresh_from_db()


def changed(draft: Version) -> str:
    """Tell that the text of the draft was changed, in the same transaction: an approval and a schedule are over.

    Returns that in a sentence; "" where there was neither.
    """
    draft = type(draft)._default_manager.select_for_update(no_key=True).get(pk=draft.pk)
    over = []
    if draft.publish_at is not None:
        over.append("It no longer publishes itself; schedule it again when it is ready.")
    if draft.approved_at is not None:
        over.append(f"{name_of(draft.reviewer)} approved another text and is to look it over again.")
    draft.edits += 1
    draft.publish_at, draft.approved_at, draft.held_up = None, None, ""
    draft.save(update_fields=["edits", "publish_at", "approved_at", "held_up"])
    return " ".join(over)


@transaction.atomic
def publish_due(model: type[Versioned], publish: Callable[..., Any], *, now: datetime, limit: int) -> list[Versioned]:
    """Publish drafts whose moment has come, in order, in the name of who scheduled them. Returns those that were due.

    One that cannot be published stays a draft, and `held_up` says why.
    """
    due = model._default_manager.filter(status=Status.DRAFT, publish_at__lte=now).order_by("publish_at", "pk")
    if not due.exists():
        return []
    held(model)  # what is due is read again afterwards: somebody may have published or edited it just now
    found = list(due[:limit])
    for draft in found:
        try:
            with transaction.atomic():
                publish(draft, user=draft.scheduled_by, why="", now=now)
        except PolicyProblem as refused:
            hold_up(draft, " ".join(refused.problems))
    return found


def hold_up(draft: Version, why: str) -> None:
    """Leave a draft that was to publish itself to people."""
    draft.publish_at, draft.held_up = None, why
    draft.save(update_fields=["publish_at", "held_up"])
