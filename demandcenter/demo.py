"""The demo's six log-ins, and the way from the demo to an installation of one's own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from funnel.access import STAFF, Role
from funnel.models import GlossaryTerm, ImportRun, Reason
from routing.models import Calendar
from routing.sla import versions as sla
from scoring import services

PASSWORD = "demo-center"  # known to everybody, and shown: a demo holds nothing that is anybody's
MAIL_DOMAIN = "demo.invalid"  # marks the demo's users; no real address can end like this (RFC 2606)
MARK = "demo"  # a file in DATA_DIR beside embedded servers: "filling" while `manage.py up` makes the demo, then "ready"
BUSINESS_APPS = ("funnel", "scoring", "routing", "reporting")
KEPT = (Reason, GlossaryTerm)  # delivered with the product, not by the demo
LOCK_PATIENCE = "20s"


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody to be in the demo. what: what this person does here, as a sentence."""

    username: str
    name: str
    role: Role
    what: str

    def __str__(self) -> str:
        return f"{self.username} / {self.password}   {self.name}, {self.role}"

    @property
    def password(self) -> str:
        return PASSWORD

    @property
    def email(self) -> str:
        return f"{self.username}@{MAIL_DOMAIN}"


_LOGINS = (
    Login("elif", "Elif Aydın", Role.MARKETING_OPS, "Campaigns, imports, definitions and the whole funnel."),
    Login("mara", "Mara Lindqvist", Role.SDR, "Accepts, rejects or recycles marketing qualified leads (MQLs)."),
    Login("hanna", "Hanna Solberg", Role.SDR_MANAGER, "Load, promises and reassignment in sales development (SDR)."),
    Login("magnus", "Magnus Lind", Role.AE, "Sales qualified leads (SQLs) and the deals they became."),
    Login("ana", "Ana Sousa", Role.EXECUTIVE, "One page on how the demand engine runs."),
    Login("tomasz", "Tomasz Wrona", Role.ADMINISTRATOR, "Log-ins, teams and reference data."),
)


def demo_users() -> QuerySet[User]:
    return User.objects.filter(email__endswith=f"@{MAIL_DOMAIN}")


def logins() -> list[Login]:
    """The demo's people who are there. Whether they are offered is up to settings.DEMO."""
    there = set(demo_users().filter(is_active=True).values_list("username", flat=True))
    return [login for login in _LOGINS if login.username in there]


def create_logins() -> dict[str, User]:
    """Create the demo's users, or put them back as they were; by username, so that reps can be tied to them.

    Raises ValueError if somebody who is not of the demo has one of the usernames.
    """
    names = [login.username for login in _LOGINS]
    if User.objects.filter(username__in=names).exclude(email__endswith=f"@{MAIL_DOMAIN}").exists():
        raise ValueError(f"One of the usernames {', '.join(names)} is taken; the demo needs a database of its own.")
    hashed = make_password(PASSWORD)  # once: hashing is slow by design
    return {login.username: _create(login, hashed) for login in _LOGINS}


def _create(login: Login, hashed_password: str) -> User:
    first_name, _blank, last_name = login.name.partition(" ")
    user, _created = User.objects.update_or_create(
        username=login.username,
        defaults={
            "first_name": first_name,
            "last_name": last_name,
            "email": login.email,
            "is_staff": login.role in STAFF,
            "is_active": True,
            "password": hashed_password,
        },
    )
    user.groups.set([Group.objects.get_or_create(name=login.role)[0]])
    return user


def create_colleague(name: str, role: Role) -> User:
    """Create a user of the demo whom nobody can log in as: a rep who appears in its stories."""
    username = slugify(name)
    if User.objects.filter(username=username).exclude(email__endswith=f"@{MAIL_DOMAIN}").exists():
        raise ValueError(f"The username {username} is taken; the demo needs a database of its own.")
    first_name, _blank, last_name = name.partition(" ")
    names = {"first_name": first_name, "last_name": last_name, "email": f"{username}@{MAIL_DOMAIN}"}
    user, _created = User.objects.update_or_create(
        username=username, defaults=names | {"password": make_password(None)}
    )
    user.groups.set([Group.objects.get_or_create(name=role)[0]])
    return user


# --- From the demo to one's own -------------------------------------------------------------------


def is_demo() -> bool:
    """Whether this is a demo that was not removed yet."""
    return settings.DEMO and demo_users().exists()


def what_goes() -> list[tuple[str, int]]:
    """What removing the demo deletes, as (name, count), for the people who confirm it."""
    shown = ("lead", "person", "account", "activity", "opportunity", "campaign", "importrun")
    models = [apps.get_model("funnel", name) for name in shown]
    counts = [(str(model._meta.verbose_name_plural), model._default_manager.count()) for model in models]
    return [*counts, ("demo log-ins", len(logins()))]


def administrator_remains() -> bool:
    """Whether somebody who is not of the demo can administer this installation."""
    stays = User.objects.filter(is_active=True).exclude(email__endswith=f"@{MAIL_DOMAIN}")
    return stays.filter(Q(is_superuser=True) | Q(groups__name=Role.ADMINISTRATOR, is_staff=True)).exists()


def remove_demo(*, username: str = "", password: str = "") -> User | None:
    """Delete every business record and the demo's users, and create an administrator; all or nothing.

    Reasons and glossary stay, and promises, office hours and the scoring model are as they came with the product.
    Returns the administrator, None without a `username`. Raises ValueError if nobody would be left to administer, or
    the username is taken; django.db.OperationalError if something writes for so long that the tables cannot be had
    within 20 s. Nothing is deleted then.
    """
    if not username and not administrator_remains():
        raise ValueError("Name an administrator first: with the demo's log-ins gone, nobody could log in.")
    if User.objects.filter(username=username).exclude(email__endswith=f"@{MAIL_DOMAIN}").exists():
        raise ValueError(f"The username {username} is taken.")
    files = [file for run in ImportRun.objects.all() for file in (run.file, run.problems) if file]
    with transaction.atomic():
        _truncate()
        demo_users().delete()
        _deliver(now=timezone.now())
        administrator = _administrator(username, password) if username else None
    for file in files:
        file.storage.delete(str(file.name))
    (settings.DATA_DIR / MARK).unlink(missing_ok=True)
    return administrator


def _truncate() -> None:
    """Empty the tables at once. TRUNCATE passes by the triggers that keep facts append-only."""
    tables = [model._meta.db_table for model in _business_models()]
    quoted = ", ".join(connection.ops.quote_name(table) for table in [*tables, "pghistory_context"])
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_PATIENCE}'")
        cursor.execute(f"TRUNCATE {quoted}")


def _deliver(*, now: datetime) -> None:
    """What a new installation begins with (routing/migrations/0002_first_promises.py) beside words and reasons."""
    Calendar.objects.create(name="Office hours", zone=settings.REPORTING_ZONE)
    sla.ship(now=now)
    services.ship(now=now)


def _business_models() -> list[type[Model]]:
    """Every table of the business apps but what is kept; the log of changes looks after itself."""
    log = apps.get_model("reporting", "Change")
    models: list[Any] = [model for label in BUSINESS_APPS for model in apps.get_app_config(label).get_models()]
    return [model for model in models if model not in KEPT and model is not log]


def _administrator(username: str, password: str) -> User:
    user = User.objects.create_superuser(username, password=password)
    user.groups.add(Group.objects.get_or_create(name=Role.ADMINISTRATOR)[0])
    return user
