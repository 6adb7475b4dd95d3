from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q


class Mailbox(models.Model):
    """The mail server through which a user writes to prospects, and their log-in there."""

    class Security(models.TextChoices):
        STARTTLS = "starttls", "STARTTLS (mostly port 587)"
        TLS = "tls", "TLS (mostly port 465)"
        NONE = "none", "None"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="mailbox")
    address = models.EmailField(help_text="From whom the mails are.")
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=587, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    security = models.CharField(max_length=10, choices=Security, default=Security.STARTTLS)
    username = models.CharField(max_length=320, blank=True, default="")
    sealed = models.TextField(blank=True, default="", help_text="The password, encrypted (funnel/sealing.py).")

    class Meta:
        verbose_name_plural = "mailboxes"

    def __str__(self) -> str:
        return self.address


class OwnMail(models.Model):
    """A mail of a user to a person, on its way through the user's own server: the row is the queue.

    Once it has left it is an attempt, and its text is not kept. One that cannot be sent is set aside.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    lead = models.ForeignKey("funnel.Lead", models.CASCADE, related_name="own_mails")
    person = models.ForeignKey("funnel.Person", models.CASCADE, related_name="+")
    task = models.ForeignKey("routing.Task", models.SET_NULL, null=True, db_index=False, related_name="+")
    key = models.CharField(max_length=200, unique=True, help_text="The same mail to the same lead on one day is one.")
    message_id = models.CharField(max_length=200, unique=True)
    recipient = models.EmailField()
    subject = models.CharField(max_length=200, blank=True, default="")
    body = models.TextField(blank=True, default="")
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    set_aside_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True, default="")
    attempt = models.OneToOneField("routing.Attempt", models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = "mail of a rep"
        verbose_name_plural = "mails of reps"
        constraints = [
            models.CheckConstraint(condition=Q(sent_at=None) | Q(set_aside_at=None), name="own_mail_sent_or_set_aside")
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(sent_at=None, set_aside_at=None), name="own_mail_due"),
        ]

    def __str__(self) -> str:
        return f"Mail to {self.recipient}"
