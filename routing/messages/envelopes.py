"""What a notice looks like outside the product: as signed JSON, in Slack, in Teams, as an e-mail. Pure."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

_SLACK: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
CARD: Final = "application/vnd.microsoft.card.adaptive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notice in words. url: where it leads in the product."""

    key: str
    kind: str
    title: str
    sentence: str
    lead_id: int | None
    at: datetime
    url: str


def body_for(preset: str, told: Told) -> bytes:
    """What is posted, by the preset of the webhook."""
    shapes = {"slack": _slack, "teams": _teams}
    return json.dumps(shapes.get(preset, _generic)(told), ensure_ascii=False, sort_keys=True).encode()


def _generic(told: Told) -> dict[str, Any]:
    return {
        "id": told.key,
        "kind": told.kind,
        "title": told.title,
        "sentence": told.sentence,
        "lead": told.lead_id,
        "url": told.url,
        "at": told.at.isoformat(),
    }


def _slack(told: Told) -> dict[str, Any]:
    title, sentence = told.title.translate(_SLACK), told.sentence.translate(_SLACK)
    return {"text": f"*{title}*\n{sentence} <{told.url}|Open>"}


def _teams(told: Told) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": told.title, "weight": "Bolder", "wrap": True},
            {"type": "TextBlock", "text": told.sentence, "wrap": True},
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": told.url}],
    }
    return {"type": "message", "attachments": [{"contentType": CARD, "contentUrl": None, "content": card}]}


def headers_for(told: Told, body: bytes, *, secret: str, now: datetime) -> dict[str, str]:
    """With a secret: `X-Demand-Signature: t=SECONDS,v1=HEX`, the HMAC SHA-256 of "SECONDS.BODY"."""
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Demand-Delivery": told.key}
    if secret:
        seconds = int(now.timestamp())
        headers["X-Demand-Signature"] = f"t={seconds},v1={signature(body, secret=secret, seconds=seconds)}"
    return headers


def signature(body: bytes, *, secret: str, seconds: int) -> str:
    return hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()


def mail_of(tolds: Sequence[Told]) -> tuple[str, str]:
    """Subject and text of an e-mail about one notice, or of the daily one about several."""
    if len(tolds) == 1:
        (told,) = tolds
        return told.title, f"{told.sentence}\n\n{told.url}\n"
    lines = [f"{told.title}: {told.sentence}\n{told.url}" for told in tolds]
    return f"{len(tolds)} notices since yesterday", "\n\n".join(lines) + "\n"


# --- When -----------------------------------------------------------------------------------------


def quiet_until(now: datetime, *, zone: str, since: time | None, until: time | None) -> datetime | None:
    """When these quiet hours end, if they are on; None where they are not. They may go over midnight."""
    if since is None or until is None or since == until:
        return None
    here = now.astimezone(ZoneInfo(zone))
    clock = here.time().replace(tzinfo=None)
    over_midnight = since > until
    on = clock >= since or clock < until if over_midnight else since <= clock < until
    if not on:
        return None
    day = here.date() + timedelta(days=1) if over_midnight and clock >= since else here.date()
    return _moment(day, until, zone, after=now)


def digest_after(moment: datetime, *, zone: str, at: time) -> datetime:
    """The first daily e-mail from this moment on."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    found = _moment(today, at, zone, after=moment)
    return found if found >= moment else _moment(today + timedelta(days=1), at, zone, after=moment)


def _moment(day: date, at: time, zone: str, *, after: datetime) -> datetime:
    """When the wall clock shows this, in UTC; where it does so twice, the first that is not over."""
    first, second = (datetime.combine(day, at.replace(fold=fold), ZoneInfo(zone)).astimezone(UTC) for fold in (0, 1))
    return first if first >= after else second


def again_after(attempts: int) -> timedelta:
    """How long to wait after so many failures: two minutes, four, eight, at most six hours."""
    return min(timedelta(minutes=2**attempts), timedelta(hours=6))


def by_user(rows: Sequence[Any]) -> Mapping[int, list[Any]]:
    """Rows with a `user_id`, by user, in their order."""
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.user_id, []).append(row)
    return found
