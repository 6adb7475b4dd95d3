"""What marketing operations of the demo do with their scoring model: review it, replay history, try a draft."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.http import QueryDict

from funnel import hints
from reporting.lab.bench import bench, compare
from reporting.lab.view import read as view_of
from scoring import reviews, services, simulation
from scoring.models import ScoringModel

QUARTER: Final = timedelta(days=91)
OVERDUE: Final = timedelta(days=3)  # so that the reminder is there to be seen
REVIEWS: Final = (
    "Bands, rules and rejects looked at; nothing to change.",
    "Events and calculators hold up. Nothing changed.",
    "Acceptance is as before. Nothing changed.",
    "More people from webinars are rejected as wrong profile. Wait for more of them, then decide.",
)
MEASURE: Final = "reporting.tasks.measure_talks"
DOUBTED, POINTS = "Attended a webinar", 8  # the rule of the draft, and what it gives there


def look_back(model: ScoringModel, users: Mapping[str, User], *, now: datetime) -> None:
    """Leave reviews, a replay of history, and a draft whose comparison waits for the first worker."""
    author = users["elif"]
    for place, note in enumerate(REVIEWS):
        at = now - OVERDUE - QUARTER * (len(REVIEWS) - place)
        reviews.review(model, user=author, note=note, now=at)
    simulation.refresh(now=now)
    simulation.work()
    services.draft_changed(model.rules.get(name=DOUBTED), points=POINTS, user=author)
    zone = settings.REPORTING_ZONE
    view = view_of(QueryDict(), today=now.astimezone(ZoneInfo(zone)).date())
    compare(bench(view, zone=zone), user=author, zone=zone)
    hints.look(MEASURE)
