"""Keys by which other systems use the API. A secret is shown once; what is kept is its SHA-256.

A secret has 256 random bits, so a plain digest is as safe as a slow hash, and finding a token by its digest through an
index tells nobody how much of a guess was right.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import connection, models

from funnel import staging
from funnel.importing.values import SOURCE_PATTERN
from funnel.models import ApiToken

PREFIX: Final = "dc_"
DAYS: Final = 365
MOST_DAYS: Final = 730
_SHAPE = re.compile(r"dc_[A-Za-z0-9_-]{43}")
_START = 10  # characters of the secret that are kept to tell tokens apart; 42 random bits of 256


class TokenProblem(ValueError):
    """The token cannot be made or used. The message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made, with the secret that nobody sees again."""

    token: ApiToken
    secret: str


def create_token(*, user: Any, name: str, days: int = DAYS, now: datetime) -> NewToken:
    """Make a token by which the system `name` acts as `user` for 1 to 730 days.

    The name is also the source of the rows that the system sends. Raises TokenProblem.
    """
    name = name.strip()
    if not re.fullmatch(SOURCE_PATTERN, name):
        raise TokenProblem("Name the system that will use it, in 1 to 60 characters without a slash.")
    if not 1 <= days <= MOST_DAYS:
        raise TokenProblem(f"A token lasts 1 to {MOST_DAYS} days, not {days}.")
    if not user.is_active:
        raise TokenProblem("This log-in is not active; a token of it would open nothing.")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        start=secret[:_START],
        digest=digest_of(secret),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    return NewToken(token, secret)


def revoke(token: ApiToken, *, now: datetime) -> None:
    """From now on the token opens nothing. Revoking twice keeps the first moment."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now)


def user_of(secret: str, *, now: datetime) -> tuple[Any, ApiToken]:
    """Whom the secret speaks for, and its token. Raises TokenProblem for one that opens nothing.

    One query; a second one at most once a minute, which notes that the token was used.
    """
    token = _find(digest_of(secret)) if _SHAPE.fullmatch(secret) else None
    if token is None:
        raise TokenProblem("This token is not known. Check that it was copied whole, or ask for a new one.")
    if token.revoked_at is not None:
        raise TokenProblem(f"The token “{token.name}” was revoked on {token.revoked_at:%Y-%m-%d}; ask for a new one.")
    if token.expires_at <= now:
        raise TokenProblem(f"The token “{token.name}” ended on {token.expires_at:%Y-%m-%d}; ask for a new one.")
    if not token.user.is_active:
        raise TokenProblem(f"The log-in of the token “{token.name}” is no longer active.")
    _note_use(token, now=now)
    return token.user, token


def _find(digest: str) -> ApiToken | None:
    """The token with its user. Every request asks, so the SQL is made once and not by the ORM each time, for 1 ms."""
    with connection.cursor() as cursor:
        cursor.execute(_finding(), [digest])
        row = cursor.fetchone()
    if row is None:
        return None
    width = len(staging.fields_of(ApiToken))
    token = ApiToken.from_db(connection.alias, _names(ApiToken), row[:width])
    token.user = get_user_model().from_db(connection.alias, _names(get_user_model()), row[width:])
    return token


@cache
def _finding() -> str:
    columns = [f"t.{column}" for column in staging.fields_of(ApiToken)]
    columns += [f"u.{column}" for column in staging.fields_of(get_user_model())]
    users = get_user_model()._meta
    return (
        f"SELECT {', '.join(columns)} FROM {ApiToken._meta.db_table} t "
        f"JOIN {users.db_table} u ON u.{users.pk.column} = t.user_id WHERE t.digest = %s"
    )


def _names(model: type[models.Model]) -> list[str]:
    return [field.attname for field in staging.fields_of(model).values()]


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _note_use(token: ApiToken, *, now: datetime) -> None:
    minute = now.replace(second=0, microsecond=0)
    if token.last_used_at is None or token.last_used_at < minute:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=minute)
