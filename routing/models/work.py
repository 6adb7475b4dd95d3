import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q


class Medium(models.TextChoices):
    """How somebody is reached."""

    CALL = "call", "Call"
    EMAIL = "email", "E-mail"
    SOCIAL = "social", "Social message"


class Task(models.Model):
    """Something that the owner of a lead is to do at a time; it changes hands with the lead.

    `state` and `shown_at` are a cache of its events, written by `routing.day.work` alone. `due_at` is when it was to be
    done and stays; `shown_at` is when it is to be done now, after it was put off.
    """

    class Kind(models.TextChoices):
        NEXT = "next", "Next date"
        REPLY = "reply", "They wrote"
        STEP = "step", "Step of a cadence"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Done"
        SKIPPED = "skipped", "Skipped"
        DROPPED = "dropped", "No longer needed"

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="tasks")
    kind = models.CharField(max_length=10, choices=Kind)
    medium = models.CharField(max_length=10, choices=Medium, blank=True, default="", help_text="Blank: any.")
    cause = models.CharField(max_length=100, help_text="attempt:17, activity:17, enrolment:17:3.")
    enrolment = models.ForeignKey("routing.Enrolment", models.PROTECT, null=True, related_name="tasks")
    step = models.ForeignKey("routing.CadenceStep", models.PROTECT, null=True, db_index=False, related_name="tasks")
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    shown_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "kind", "cause"], name="task_once_a_cause"),
            models.UniqueConstraint(
                fields=["lead", "kind"],
                condition=Q(state="open", kind__in=["next", "reply"]),
                name="one_open_task_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | ~Q(state="open") & Q(closed_at__isnull=False),
                name="task_that_is_closed_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["lead", "shown_at"], condition=Q(state="open"), name="task_open"),
            models.Index(fields=["shown_at"], condition=Q(state="open", kind="step"), name="task_step_due"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.due_at:%Y-%m-%d %H:%M}"

    @property
    def title(self) -> str:
        """What is to be done: "Next date", "Step 3: call". Reads the step."""
        return str(self.step) if self.step else self.get_kind_display()


class TaskEvent(models.Model):
    """A fact about a task: made, put off, done. The database refuses any change."""

    class Kind(models.TextChoices):
        MADE = "made", "Made"
        PUT_OFF = "put_off", "Put off"
        DONE = "done", "Done"
        SKIPPED = "skipped", "Skipped"
        DROPPED = "dropped", "No longer needed"
        REOPENED = "reopened", "Open again"

    task = models.ForeignKey(Task, models.PROTECT, db_index=False, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now())
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, db_index=False, related_name="+")
    before = models.DateTimeField(null=True, help_text="When it was to be done, before it was put off.")
    until = models.DateTimeField(null=True, help_text="Put off until then.")
    cause = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "kind", "cause"], name="task_event_once")]
        indexes = [models.Index(fields=["cause"], name="task_event_of_cause")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.kind


class Attempt(models.Model):
    """One attempt of ours to reach somebody: a call, an e-mail, a social message, with what came of it.

    Its touch is what scoring and clocks see; this says by whom, about which lead, and with what outcome. One that was
    made elsewhere has no actor, and follows its touch (routing/day/outreach.py).
    """

    class Outcome(models.TextChoices):
        CONNECTED = "connected", "Connected"
        VOICEMAIL = "voicemail", "Voicemail"
        NO_ANSWER = "no_answer", "No answer"
        WRONG_NUMBER = "wrong_number", "Wrong number"
        SENT = "sent", "Sent"
        UNKNOWN = "unknown", "Not known"

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="attempts")
    rep = models.ForeignKey("funnel.Rep", models.PROTECT, null=True, db_index=False, related_name="attempts")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    medium = models.CharField(max_length=10, choices=Medium)
    outcome = models.CharField(max_length=12, choices=Outcome)
    occurred_at = models.DateTimeField()
    activity = models.OneToOneField("funnel.Activity", models.PROTECT, related_name="attempt")
    accepted = models.ForeignKey(
        "funnel.StageEvent", models.PROTECT, null=True, related_name="+", help_text="Its acceptance, if it was one."
    )
    note = models.ForeignKey("funnel.Note", models.SET_NULL, null=True, related_name="+")
    taken_back_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(medium="call") & ~Q(outcome="sent") | ~Q(medium="call") & Q(outcome="sent"),
                name="attempt_outcome_fits_its_medium",
            )
        ]
        indexes = [
            models.Index(fields=["lead", "-id"], name="attempt_of_lead"),
            models.Index(fields=["rep", "-occurred_at"], name="attempt_of_rep"),
        ]

    def __str__(self) -> str:
        return f"{self.get_medium_display()}: {self.get_outcome_display().lower()}"


class Snooze(models.Model):
    """A lead that its owner does not want to see for a while. Its clocks run on; a raised hand brings it back."""

    lead = models.ForeignKey("funnel.Lead", models.PROTECT, db_index=False, related_name="snoozes")
    since = models.DateTimeField()
    until = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, db_index=False, related_name="+")
    ended_at = models.DateTimeField(null=True, help_text="Ended before its time: taken back, or snoozed anew.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead"], condition=Q(ended_at=None), name="one_snooze_a_lead"),
            models.CheckConstraint(condition=Q(until__gt=models.F("since")), name="snooze_ends_after_it_starts"),
        ]
        indexes = [models.Index(fields=["lead", "until"], condition=Q(ended_at=None), name="snooze_of_lead")]

    def __str__(self) -> str:
        return f"Snoozed until {self.until:%Y-%m-%d %H:%M}"
