import pghistory
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from funnel.personas import persona_of


@pghistory.track(pghistory.UpdateEvent(row=pghistory.Old), pghistory.DeleteEvent(), model_name="PersonHistory")
class Person(models.Model):
    """One human, keyed by e-mail or by what another system calls them (`PersonKey`)."""

    class Match(models.TextChoices):
        """How the account was found."""

        NONE = "", "Not matched"
        GIVEN = "given", "Given by the source"
        DOMAIN = "domain", "E-mail domain"
        NAME = "name", "Company name"
        PERSON = "person", "Set by a person"

    email = models.CharField(max_length=254, blank=True, default="", help_text="Normalised: see identity.py.")
    first_name = models.CharField(max_length=120, blank=True, default="")
    last_name = models.CharField(max_length=120, blank=True, default="")
    title = models.CharField(max_length=200, blank=True, default="")
    company = models.CharField(max_length=300, blank=True, default="", help_text="As the person wrote it.")
    phone = models.CharField(max_length=60, blank=True, default="")
    country = models.CharField(max_length=80, blank=True, default="")
    city = models.CharField(max_length=120, blank=True, default="")
    language = models.CharField(max_length=20, blank=True, default="")
    account = models.ForeignKey("funnel.Account", models.SET_NULL, null=True, blank=True, related_name="people")
    account_match = models.CharField(max_length=10, choices=Match, blank=True, default=Match.NONE)
    opted_out = models.BooleanField(default=False, help_text="No marketing mail.")
    do_not_call = models.BooleanField(default=False)
    attributes = models.JSONField(default=dict, blank=True, help_text="Typed custom attributes.")
    created_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)

    class Meta:
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(fields=["email"], condition=~Q(email=""), name="person_email"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="person_email_is_lower_case"),
        ]
        indexes = [
            # Search by how a name or an address begins; pattern ops so that any collation can use it.
            models.Index(OpClass("email", "text_pattern_ops"), name="person_email_prefix"),
            models.Index(OpClass(Lower("last_name"), "text_pattern_ops"), name="person_last_name"),
            models.Index(persona_of(), name="person_persona"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What to call the person on a screen, whatever is known of them."""
        return f"{self.first_name} {self.last_name}".strip() or self.email or f"Person {self.pk}"


class PersonKey(models.Model):
    """What another system calls the person."""

    source = models.CharField(max_length=60)
    external_id = models.CharField(max_length=200)
    person = models.ForeignKey(Person, models.CASCADE, related_name="keys")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="person_key")]

    def __str__(self) -> str:
        return f"{self.source}: {self.external_id}"
