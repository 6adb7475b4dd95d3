"""What every versioned policy has in common: the life of a version, and that only a draft can be edited."""

from collections.abc import Iterable

import pgtrigger
from django.db.models import TextChoices


class Status(TextChoices):
    """The life of a version. Only a draft can be edited."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    RETIRED = "retired", "Retired"


class PolicyProblem(ValueError):
    """What was asked of a version cannot be; `problems` says why, a sentence each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(self.problems))


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
