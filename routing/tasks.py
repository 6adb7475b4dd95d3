"""What runs by the clock for routing (demandcenter/celery.py). The main path itself is in demandcenter/pipeline.py."""

import time

from celery import shared_task
from django.utils import timezone

from routing.cadences import own_mail
from routing.day import reminders
from routing.messages import notices, outbox

TURN = 60.0  # seconds after which a task makes room for others


@shared_task
def prune_notices() -> int:
    """Delete notices that were read a month ago or that nobody will read, and what was sent; returns how many."""
    now = timezone.now()
    return notices.prune(now=now) + outbox.prune(now=now) + own_mail.prune(now=now)


@shared_task
def deliver() -> int:
    """Send notices that are due outside the product; returns how many. Of several at once each takes others."""
    started, done = time.monotonic(), 0
    while time.monotonic() - started < TURN and (looked_at := outbox.deliver(now=timezone.now())):
        done += looked_at
    return done


@shared_task
def send_mails() -> int:
    """Send the mails of reps that are due; returns how many. Of several at once each takes others."""
    started, done = time.monotonic(), 0
    while time.monotonic() - started < TURN and (looked_at := own_mail.deliver(now=timezone.now())):
        done += looked_at
    return done


@shared_task
def tell_of_reviews() -> int:
    """Tell whoever keeps the scoring model that a version is due for review; returns how many were told."""
    return notices.tell_of_reviews(now=timezone.now())


@shared_task
def tell_of_steps() -> int:
    """Tell each rep in the morning how many steps of cadences are due; returns how many were told."""
    return reminders.tell_of_steps(now=timezone.now())
