"""The Celery application and, on one screen, every periodic job of the product."""

import os

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_process_init

from funnel.memory import settle

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demandcenter.settings")

app = Celery("demandcenter")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["funnel", "scoring", "routing", "reporting", "demandcenter"])

worker_process_init.connect(lambda **_about: settle(), weak=False)

# Queues let workers be scaled apart: ingest, pipeline, timers, reports, delivery.
app.conf.task_routes = {
    "demandcenter.tasks.drain": {"queue": "pipeline"},
    "demandcenter.tasks.sweep": {"queue": "timers"},
    "demandcenter.tasks.tick": {"queue": "timers"},
    "funnel.tasks.*": {"queue": "ingest"},
    "reporting.tasks.*": {"queue": "reports"},
    "routing.tasks.deliver": {"queue": "delivery"},  # other people's servers may be slow
    "routing.tasks.send_mails": {"queue": "delivery"},
    "routing.tasks.*": {"queue": "timers"},
    "scoring.tasks.simulate": {"queue": "reports"},
    "scoring.tasks.learn": {"queue": "reports"},  # minutes of arithmetic, which no touch waits behind
    "scoring.tasks.*": {"queue": "pipeline"},
}
app.conf.beat_schedule = {
    # `manage.py doctor` looks for its trace; one of a minute ago says nothing new.
    "tick": {"task": "demandcenter.tasks.tick", "schedule": 60.0, "options": {"expires": 60}},
    # What a hint was lost of, or left out in a burst. Where nothing waits, a look is two short queries; one that found
    # no worker in time is not worth running, since the next one has come.
    "drain": {"task": "demandcenter.tasks.drain", "schedule": 1.0, "options": {"expires": 2}},
    "sweep": {"task": "demandcenter.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    # A published version that is not filled yet; nearly always a query that finds none.
    "fill-scores": {"task": "scoring.tasks.fill", "schedule": 15.0, "options": {"expires": 15}},
    # A replay of history that waits or was left; likewise.
    "simulate": {"task": "scoring.tasks.simulate", "schedule": 15.0, "options": {"expires": 15}},
    "refresh-simulation": {"task": "scoring.tasks.refresh_simulation", "schedule": crontab(hour=2, minute=23)},
    # Predictions: trainings that wait, open leads that were told nothing yet, and the weekly training.
    "learn": {"task": "scoring.tasks.learn", "schedule": 60.0, "options": {"expires": 60}},
    "learn-again": {"task": "scoring.tasks.learn_again", "schedule": crontab(day_of_week=0, hour=3, minute=11)},
    # The row is the queue: a lost hint, or a worker killed in an import, is made good here.
    "resume-imports": {"task": "funnel.tasks.resume_imports", "schedule": 15.0},
    # The copy of every process has read what is older than a day, or rebuilds.
    "prune-changes": {"task": "reporting.tasks.prune_changes", "schedule": crontab(minute=17)},
    # Leads whose sixty days are over, a few each time; all of the latest after another scoring version decides.
    "measure-talks": {"task": "reporting.tasks.measure_talks", "schedule": 900.0, "options": {"expires": 900}},
    # Each due day is told once, however often this looks.
    "tell-of-reviews": {"task": "routing.tasks.tell_of_reviews", "schedule": crontab(hour=5, minute=23)},
    "remind-of-actions": {"task": "reporting.tasks.remind_of_actions", "schedule": crontab(hour=5, minute=29)},
    # Notices to e-mail and webhooks, and mails of reps. Where nothing is due, a look is one short query.
    "send-mails": {"task": "routing.tasks.send_mails", "schedule": 5.0, "options": {"expires": 5}},
    "deliver": {"task": "routing.tasks.deliver", "schedule": 5.0, "options": {"expires": 5}},
    # Every rep once a day, in the morning where they work.
    "tell-of-steps": {"task": "routing.tasks.tell_of_steps", "schedule": crontab(minute="*/15")},
    # What was read a month ago; see routing/messages/notices.py.
    "prune-notices": {"task": "routing.tasks.prune_notices", "schedule": crontab(hour=3, minute=41)},
}
