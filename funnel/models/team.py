from django.conf import settings
from django.db import models
from django.db.models import Q


class Team(models.Model):
    """People who work leads or deals together, under one manager."""

    class Kind(models.TextChoices):
        SDR = "sdr", "SDR"
        AE = "ae", "Account executives"
        OTHER = "other", "Other"

    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.OTHER)
    region = models.ForeignKey("funnel.Region", models.PROTECT, null=True, blank=True)
    reports_to_marketing = models.BooleanField(
        default=False, help_text="An SDR team may belong to marketing or to sales; the process is the same."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class RepQuerySet(models.QuerySet["Rep"]):
    def active(self) -> "RepQuerySet":
        return self.filter(active=True)


class Rep(models.Model):
    """Somebody who may own leads or deals. The log-in is optional: imported owners need none."""

    name = models.CharField(max_length=120)
    email = models.EmailField(blank=True, default="")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="rep")
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="reps")
    region = models.ForeignKey(
        "funnel.Region", models.PROTECT, null=True, blank=True, help_text="Blank: the team's region."
    )
    hired_on = models.DateField(null=True, blank=True)
    active = models.BooleanField(default=True)
    source = models.CharField(max_length=60, blank=True, default="")
    external_id = models.CharField(max_length=200, blank=True, default="")

    objects = RepQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], condition=~Q(external_id=""), name="rep_key"),
        ]

    def __str__(self) -> str:
        return self.name
