"""The scoring engine: what became known of people becomes their score, set by set (docs/scoring.md).

`apply` serves one touch, a batch of the pipeline, the fill of a new version and a repair. It runs in the caller's
transaction (READ COMMITTED), which holds the people, so that nobody else works on them; the number of statements does
not depend on the number of people or touches.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from funnel.inbox import Taken
from funnel.models import Inbox
from scoring import accounts, contributions, fits, hands, states, writing
from scoring.decay import DAY, Floats, interest, next_review, rounded
from scoring.fits import Fits
from scoring.hands import FastTrack
from scoring.models import Score
from scoring.policy import Policy, general_policy, live_policies
from scoring.states import States
from scoring.trials import running

__all__ = ["FastTrack", "Reading", "Standing", "apply", "review", "state_of"]

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands under a version that decides.

    interest: now, above the baseline. eligible: interest is at the threshold and the grid says MQL. allowed: the gates
    let the person through; excluded: one forbids it. touches: those of this batch that count. fast_track: the first of
    them that raises a hand. decides: whether anything but loading history brought the person here.
    """

    person_id: int
    policy: Policy
    interest: float
    fit: float
    grade: str
    band: int
    eligible: bool
    allowed: bool
    touches: tuple[int, ...]
    fast_track: FastTrack | None
    excluded: bool
    decides: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A score as it is shown. interest and band: at the moment asked for; the rest as it was scored last."""

    person_id: int
    policy: str
    interest: float
    fit: float
    grade: str
    band: int
    eligible: bool
    allowed: bool
    next_review_at: datetime | None


@dataclass(slots=True)
class _Work:
    """What a batch is about. everybody: whom it concerns under any version; fills: under one version only."""

    touches: dict[int, set[int]] = field(default_factory=dict)
    everybody: set[int] = field(default_factory=set)
    deciding: set[int] = field(default_factory=set)
    anew: set[int] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    fills: dict[int, set[int]] = field(default_factory=dict)
    causes: dict[int, writing.Cause] = field(default_factory=dict)


_ANEW = frozenset({Inbox.Cause.REBUILD.value, Inbox.Cause.LOADED.value})
_QUIET = frozenset({Inbox.Cause.LOADED.value, Inbox.Cause.FILL.value})
# Which cause of several is told of a change: the highest.
_TOLD = {
    cause.value: rank
    for rank, cause in enumerate(
        (
            Inbox.Cause.FILL,
            Inbox.Cause.LOADED,
            Inbox.Cause.ACTIVATED,
            Inbox.Cause.REBUILD,
            Inbox.Cause.PERSON,
            Inbox.Cause.STAGE_EVENT,
            Inbox.Cause.ACTIVITY,
        )
    )
}
_FILL, _ACTIVITY, _STAGE_EVENT, _BY_RULE, _PERSON = (
    cause.value
    for cause in (
        Inbox.Cause.FILL, Inbox.Cause.ACTIVITY, Inbox.Cause.STAGE_EVENT, Inbox.Cause.BY_RULE, Inbox.Cause.PERSON
    )
)  # fmt: skip


def apply(taken: Sequence[Taken], *, now: datetime) -> list[Standing]:
    """Work what was taken out of the inbox into the scores of every published version.

    A touch is added to what its person has; a rebuild, the first score of a person, a new baseline and a fill sum all
    touches of the person that do not wait in the inbox themselves. Returns where each person stands under each version
    that decides about anybody, version by version in the order of ids; nothing for people who are gone.
    """
    work = _sort(taken)
    if not (work.everybody or work.fills):
        return []
    policies, scopes = live_policies()
    deciding = scopes.models | {trial.changed for trial in running()}
    standings: list[Standing] = []
    for policy in policies:
        people = np.array(sorted(work.everybody | work.fills.get(policy.id, set())), dtype=np.int64)
        if not len(people):
            continue
        scored = _score(policy, people, work, now=now)
        if policy.id in deciding:
            standings += _standings(policy, scored, work)
        if policy.id == scopes.general:
            accounts.note(people.tolist(), moved=work.changed | work.anew)
    return standings


def review(*, now: datetime, limit: int) -> list[Standing]:
    """Score again the people whose review is due, at most `limit` of each version, and give where they stand.

    Locks the people; those whom somebody else holds are left for the next time. Standings are of the versions that
    decide about anybody, each for the people whose review it was.
    """
    policies, scopes = live_policies()
    deciding = scopes.models | {trial.changed for trial in running()}
    standings: list[Standing] = []
    for policy in policies:
        people = _due(policy, now=now, limit=limit)
        if len(people):
            work = _Work(deciding=set(people.tolist()), causes=dict.fromkeys(people.tolist(), ("review", 0)))
            scored = _score(policy, people, work, now=now)
            if policy.id in deciding:
                standings += _standings(policy, scored, work)
    return standings


def state_of(
    person_ids: Collection[int], *, at: datetime | None = None, policy: Policy | None = None
) -> dict[int, Reading]:
    """Scores by person as of `at` (default: now), which must not lie before the last touch.

    policy: the version to go by; by default the one that decides about all leads that no other does. Of leads see
    `scoring.by_lead`. People without a score are left out. A constant number of statements.
    """
    policy = policy or general_policy()
    if policy is None or not person_ids:
        return {}
    moment = (at or datetime.now(UTC)).timestamp()
    people = np.array(sorted(set(person_ids)), dtype=np.int64)
    known = states.read(policy, people)
    shown = interest(policy.curve, states.points_of(policy, known, moment), moment)
    bands = policy.band_places(shown)
    return {
        int(people[place]): Reading(
            person_id=int(people[place]),
            policy=policy.policy,
            interest=float(shown[place]),
            fit=float(known.fit_total[place]),
            grade=policy.grades[known.grade[place]][0],
            band=policy.bands[bands[place]][0],
            eligible=bool(known.eligible[place]),
            allowed=bool(known.allowed[place]),
            next_review_at=_moment(known.next_review_at[place]),
        )
        for place in np.flatnonzero(known.stored)
    }


# --- a batch -----------------------------------------------------------------------------------------------------


def _sort(taken: Iterable[Taken]) -> _Work:
    work = _Work()
    told: dict[int, tuple[int, int]] = {}
    for row in taken:
        person, cause, object_id = row.person_id, str(row.cause), row.object_id or 0
        if cause == _BY_RULE:
            continue  # it was decided by the score as it stands
        if cause == _FILL:
            work.fills.setdefault(object_id, set()).add(person)
        else:
            work.everybody.add(person)
        if cause == _ACTIVITY and object_id:
            work.touches.setdefault(person, set()).add(object_id)
        elif cause in _ANEW:
            work.anew.add(person)
        elif cause == _STAGE_EVENT:
            work.moved.add(person)
        elif cause == _PERSON:
            work.changed.add(person)
        if cause not in _QUIET:
            work.deciding.add(person)
        news = (_TOLD[cause], object_id)
        if news > told.get(person, (-1, 0)):
            told[person] = news
            work.causes[person] = (cause, object_id)
    return work


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """States as they have been written, with what was not stored of them."""

    states: States
    fits: Fits
    interest: Floats


def _score(policy: Policy, people: Ids, work: _Work, *, now: datetime) -> _Scored:
    """Bring the scores of these people up to date under one version and write them."""
    at = now.timestamp()
    fit = fits.read(policy, people.tolist())
    before = states.read(policy, fit.people)
    after = _accumulate(policy, before, work, now=now)
    points = states.points_of(policy, after, at)
    shown = interest(policy.curve, points, at)
    grade, band = policy.grade_places(fit.totals), policy.band_places(shown)
    eligible = (rounded(shown) >= policy.threshold) & policy.qualifies[grade, band]
    free_at = after.baseline_at + policy.cooldown_days * DAY
    due = np.where(eligible & (free_at > at), free_at, np.nan)
    after = replace(
        after,
        fit_total=fit.totals,
        grade=grade,
        band=band,
        eligible=eligible,
        allowed=fit.allowed,
        next_review_at=next_review(policy.curve, points, np.full(len(fit.people), at), due),
    )
    writing.write(
        policy,
        after,
        before=before,
        fit=fit.fit,
        interest=shown,
        causes=[work.causes.get(person, ("", 0)) for person in fit.people.tolist()],
        news=np.isin(fit.people, list(work.deciding)),
        at=at,
    )
    return _Scored(after, fit, shown)


def _accumulate(policy: Policy, before: States, work: _Work, *, now: datetime) -> States:
    """The states with the batch's touches added, or with all touches summed anew."""
    people = before.people
    listed = work.anew | work.fills.get(policy.id, set()) | (work.changed if policy.touches_ask_of_people else set())
    anew = ~before.stored | np.isin(people, list(listed))
    asked = anew | np.isin(people, list(work.moved))
    baseline_at = before.baseline_at.copy()
    baseline_at[asked] = np.nan
    today = now.astimezone(UTC).date()
    found = states.baselines(people[asked].tolist(), today=today, solution_id=policy.solution_id)
    baseline_at[np.searchsorted(people, list(found))] = list(found.values())
    # A recycle, or one taken back: what counts below the baseline becomes another.
    anew |= ~((baseline_at == before.baseline_at) | (np.isnan(baseline_at) & np.isnan(before.baseline_at)))
    acc, base, last_at = before.acc.copy(), before.base.copy(), before.last_at.copy()
    touches = [(person, touch) for person in people[~anew].tolist() for touch in sorted(work.touches.get(person, ()))]
    if touches:
        added = contributions.add(policy, people, touches, baselines=baseline_at)
        acc, base, last_at = acc + added.acc, base + added.base, np.maximum(last_at, added.last_at)
    if anew.any():
        summed = contributions.sum_anew(policy, people[anew], baselines=baseline_at[anew])
        acc[anew], base[anew], last_at[anew] = summed.acc, summed.base, summed.last_at
    return replace(before, acc=acc, base=base, last_at=last_at, baseline_at=baseline_at)


def _standings(policy: Policy, scored: _Scored, work: _Work) -> list[Standing]:
    after = scored.states
    people = after.people.tolist()
    raised = hands.read(policy, [(person, touch) for person in people for touch in work.touches.get(person, ())])
    return [
        Standing(
            person_id=person,
            policy=policy,
            interest=float(scored.interest[place]),
            fit=float(after.fit_total[place]),
            grade=policy.grades[after.grade[place]][0],
            band=policy.bands[after.band[place]][0],
            eligible=bool(after.eligible[place]),
            allowed=bool(after.allowed[place]),
            touches=raised.touches.get(person, ()),
            fast_track=raised.fast_tracks.get(person),
            excluded=bool(scored.fits.excluded[place]),
            decides=person in work.deciding,
        )
        for place, person in enumerate(people)
    ]


# --- reviews -----------------------------------------------------------------------------------------------------


def _due(policy: Policy, *, now: datetime, limit: int) -> Ids:
    """Lock people whose review is due, as far as nobody else holds them, in id order."""
    due = Score.objects.filter(model_id=policy.id, next_review_at__lte=now).order_by("next_review_at")
    wanted = list(due.values_list("person_id", flat=True)[:limit])
    if not wanted:
        return np.array([], dtype=np.int64)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM funnel_person WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED", [wanted]
        )
        mine = [pk for (pk,) in cursor.fetchall()]
    # A statement of its own: somebody who held them a moment ago may have done the review.
    still = set(due.filter(person_id__in=mine).values_list("person_id", flat=True))
    return np.array([pk for pk in mine if pk in still], dtype=np.int64)


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if np.isfinite(seconds) else None
