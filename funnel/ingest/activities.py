"""Loading touches."""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from django.db import connection

from funnel import staging
from funnel.ingest import references
from funnel.ingest.chunk import Chunk, Entry
from funnel.ingest.people import SAID_BY_ANY_ROW, About, People, claims, said
from funnel.ingest.upserts import columns_of
from funnel.models import Activity, Inbox

_COLUMNS = (
    "type",
    "direction",
    "automatic",
    "counts_as_response",
    "channel",
    "campaign",
    "content",
    "solution",
    "account",
    "occurred_at",
)
_DEFAULTS = {"direction": Activity.Direction.INBOUND.value, "automatic": False, "counts_as_response": False}
_BODY = (
    "type",
    "direction",
    "automatic",
    "counts_as_response",
    "channel",
    "campaign",
    "content",
    "solution",
    "account",
)


def write(chunk: Chunk) -> None:
    """Touches by (source, external id); the same key with another body is an error.

    A person who is not known yet is made; what else the row says of them fills in what is blank.
    """
    for entry in chunk.entries:
        if chunk.live:
            chunk.doubt_moment(entry, "occurred_at")
        else:
            chunk.refuse_future(entry, "occurred_at")
    chunk.sift()
    meant = claims(chunk, key="person_id")
    for entry in chunk.entries:
        if not (meant[entry].email or meant[entry].key or entry.values.get("account")):
            chunk.fail(entry, "A touch needs a person (“email” or “person_id”) or an account.", "email")
    chunk.sift()
    digests = {entry: _digest(entry, meant[entry].email) for entry in chunk.entries}
    _settle_repeats(chunk, digests)
    references.look_up(chunk, "channel", "campaign", "content", "solution", "account")
    abouts = [
        About(entry, meant[entry], said(entry, SAID_BY_ANY_ROW))
        for entry in chunk.entries
        if meant[entry].email or meant[entry].key
    ]
    people = People(chunk, abouts)
    people.identify(change_email=False, lock=False)
    people.save()
    _insert(chunk, digests, {about.entry: about.person_id for about in abouts})


def _digest(entry: Entry, email: str) -> UUID:
    """The MD5 of the touch as received, one way of writing each thing. Names of reference data stand for themselves."""
    values = _DEFAULTS | {name: entry.values[name] for name in _BODY if entry.values.get(name) is not None}
    body = {
        **values,
        "email": email,
        "person_id": entry.text("person_id"),
        "occurred_at": entry.values["occurred_at"].timestamp(),
        "payload": entry.attributes,
    }
    return UUID(bytes=hashlib.md5(staging.as_json(body).encode(), usedforsecurity=False).digest())


def _settle_repeats(chunk: Chunk, digests: Mapping[Entry, UUID]) -> None:
    """Touches loaded before, in this chunk or an earlier one: unchanged, or an error where the body is another."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT external_id, digest FROM funnel_activity WHERE source = %s AND external_id = ANY(%s)",
            [chunk.source, [entry.key for entry in chunk.entries]],
        )
        stored = dict(cursor.fetchall())
    mine: dict[str, Entry] = {}
    for entry in chunk.entries:
        first = mine.setdefault(entry.key, entry)
        before = stored.get(entry.key) or (digests[first] if first is not entry else None)
        if before == digests[entry]:
            chunk.settle(entry, "unchanged")
        elif before is not None:
            problem = f"“{entry.key:.80}” was loaded before with another body. A touch is a fact: give it another key."
            chunk.fail(entry, problem, "external_id")
    chunk.sift()


def _insert(chunk: Chunk, digests: Mapping[Entry, UUID], person_ids: Mapping[Entry, int]) -> None:
    entries = sorted(chunk.entries, key=lambda entry: entry.key)
    ids = staging.new_ids(Activity, len(entries))
    blank = dict.fromkeys(("channel_id", "campaign_id", "content_id", "solution_id", "account_id"))
    staging.insert(
        Activity,
        [
            {
                "id": pk,
                "person_id": person_ids.get(entry),
                "payload": entry.attributes,
                "source": chunk.source,
                "external_id": entry.key,
                "digest": digests[entry],
                "recorded_at": chunk.now,
            }
            | _DEFAULTS
            | blank
            | columns_of(Activity, entry, _COLUMNS)
            for pk, entry in zip(ids, entries, strict=True)
        ],
    )
    for pk, entry in zip(ids, entries, strict=True):
        entry.pk, entry.status = pk, "created"
    chunk.tell(
        Inbox.Cause.ACTIVITY,
        [(person_ids[entry], pk) for pk, entry in zip(ids, entries, strict=True) if entry in person_ids],
    )
