"""From scores to stages: what becomes of leads, with which events, and in how many queries."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funnel.models import Inbox, Kind, Lead, Person, Reason, Solution
from funnel.stages import Move, move
from scoring.engine import FastTrack, Standing
from scoring.models import ScoringModel
from scoring.policy import policy_of
from scoring.qualifying import ReRaise, decide, revisit
from tests import factories as make
from tests.factories import NOW
from tests.scoring.models import Model

pytestmark = pytest.mark.django_db

COMPETITORS = {"field": "account.kind", "op": "is", "value": "competitor"}


@pytest.fixture
def policy() -> Any:
    return policy_of(Model().interest("web", half_life=30).gate("exclude", COMPETITORS).active())


def standing(policy: Any, person: Person, **fields: Any) -> Standing:
    """Somebody who qualifies by score, unless a test says otherwise."""
    usual = {
        "interest": 50.0, "fit": 50.0, "grade": "B", "band": 2, "eligible": True, "allowed": True, "touches": (),
        "fast_track": None, "excluded": False, "decides": True,
    }  # fmt: skip
    return Standing(person_id=person.pk, policy=policy, **usual | fields)


def event_of(lead: Lead, stage: str = "mql") -> Any:
    return lead.events.get(to_stage=stage)


def test_interest_makes_an_inquiry_an_mql_and_the_event_says_why(policy):
    lead = make.lead()
    touch = make.touch(person=lead.person)
    later = NOW + timedelta(hours=1)
    decided = decide([standing(policy, lead.person, touches=(touch.pk,))], now=later)
    assert (decided.mqls, decided.fast_tracks) == ([lead.pk], [])
    event = event_of(lead)
    assert (event.kind, event.occurred_at, event.actor) == ("advance", later, None)
    assert (event.cause, event.policy, event.score) == (f"mql:activity:{touch.pk}", policy.policy, 50.0)
    assert Inbox.objects.filter(person=lead.person, cause="by_rule", object_id=event.pk).exists()


def test_without_a_touch_the_review_is_the_cause(policy):
    lead = make.lead()
    decide([standing(policy, lead.person)], now=NOW)
    assert event_of(lead).cause == f"mql:review:{lead.person_id}:{NOW.isoformat()}"


def test_history_and_fills_decide_nothing(policy):
    lead = make.lead()
    assert decide([standing(policy, lead.person, decides=False)], now=NOW).mqls == []
    assert decide([], now=NOW).mqls == []


def test_a_second_look_makes_no_second_mql(policy):
    lead = make.lead()
    touch = make.touch(person=lead.person)
    for _ in range(2):
        decide([standing(policy, lead.person, touches=(touch.pk,))], now=NOW)
    assert lead.events.filter(to_stage="mql").count() == 1


def test_a_raised_hand_opens_a_lead_and_makes_it_an_mql_at_one_moment(policy):
    pat, edge = make.person(), Solution.objects.create(name="Edge")
    demo = make.touch(person=pat, type="demo_request", solution=edge)
    cold = {"interest": 0.0, "eligible": False, "allowed": False}
    raised = standing(policy, pat, touches=(demo.pk,), fast_track=FastTrack(demo.pk, "Demo"), **cold)
    decided = decide([raised], now=NOW)
    lead = Lead.objects.get(person=pat)
    assert (decided.mqls, decided.fast_tracks) == ([lead.pk], [ReRaise(lead.pk, demo.pk)])
    assert (lead.stage, lead.solution, lead.inquiry_at, lead.mql_at) == ("mql", edge, NOW, NOW)
    causes = [event.cause for event in lead.events.in_order()]
    assert causes == [f"activity:{demo.pk}", f"mql:activity:{demo.pk}:fast_track"]


def test_a_raised_hand_of_somebody_in_work_is_a_re_raise(policy):
    lead = make.lead(stages={"inquiry": NOW, "mql": NOW, "sal": NOW})
    demo = make.touch(person=lead.person)
    decided = decide(
        [standing(policy, lead.person, touches=(demo.pk,), fast_track=FastTrack(demo.pk, "Demo"))], now=NOW
    )
    assert (decided.mqls, decided.reraised) == ([], [ReRaise(lead.pk, demo.pk)])


def test_after_a_recycle_interest_waits_for_the_cool_down(policy):
    lead = make.lead()
    make.leave(lead, Kind.RECYCLE, at=NOW)
    again = make.lead(person=lead.person, at=NOW)
    assert decide([standing(policy, lead.person)], now=NOW + timedelta(days=29)).mqls == []
    assert decide([standing(policy, lead.person)], now=NOW + timedelta(days=30)).mqls == [again.pk]


def test_who_was_moved_back_by_a_person_stays_there_until_something_new_comes(policy):
    lead = make.lead()
    decide([standing(policy, lead.person)], now=NOW)
    back = Move(lead_id=lead.pk, kind=Kind.REGRESS, to_stage="inquiry", occurred_at=NOW, cause="test:back")
    assert move([back], now=NOW)[0].done
    assert decide([standing(policy, lead.person)], now=NOW).mqls == []
    touch = make.touch(person=lead.person)
    assert decide([standing(policy, lead.person, touches=(touch.pk,))], now=NOW).mqls == [lead.pk]


# --- cooling ---------------------------------------------------------------------------------------------------

FALLEN = {"interest": 10.0, "eligible": False}


def mql_by_score(policy: Any) -> Lead:
    lead = make.lead()
    assert decide([standing(policy, lead.person)], now=NOW).mqls == [lead.pk]
    lead.refresh_from_db()
    return lead


def test_an_mql_cools_only_where_nothing_holds_it(policy):
    lead = mql_by_score(policy)
    fallen, later = standing(policy, lead.person, **FALLEN), NOW + timedelta(days=40)
    assert decide([fallen], now=later).cooled == []
    assert decide([fallen], now=later, may_cool=lambda leads: []).cooled == []
    asked: list[Any] = []
    decided = decide([fallen], now=later, may_cool=lambda leads: asked.append(leads) or leads)
    lead.refresh_from_db()
    assert (asked, decided.cooled) == ([[lead.pk]], [lead.pk])
    assert (lead.exit, lead.reason.name, lead.closed_at) == ("recycled", "Interest has cooled", later)


def test_an_accepted_lead_is_flagged_and_stays(policy):
    lead = mql_by_score(policy)
    accept = Move(lead_id=lead.pk, kind=Kind.ADVANCE, to_stage="sal", occurred_at=NOW, cause="test:accept")
    move([accept], now=NOW)
    decided = decide([standing(policy, lead.person, **FALLEN)], now=NOW, may_cool=lambda leads: leads)
    lead.refresh_from_db()
    assert (decided.flagged, decided.cooled, lead.closed_at) == ([lead.pk], [], None)


def test_what_did_not_come_by_score_does_not_cool(policy):
    by_hand = make.lead(stages={"inquiry": NOW, "mql": NOW})
    pat = make.person()
    demo = make.touch(person=pat)
    decide([standing(policy, pat, touches=(demo.pk,), fast_track=FastTrack(demo.pk, "Demo"))], now=NOW)
    fallen = [standing(policy, person, **FALLEN) for person in (by_hand.person, pat)]
    assert decide(fallen, now=NOW, may_cool=lambda leads: leads).cooled == []


def test_an_mql_whose_first_one_was_taken_back_is_judged_by_the_second(policy):
    lead = mql_by_score(policy)
    void = Move(lead_id=lead.pk, kind=Kind.VOID, occurred_at=NOW, cause="test:void", supersedes_id=event_of(lead).pk)
    by_hand = Move(lead_id=lead.pk, kind=Kind.ADVANCE, to_stage="mql", occurred_at=NOW, cause="test:by hand")
    move([void, by_hand], now=NOW)
    decided = decide([standing(policy, lead.person, **FALLEN)], now=NOW, may_cool=lambda leads: leads)
    assert decided.cooled == []


# --- set by set ------------------------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow(policy):
    def queries(count: int) -> int:
        batch = []
        for number in range(count):
            lead = make.lead()
            touch = make.touch(person=lead.person)
            batch.append(standing(policy, lead.person, touches=(touch.pk,)))
            other = make.person()
            demo = make.touch(person=other)
            batch.append(standing(policy, other, fast_track=FastTrack(demo.pk, "Demo"), touches=(demo.pk,)))
            if number == 0:
                batch.append(standing(policy, mql_by_score(policy).person, **FALLEN))
        with CaptureQueriesContext(connection) as captured:
            decided = decide(batch, now=NOW, may_cool=lambda leads: leads)
        assert (len(decided.mqls), len(decided.cooled)) == (2 * count, 1)
        return len(captured)

    queries(1)  # the reason is there from now on
    assert queries(1) == queries(8)


# --- revisits --------------------------------------------------------------------------------------------------


def recycled(*, on: date, closed_at: Any = NOW - timedelta(days=5), **fields: Any) -> Lead:
    lead = make.lead(at=closed_at - timedelta(days=1), **fields)
    make.leave(lead, Kind.RECYCLE, at=closed_at, reason_id=Reason.objects.filter(kind="recycle").first().pk)
    Lead.objects.filter(pk=lead.pk).update(revisit_on=on, recorded_at=closed_at - timedelta(days=1))
    return lead


def test_on_the_day_a_new_lead_is_an_mql_whatever_the_score_and_the_cool_down(policy):
    edge = Solution.objects.create(name="Edge")
    old = recycled(on=NOW.date(), solution=edge)
    recycled(on=NOW.date() + timedelta(days=1))
    decided = revisit(now=NOW)
    new = Lead.objects.get(person=old.person, number=2)
    assert (decided.mqls, new.stage, new.solution) == ([new.pk], "mql", edge)
    event = event_of(new)
    assert (event.cause, event.policy) == (f"mql:revisit:{old.pk}", policy.policy)
    assert Inbox.objects.filter(person=old.person, cause="rebuild").exists()
    assert revisit(now=NOW).mqls == []


def test_a_day_given_anew_counts_again(policy):
    old = recycled(on=NOW.date())
    revisit(now=NOW)
    new = Lead.objects.get(person=old.person, number=2)
    make.leave(new, Kind.RECYCLE, at=NOW)
    Lead.objects.filter(pk=new.pk).update(revisit_on=NOW.date() + timedelta(days=9), recorded_at=NOW)
    assert revisit(now=NOW + timedelta(days=8)).mqls == []
    assert len(revisit(now=NOW + timedelta(days=9)).mqls) == 1


def test_nothing_comes_of_a_day_where_a_later_lead_is_there_or_history_was_loaded(policy):
    superseded = recycled(on=NOW.date())
    make.lead(person=superseded.person)
    loaded = recycled(on=NOW.date() - timedelta(days=90))
    Lead.objects.filter(pk=loaded.pk).update(recorded_at=NOW)
    assert revisit(now=NOW).mqls == []
    assert Lead.objects.filter(revisited_on=None, exit="recycled").count() == 0  # neither is looked at again


def test_an_excluded_person_is_not_looked_up_again(policy):
    rival = make.person(account=make.account(kind="competitor"))
    recycled(on=NOW.date(), person=rival)
    assert revisit(now=NOW).mqls == [] and not Lead.objects.filter(person=rival, number=2).exists()


def test_without_an_active_model_the_day_waits(policy):
    lead = recycled(on=NOW.date())
    ScoringModel.objects.update(active=False)
    assert revisit(now=NOW).mqls == []
    lead.refresh_from_db()
    assert lead.revisited_on is None


def test_revisits_work_so_many_at_a_time(policy):
    for _ in range(3):
        recycled(on=NOW.date())
    assert [len(revisit(now=NOW, limit=2).mqls) for _ in range(3)] == [2, 1, 0]
