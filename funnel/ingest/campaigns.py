"""Loading campaigns, content offers and costs."""

from collections.abc import Collection

from django.conf import settings
from django.db import connection

from funnel import staging
from funnel.ingest import parents, references
from funnel.ingest.chunk import Chunk, Entry
from funnel.ingest.rows import Outcome
from funnel.ingest.upserts import Draft, columns_of, save
from funnel.models import Campaign, Content, CostLine

_CAMPAIGN = (
    "name",
    "channel",
    "region",
    "solution",
    "motion",
    "topic",
    "persona",
    "starts_on",
    "ends_on",
    "budget",
)
_CONTENT = ("name", "kind", "topic", "persona", "buying_stage", "url")
_COST = ("campaign", "channel", "content", "region", "payer", "nature", "shadow", "amount", "currency", "incurred_on")


def write_campaigns(chunk: Chunk) -> None:
    """Campaigns by (source, external id); one that was known by its name alone takes the key of its row."""
    _prepare_campaigns(chunk)
    references.look_up(chunk, "channel", "region", "solution")
    by_key, by_name = _known_campaigns(chunk.entries, source=chunk.source)
    drafts = []
    for entry in sorted(chunk.entries, key=lambda entry: entry.key):
        name = entry.text("name")
        pk, named = by_key.get(entry.key), by_name.get(name)
        if pk is None and named is not None and not named[1]:
            pk = named[0]
        if pk is None and not name:
            chunk.fail(entry, "A new campaign needs a name.", "name")
        elif named is not None and named[0] != pk:
            chunk.fail(entry, f"Another campaign is called “{name:.80}”; names are unique.", "name")
        else:
            keys = {"source": chunk.source, "external_id": entry.key}
            drafts.append(Draft(entry, pk, columns_of(Campaign, entry, _CAMPAIGN) | keys))
            if name:
                by_name.setdefault(name, (pk or 0, entry.key))
    save(Campaign, drafts)
    parents.attach(
        chunk,
        Campaign,
        [(draft.entry, draft.id) for draft in drafts if draft.id is not None],
        find=lambda names: references.find("campaign", names, source=chunk.source),
    )


def finish_campaigns(*, source: str) -> list[Outcome]:
    """After the last chunk: parents that came after their children."""
    return parents.settle(
        "campaigns",
        Campaign,
        source=source,
        find=lambda names: references.find("campaign", names, source=source),
    )


def _prepare_campaigns(chunk: Chunk) -> None:
    for entry in chunk.entries:
        entry.values["external_id"] = entry.values.get("external_id") or entry.values.get("name")
        starts, ends = entry.values.get("starts_on"), entry.values.get("ends_on")
        if not entry.key:
            chunk.fail(entry, "A campaign needs a name or an external_id.", "name")
        elif len(entry.key) > 200:
            chunk.fail(entry, "The name is longer than 200 characters; give the campaign an external_id.", "name")
        elif "name" in entry.values and entry.values["name"] is None:
            chunk.fail(entry, "A campaign's name cannot be blank.", "name")
        elif starts and ends and ends < starts:
            chunk.fail(entry, f"It ends on {ends}, before it starts on {starts}.", "ends_on")
    chunk.sift()
    chunk.fold_repeats(lambda entry: entry.key)


def _known_campaigns(entries: Collection[Entry], *, source: str) -> tuple[dict[str, int], dict[str, tuple[int, str]]]:
    """Campaigns by the key in this source; and by name, with whatever key they have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, source, external_id, id FROM funnel_campaign "
            "WHERE name = ANY(%s) OR (source = %s AND external_id = ANY(%s))",
            [[entry.text("name") for entry in entries], source, [entry.key for entry in entries]],
        )
        rows = cursor.fetchall()
    by_key = {key: pk for _, owner, key, pk in rows if owner == source}
    return by_key, {name: (pk, key) for name, _, key, pk in rows}


def write_content(chunk: Chunk) -> None:
    """Content offers, by name."""
    chunk.fold_repeats(lambda entry: entry.values["name"])
    known = staging.find("funnel_content", "name", {entry.values["name"] for entry in chunk.entries})
    entries = sorted(chunk.entries, key=lambda entry: entry.values["name"])
    save(
        Content,
        [Draft(entry, known.get(entry.values["name"]), columns_of(Content, entry, _CONTENT)) for entry in entries],
    )


def write_costs(chunk: Chunk) -> None:
    """Cost lines by (source, external id)."""
    chunk.fold_repeats(lambda entry: entry.key)
    references.look_up(chunk, "campaign", "channel", "content", "region")
    known = staging.find_keys("funnel_costline", {e.key for e in chunk.entries}, source=chunk.source)
    drafts = []
    for entry in sorted(chunk.entries, key=lambda entry: entry.key):
        needed = ("amount", "incurred_on")
        asked = needed if entry.key not in known else [name for name in needed if name in entry.values]
        missing = next((name for name in asked if entry.values.get(name) is None), "")
        if missing:
            chunk.fail(entry, f"A cost line needs “{missing}”.", missing)
            continue
        values = columns_of(CostLine, entry, _COST) | {"source": chunk.source, "external_id": entry.key}
        if not values.get("currency") and (entry.key not in known or "currency" in values):
            values["currency"] = settings.CURRENCY
        drafts.append(Draft(entry, known.get(entry.key), values))
    save(CostLine, drafts)
