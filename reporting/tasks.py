"""What runs by the clock for reports (demandcenter/celery.py)."""

from celery import shared_task
from django.db import connection
from django.utils import timezone

from reporting import talks
from reporting.agreements import telling

HOURS_KEPT = 24

# Nothing that a running transaction may still hide from a copy: every copy that is current has read the rest.
_PRUNE = """
DELETE FROM reporting_change
WHERE recorded_at < now() - make_interval(hours => %s) AND txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
"""


@shared_task
def prune_changes() -> int:
    """Remove what is older than a day from the log of changes; returns how many rows.

    The database marks how far the log goes back, so a copy that had not read so far starts anew.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PRUNE, [HOURS_KEPT])
        return int(cursor.rowcount)


@shared_task
def measure_talks() -> int:
    """Measure at which interest buyers agreed to talk; returns how many leads. Chunks commit one by one."""
    leads = 0
    while measured := talks.measure(now=timezone.now()):
        leads += measured
    return leads


@shared_task
def remind_of_actions() -> int:
    """Tell owners of what reviews settled that its day has come; returns how many were told."""
    return telling.remind(now=timezone.now())
