"""What lies on the bench: the two versions of a view, and the simulations that there are of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import floor

from django.contrib.auth.models import User
from django.db import transaction

from reporting.facts import Reading
from reporting.lab import queries
from reporting.lab.figures import Names
from reporting.lab.queries import Question
from reporting.lab.view import View
from reporting.models import Comparison
from reporting.sources import mqls_key, replay_key
from scoring import simulation
from scoring.drafts import one_step_back
from scoring.models import ScoringModel, Simulation, Status
from scoring.scopes import Scope, scopes_of

MOST_VERSIONS = 60  # offered for choice, the latest first
DONE = Simulation.Status.DONE
UNDER_WAY = (Simulation.Status.WAITING, Simulation.Status.RUNNING)
_ABOUT = ("created_by", "published_by", "reviewer", "scheduled_by", "solution", "region")
SHOWN = ("live__model", "draft__model", "asked_by", "draft__asked_by")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The two versions of a view, None where there is none to show. done: the latest comparison of which there are
    results; latest: the latest asked for, which may be under way, have failed, or be the same one.
    """

    view: View
    versions: Sequence[ScoringModel]
    live: ScoringModel | None
    draft: ScoringModel | None
    done: Comparison | None
    latest: Comparison | None
    problems: tuple[str, ...] = ()

    @property
    def editable(self) -> bool:
        return self.draft is not None and self.draft.status == Status.DRAFT

    @cached_property
    def simulations(self) -> list[Simulation]:
        """Those of the latest comparison: of the two versions, and of each change alone."""
        if self.latest is None:
            return []
        return [self.latest.live, self.latest.draft, *self.latest.draft.parts.order_by("id")]

    @property
    def under_way(self) -> bool:
        return any(one.status in UNDER_WAY for one in self.simulations)

    @property
    def complete(self) -> bool:
        """Whether there is nothing to simulate: all is done and of the versions' present text."""
        return bool(self.simulations) and not self.stale and all(one.status == DONE for one in self.simulations)

    @cached_property
    def stale(self) -> list[str]:
        """The versions that say something else by now than when what is shown was simulated."""
        if self.done is None:
            return []
        return [called(one.model, plain=True) for one in (self.done.live, self.done.draft) if _is_stale(one)]

    @property
    def failed(self) -> Simulation | None:
        """The simulation that came to nothing, where the latest comparison did."""
        if self.latest is None or self.latest == self.done:
            return None
        ended = (Simulation.Status.FAILED, Simulation.Status.CANCELLED)
        return next((one for one in (self.latest.live, self.latest.draft) if one.status in ended), None)

    @cached_property
    def scope(self) -> Scope | None:
        """The leads that the draft is meant for, None for all: only they are counted."""
        draft = self.draft
        if draft is None or (draft.solution_id is None and draft.region_id is None):
            return None
        return scopes_of([(draft.pk, draft.solution_id, draft.region_id)]).ordered[0]

    @property
    def before(self) -> ScoringModel | None:
        """The version that decided before, to which one step leads back."""
        return one_step_back(self.draft) if self.draft else None

    @property
    def names(self) -> Names:
        outcome = self.view.outcome
        return Names(
            live=called(self.live), draft=called(self.draft), outcome=self.view.outcome_words, plural=outcome.plural
        )


def called(model: ScoringModel | None, *, plain: bool = False) -> str:
    """live v13, draft v14, v12; plain: always v13."""
    if model is None:
        return ""
    kind = "" if plain else "live " if model.active else "draft " if model.status == Status.DRAFT else ""
    return f"{kind}v{model.version}"


def _is_stale(one: Simulation) -> bool:
    """Whether the version says something else by now. What was published before it was simulated cannot."""
    published_at = one.model.published_at
    if published_at is not None and published_at <= one.asked_at:
        return False
    return simulation.digest_of(one.model) != one.digest


def bench(view: View, *, zone: str) -> Bench:
    """Find the versions and simulations that a view asks for. Three queries."""
    versions = list(ScoringModel.objects.select_related(*_ABOUT).order_by("-version"))
    problems: list[str] = []
    draft = _version(versions, view.draft, problems) or next(
        (model for model in versions if model.status == Status.DRAFT), None
    )
    live = _version(versions, view.live, problems) or _deciding(versions, draft)
    if draft is None and live is not None:  # nothing is being drafted: what was published last beside what was before
        draft = next((model for model in versions if model != live), None)
    found = _comparisons(view, live, draft, zone)
    return Bench(
        view=view,
        versions=versions[:MOST_VERSIONS],
        live=live,
        draft=draft,
        done=next((one for one in found if one.live.status == one.draft.status == DONE), None),
        latest=found[0] if found else None,
        problems=tuple(problems),
    )


def _version(versions: Sequence[ScoringModel], number: int | None, problems: list[str]) -> ScoringModel | None:
    if number is None:
        return None
    found = next((model for model in versions if model.version == number), None)
    if found is None:
        problems.append(f"There is no version {number}; shown is the usual one.")
    return found


def _deciding(versions: Sequence[ScoringModel], draft: ScoringModel | None) -> ScoringModel | None:
    """The version that decides about the leads that a draft is meant for, else the one published last."""
    now = scopes_of([(one.pk, one.solution_id, one.region_id) for one in versions if one.active])
    pk = now.model_of(draft.solution_id, draft.region_id) if draft else now.general
    published = [one for one in versions if one.status == Status.PUBLISHED]
    return next((one for one in versions if one.pk == pk), None) or next(iter(published), None)


def _comparisons(view: View, live: ScoringModel | None, draft: ScoringModel | None, zone: str) -> list[Comparison]:
    if live is None or draft is None:
        return []
    start, end = view.bounds(zone)
    asked = Comparison.objects.filter(
        live__model=live, draft__model=draft, live__starts_at=start, live__ends_at=end
    ).select_related(*SHOWN)
    return list(asked.order_by("-id")[:10])


@transaction.atomic
def compare(found: Bench, *, user: User | None, zone: str) -> Comparison:
    """Ask for the simulations of both versions over the view's history. Raises PolicyProblem where that cannot be."""
    assert found.live is not None and found.draft is not None
    start, end = found.view.bounds(zone)
    live = simulation.ask(model=found.live, starts_at=start, ends_at=end, user=user)
    draft = simulation.ask(
        model=found.draft, starts_at=start, ends_at=end, user=user, each_change=True, against=found.live
    )
    return Comparison.objects.get_or_create(live=live, draft=draft, defaults={"asked_by": user})[0]


def replays(comparison: Comparison) -> list[str]:
    """The facts that tell what a comparison that is done came to, each of its changes alone included. One query."""
    parts = comparison.draft.parts.filter(status=DONE).values_list("pk", flat=True)
    return [replay_key(comparison.live_id), replay_key(comparison.draft_id), *map(mqls_key, parts)]


def _threshold(facts: Reading, one: Simulation, *, is_old: bool) -> float:
    """The threshold that a simulation went by: its version's, unless that was edited since."""
    if not is_old:
        return one.model.threshold
    least = queries.least_scored(facts, one.pk)
    return one.model.threshold if least is None else float(floor(least))


def cancel(comparison: Comparison) -> None:
    """Stop what is under way of a comparison; another one that waits for the same simulation is stopped with it."""
    for one in (comparison.draft, comparison.live):
        simulation.cancel(one)


def question(facts: Reading, found: Bench, comparison: Comparison, *, zone: str, now: datetime) -> Question:
    """What to ask the simulations of a comparison for, with the view's filters, outcome and holdout."""
    view = found.view
    start, end = view.bounds(zone)
    until = min(end - timedelta(microseconds=1), now - timedelta(days=view.within))

    def threshold(one: Simulation) -> float:
        return _threshold(facts, one, is_old=called(one.model, plain=True) in found.stale)

    return Question(
        live=comparison.live_id,
        draft=comparison.draft_id,
        start=start,
        end=end,
        until=until,
        split=start,
        first=view.first,
        zone=zone,
        stage=view.outcome.stage,
        within=view.within,
        live_threshold=threshold(comparison.live),
        draft_threshold=threshold(comparison.draft),
        where=view.where,
        scope=found.scope,
    )
