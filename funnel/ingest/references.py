"""What a row names and does not bring along: channels, campaigns, reps, accounts ... Looked up by name, all at once."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db import connection, models

from funnel import accounts, staging
from funnel.ingest.chunk import Chunk, Entry
from funnel.models import (
    Account,
    AccountKey,
    Campaign,
    Channel,
    Content,
    Reason,
    Region,
    Rep,
    Solution,
    Team,
)

Found = Mapping[str, Sequence[int]]  # by what the row says: the ids it may mean

_MODELS: dict[str, type[models.Model]] = {
    "account": Account,
    "campaign": Campaign,
    "channel": Channel,
    "content": Content,
    "region": Region,
    "rep": Rep,
    "solution": Solution,
    "team": Team,
}
# The nearest answer counts: the source's own key, then an e-mail, then the exact name.
_REPS = """
    SELECT w.name, r.id, 1 AS place FROM wanted w JOIN funnel_rep r ON r.source = %(source)s AND r.external_id = w.name
    UNION ALL
    SELECT w.name, r.id, 2 FROM wanted w JOIN funnel_rep r ON r.email <> '' AND lower(r.email) = lower(w.name)
    UNION ALL
    SELECT w.name, r.id, 3 FROM wanted w JOIN funnel_rep r ON r.name = w.name
"""
_CAMPAIGNS = """
    SELECT w.name, c.id, 1 AS place
    FROM wanted w JOIN funnel_campaign c ON c.source = %(source)s AND c.external_id = w.name
    UNION ALL
    SELECT w.name, c.id, 2 FROM wanted w JOIN funnel_campaign c ON c.name = w.name
"""


def look_up(chunk: Chunk, *names: str) -> None:
    """Put the id of what each of these fields names into `entry.ids`; rows that name what nobody knows fail.

    With `create_missing` it is created instead. A blank stays a blank. A few queries a field, whatever the rows.
    """
    for name in names:
        if chunk.uses(name):
            _look_up(chunk, name)
    chunk.sift()


def _look_up(chunk: Chunk, name: str) -> None:
    refers_to = chunk.kind.fields[name].refers_to
    speaking = [entry for entry in chunk.entries if name in entry.values]
    wanted = {entry.values[name] for entry in speaking} - {None}
    found = dict(find(refers_to, wanted, source=chunk.source))
    missing = sorted(wanted - found.keys())
    if missing and chunk.create_missing:
        found |= {text: [pk] for text, pk in _create(refers_to, missing, source=chunk.source).items()}
    for entry in speaking:
        value = entry.values[name]
        ids = found.get(value, [])
        if value is None or len(ids) == 1:
            entry.ids[name] = ids[0] if ids else None
        else:
            chunk.fail(entry, _problem(refers_to, value, len(ids)), name)


def _problem(refers_to: str, value: str, count: int) -> str:
    if count:
        return f"{count} {refers_to}s are called “{value:.80}”; name the one meant by its key."
    return f"There is no {refers_to} “{value:.80}”. Add it first, or let the mapping create what is missing."


def find(refers_to: str, wanted: Collection[str], *, source: str) -> Found:
    """The ids that each name may mean; more than one means that the name alone does not tell. One query."""
    if not wanted:
        return {}
    if refers_to == "account":
        return accounts.by_name(list(wanted), source=source)
    if refers_to == "rep":
        return _nearest(_REPS, wanted, source=source)
    if refers_to == "campaign":
        return _nearest(_CAMPAIGNS, wanted, source=source)
    return {name: [pk] for name, pk in staging.find(_MODELS[refers_to]._meta.db_table, "name", wanted).items()}


def _nearest(candidates: str, wanted: Collection[str], *, source: str) -> Found:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH wanted AS (SELECT unnest(%(wanted)s::text[]) AS name), found AS ({candidates})
            SELECT name, array_agg(DISTINCT id)
            FROM (SELECT *, min(place) OVER (PARTITION BY name) AS nearest FROM found) ranked
            WHERE place = nearest GROUP BY name
            """,
            {"wanted": list(wanted), "source": source},
        )
        return dict(cursor.fetchall())


def _create(refers_to: str, names: list[str], *, source: str) -> dict[str, int]:
    """Create what is missing. Reps and accounts have the name for their key, until a row says another."""
    model = _MODELS[refers_to]
    made = dict(zip(names, staging.new_ids(model, len(names)), strict=True))
    if refers_to == "rep":
        staging.insert(
            Rep, [{"id": pk, "name": name, "source": source, "external_id": name} for name, pk in made.items()]
        )
    elif refers_to == "account":
        staging.insert(
            Account, [{"id": pk, "name": name, "name_key": accounts.name_key(name)} for name, pk in made.items()]
        )
        staging.insert(
            AccountKey, [{"source": source, "external_id": name, "account_id": pk} for name, pk in made.items()]
        )
    else:
        staging.insert(model, [{"id": pk, "name": name} for name, pk in made.items()])
    return made


def look_up_reasons(chunk: Chunk, wanted: Iterable[tuple[Entry, str]]) -> None:
    """Put the reason's id into `entry.ids["reason"]`. wanted: entries, each with the kind that its reason is for."""
    wanted = [(entry, kind) for entry, kind in wanted if entry.values.get("reason") is not None]
    pairs = {(kind, entry.values["reason"]) for entry, kind in wanted}
    known = _reasons(pairs)
    missing = sorted(pairs - known.keys())
    if missing and chunk.create_missing:
        made = dict(zip(missing, staging.new_ids(Reason, len(missing)), strict=True))
        staging.insert(Reason, [{"id": pk, "kind": kind, "name": name} for (kind, name), pk in made.items()])
        known |= made
    for entry, kind in wanted:
        entry.ids["reason"] = known.get((kind, entry.values["reason"]))
        if entry.ids["reason"] is None:
            label = Reason.For(kind).label.lower()
            problem = f"There is no reason “{entry.values['reason']:.80}” for “{label}”."
            chunk.fail(entry, f"{problem} Add it first, or let the mapping create what is missing.", "reason")
    chunk.sift()


def _reasons(pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The reason of each (kind, name): the one offered at every stage before those of one stage."""
    if not pairs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, name, id FROM funnel_reason WHERE name = ANY(%s) ORDER BY stage DESC, id DESC",
            [list({name for _, name in pairs})],
        )
        return {(kind, name): pk for kind, name, pk in cursor.fetchall()}
