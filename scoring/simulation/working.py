"""Working replays: chunk by chunk of people, each in a transaction with how far the replay has come.

The row is the queue. Whoever works a chunk holds the row and others pass it over; killed anywhere, the chunk is undone
and the next look goes on from `person_to`. A replay that fails says why and holds up none of the others.
"""

import time
from typing import Final

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.utils import timezone

from funnel.conditions import ConditionError
from scoring.fits import Ids
from scoring.models import ScoringModel, SimulatedLead, Simulation
from scoring.simulation import deciding, knowledge, results, trips, versions, window
from scoring.simulation.changes import apply
from scoring.simulation.replay import Replay
from scoring.simulation.touches import Reader, lighter
from scoring.simulation.versions import Version
from scoring.simulation.window import Window

CHUNK: Final = 10_000  # people
LARGEST: Final = 1_000_000  # touches of a chunk; people with many are worked in smaller ones
_TO_DO: Final = (Simulation.Status.WAITING, Simulation.Status.RUNNING)

log = structlog.get_logger(__name__)


def work(*, seconds: float | None = None) -> int:
    """Work the replays that wait or were left, those that somebody asked for first. Returns how many people.

    seconds: until then, at least one chunk. Raises what lies at the database, and fails only the replay otherwise.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    readers: dict[int, Reader] = {}
    people = 0
    while (done := _chunk(readers)) is not None:
        people += done
        if deadline is not None and time.monotonic() >= deadline:
            break
    return people


class Changed(Exception):
    """The draft was edited while it was being replayed."""


def _chunk(readers: dict[int, Reader]) -> int | None:
    """Work the next people of the replay that is next. None: there is none that nobody works. Readers: by replay."""
    failed: tuple[int, Exception] | None = None
    try:
        with transaction.atomic():
            held = _hold()
            if held is None:
                return None
            try:
                with transaction.atomic():
                    return _next_people(held, readers)
            except Exception as error:
                if _is_the_databases(error):
                    raise
                failed = held.pk, error
                _fail(held, error)
                return 0
    finally:
        if failed is not None:
            log.error("simulation_failed", simulation=failed[0], exc_info=failed[1])


def _hold() -> Simulation | None:
    """The next replay that nobody else works, locked."""
    rows = Simulation.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
    nobodys = ExpressionWrapper(Q(asked_by=None), output_field=BooleanField())
    return rows.filter(status__in=_TO_DO).order_by(nobodys, "id").first()


def _next_people(held: Simulation, readers: dict[int, Reader]) -> int:
    version = version_of(held)
    stretch = Window.of(version.model, since=held.starts_at.timestamp(), until=held.ends_at.timestamp())
    if held.status == Simulation.Status.WAITING:
        held.status, held.started_at = Simulation.Status.RUNNING, timezone.now()
        held.people_in_all = window.count(stretch)
    if version.digest() != held.digest:
        raise Changed("The draft was edited while it was being replayed. Ask for it again.")
    reader = readers.get(held.pk)
    if reader is None:
        reader = readers[held.pk] = Reader(version.policy())
    people = lighter(window.candidates(stretch, after=held.person_to, limit=CHUNK), most=LARGEST)
    if len(people):
        _replay(held, reader, stretch, people)
        held.person_to, held.people = int(people[-1]), held.people + len(people)
    else:
        held.status, held.finished_at = Simulation.Status.DONE, timezone.now()
    held.save()
    return len(people)


def _replay(held: Simulation, reader: Reader, stretch: Window, people: Ids) -> None:
    touches = reader.read(people, until=stretch.until)
    found = trips.read(people, touches, stretch)
    replay = Replay(reader.policy, found, touches, knowledge.read(reader.policy, people))
    results.write(held, replay, deciding.decide(replay))


def version_of(simulation: Simulation) -> Version:
    """What a replay is of: a version as it stands by now, or another one with one change made to it."""
    if simulation.change is None:
        return versions.read(simulation.model)
    against = ScoringModel.objects.get(pk=simulation.change["against"])
    return apply(versions.read(against), simulation.change["data"])


def _fail(held: Simulation, error: Exception) -> None:
    held.refresh_from_db()
    held.status, held.problem, held.finished_at = Simulation.Status.FAILED, problem_of(error), timezone.now()
    held.save()
    SimulatedLead.objects.filter(simulation=held)._raw_delete("default")


def problem_of(error: Exception) -> str:
    """Why it failed, without values of rows: they may be personal data."""
    if isinstance(error, Changed | ConditionError):
        return str(error)[:300]
    if isinstance(error, DatabaseError):
        diagnosis = getattr(error.__cause__, "diag", None)
        return f"The database refused it: {getattr(diagnosis, 'message_primary', None) or type(error).__name__}"[:300]
    return f"It failed by a fault of the product ({type(error).__name__}); its log says more."


def _is_the_databases(error: Exception) -> bool:
    """Whether the same may well succeed later: the connection broke, or others were in the way."""
    code = getattr(error.__cause__, "pgcode", None) or ""
    if isinstance(error, InterfaceError) or code[:2] == "40":
        return True
    return isinstance(error, OperationalError) and (not code or code[:2] in ("08", "53", "57", "58"))
