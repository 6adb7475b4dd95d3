"""Parents that a row names: set at once where they are known, kept pending where they may still come."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from django.db import connection, models

from funnel import staging
from funnel.ingest.chunk import Chunk, Entry, Refused
from funnel.ingest.rows import Outcome
from funnel.ingest.upserts import Draft, save
from funnel.models import PendingParent

Find = Callable[[Collection[str]], Mapping[str, Sequence[int]]]


def attach(chunk: Chunk, model: type[models.Model], entries: Iterable[tuple[Entry, int]], *, find: Find) -> None:
    """Set the parent of each (entry, id) whose row speaks of one. Call it when the chunk's own rows are stored."""
    speaking = [(entry, pk) for entry, pk in entries if "parent" in entry.values]
    if not speaking:
        return
    found = find({entry.values["parent"] for entry, _ in speaking} - {None})
    drafts, pending = [], []
    for entry, pk in speaking:
        name = entry.values["parent"]
        ids = found.get(name, [])
        if name is None or len(ids) == 1:
            drafts.append(Draft(entry, pk, {"parent_id": ids[0] if ids else None}))
        else:
            pending.append({"child": pk, "parent": name, "row": entry.number})
    _refuse_circles(model, drafts)
    save(model, drafts)
    _keep(chunk, [pk for _, pk in speaking], pending)


def _keep(chunk: Chunk, children: list[int], pending: list[dict]) -> None:
    PendingParent.objects.filter(kind=chunk.kind.name, source=chunk.source, child__in=children).delete()
    staging.insert(
        PendingParent,
        [
            {"kind": chunk.kind.name, "source": chunk.source} | row
            for row in sorted(pending, key=lambda row: row["child"])
        ],
    )


def _refuse_circles(model: type[models.Model], drafts: Sequence[Draft]) -> None:
    proposed = {draft.id: draft.values["parent_id"] for draft in drafts if draft.id is not None}
    circling = in_circles(model, proposed)
    if circling:
        raise Refused(
            {draft.entry.place: ("parent", "The parents run in a circle.") for draft in drafts if draft.id in circling}
        )


def in_circles(model: type[models.Model], proposed: Mapping[int, int | None]) -> set[int]:
    """Those of the proposed children (id: parent id) that would be above themselves. One query."""
    if not any(proposed.values()):
        return set()
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE proposed AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS p(id, parent_id)),
            link AS (
                SELECT * FROM proposed
                UNION ALL
                SELECT t.id, t.parent_id FROM {table} t WHERE NOT EXISTS (SELECT FROM proposed p WHERE p.id = t.id)
            ), above AS (
                SELECT id, parent_id FROM proposed
                UNION
                SELECT a.id, l.parent_id FROM above a JOIN link l ON l.id = a.parent_id
            )
            SELECT id FROM above WHERE parent_id = id
            """,
            [list(proposed), list(proposed.values())],
        )
        return {row[0] for row in cursor.fetchall()}


def settle(kind: str, model: type[models.Model], *, source: str, find: Find) -> list[Outcome]:
    """Set what was pending, now that everything has come; what still names nobody is reported, and forgotten."""
    pending = list(PendingParent.objects.filter(kind=kind, source=source).order_by("row"))
    found = find({item.parent for item in pending})
    proposed = {item.child: found[item.parent][0] for item in pending if len(found.get(item.parent, ())) == 1}
    circling = in_circles(model, proposed)
    parents = {pk: {"parent_id": parent} for pk, parent in proposed.items() if pk not in circling}
    staging.update(model, {pk: parents[pk] for pk in staging.read(model, parents, ["id"], lock=True)})
    PendingParent.objects.filter(pk__in=[item.pk for item in pending]).delete()
    problems = {
        item.row: "The parents run in a circle."
        if item.child in circling
        else _problem(kind, item.parent, len(found.get(item.parent, ())))
        for item in pending
        if item.child not in parents
    }
    return [Outcome(row, "error", "parent", problem) for row, problem in problems.items()]


def _problem(kind: str, parent: str, count: int) -> str:
    if count:
        return f"{count} {kind} are called “{parent:.80}”; name the parent by its key. The row landed without it."
    return f"There is no parent “{parent:.80}” among the {kind}. The row landed without it."
