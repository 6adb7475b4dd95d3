from django.conf import settings
from django.db import models


class ApiToken(models.Model):
    """A key by which another system uses the API as a user. Only its SHA-256 is kept: it is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=120, help_text="Which system uses it.")
    start = models.CharField(max_length=12, editable=False, help_text="How it begins, to tell it from others.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="To the minute.")

    class Meta:
        verbose_name = "API token"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name
