"""Loading reps."""

from funnel import staging
from funnel.identity import normal_email
from funnel.ingest import references
from funnel.ingest.chunk import Chunk
from funnel.ingest.upserts import Draft, columns_of, save
from funnel.models import Rep

_COLUMNS = ("name", "email", "team", "region", "active", "hired_on")


def write(chunk: Chunk) -> None:
    """Reps by (source, external id); a rep who so far was only a name takes the key of the row with this name."""
    _prepare(chunk)
    references.look_up(chunk, "team", "region")
    known = staging.find_keys("funnel_rep", {entry.key for entry in chunk.entries}, source=chunk.source)
    by_name = _only_names(chunk, {entry.text("name") for entry in chunk.entries if entry.key not in known} - {""})
    drafts = []
    for entry in sorted(chunk.entries, key=lambda entry: entry.key):
        pk = known.get(entry.key) or by_name.pop(entry.text("name"), None)
        if pk is None and not entry.text("name"):
            chunk.fail(entry, "A new rep needs a name.", "name")
            continue
        values = columns_of(Rep, entry, _COLUMNS) | {"source": chunk.source, "external_id": entry.key}
        drafts.append(Draft(entry, pk, values))
    save(Rep, drafts)


def _prepare(chunk: Chunk) -> None:
    for entry in chunk.entries:
        entry.values.setdefault("external_id", None)
        entry.values["external_id"] = entry.values["external_id"] or entry.values.get("name")
        if not entry.key:
            chunk.fail(entry, "A rep needs a name or an external_id.", "name")
        if "name" in entry.values and entry.values["name"] is None:
            chunk.fail(entry, "A rep's name cannot be blank.", "name")
        if email := entry.text("email"):
            try:
                entry.values["email"] = normal_email(email)
            except ValueError as error:
                chunk.fail(entry, str(error), "email")
    chunk.sift()
    chunk.fold_repeats(lambda entry: entry.key)


def _only_names(chunk: Chunk, names: set[str]) -> dict[str, int]:
    """Reps known by name alone: made in the admin, or from a row of this source that named an owner."""
    reps = Rep.objects.filter(name__in=names).values_list("name", "source", "external_id", "id").order_by("-id")
    return {
        name: pk
        for name, source, external_id, pk in reps
        if not external_id or (source == chunk.source and external_id == name)
    }
