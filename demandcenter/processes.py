"""The processes that make up the product beside its servers, as programs to run on one machine."""

import sys
from pathlib import Path

from django.conf import settings

from demandcenter.server_process import LOOPBACK
from demandcenter.supervisor import Child

CONCURRENCY = 2  # of the worker
QUEUES = ("ingest", "pipeline", "timers", "reports", "delivery")
ENVIRONMENT = {
    "PYTHONUNBUFFERED": "1",
    # On a laptop in a container everything runs as root; the servers that listen do not.
    "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
}


def children(port: int, *, folder: Path | None = None) -> tuple[Child, Child, Child]:
    """Return web, worker and beat. folder: where beat keeps its schedule, by default the data folder."""
    web: list[str | Path] = ["gunicorn", "demandcenter.wsgi", "--config", Path("deploy") / "gunicorn.conf.py"]
    web += ["--bind", f"{LOOPBACK}:{port}", "--graceful-timeout", "1", "--log-level", "warning"]
    celery: list[str | Path] = ["celery", "--app", "demandcenter", "--quiet"]
    worker = [*celery, "worker", "--queues", ",".join(QUEUES), "--concurrency", str(CONCURRENCY), "--loglevel", "INFO"]
    worker += ["--without-gossip", "--without-mingle"]
    schedule = (folder or settings.DATA_DIR) / "beat-schedule"
    beat = [*celery, "beat", "--schedule", schedule, "--pidfile", "", "--loglevel", "WARNING"]
    programs = {"web": web, "worker": worker, "beat": beat}
    first, second, third = (Child(name, [sys.executable, "-m", *program]) for name, program in programs.items())
    return first, second, third
