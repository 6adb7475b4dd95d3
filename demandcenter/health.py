"""Whether this process can serve, for load balancers, container engines and the supervisor."""

import logging

import redis
import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

log = structlog.get_logger(__name__)


class WithoutHealthChecks(logging.Filter):
    """Keeps out the request lines of health checks, which come every few seconds and say nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (isinstance(record.msg, dict) and str(record.msg.get("request", "")).endswith(" /healthz"))


def database_problem() -> str | None:
    """Return why the database does not answer, or None."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return str(error).strip()
    return None


def redis_problem() -> str | None:
    """Return why Redis does not answer within two seconds, or None."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2)
    try:
        client.ping()
    except redis.RedisError as error:
        return str(error).strip()
    finally:
        client.close()
    return None


@require_safe
@never_cache
@login_not_required
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 503 without a database; without Redis the product is slower to notice, not broken, so 200 `degraded`."""
    problems = {"database": database_problem(), "redis": redis_problem()}
    for part, problem in problems.items():
        if problem:  # the reason is for the log: it names hosts
            log.warning("health_problem", part=part, problem=problem)
    status = "down" if problems["database"] else "degraded" if problems["redis"] else "ok"
    answer = {"status": status} | {part: "unreachable" if problem else "ok" for part, problem in problems.items()}
    return JsonResponse(answer, status=503 if status == "down" else 200)
