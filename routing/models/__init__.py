"""Who may work what and when, every decision with its reasons, and the promises that run meanwhile."""

from routing.models.assignments import Assignment
from routing.models.cadences import Cadence, CadenceStep, ContactCap, Enrolment, MessageTemplate
from routing.models.calendars import Absence, Calendar, CalendarDay
from routing.models.callsheets import CallSheet, PlannedMeeting
from routing.models.clocks import Clock, ClockEvent, Pause, PauseEnd
from routing.models.departures import Departure
from routing.models.desks import Desk, LevelChange, Seat, Served
from routing.models.handoffs import HandOff, HandOffNote, Quota
from routing.models.mailboxes import Mailbox, OwnMail
from routing.models.meetings import Attendee, Meeting, SqlDefinition
from routing.models.notices import Notice
from routing.models.outbox import Delivery, Reach, Webhook, Wish
from routing.models.policies import RoutingPolicy, RoutingRule
from routing.models.promises import SlaPolicy, SlaPromise
from routing.models.ratings import Rating, SavedView
from routing.models.work import Attempt, Medium, Snooze, Task, TaskEvent
from routing.models.wrong_routes import WrongRoute, WrongRouteTakenBack

__all__ = [
    "Absence",
    "Assignment",
    "Attendee",
    "Attempt",
    "Cadence",
    "CadenceStep",
    "Calendar",
    "CalendarDay",
    "CallSheet",
    "Clock",
    "ClockEvent",
    "Delivery",
    "Departure",
    "Desk",
    "HandOff",
    "HandOffNote",
    "ContactCap",
    "Desk",
    "Enrolment",
    "Mailbox",
    "Medium",
    "LevelChange",
    "Meeting",
    "MessageTemplate",
    "Notice",
    "OwnMail",
    "Pause",
    "PauseEnd",
    "PlannedMeeting",
    "Quota",
    "Reach",
    "Rating",
    "RoutingPolicy",
    "RoutingRule",
    "SavedView",
    "Seat",
    "Served",
    "SlaPolicy",
    "SlaPromise",
    "SqlDefinition",
    "Webhook",
    "Wish",
    "Snooze",
    "Task",
    "TaskEvent",
    "WrongRoute",
    "WrongRouteTakenBack",
]
