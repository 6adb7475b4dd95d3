"""What every versioned policy has in common: the life of a version, and that only a draft can be edited."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

import pgtrigger
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, models, transaction
from django.db.models.functions import Now

from funnel.access import name_of


class Status(models.TextChoices):
    """The life of a version. Only a draft can be edited."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    RETIRED = "retired", "Retired"


class PolicyProblem(ValueError):
    """What was asked of a version cannot be; `problems` says why, a sentence each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(self.problems))


class Version(models.Model):
    """One version of a policy: what it is called, how far it has come, and by whom."""

    version = models.PositiveIntegerField(unique=True, editable=False)
    name = models.CharField(max_length=120)
    why = models.TextField(blank=True, default="", help_text="What this version changes, and why.")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )
    # Of a draft (funnel/publication.py): how often it was changed, who looks it over, and when it publishes itself.
    edits = models.PositiveIntegerField(default=0, editable=False)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+")
    approved_at = models.DateTimeField(null=True, editable=False)
    publish_at = models.DateTimeField(null=True, editable=False)
    scheduled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )
    held_up = models.TextField(blank=True, default="", editable=False, help_text="Why it did not publish itself.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"

    @property
    def unapproved(self) -> list[str]:
        """What keeps a draft from being published that somebody was asked to look over and has not approved."""
        if self.reviewer is None or self.approved_at is not None:
            return []
        return [f"{name_of(self.reviewer)} is to look it over and has not approved it yet. Wait for it, or ask nobody."]


Versioned = TypeVar("Versioned", bound=Version)


def next_number(model: type[models.Model], **of: str) -> int:
    """The number of a new draft, among the versions `of` a name where each name counts for itself.

    Until the transaction ends nobody else gets one: two drafts at once need two numbers.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [model._meta.db_table])
    last = model._default_manager.filter(**of).aggregate(last=models.Max("version"))["last"]
    return (last or 0) + 1


def held(model: type[Versioned]) -> dict[int, Versioned]:
    """All versions as they stand, by id. Until the transaction ends nobody else edits or publishes one.

    All of them, in order of id, since publishing one retires another, and two who hold some of them would wait for
    each other.
    """
    return {row.pk: row for row in model._default_manager.select_for_update(no_key=True).order_by("pk")}


def held_draft(version: Versioned) -> Versioned:
    """The draft as it stands, held like all versions: of two who act on it one wins.

    Raises PolicyProblem for the other, to whom it is a draft no more.
    """
    found = held(type(version)).get(version.pk)
    if found is None:
        raise PolicyProblem([f"Version {version.version} was deleted meanwhile."])
    if found.status != Status.DRAFT:
        raise PolicyProblem([f"Version {found.version} is {found.get_status_display().lower()} already."])
    return found


@transaction.atomic
def publish(
    version: Versioned, *, problems_of: Callable[[Versioned], Iterable[str]], user: User | None, why: str,
    now: datetime, **of: str,
) -> Versioned:  # fmt: skip
    """Let a draft decide from now on; the version that did, `of` its name where each name has one, is retired.

    Raises PolicyProblem for a version that cannot be.
    """
    draft = held_draft(version)
    if problems := [*draft.unapproved, *problems_of(draft)]:
        raise PolicyProblem(problems)
    type(version)._default_manager.filter(status=Status.PUBLISHED, **of).update(status=Status.RETIRED)
    draft.status, draft.why = Status.PUBLISHED, why or draft.why
    draft.published_at, draft.published_by, draft.publish_at = now, user, None
    draft.save(update_fields=["status", "why", "published_at", "published_by", "publish_at"])
    version.refresh_from_db()
    return draft


def draft_only(*, table: str, parent: str, noun: str) -> pgtrigger.Trigger:
    """Rows below a version are written while it is a draft; afterwards the database refuses.

    table: the versions'. parent: the rows' column that names theirs. noun: what the policy is called in the refusal.
    """
    return pgtrigger.Trigger(
        name="draft_only",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            IF EXISTS (SELECT FROM {table}
                       WHERE id = (CASE TG_OP WHEN 'DELETE' THEN OLD.{parent} ELSE NEW.{parent} END)
                       AND status <> 'draft') THEN
                RAISE EXCEPTION 'A published {noun} cannot be changed; make a draft from it.'
                    USING ERRCODE = 'restrict_violation';
            END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            RETURN NEW;
        """,
    )
