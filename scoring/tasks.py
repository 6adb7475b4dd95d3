"""Work of scoring that beat looks at."""

from typing import Final

import structlog
from celery import shared_task
from django.utils import timezone

from funnel import hints
from scoring import services, simulation
from scoring.models import ScoringModel, Status
from scoring.predictive import runs
from scoring.predictive.learning import is_installed
from scoring.predictive.telling import tell_next

TURN: Final = 5.0  # seconds after which a replay of history makes room for others

log = structlog.get_logger(__name__)


@shared_task
def fill() -> None:
    """Go on filling published versions. Ranges commit one by one; killed anywhere, the next look goes on."""
    for model in ScoringModel.objects.filter(status=Status.PUBLISHED, filled_at=None).order_by("version"):
        people = 0
        while handed := services.fill(model):
            people += handed
        if people or model.filled_at:
            log.info("scoring_model_fills", version=model.version, people=people, done=model.filled_at is not None)


@shared_task
def simulate() -> None:
    """Go on replaying history under versions. Chunks commit one by one; killed anywhere, the next look goes on."""
    if simulation.work(seconds=TURN):
        hints.look("scoring.tasks.simulate")


@shared_task
def refresh_simulation() -> None:
    """Replay the last year under the version that decides, for the page that says how good it is."""
    simulation.refresh(now=timezone.now())


@shared_task
def learn() -> None:
    """Take trainings that wait, one after the other, and tell every open lead what the latest one says."""
    while training := runs.train_next(now=timezone.now()):
        log.info("prediction_trained", training=training.pk, status=training.status, leads=training.n)
    tell()


@shared_task
def tell() -> None:
    """Tell open leads that the model in use has told nothing about their likelihood, chunk by chunk."""
    model = runs.in_use()
    leads = 0
    while model is not None and (told := tell_next(model, now=timezone.now())):
        leads += told
    if leads:
        log.info("likelihoods_told", leads=leads)


@shared_task
def learn_again() -> None:
    """Ask for the weekly training."""
    if is_installed():
        runs.ask_again()
