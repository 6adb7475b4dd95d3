from django.conf import settings
from django.db import models
from django.db.models import Q


class Notice(models.Model):
    """Something a user is told in the product. The words are made when it is read, so no personal data stands here."""

    class Kind(models.TextChoices):
        ASSIGNED = "assigned", "A lead for you"
        HOT = "hot", "Somebody raised a hand"
        WARNED = "warned", "A promise runs out soon"
        BREACHED = "breached", "A promise ran out"
        UNROUTED = "unrouted", "Nobody could take a lead"
        TAKEN = "taken", "Your lead went to somebody else"
        REVISIT = "revisit", "A day to look again has come"
        SCORE = "score", "Interest in a lead of yours fell"
        REVIEW = "review", "A scoring model is due for review"
        HANDED_OVER = "handed_over", "An SQL for you"
        TAKEN_OVER = "taken_over", "Your SQL was taken over"
        RETURNED = "returned", "An SQL came back"
        INHERITED = "inherited", "A colleague's work is yours"
        STEPS = "steps", "Steps of cadences are due"
        MAIL = "mail", "A mail of yours was not sent"
        VERSION = "version", "A draft of a policy"
        AGREEMENT = "agreement", "The agreement of marketing and sales"
        ACTION = "action", "Something to do from a review"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=Kind)
    lead = models.ForeignKey("funnel.Lead", models.CASCADE, null=True, related_name="+")
    cause = models.CharField(max_length=100, help_text="One cause tells one user once.")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["user", "kind", "cause"], name="notice_once")]
        indexes = [models.Index(fields=["user", "-id"], condition=Q(read_at=None), name="notice_unread")]

    def __str__(self) -> str:
        return self.get_kind_display()
