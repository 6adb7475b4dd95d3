"""What every versioned policy has in common: the life of a version, and that only a draft can be edited."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

import pgtrigger
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, models, transaction
from django.db.models.functions import Now


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

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"


Versioned = TypeVar("Versioned", bound=Version)


def next_number(model: type[Version], **of: str) -> int:
    """The number of a new draft, among the versions `of` a name where each name counts for itself.

    Until the transaction ends nobody else drafts or publishes: two drafts at once need two numbers.
    """
    _one_at_a_time(model)
    last = model._default_manager.filter(**of).aggregate(last=models.Max("version"))["last"]
    return (last or 0) + 1


def held_draft(version: Versioned) -> Versioned:
    """The draft as it stands, held until the transaction ends: of two who act on it one wins.

    Raises PolicyProblem for the other, to whom it is a draft no more.
    """
    held = type(version)._default_manager.select_for_update().get(pk=version.pk)
    if held.status != Status.DRAFT:
        raise PolicyProblem([f"Version {held.version} is {held.get_status_display().lower()} already."])
    return held


@transaction.atomic
def publish(
    version: Versioned, *, problems_of: Callable[[Versioned], Iterable[str]], user: User | None, why: str,
    now: datetime, **of: str,
) -> Versioned:  # fmt: skip
    """Let a draft decide from now on; the version that did, `of` its name where each name has one, is retired.

    Raises PolicyProblem for a version that cannot be.
    """
    _one_at_a_time(type(version))
    held = held_draft(version)
    if problems := list(problems_of(held)):
        raise PolicyProblem(problems)
    type(version)._default_manager.filter(status=Status.PUBLISHED, **of).update(status=Status.RETIRED)
    held.status, held.why = Status.PUBLISHED, why or held.why
    held.published_at, held.published_by = now, user
    held.save(update_fields=["status", "why", "published_at", "published_by"])
    version.refresh_from_db()
    return held


def _one_at_a_time(model: type[Version]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [model._meta.db_table])


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
