"""Work of scoring that beat looks at."""

import structlog
from celery import shared_task

from scoring import services
from scoring.models import ScoringModel, Status

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
