"""From scores to stages: who becomes an MQL, who raised a hand again, whose interest has cooled.

The decisions themselves are pure (decisions.py); here people and leads are read for them, and leads moved, set by set.
About each lead decides the version whose scope it lies in (scopes.py), or that which an experiment has put in its
place for the person (trials.py).
Everything happens at `now`, the moment of processing, in the caller's transaction with the people locked.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from funnel import inbox
from funnel.derivation import BACK_KINDS
from funnel.inquiries import (
    REGION_OF_TOUCH,
    SOLUTION_OF_TOUCH,
    TOUCH_WITH_ORIGIN,
    open_again,
    open_for_touches,
)
from funnel.models import Exit, Inbox, Kind, Reason, Stage
from funnel.stages import Move, move
from scoring import trials
from scoring.decisions import Decision, OpenLead, Qualification, Touch, View, judge, settle
from scoring.engine import Standing, state_of
from scoring.fits import read as read_fits
from scoring.policy import Policy, live_policies
from scoring.scopes import Scopes, scopes_now
from scoring.trials import Trial

COOLED = "Interest has cooled"  # the reason of a lead that cooled
FAST_TRACK = "fast_track"  # how the cause of an MQL ends that a raised hand made

# Open leads, and what made them so: the latest entry that stands, into Inquiry where they are, else into MQL.
_OPEN_LEADS = f"""
SELECT l.person_id, l.region_id, l.id, l.number, l.stage, l.solution_id, coalesce(entry.by_score, false),
       coalesce(entry.set_back, false)
FROM funnel_lead l
LEFT JOIN LATERAL (
    SELECT e.kind = '{Kind.ADVANCE}' AND starts_with(e.policy, 'scoring:') AND NOT starts_with(e.cause, 'mql:revisit:')
           AND e.cause NOT LIKE '%%:{FAST_TRACK}' AS by_score,
           e.kind IN {BACK_KINDS} AS set_back
    FROM funnel_stageevent e
    WHERE e.lead_id = l.id
      AND e.to_stage = CASE l.stage WHEN '{Stage.INQUIRY}' THEN '{Stage.INQUIRY}' ELSE '{Stage.MQL}' END
      AND NOT EXISTS (SELECT FROM funnel_stageevent v WHERE v.supersedes_id = e.id)
    ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1
) entry ON true
WHERE l.person_id = ANY(%s) AND l.closed_at IS NULL
ORDER BY l.person_id, l.number
"""
_OPEN_LEAD = ("id", "number", "stage", "solution_id", "by_score", "set_back")
_LEFT_AT = f"""
SELECT person_id, solution_id, max(closed_at) FROM funnel_lead
WHERE person_id = ANY(%s) AND exit IN ('{Exit.RECYCLED}', '{Exit.DISQUALIFIED}') GROUP BY person_id, solution_id
"""
_ORIGINS = f"SELECT t.id, {SOLUTION_OF_TOUCH}, {REGION_OF_TOUCH} FROM {TOUCH_WITH_ORIGIN} WHERE t.id = ANY(%s)"
# Leads that no version decides about wait for one.
_IS_DUE = f"""
l.exit = '{Exit.RECYCLED}' AND l.revisit_on <= %s AND (l.revisited_on IS NULL OR l.revisited_on < l.revisit_on)
AND {{model}} IS NOT NULL
"""
_IS_MOOT = """
l.revisit_on < (l.recorded_at AT TIME ZONE 'UTC')::date OR EXISTS (
    SELECT FROM funnel_lead n WHERE n.person_id = l.person_id AND n.solution_id IS NOT DISTINCT FROM l.solution_id
    AND n.id <> l.id AND (n.number > l.number OR n.closed_at IS NULL))
"""


@dataclass(frozen=True, slots=True)
class ReRaise:
    """Somebody raised a hand by this touch, about this lead."""

    lead_id: int
    activity_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was decided, by lead.

    mqls: made now, those of `fast_tracks` among them, which came by a raised hand. reraised: in work already, and a
    hand was raised again. cooled: closed as recycled. flagged: accepted leads whose interest has fallen; tell the
    owner once.
    """

    mqls: list[int] = field(default_factory=list)
    fast_tracks: list[ReRaise] = field(default_factory=list)
    reraised: list[ReRaise] = field(default_factory=list)
    cooled: list[int] = field(default_factory=list)
    flagged: list[int] = field(default_factory=list)


MayCool = Callable[[Collection[int]], Collection[int]]


def decide(standings: Sequence[Standing], *, now: datetime, may_cool: MayCool | None = None) -> Decided:
    """Apply the MQL rule to each person and move their leads. One standing a person and version that decides.

    may_cool: is given leads at MQL that have fallen below the exit level and answers which of them nothing holds; only
    those are closed as recycled. Without it none is: an MQL that nobody has decided about never cools, since neglect
    must not erase itself. Accept clocks are known to the left of scoring, hence the question.
    A lead that somebody else moved meanwhile is left out of the answer.
    """
    seen = _seen([standing for standing in standings if standing.decides])
    if not seen:
        return Decided()
    trials.log(_mattered(seen, now=now), now=now)
    decisions = settle([(one.view, judge(one.view, now=now)) for one in seen])
    judged = [(one.standing, decision) for one, decision in zip(seen, decisions, strict=True)]
    chosen = _choose(judged, now=now)
    fallen = {lead_id: standing for standing, decision in judged for lead_id in decision.cooled}
    free = sorted(set(may_cool(sorted(fallen)))) if may_cool and fallen else []
    raised = [_to_mql(lead_id, standing, mql, now=now) for lead_id, standing, mql in chosen]
    recycled = _to_recycled({lead_id: fallen[lead_id] for lead_id in free}, now=now)
    moved = [*move(raised, now=now, by_rule=True), *move(recycled, now=now)]
    done = {one.lead_id for one in moved if one.done}
    made = [(lead_id, mql) for lead_id, _standing, mql in chosen if lead_id in done]
    return Decided(
        mqls=[lead_id for lead_id, _mql in made],
        fast_tracks=[ReRaise(lead_id, mql.touch.activity_id) for lead_id, mql in made if mql.fast_track and mql.touch],
        reraised=[
            ReRaise(decision.reraised, standing.fast_track.activity_id)
            for standing, decision in judged
            if decision.reraised is not None and standing.fast_track is not None
        ],
        cooled=[lead_id for lead_id in free if lead_id in done],
        flagged=[lead_id for _standing, decision in judged for lead_id in decision.flagged],
    )


@transaction.atomic
def revisit(*, now: datetime, limit: int = 500) -> Decided:
    """Look again at people whose lead was recycled until a day that has come: a new lead, an MQL at once.

    The day was chosen by a person, so neither interest nor the cool-down is asked; exclusions are. Nothing comes of a
    day that lies behind the lead's own record (loaded history), nor where a later lead of the same solution is there.
    Works at most `limit` leads, of people whom nobody else holds, and only those that an active version decides about.
    Of its own transaction.
    """
    policies, scopes = live_policies()
    deciding = {policy.id: policy for policy in policies if policy.id in scopes.models}
    if not deciding:
        return Decided()
    due = _lock_due(now.date(), limit, scopes)
    people = sorted({row.person_id for row in due})
    excluded: set[tuple[int, int]] = set()
    interest: dict[tuple[int, int], float] = {}
    for pk in sorted({row.model_id for row in due}):
        theirs = sorted({row.person_id for row in due if row.model_id == pk})
        fits = read_fits(deciding[pk], theirs)
        excluded |= {(pk, person) for person in fits.people[fits.excluded].tolist()}
        found = state_of(theirs, at=now, policy=deciding[pk])
        interest |= {(pk, person): reading.interest for person, reading in found.items()}
    worked = [row.lead_id for row in due if not row.moot and (row.model_id, row.person_id) not in excluded]
    opened = open_again(worked, now=now)
    wishes = [
        Move(
            lead_id=opened[row.lead_id],
            kind=Kind.ADVANCE.value,
            to_stage=Stage.MQL.value,
            occurred_at=now,
            cause=f"mql:revisit:{row.lead_id}",
            policy=deciding[row.model_id].policy,
            score=interest.get((row.model_id, row.person_id)),
        )
        for row in due
        if row.lead_id in opened
    ]
    mqls = [moved.lead_id for moved in move(wishes, now=now) if moved.done]
    _mark_revisited([row.lead_id for row in due])
    inbox.add(Inbox.Cause.REBUILD, [(pk, None) for pk in people])  # from this day on the baseline is gone
    return Decided(mqls=mqls)


def put_off_revisit(*, now: datetime) -> tuple[int, int] | None:
    """Put the revisit that is due first off by a day: it failed, and must not hold up the others.

    Returns its lead and person; None where none is due. In the caller's transaction.
    """
    is_due = _IS_DUE.format(model=scopes_now().sql())
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE funnel_lead SET revisit_on = %s
            WHERE id = (SELECT l.id FROM funnel_lead l WHERE {is_due} ORDER BY revisit_on LIMIT 1)
            RETURNING id, person_id
            """,
            [now.date() + timedelta(days=1), now.date()],
        )
        row: tuple[int, int] | None = cursor.fetchone()
        return row


@dataclass(frozen=True, slots=True)
class _Due:
    """A recycled lead whose day has come. model_id: the version that decides about it. moot: nothing comes of it."""

    lead_id: int
    person_id: int
    model_id: int
    moot: bool


def _lock_due(today: date, limit: int, scopes: Scopes) -> list[_Due]:
    """Lock people first, then their leads; both in id order, like everybody who locks them."""
    is_due = _IS_DUE.format(model=scopes.sql())
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT id FROM funnel_person
            WHERE id IN (SELECT person_id FROM funnel_lead l WHERE {is_due} ORDER BY revisit_on LIMIT %s)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
            """,
            [today, limit],
        )
        people = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(
            f"SELECT id, person_id, {scopes.sql()}, {_IS_MOOT} "
            f"FROM funnel_lead l WHERE person_id = ANY(%s) AND {is_due} "
            "ORDER BY id FOR NO KEY UPDATE",
            [people, today],
        )
        return [_Due(*row) for row in cursor.fetchall()]


def _mark_revisited(lead_ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE funnel_lead SET revisited_on = revisit_on WHERE id = ANY(%s)", [lead_ids])


# --- reading ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """A standing as the decisions see it. tested: an experiment, and the view as if this version decided."""

    standing: Standing
    view: View
    tested: tuple[Trial, View] | None


def _seen(standings: Sequence[Standing]) -> list[_Seen]:
    """What the decisions need to know of those that may come to something. Four queries, and those of the scopes."""
    if not standings:
        return []
    scopes, known = scopes_now(), trials.running()
    leads = defaultdict(list)
    for person_id, region_id, *values in _rows(_OPEN_LEADS, {standing.person_id for standing in standings}):
        lead = OpenLead(**dict(zip(_OPEN_LEAD, values, strict=True)))
        leads[person_id].append((scopes.model_of(lead.solution_id, region_id), lead))
    standings = [one for one in standings if _may_matter(one, [lead for _model_id, lead in leads[one.person_id]])]
    left_at = defaultdict(list)
    for person_id, solution_id, at in _rows(_LEFT_AT, {standing.person_id for standing in standings}):
        left_at[person_id].append((solution_id, at))
    origins = {pk: tuple(origin) for pk, *origin in _rows(_ORIGINS, _touches_of(standings))}
    seen = []
    for standing in standings:
        person = standing.person_id
        view = _view(standing, origins, leads[person], left_at[person], scopes=scopes, known=known)
        trial = next((one for one in known if standing.policy.id in (one.control, one.changed)), None)
        tested = None
        if trial is not None:
            ours = tuple(replace(lead, ours=model_id == trial.control) for model_id, lead in leads[person])
            tested = (trial, replace(view, leads=ours, fast_track=None))
        seen.append(_Seen(standing, view, tested))
    return seen


def _may_matter(standing: Standing, leads: Iterable[OpenLead]) -> bool:
    """Whether an MQL can come of it, or a lead cool. Of most touches neither, and nothing more is asked about them."""
    may_qualify = standing.fast_track is not None or (standing.eligible and standing.allowed)
    return may_qualify or any(lead.by_score and lead.in_work for lead in leads)


def _mattered(seen: Iterable[_Seen], *, now: datetime) -> list[tuple[Trial, int]]:
    """Whom one of the two versions of an experiment would make an MQL by score, whichever of them decides.

    Asked of both arms alike, so that those who are counted differ by nothing but chance. A raised hand is never part
    of it: both versions answer it the same.
    """
    return [
        (one.tested[0], one.view.person_id)
        for one in seen
        if one.tested and one.view.fast_track is None and judge(one.tested[1], now=now).mql
    ]


def _touches_of(standings: Iterable[Standing]) -> set[int]:
    raised = {standing.fast_track.activity_id for standing in standings if standing.fast_track}
    return raised | {touch for standing in standings for touch in standing.touches}


def _view(
    standing: Standing,
    origins: Mapping[int, tuple[int | None, int | None]],
    leads: Iterable[tuple[int | None, OpenLead]],
    left_at: Iterable[tuple[int | None, datetime]],
    *,
    scopes: Scopes,
    known: Sequence[Trial],
) -> View:
    policy, fast_track = standing.policy, standing.fast_track
    touches = [Touch(pk, origins.get(pk, (None, None))[0]) for pk in standing.touches]
    raised = origins.get(fast_track.activity_id, (None, None)) if fast_track else (None, None)
    return View(
        person_id=standing.person_id,
        interest=standing.interest,
        eligible=standing.eligible,
        allowed=standing.allowed,
        excluded=standing.excluded,
        exit_level=policy.exit_level,
        cooldown_days=policy.cooldown_days,
        touches=tuple(touch for touch in touches if _hears(policy, touch.solution_id)),
        fast_track=Touch(fast_track.activity_id, raised[0]) if fast_track else None,
        leads=tuple(
            replace(lead, ours=trials.decider(known, model_id, standing.person_id) == policy.id)
            for model_id, lead in leads
        ),
        left_at=max((at for solution_id, at in left_at if _hears(policy, solution_id)), default=None),
        opens=trials.decider(known, scopes.model_of(*raised), standing.person_id) == policy.id,
    )


def _hears(policy: Policy, solution_id: int | None) -> bool:
    """Whether what is about this solution, or none, concerns the version."""
    return policy.solution_id is None or solution_id in (None, policy.solution_id)


def _rows(sql: str, ids: Collection[int]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(ids)])
        return cursor.fetchall()


# --- writing ---------------------------------------------------------------------------------------------------


def _choose(judged: Iterable[tuple[Standing, Decision]], *, now: datetime) -> list[tuple[int, Standing, Qualification]]:
    """The lead of each MQL to make; those that a raised hand opens are opened here."""
    to_make = [(standing, decision.mql) for standing, decision in judged if decision.mql]
    opening = [mql.touch.activity_id for _standing, mql in to_make if mql.lead_id is None and mql.touch]
    opened = open_for_touches(opening, now=now)
    chosen = []
    for standing, mql in to_make:
        lead_id = mql.lead_id or (opened.get(mql.touch.activity_id) if mql.touch else None)
        if lead_id is not None:  # a touch that has opened a lead before opens no second one
            chosen.append((lead_id, standing, mql))
    return chosen


def _to_mql(lead_id: int, standing: Standing, mql: Qualification, *, now: datetime) -> Move:
    if mql.touch is None:
        cause = f"mql:review:{standing.person_id}:{now.isoformat()}"
    else:
        cause = f"mql:activity:{mql.touch.activity_id}{f':{FAST_TRACK}' if mql.fast_track else ''}"
    return Move(
        lead_id=lead_id,
        kind=Kind.ADVANCE.value,
        to_stage=Stage.MQL.value,
        expected=Stage.INQUIRY.value,
        occurred_at=now,
        cause=cause,
        policy=standing.policy.policy,
        score=standing.interest,
    )


def _to_recycled(fallen: Mapping[int, Standing], *, now: datetime) -> list[Move]:
    if not fallen:
        return []
    reason, _ = Reason.objects.get_or_create(kind=Reason.For.RECYCLE, stage="", name=COOLED)
    return [
        Move(
            lead_id=lead_id,
            kind=Kind.RECYCLE.value,
            expected=Stage.MQL.value,
            occurred_at=now,
            cause=f"cooled:{standing.person_id}:{now.isoformat()}",
            reason_id=reason.pk,
            policy=standing.policy.policy,
            score=standing.interest,
        )
        for lead_id, standing in fallen.items()
    ]
