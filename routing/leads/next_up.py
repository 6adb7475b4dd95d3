"""What comes next with a lead: its open dates, its cadence, the text for the next step, and the time where they are."""

from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Q

from funnel.models import Lead
from funnel.versions import Status
from routing.acts.viewer import Viewer
from routing.cadences import own_mail
from routing.cadences.library import next_text
from routing.day import ratings
from routing.hours.zones import there
from routing.models import Cadence, Enrolment, Task

MOST_SHOWN: Final = 6
_CLOSED: Final = Q(tasks__state__in=(Task.State.DONE, Task.State.SKIPPED))


def next_up(lead: Lead, viewer: Viewer, *, now: datetime) -> dict[str, Any]:
    """The context of routing/_to_do.html. lead: with person, account, solution and owner. At most six queries."""
    with_step = ("step__template__content", "step__cadence")
    tasks = list(
        Task.objects.filter(lead=lead, state=Task.State.OPEN)
        .select_related(*with_step)
        .order_by("shown_at", "pk")[:MOST_SHOWN]
    )
    may_log = lead.closed_at is None and viewer.may_log(lead.owner_id)
    running = (
        Enrolment.objects.filter(lead=lead, stopped_at=None)
        .select_related("cadence")
        .annotate(through=Count("tasks", filter=_CLOSED), steps=Count("tasks"))
        .first()
    )
    may_enrol = may_log and running is None and lead.stage == "sal" and not lead.person.opted_out
    return {
        "tasks": tasks,
        "text": next_text(tasks, lead),
        "mails": own_mail.unsent(lead),
        "running": running,
        "may_log": may_log,
        "rating": ratings.latest(lead),
        "may_rate": viewer.may_work or viewer.may_close or viewer.may_reassign,
        "may_enrol": may_enrol and Cadence.objects.filter(status=Status.PUBLISHED).exists(),
        "there": there(lead.person.country, lead.person.phone, now=now),
    }
