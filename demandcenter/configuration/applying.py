"""Apply a file: everything in one transaction, or nothing."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Model, ProtectedError
from django.utils import timezone

from demandcenter.configuration.documents import Revision, places
from demandcenter.configuration.plans import Change, Plan, compare
from demandcenter.configuration.sections import SECTIONS, ConfigurationError, Section, read_known
from funnel.versions import PolicyProblem

LOCK = 7_203_011  # of pg_advisory_xact_lock: two people apply one after the other


@transaction.atomic
def apply(text: str, *, prune: bool = False, now: datetime | None = None) -> Plan:
    """Apply the file and return what was done: everything, or nothing with a ConfigurationError.

    Applying the same file again changes nothing. now: when a policy was published; by default this moment.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    plan = compare(text, prune=prune)
    _perform(plan, now=now or timezone.now())
    return plan


def rehearse(text: str, *, prune: bool = False) -> Plan:
    """What `apply` would do, tried out and undone where a policy differs: only writing one finds all that is wrong.

    Raises ConfigurationError for a file that cannot be applied.
    """
    plan = compare(text, prune=prune)
    if plan.revisions:
        with transaction.atomic():
            _perform(plan, now=timezone.now())
            transaction.set_rollback(True)
    return plan


def _perform(plan: Plan, *, now: datetime) -> None:
    problems: list[str] = []
    for section in SECTIONS:
        kept = [change for change in plan.changes if change.section is section and change.after is not None]
        problems += _write(section, kept)
    for revision in plan.revisions if not problems else ():
        problems += _revise(plan, revision, now=now)
    for section in reversed(SECTIONS):
        gone = [change for change in plan.changes if change.section is section and change.after is None]
        problems += _delete(section, gone)
    if problems:
        raise ConfigurationError(problems)


def _revise(plan: Plan, revision: Revision, *, now: datetime) -> list[str]:
    try:
        note = revision.document.write(revision.after, now=now)
    except PolicyProblem as refused:
        return places(refused.problems, revision.document)
    if note:
        plan.notes.append(note)
    return []


def _write(section: Section, changes: list[Change]) -> Iterator[str]:
    """Create and change rows. Yields what the database would refuse."""
    if not changes:
        return
    own = [name for name in section.relations if section.column(name).related_model is section.model]
    others = [name for name in section.relations if name not in own]
    ids = {name: _ids_by_name(section.column(name).related_model, changes, name) for name in others}
    pks = read_known(section).ids
    there = section.model._default_manager.in_bulk([pks[c.identity] for c in changes if c.identity in pks])
    written: list[tuple[Model, Change]] = []
    for change in changes:
        wanted = {name: (change.after or {})[name] for name in others}
        if any(value is not None and value not in ids[name] for name, value in wanted.items()):
            continue  # what it refers to was refused, which is told already
        row = there.get(pks.get(change.identity)) or section.model()
        for name, value in (change.after or {}).items():
            if name in ids:
                setattr(row, f"{name}_id", ids[name].get(value))
            elif name not in own:
                setattr(row, name, value)
        problem = _refusal(section, row)
        if problem:
            yield f"{section.name}, “{section.title(change.after or {})}”: {problem}"
        else:
            row.save()
            written.append((row, change))
    for name in own:  # parents of the same table: now all of them are there
        parents = _ids_by_name(section.model, changes, name)
        for row, change in written:
            setattr(row, f"{name}_id", parents.get((change.after or {})[name]))
            row.save(update_fields=[name])


def _ids_by_name(model: Any, changes: Iterable[Change], column: str) -> dict[Any, Any]:
    names = {(change.after or {})[column] for change in changes} - {None}
    return dict(model._default_manager.filter(name__in=names).values_list("name", "pk")) if names else {}


def _refusal(section: Section, row: Model) -> str:
    """Why the database would refuse the row, as sentences; empty when it would not."""
    try:
        row.full_clean(exclude=section.relations)
    except ValidationError as error:
        told = [(name, text) for name, texts in error.message_dict.items() for text in texts]
        return " ".join(text if name == "__all__" else f"{name}: {text}" for name, text in told)
    return ""


def _delete(section: Section, changes: list[Change]) -> Iterator[str]:
    if not changes:
        return
    pks = read_known(section).ids
    gone = section.model._default_manager.filter(pk__in=[pks[change.identity] for change in changes])
    for name in section.relations:
        if section.column(name).related_model is section.model:
            gone.update(**{name: None})  # parents and children may go together, in any order
    for change in changes:
        try:
            section.model._default_manager.filter(pk=pks[change.identity]).delete()
        except ProtectedError as error:
            users = sorted({str(held._meta.verbose_name_plural) for held in error.protected_objects})
            title = section.title(change.before or {})
            yield f"{section.name}, “{title}” cannot be deleted: {' and '.join(users)} refer to it."
