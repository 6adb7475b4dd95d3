"""What the people of an account come to together."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from scoring.models.versions import ScoringModel


class AccountScore(models.Model):
    """Where an account stood at `scored_at` under the version that decides. Written by scoring.accounts alone.

    The scores of its people can tell it anew any time; it is kept for lists, conditions and what falls due. breadth:
    distinct roles with somebody engaged. depth: all points of its people. week, weeks_before: points earned in the
    last seven days, and a week on average in the three weeks before. over: engagement is at the threshold.
    """

    account = models.OneToOneField("funnel.Account", models.CASCADE, primary_key=True, related_name="score")
    model = models.ForeignKey(ScoringModel, models.CASCADE, related_name="+")
    engagement = models.FloatField(help_text="0 to 100.")
    breadth = models.PositiveSmallIntegerField()
    people = models.PositiveIntegerField(help_text="People who are engaged.")
    depth = models.FloatField()
    week = models.FloatField()
    weeks_before = models.FloatField()
    last_at = models.DateTimeField(null=True, help_text="The latest touch from any of its people.")
    threshold = models.FloatField()
    over = models.BooleanField()
    over_since = models.DateTimeField(null=True)
    scored_at = models.DateTimeField()
    next_review_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(engagement__range=(0, 100)), name="account_engagement_0_to_100"),
            models.CheckConstraint(
                condition=Q(over=True, over_since__isnull=False) | Q(over=False, over_since=None),
                name="account_over_since_some_moment",
            ),
        ]
        indexes = [
            models.Index(F("engagement").desc(), F("account").desc(), name="account_score_list"),
            models.Index(fields=["next_review_at"], condition=Q(next_review_at__isnull=False), name="account_review"),
        ]

    def __str__(self) -> str:
        return f"{self.engagement:.0f}"


class AccountScoreChange(models.Model):
    """A fact: an account rose to its threshold, or fell below it. Nothing else of an account's score is history."""

    account = models.ForeignKey("funnel.Account", models.CASCADE, db_index=False, related_name="score_changes")
    model = models.ForeignKey(ScoringModel, models.CASCADE, related_name="+")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    over = models.BooleanField()
    engagement = models.FloatField()
    threshold = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["account", "-occurred_at"], name="account_change_of_account")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return "Over the threshold" if self.over else "Below the threshold"


class AccountNews(models.Model):
    """Somebody of this account was scored, so the account is to be. The row is the queue: inserted and deleted only.

    Apart from AccountScore, because two batches with people of one account must not wait for each other.
    """

    account_id = models.BigIntegerField(db_index=True)

    class Meta:
        verbose_name_plural = "account news"

    def __str__(self) -> str:
        return f"account {self.account_id}"
