from django.conf import settings
from django.db import models


class ImportRun(models.Model):
    """One file on its way in. The row is the queue: a run that lost its worker is taken up again at `position`."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Being mapped"
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Stopped"

    kind = models.CharField(max_length=20)
    source = models.CharField(max_length=60)
    filename = models.CharField(max_length=300)
    file = models.FileField(upload_to="imports/%Y/%m", max_length=400)
    mapping = models.JSONField(default=dict)
    live = models.BooleanField(default=False, help_text="Moves, clocks and notices follow, as if it happened now.")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    message = models.TextField(blank=True, default="")
    position = models.PositiveBigIntegerField(default=0, help_text="Rows of the file that are settled.")
    rows = models.PositiveBigIntegerField(default=0)
    created = models.PositiveBigIntegerField(default=0)
    updated = models.PositiveBigIntegerField(default=0)
    unchanged = models.PositiveBigIntegerField(default=0)
    skipped = models.PositiveBigIntegerField(default=0)
    warnings = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    problems = models.FileField(upload_to="imports/%Y/%m", max_length=400, blank=True)
    problems_size = models.PositiveBigIntegerField(
        default=0, help_text="Bytes of the error file that belong to settled rows; what is beyond is taken back."
    )
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=models.functions.Now())
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.filename} ({self.kind})"
