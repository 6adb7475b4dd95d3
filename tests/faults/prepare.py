"""Run as a program on a fresh database: who works the leads, the policies, a token, and promises that run out soon.

Prints one line of JSON: the token's secret, and how many promises there are.
"""

import json
import os
from datetime import timedelta

import django


def main() -> None:
    from django.utils import timezone

    from demandcenter.pipeline import drain
    from funnel.ingest import record
    from funnel.tokens import create_token
    from scoring.services import ship
    from tests import factories as make
    from tests.loading import rows

    now = timezone.now()
    before = now - timedelta(days=30)
    ship(now=before)
    team = make.team(name="Inbound")
    hours = make.calendar(("00:00", "23:59"), days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), zone=noon(now))
    for name in ("Sam", "Sia", "Sol"):
        make.seat(make.rep(team=team, user=make.user("SDR", username=name.lower()), name=name), calendar=hours)
    make.routing_policy({"team": team})
    make.promise("accept", reassign=True)
    make.promise("hot")
    make.cadence(*[(0, "call")] * STEPS, on_acceptance=True)
    make.webhook(os.environ["WEBHOOK"], name="Chat", secret="ours", kinds=["taken"])
    touches = [
        {
            "external_id": f"old-{number}",
            "email": f"old-{number}@acme.example",
            "type": "demo_request",
            "counts_as_response": True,
            "occurred_at": before,
        }
        for number in range(PROMISES)
    ]
    record(rows(*touches), source="web", now=before)
    drain(now=before)
    let_promises_run_out(now)
    secret = create_token(user=make.user("Administrator"), name="web", now=now).secret
    print(json.dumps({"secret": secret, "promises": PROMISES}))


PROMISES, RUN_OUT = 160, 120  # of them by themselves; the others when a test says so
STEPS = 2  # of the cadence that each accepted lead is put into
EVERY = 0.3  # seconds


def noon(now) -> str:
    """A zone in which it is about noon: reminders are for the morning."""
    ahead = 12 - now.hour  # hours; the names of these zones count the other way
    return f"Etc/GMT{-ahead:+d}" if ahead else "UTC"


def let_promises_run_out(now) -> None:
    """One after the other, beginning when the processes have started: nothing else would fall due within a test."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE routing_clock c SET warn_at = d.due_at - interval '1 s', due_at = d.due_at, next_at = d.due_at,
                                       reassign_at = d.due_at + interval '1 day'
            FROM (SELECT id, %s + CASE WHEN place <= %s THEN (10 + %s * place) * interval '1 s'
                                       ELSE '1 day' END AS due_at
                  FROM (SELECT id, row_number() OVER (ORDER BY id) AS place
                        FROM routing_clock WHERE kind = 'accept') c) d
            WHERE c.id = d.id
            """,
            [now, RUN_OUT, EVERY],
        )


if __name__ == "__main__":
    django.setup()
    main()
