"""What a row names and does not bring along: channels, campaigns, reps, accounts ... Looked up by name, all at once."""

from collections import defaultdict
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
_BY_NAME = {
    refers_to: f"SELECT '{refers_to}', name, id FROM {model._meta.db_table} WHERE name = ANY(%s)"
    for refers_to, model in _MODELS.items()
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

    With `create_missing` it is created instead. A blank stays a blank. A few queries, whatever the rows.
    """
    fields = {name: chunk.kind.fields[name].refers_to for name in names if chunk.uses(name)}
    wanted: dict[str, set[str]] = defaultdict(set)
    for name, refers_to in fields.items():
        said = (entry.values.get(name) for entry in chunk.entries)
        wanted[refers_to].update(text for text in said if text is not None)
    found = _find_all(wanted, source=chunk.source)
    if chunk.create_missing:
        for refers_to, named in wanted.items():
            if missing := sorted(named - found[refers_to].keys()):
                found[refers_to] |= {
                    text: [pk] for text, pk in _create(refers_to, missing, source=chunk.source).items()
                }
    for name, refers_to in fields.items():
        _put(chunk, name, refers_to, found[refers_to])
    chunk.sift()


def _put(chunk: Chunk, name: str, refers_to: str, found: Found) -> None:
    for entry in chunk.entries:
        if name in entry.values:
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
    return _find_all({refers_to: wanted}, source=source)[refers_to]


def _find_all(wanted: Mapping[str, Collection[str]], *, source: str) -> dict[str, dict[str, Sequence[int]]]:
    """Likewise for several kinds of reference data. One query for all that only have names, and one for each other."""
    found: dict[str, dict[str, Sequence[int]]] = {refers_to: {} for refers_to in wanted}
    asked = {refers_to: list(names) for refers_to, names in wanted.items() if names}
    for refers_to in asked.keys() & {"account", "rep", "campaign"}:
        names = asked.pop(refers_to)
        if refers_to == "account":
            found[refers_to] = dict(accounts.by_name(names, source=source))
        else:
            found[refers_to] = _nearest(_REPS if refers_to == "rep" else _CAMPAIGNS, names, source=source)
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(map(_BY_NAME.__getitem__, asked)), list(asked.values()))
            for refers_to, name, pk in cursor.fetchall():
                found[refers_to][name] = [pk]
    return found


def _nearest(candidates: str, wanted: Collection[str], *, source: str) -> dict[str, Sequence[int]]:
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
