"""Loading stage events of leads that are known: entries into stages, and how they left."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from funnel import stages, staging
from funnel.ingest import references
from funnel.ingest.chunk import Chunk, Entry
from funnel.models import Inbox, Kind, Reason, Stage
from funnel.path import EXITS

_KIND_OF_EXIT = {name: kind for kind, name in EXITS.items()}
_REASONS = frozenset(Reason.For.values)


@dataclass(frozen=True, slots=True)
class Body:
    """What one event says. `kind` is blank where the file leaves it to us."""

    lead_id: int
    stage: str
    kind: str
    occurred_at: datetime
    reason_id: int | None

    def agrees_with(self, stored: "Body") -> bool:
        """Whether a stored event is this one; its kind may be ours where the file names none."""
        return self == stored or (
            not self.kind and self == Body(stored.lead_id, stored.stage, "", stored.occurred_at, stored.reason_id)
        )


def write(chunk: Chunk) -> None:
    """Stage events by (source, external id); the same key with another body is an error. Any order of rows will do."""
    for entry in chunk.entries:
        _check(chunk, entry)
    chunk.sift()
    references.look_up_reasons(
        chunk, [(entry, _move_kind(entry)) for entry in chunk.entries if _move_kind(entry) in _REASONS]
    )
    _look_up_leads(chunk)
    bodies = {entry: _body(entry) for entry in chunk.entries}
    _settle_repeats(chunk, bodies)
    _move(chunk, bodies)


def _check(chunk: Chunk, entry: Entry) -> None:
    chunk.refuse_future(entry, "occurred_at")
    stage, kind = entry.text("stage"), entry.text("kind")
    if kind and stage in _KIND_OF_EXIT:
        chunk.fail(entry, f"“{stage}” is a way of leaving, not a stage one can {kind} to.", "kind")
    if entry.values.get("reason") and _move_kind(entry) not in _REASONS:
        entry.warnings.append("A reason belongs to leaving, moving back or reopening; it was left out.")


def _move_kind(entry: Entry) -> str:
    """The kind of the move, as far as the row tells."""
    stage = entry.text("stage")
    return entry.text("kind") or _KIND_OF_EXIT.get(stage, Kind.ADVANCE.value)


def _look_up_leads(chunk: Chunk) -> None:
    """Put the lead's id into `entry.ids["lead"]`. One query."""
    wanted = {(entry.text("lead_source") or chunk.source, entry.values["lead"]) for entry in chunk.entries}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.source, l.external_id, l.id, l.person_id "
            "FROM unnest(%s::text[], %s::text[]) AS w(source, external_id) "
            f"JOIN funnel_lead l ON l.source = w.source AND l.external_id = w.external_id AND l.{staging.HAS_KEY}",
            [[source for source, _ in wanted], [key for _, key in wanted]],
        )
        known = {(source, key): (pk, person_id) for source, key, pk, person_id in cursor.fetchall()}
    for entry in chunk.entries:
        source = entry.text("lead_source") or chunk.source
        entry.ids["lead"], entry.ids["person"] = known.get((source, entry.values["lead"]), (None, None))
        if entry.ids["lead"] is None:
            problem = f"There is no lead “{entry.values['lead']:.80}” of source “{source}”. Load the leads first."
            chunk.fail(entry, problem, "lead")
    chunk.sift()


def _body(entry: Entry) -> Body:
    assert entry.ids["lead"] is not None, "rows of unknown leads have failed"
    return Body(
        lead_id=entry.ids["lead"],
        stage=entry.text("stage"),
        kind=entry.text("kind"),
        occurred_at=entry.values["occurred_at"],
        reason_id=entry.ids.get("reason"),
    )


def _settle_repeats(chunk: Chunk, bodies: Mapping[Entry, Body]) -> None:
    """Events loaded before, in this chunk or an earlier one: unchanged, or an error where the body is another."""
    stored = _stored(chunk, [_cause(chunk, entry) for entry in chunk.entries])
    for entry in chunk.entries:
        body = bodies[entry]
        before = stored.setdefault(_cause(chunk, entry), body)
        if before is body:
            continue
        if body.agrees_with(before):
            chunk.settle(entry, "unchanged")
        else:
            was = f"{before.stage} on {before.occurred_at:%Y-%m-%d %H:%M:%S} UTC"
            chunk.fail(entry, f"“{entry.key:.80}” was loaded before with another body: {was}.", "external_id")
    chunk.sift()


def _stored(chunk: Chunk, causes: Collection[str]) -> dict[str, Body]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT cause, lead_id, to_stage, kind, occurred_at, reason_id FROM funnel_stageevent "
            # Says what the partial unique index on loaded causes says, so that it is used.
            "WHERE cause = ANY(%s) AND cause LIKE 'load:%%'",
            [list(causes)],
        )
        return {
            cause: Body(lead_id, to_stage or EXITS[kind], "" if kind in EXITS else kind, occurred_at, reason_id)
            for cause, lead_id, to_stage, kind, occurred_at, reason_id in cursor.fetchall()
        }


def _cause(chunk: Chunk, entry: Entry) -> str:
    return f"load:event/{chunk.source}/{entry.key}"


def _move(chunk: Chunk, bodies: Mapping[Entry, Body]) -> None:
    entries: Sequence[Entry] = chunk.entries
    wishes = [_wish(chunk, entry, bodies[entry]) for entry in entries]
    reset: list[int | None] = []
    for entry, moved in zip(entries, stages.move(wishes, now=chunk.now, history=not chunk.live), strict=True):
        if moved.problem:
            chunk.fail(entry, moved.problem, "stage")
        else:
            chunk.settle(entry, "created")
            if _move_kind(entry) in stages.RESET_SCORES:
                reset.append(entry.ids["person"])
        if moved.warning:
            entry.warnings.append(moved.warning)
    if not chunk.live:
        chunk.tell(Inbox.Cause.LOADED, [(pk, None) for pk in reset if pk is not None])


def _wish(chunk: Chunk, entry: Entry, body: Body) -> stages.Move:
    return stages.Move(
        lead_id=body.lead_id,
        kind=_move_kind(entry),
        to_stage=body.stage if body.stage in Stage.values else "",
        occurred_at=body.occurred_at,
        cause=_cause(chunk, entry),
        reason_id=body.reason_id,
    )
