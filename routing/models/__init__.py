"""Who may work what and when, every decision with its reasons, and the promises that run meanwhile."""

from routing.models.assignments import Assignment
from routing.models.calendars import Absence, Calendar, CalendarDay
from routing.models.clocks import Clock, ClockEvent, SlaPolicy
from routing.models.desks import Desk, Seat
from routing.models.meetings import Meeting
from routing.models.notices import Notice
from routing.models.policies import RoutingPolicy, RoutingRule

__all__ = [
    "Absence",
    "Assignment",
    "Calendar",
    "CalendarDay",
    "Clock",
    "ClockEvent",
    "Desk",
    "Meeting",
    "Notice",
    "RoutingPolicy",
    "RoutingRule",
    "Seat",
    "SlaPolicy",
]
