import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q


class Rating(models.Model):
    """What somebody in sales thinks of a lead that marketing raised: a fact; the latest of each user counts."""

    class Why(models.TextChoices):
        RIGHT_PERSON = "right_person", "The right person"
        REAL_NEED = "real_need", "A real need"
        EARLY = "early", "Too early"
        WRONG_PERSON = "wrong_person", "The wrong person"
        NOT_IN_PROFILE = "not_in_profile", "Not in our profile"
        NO_INTEREST = "no_interest", "No interest"
        BAD_DATA = "bad_data", "Contact data are wrong"
        KNOWN = "known", "We were in touch already"

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="ratings")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    stars = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(5)])
    why = models.CharField(max_length=20, choices=Why)
    rated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(stars__gte=1, stars__lte=5), name="rating_one_to_five"),
        ]
        indexes = [models.Index(fields=["lead", "actor", "-id"], name="rating_of_lead")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.stars} of 5: {self.get_why_display().lower()}"


class SavedView(models.Model):
    """Filters of a page that a user has given a name. The address itself can be sent to anybody."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=40)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "page", "name"], name="saved_view_name")]

    def __str__(self) -> str:
        return self.name
