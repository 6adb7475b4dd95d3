from django.db import models


class CallSheet(models.Model):
    """That a rep shares whom they are to meet, and when it was last read. Some reps do, as a pilot group may."""

    rep = models.OneToOneField("funnel.Rep", models.CASCADE, related_name="call_sheet")
    read_at = models.DateTimeField(help_text="What is older than four weeks says nothing any more.")
    origin = models.CharField(max_length=120, blank=True, default="", help_text="The file it was read from.")

    class Meta:
        ordering = ["rep"]

    def __str__(self) -> str:
        return f"Call sheet of {self.rep}"


class PlannedMeeting(models.Model):
    """That a rep is to meet an account, as a calendar or a call sheet says. What about stays in the calendar."""

    rep = models.ForeignKey("funnel.Rep", models.CASCADE, db_index=False, related_name="planned_meetings")
    account = models.ForeignKey("funnel.Account", models.CASCADE, db_index=False, related_name="planned_meetings")
    starts_at = models.DateTimeField()

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [models.UniqueConstraint(fields=["rep", "account", "starts_at"], name="planned_meeting_once")]
        indexes = [models.Index(fields=["account", "starts_at"], name="planned_meeting_of_account")]

    def __str__(self) -> str:
        return f"{self.account} on {self.starts_at:%Y-%m-%d %H:%M}"
