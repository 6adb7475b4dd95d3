from datetime import time

from django.conf import settings
from django.db import models
from django.db.models import Q

from routing.models.notices import Notice


class Reach(models.Model):
    """When a user wants to be reached outside the product: quiet hours, and the moment of the daily digest."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="reach")
    zone = models.CharField(max_length=60, default="UTC", help_text="Time zone, like Europe/Vienna.")
    quiet_from = models.TimeField(null=True, blank=True, help_text="From then on nothing is sent.")
    quiet_until = models.TimeField(null=True, blank=True, help_text="What came meanwhile is sent then.")
    hot_passes = models.BooleanField(default=True, help_text="A raised hand is told in quiet hours too.")
    digest_at = models.TimeField(default=time(7, 30))

    class Meta:
        verbose_name_plural = "reaches"
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="reach_quiet_hours_have_both_ends",
            )
        ]

    def __str__(self) -> str:
        return f"How {self.user} is reached"


class Wish(models.Model):
    """A user wants to be told things of this kind in this way too; in the product everybody is."""

    class Way(models.TextChoices):
        EMAIL = "email", "E-mail at once"
        DIGEST = "digest", "In the daily e-mail"
        BROWSER = "browser", "By the browser"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="wishes")
    kind = models.CharField(max_length=12, choices=Notice.Kind)
    way = models.CharField(max_length=10, choices=Way)

    class Meta:
        verbose_name_plural = "wishes"
        constraints = [models.UniqueConstraint(fields=["user", "kind", "way"], name="wish_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_way_display()}"


class Webhook(models.Model):
    """An address of another system, or a channel of a chat, that is told what users are told; once a cause."""

    class Preset(models.TextChoices):
        GENERIC = "generic", "Signed JSON"
        SLACK = "slack", "Slack"
        TEAMS = "teams", "Microsoft Teams"

    name = models.CharField(max_length=120, unique=True)
    preset = models.CharField(max_length=10, choices=Preset, default=Preset.GENERIC)
    host = models.CharField(max_length=255, editable=False, help_text="Of the address, for people to know it by.")
    sealed_url = models.TextField(
        editable=False, help_text="The address to post to, encrypted: of a chat it is a secret in itself."
    )
    sealed = models.TextField(
        blank=True,
        default="",
        editable=False,
        help_text="The secret that signs what is sent, encrypted (funnel/sealing.py).",
    )
    kinds = models.JSONField(default=list, blank=True, help_text="Kinds of notices; empty: all.")
    team = models.ForeignKey(
        "funnel.Team",
        models.CASCADE,
        null=True,
        blank=True,
        help_text="What its reps are told; blank: everybody.",
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """A notice on its way out of the product: the row is the queue. One that cannot be delivered is set aside."""

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        DIGEST = "digest", "Daily e-mail"
        WEBHOOK = "webhook", "Webhook"

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel)
    webhook = models.ForeignKey(Webhook, models.CASCADE, null=True, related_name="deliveries")
    key = models.CharField(max_length=200, unique=True, help_text="What is sent with it, so that twice is noticed.")
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    set_aside_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(
                condition=Q(channel="webhook", webhook__isnull=False) | ~Q(channel="webhook") & Q(webhook=None),
                name="delivery_names_its_webhook",
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(sent_at=None, set_aside_at=None), name="delivery_due"),
            models.Index(fields=["set_aside_at"], condition=Q(set_aside_at__isnull=False), name="delivery_set_aside"),
        ]

    def __str__(self) -> str:
        return self.key
