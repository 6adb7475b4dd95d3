"""Asking for replays, and finding those that are there."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from funnel import hints
from funnel.versions import PolicyProblem
from scoring.checks import check_parts
from scoring.models import ScoringModel, SimulatedLead, Simulation, Status
from scoring.simulation import versions
from scoring.simulation.changes import apply, changes
from scoring.simulation.versions import Version

TASK: Final = "scoring.tasks.simulate"
MOST_CHANGES: Final = 12  # replayed alone
WEEKS: Final = timedelta(weeks=52)  # of history that is replayed every night: an MQL takes half of it to be won
KEPT: Final = timedelta(days=7)  # how long a replay that failed can be asked why
_TO_DO: Final = (Simulation.Status.WAITING, Simulation.Status.RUNNING)


@transaction.atomic
def ask(
    *,
    model: ScoringModel,
    starts_at: datetime,
    ends_at: datetime,
    user: User | None,
    each_change: bool = False,
    against: ScoringModel | None = None,
    now: datetime | None = None,
) -> Simulation:
    """Have the history between these moments replayed under a version; one that is there or asked for is given again.

    each_change: also, as `parts`, under `against` (default: the version that decides) with each of the changes alone,
    at most MOST_CHANGES of them; those that cannot stand alone are left out. Raises PolicyProblem for a draft that
    could not be published, and for moments the wrong way round or ahead.
    """
    if problems := _problems(model, starts_at, ends_at, now or timezone.now()):
        raise PolicyProblem(problems)
    digest = versions.digest_of(model)
    window = {"model": model, "digest": digest, "starts_at": starts_at, "ends_at": ends_at}
    known = Simulation.objects.filter(part_of=None, status__in=(*_TO_DO, Simulation.Status.DONE), **window).first()
    simulation = known or Simulation.objects.create(asked_by=user, **window)
    if user and simulation.asked_by_id is None:  # what somebody asked for is not pruned with the nightly ones
        simulation.asked_by = user
        simulation.save(update_fields=["asked_by"])
    if each_change:
        _ask_for_parts(simulation, against or ScoringModel.objects.filter(active=True).first(), user)
    hints.look(TASK)
    return simulation


def cancel(simulation: Simulation) -> None:
    """Stop a replay that waits or runs, and its parts; what it has written is not shown."""
    rows = Simulation.objects.filter(status__in=_TO_DO)
    for chosen in (rows.filter(pk=simulation.pk), rows.filter(part_of=simulation)):
        chosen.update(status=Simulation.Status.CANCELLED, finished_at=timezone.now())
    simulation.refresh_from_db()


def latest(
    model: ScoringModel, *, starts_at: datetime | None = None, ends_at: datetime | None = None
) -> Simulation | None:
    """The replay of a version that was finished last, of this stretch if given."""
    return of(model, starts_at=starts_at, ends_at=ends_at).first()


def of(
    model: ScoringModel, *, starts_at: datetime | None = None, ends_at: datetime | None = None
) -> QuerySet[Simulation]:
    """Finished replays of a version, the latest first, parts apart."""
    window = {name: at for name, at in (("starts_at", starts_at), ("ends_at", ends_at)) if at is not None}
    done = Simulation.objects.filter(model=model, part_of=None, status=Simulation.Status.DONE, **window)
    return done.order_by(F("finished_at").desc(), "-id")


def is_stale(simulation: Simulation) -> bool:
    """Whether the version has been edited since, so that the replay is of another text."""
    if simulation.model.status != Status.DRAFT and simulation.part_of_id is None:
        return False
    whole = simulation.part_of or simulation
    return whole.digest != versions.digest_of(whole.model)


def refresh(*, now: datetime) -> Simulation | None:
    """Ask for the last 52 weeks under the version that decides, and drop what older nights left; None without one."""
    model = ScoringModel.objects.filter(active=True).first()
    if model is None:
        return None
    ends_at = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    _prune(now)
    return ask(model=model, starts_at=ends_at - WEEKS, ends_at=ends_at, user=None, now=now)


def _prune(now: datetime) -> None:
    """Delete replays that nobody asked for, but for the latest of each version, and those that came to nothing."""
    done = Simulation.objects.filter(status=Simulation.Status.DONE, part_of=None)
    kept = done.order_by("model_id", F("finished_at").desc(), "-id").distinct("model_id").values("pk")
    nightly = done.filter(asked_by=None).exclude(pk__in=kept)
    stopped = (Simulation.Status.FAILED, Simulation.Status.CANCELLED)
    nothing = Simulation.objects.filter(status__in=stopped, asked_at__lt=now - KEPT)
    gone = [*nightly.values_list("pk", flat=True), *nothing.values_list("pk", flat=True)]
    gone += Simulation.objects.filter(part_of__in=gone).values_list("pk", flat=True)
    SimulatedLead.objects.filter(simulation__in=gone)._raw_delete("default")
    Simulation.objects.filter(pk__in=gone).delete()


def _problems(model: ScoringModel, starts_at: datetime, ends_at: datetime, now: datetime) -> list[str]:
    problems = []
    if ends_at <= starts_at:
        problems.append("A stretch of history must end after it begins.")
    if ends_at > now:
        problems.append("Only what has happened can be replayed: the stretch must end by now.")
    return problems or (_problems_of(versions.read(model)) if model.status == Status.DRAFT else [])


def _problems_of(version: Version) -> list[str]:
    return check_parts(version.model, list(version.categories), list(version.rules), list(version.gates))


def _ask_for_parts(simulation: Simulation, against: ScoringModel | None, user: User | None) -> None:
    if against is None or against.pk == simulation.model_id:
        return
    base = versions.read(against)
    asked = []
    for change in changes(simulation.model, against)[:MOST_CHANGES]:
        alone = apply(base, change.data)
        if _problems_of(alone):
            continue
        data = {"against": against.pk, "words": change.words, "data": change.data}
        asked.append(
            Simulation(
                model_id=simulation.model_id, part_of=simulation, change=data, digest=alone.digest(),
                starts_at=simulation.starts_at, ends_at=simulation.ends_at, asked_by=user,
            )
        )  # fmt: skip
    known = set(simulation.parts.exclude(status=Simulation.Status.CANCELLED).values_list("digest", flat=True))
    Simulation.objects.bulk_create(part for part in asked if part.digest not in known)
