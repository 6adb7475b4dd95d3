"""What runs by the clock for routing (demandcenter/celery.py). The main path itself is in demandcenter/pipeline.py."""

from celery import shared_task
from django.utils import timezone

from routing import notices


@shared_task
def prune_notices() -> int:
    """Delete notices that were read a month ago or that nobody will read; returns how many."""
    return notices.prune(now=timezone.now())


@shared_task
def tell_of_reviews() -> int:
    """Tell whoever keeps the scoring model that a version is due for review; returns how many were told."""
    return notices.tell_of_reviews(now=timezone.now())
