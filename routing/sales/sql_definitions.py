"""Which event makes an SQL: a meeting that is booked, or one that was held. A setting with dates; both are captured."""

from datetime import datetime
from typing import Any, Final

from django.db import transaction

from funnel.versions import PolicyProblem
from routing.models import SqlDefinition

BOOKED, HELD = SqlDefinition.Event.BOOKED.value, SqlDefinition.Event.HELD.value
AS_SHIPPED: Final = HELD  # where nobody has decided it


def in_force(now: datetime) -> SqlDefinition | None:
    """The definition that decides at this moment; None where nobody has decided: held, as shipped."""
    return SqlDefinition.objects.filter(since__lte=now).order_by("-since").first()


def makes_sql(event: str, definition: SqlDefinition | None) -> bool:
    """Whether this event makes an SQL. A meeting that was held had been booked, so it does under either definition."""
    return event in {HELD, definition.event if definition else AS_SHIPPED}


@transaction.atomic
def decide(*, event: str, why: str, since: datetime | None = None, user: Any, now: datetime) -> SqlDefinition:
    """Let this event make SQLs from `since` on, by default from now on. What became an SQL before stays one.

    Raises PolicyProblem for a moment that has passed, or where it is so already.
    """
    since = since or now
    if since < now:
        raise PolicyProblem(["The past is not judged anew: name a moment from now on."])
    before = SqlDefinition.objects.filter(since__lte=since).order_by("-since").first()
    if (before.event if before else AS_SHIPPED) == event:
        raise PolicyProblem([f"It is so already: {SqlDefinition.Event(event).label.lower()}."])
    if SqlDefinition.objects.filter(since=since).exists():
        raise PolicyProblem(["Another definition begins at this very moment; name another one."])
    return SqlDefinition.objects.create(event=event, why=why, since=since, decided_by=user)
