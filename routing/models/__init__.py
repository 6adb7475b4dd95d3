"""Who may work what and when, every decision with its reasons, and the promises that run meanwhile."""

from routing.models.assignments import Assignment
from routing.models.calendars import Absence, Calendar, CalendarDay
from routing.models.clocks import Clock, ClockEvent, Pause, PauseEnd
from routing.models.departures import Departure
from routing.models.desks import Desk, Seat
from routing.models.handoffs import HandOff, HandOffNote, Quota
from routing.models.meetings import Attendee, Meeting, SqlDefinition
from routing.models.notices import Notice
from routing.models.outbox import Delivery, Reach, Webhook, Wish
from routing.models.policies import RoutingPolicy, RoutingRule
from routing.models.promises import SlaPolicy, SlaPromise

__all__ = [
    "Absence",
    "Assignment",
    "Attendee",
    "Calendar",
    "CalendarDay",
    "Clock",
    "ClockEvent",
    "Delivery",
    "Departure",
    "Desk",
    "HandOff",
    "HandOffNote",
    "Meeting",
    "Notice",
    "Pause",
    "PauseEnd",
    "Quota",
    "Reach",
    "RoutingPolicy",
    "RoutingRule",
    "Seat",
    "SlaPolicy",
    "SlaPromise",
    "SqlDefinition",
    "Webhook",
    "Wish",
]
