"""Why a score is what it is: the parts sum to what the engine says, at any moment, and the words are right."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from funnel.inbox import Taken
from funnel.models import Activity, Kind, Person, StageEvent
from scoring.engine import apply, state_of
from scoring.explain import strongest, why, why_mql
from scoring.models import ScoringModel
from scoring.policy import policy_of
from scoring.qualifying import decide
from tests import factories as make
from tests.scoring.models import Model, touch_rule

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def days(number: float) -> timedelta:
    return timedelta(days=number)


def touch(person: Person, type_: str, age: float, *, lag: float = 0.0, **fields: Any) -> Activity:
    """A touch so many days ago, recorded so many days later."""
    at = NOW - days(age)
    return make.touch(person=person, type=type_, occurred_at=at, recorded_at=at + days(lag), **fields)


def scored(*touches: Activity, now: datetime = NOW) -> Any:
    (standing,) = apply([Taken(t.person_id, "activity", t.pk) for t in touches], now=now)
    return standing


def every_kind_of_rule() -> Model:
    """All that interest knows: two half-lives, none, caps, a limit a day, a window, negatives, silence."""
    return (
        Model(landmark=NOW - days(200))
        .interest("web", half_life=30, cap=40)
        .interest("mail", half_life=14)
        .interest("hands", cap=60)
        .rule(touch_rule("web", "visit", 8, per_day=2))
        .rule(touch_rule("web", "job", -15))
        .rule(touch_rule("mail", "click", 5))
        .rule(touch_rule("hands", "form", 25))
        .rule(touch_rule("hands", "complaint", -20, window_days=30))
        .rule(touch_rule("hands", "webinar", 10, window_days=20, per_day=1))
        .rule({"category": "hands", "kind": "inactivity", "points": -5, "after_days": 10, "every_days": 7})
    )


# --- the parts and the engine ----------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    touches=st.lists(
        st.tuples(
            st.sampled_from(["visit", "job", "click", "form", "complaint", "webinar", "other"]),
            st.floats(0.01, 90).map(lambda age: round(age, 3)),
        ),
        max_size=12,
    ),
    left=st.none() | st.floats(1, 80),
    later=st.floats(0, 60),
)
def test_parts_sum_to_what_the_engine_says(touches: list[tuple[str, float]], left: float | None, later: float) -> None:
    with transaction.atomic():
        every_kind_of_rule().active()
        pat = make.person()
        if left is not None:
            lead = make.lead(person=pat, at=NOW - days(100))
            make.leave(lead, Kind.RECYCLE, at=NOW - days(left))
        made = [touch(pat, *told) for told in touches]
        standing = scored(*made) if made else apply([Taken(pat.pk, "person", None)], now=NOW)[0]
        found = why(pat.pk, at=NOW)
        assert found is not None
        assert found.interest == pytest.approx(standing.interest, abs=1e-9)
        assert (found.grade, found.band, found.eligible) == (standing.grade, standing.band, standing.eligible)
        _adds_up(found)
        at = NOW + days(later)
        again = why(pat.pk, at=at)
        assert again is not None
        assert again.interest == pytest.approx(state_of([pat.pk], at=at)[pat.pk].interest, abs=1e-9)
        _adds_up(again)
        transaction.set_rollback(True)


def _adds_up(found: Any) -> None:
    interest = [part for part in found.categories if part.axis == "interest"]
    assert sum(part.counted for part in interest) == pytest.approx(found.interest, abs=1e-12)
    for part in interest:
        points = [t.points_now for t in found.touches if t.category == part.name]
        points += [s.points for s in found.silences if s.category == part.name]
        assert sum(points) == pytest.approx(part.raw, abs=1e-9)
        assert part.raw - part.cap_took == pytest.approx(part.counted, abs=1e-9)
        assert 0 <= part.counted <= (part.cap if part.cap is not None else float("inf"))


def test_a_cap_a_limit_and_a_baseline_are_told() -> None:
    every_kind_of_rule().active()
    pat = make.person()
    before = touch(pat, "form", 40)
    make.leave(make.lead(person=pat, at=NOW - days(50)), Kind.RECYCLE, at=NOW - days(30))
    visits = [touch(pat, "visit", 0.1), touch(pat, "visit", 0.1), touch(pat, "visit", 0.1)]
    forms = [touch(pat, "form", 1), touch(pat, "form", 2), touch(pat, "form", 3)]
    scored(before, *visits, *forms)
    found = why(pat.pk, at=NOW)
    assert found is not None and found.baseline_at == StageEvent.objects.get(kind="recycle").recorded_at
    notes = {part.activity_id: (part.points_then, part.points_now, part.note) for part in found.touches}
    assert notes[before.pk] == (25, 0, "Counted before the lead was let go")
    assert notes[visits[2].pk] == (0, 0, "Over the limit of 2 a day")
    hands = next(part for part in found.categories if part.name == "hands")
    assert (hands.raw, hands.counted, hands.cap_took) == (75, 60, 15)


# --- the past --------------------------------------------------------------------------------------------------


def test_the_past_knows_what_had_been_recorded_by_then() -> None:
    Model(landmark=NOW - days(100)).interest("web").rule(touch_rule("web", "form", 10)).active()
    pat = make.person()
    touch(pat, "form", 20)
    touch(pat, "form", 20, lag=15)  # happened before, but heard of later
    touch(pat, "form", 18, voided_at=NOW - days(8))

    def interest(age: float) -> float:
        found = why(pat.pk, at=NOW - days(age))
        assert found is not None
        return found.interest

    assert [interest(age) for age in (21, 19, 10, 6, 4, 0)] == [0, 10, 20, 10, 20, 20]


def test_the_past_knows_the_attributes_of_then() -> None:
    fits = {"field": "account.industry", "op": "is", "value": "Chemicals"}
    chief = {"field": "person.title", "op": "word", "value": "chief"}
    model = (
        Model()
        .fit("company")
        .rule({"name": "Industry", "category": "company", "kind": "attribute", "condition": fits, "points": 20,
               "points_if_unknown": 5})
        .rule({"name": "Chief", "category": "company", "kind": "attribute", "condition": chief, "points": 10})
        .gate("require", {"field": "account.industry", "op": "known"}, "Industry known")
        .gate("exclude", {"field": "account.kind", "op": "is", "value": "competitor"}, "Competitor")
        .active()
    )  # fmt: skip
    acme = make.account()
    pat = make.person(account=acme, title="Buyer")
    changed(acme, NOW - days(40), industry="Chemicals")
    changed(pat, NOW - days(30), title="Chief buyer")
    changed(acme, NOW - days(20), industry="Steel", kind="competitor")
    told = [why(pat.pk, at=NOW - days(age), model=model) for age in (45, 35, 25, 15)]
    assert [found.fit for found in told] == [5, 20, 30, 10]
    assert [[(part.rule, part.known) for part in found.attributes] for found in told][0] == [
        ("Industry", False), ("Chief", True),
    ]  # fmt: skip
    gates = [{gate.name: gate.holds for gate in found.gates} for found in told]
    assert gates[0] == {"Industry known": False, "Competitor": False}
    assert gates[3] == {"Industry known": True, "Competitor": True}
    assert [found.allowed for found in told] == [False, True, True, False]
    assert "Not confirmed: Industry known." in told[0].sentence and "Excluded: Competitor." in told[3].sentence


def changed(row: Any, at: datetime, **values: Any) -> None:
    """Change a row as if at this moment: what the history keeps of it is dated so."""
    type(row).objects.filter(pk=row.pk).update(**values)
    latest = row.history.order_by("-pgh_id").first()
    row.history.filter(pk=latest.pk).update(pgh_created_at=at)


def test_the_version_that_decided_then_explains_then() -> None:
    old = Model().interest("web").rule(touch_rule("web", "form", 10)).active()
    new = Model().interest("web").rule(touch_rule("web", "form", 99)).active()
    ScoringModel.objects.filter(pk=old.pk).update(activated_at=NOW - days(30))
    ScoringModel.objects.filter(pk=new.pk).update(activated_at=NOW - days(10))
    pat = make.person()
    touch(pat, "form", 20)
    assert [why(pat.pk, at=NOW - days(age)).interest for age in (11, 9)] == [10, 99]
    assert why(pat.pk, at=NOW - days(9), model=old).interest == 10


def test_without_a_version_or_a_person_there_is_nothing_to_tell() -> None:
    ScoringModel.objects.update(active=False)
    assert why(make.person().pk, at=NOW) is None
    Model().interest("web").active()
    assert why(0, at=NOW) is None


# --- what comes next -------------------------------------------------------------------------------------------


def test_what_comes_next_is_told_with_its_moment() -> None:
    Model(landmark=NOW - days(10)).interest("web", half_life=10).rule(touch_rule("web", "form", 80)).active()
    pat = make.person()
    scored(touch(pat, "form", 0))
    change = why(pat.pk, at=NOW).next_change
    assert change.moment - (NOW + days(10)) < timedelta(seconds=3)
    assert change.words == "Falls below the threshold"
    assert change.unless == "unless something new happens, such as “Rule 1” (+80)"
    assert change.sentence == f"Falls below the threshold on Thu 11 Jun 12:00 UTC {change.unless}"
    after = why(pat.pk, at=change.moment)
    assert not after.eligible and why(pat.pk, at=change.moment - timedelta(seconds=5)).interest >= 40
    assert after.next_change.words == "Falls to band 4"


def test_a_negative_window_that_ends_lets_interest_rise() -> None:
    model = Model().interest("web").rule(touch_rule("web", "form", 50))
    model.rule(touch_rule("web", "complaint", -20, window_days=30)).active()
    pat = make.person()
    scored(touch(pat, "form", 5), touch(pat, "complaint", 5))
    change = why(pat.pk, at=NOW).next_change
    assert change.words == "Rises to the threshold"
    assert change.moment.date() == (NOW + days(25)).date()


def test_where_nothing_fades_nothing_comes_next() -> None:
    Model().interest("web").rule(touch_rule("web", "form", 50)).active()
    pat = make.person()
    scored(touch(pat, "form", 5))
    assert why(pat.pk, at=NOW).next_change is None


# --- why an MQL ------------------------------------------------------------------------------------------------

DEMO = {"field": "touch.type", "op": "is", "value": "demo"}


def test_the_five_conditions_of_an_mql_by_score() -> None:
    model = Model(landmark=NOW - days(9), grades=[["A", None]], grid={f"A{n}": "mql" for n in (1, 2, 3, 4)})
    model.interest("web", half_life=10).rule(touch_rule("web", "form", 50))
    model.gate("require", {"field": "person.title", "op": "known"}, "Title known").active()
    pat = make.person(title="Buyer")
    lead = make.lead(person=pat)
    decide([scored(touch(pat, "form", 0))], now=NOW)
    lead.refresh_from_db()
    checks = {check.name: (check.holds, check.detail) for check in why_mql(lead)}
    assert checks == {
        "Interest is at the threshold": (True, "50 of the 40 needed"),
        "The grid says MQL": (True, "A2 (fit 0) asks for: MQL"),
        "What must be so is confirmed": (True, "Title known"),
        "Not excluded": (True, "No exclusion holds"),
        "No other lead in work": (True, "None of this solution was"),
    }


def test_a_raised_hand_is_named() -> None:
    Model().interest("web").gate("fast_track", DEMO, "Demo request").active()
    pat = make.person()
    demo = touch(pat, "demo", 0)
    decided = decide([scored(demo)], now=NOW)
    checks = why_mql(pat.leads.get(pk=decided.mqls[0]))
    assert [(check.name, check.holds) for check in checks] == [
        ("Raised a hand", True), ("Not excluded", True), ("No other lead in work", True),
    ]  # fmt: skip
    assert checks[0].detail == "Demo request, Mon 1 Jun 12:00 UTC"


def test_an_mql_by_others_says_so() -> None:
    loaded = make.lead(stages={"inquiry": NOW, "mql": NOW})
    assert [check.detail for check in why_mql(loaded)] == ["Somebody made it an MQL"]
    assert why_mql(make.lead()) == []


# --- for lists -------------------------------------------------------------------------------------------------


def test_the_strongest_reasons_of_several_people() -> None:
    chief = {"field": "person.title", "op": "word", "value": "chief"}
    model = Model(landmark=NOW - days(100)).interest("web", half_life=30, cap=20).interest("hands").fit("role")
    model.rule(touch_rule("web", "visit", 8) | {"name": "Looked at prices"})
    model.rule(touch_rule("hands", "form", 5) | {"name": "Wrote to us"})
    model.rule({"name": "Chief", "category": "role", "kind": "attribute", "condition": chief, "points": 12})
    policy = policy_of(model.gate("fast_track", DEMO, "Demo request").active())
    ann, bob, nobody = make.person(title="Chief officer"), make.person(), make.person()
    for person in (ann, bob):
        touch(person, "form", 3)
    for _ in range(4):
        touch(ann, "visit", 0)
    touch(bob, "demo", 2)
    with CaptureQueriesContext(connection) as captured:
        found = strongest([ann.pk, bob.pk, nobody.pk], now=NOW, policy=policy)
    few = len(captured)
    assert [(r.label, r.points, r.capped, r.fast_track) for r in found[ann.pk]] == [
        ("Looked at prices ×4", 32, True, False), ("Wrote to us", 5, False, False), ("Chief", 12, False, False),
    ]  # fmt: skip
    assert [(r.label, r.fast_track) for r in found[bob.pk]] == [("Demo request", True), ("Wrote to us", False)]
    assert found[nobody.pk] == []
    assert len(strongest([ann.pk], now=NOW, policy=policy, count=1)[ann.pk]) == 1
    with CaptureQueriesContext(connection) as captured:
        strongest([ann.pk], now=NOW, policy=policy)
    assert len(captured) == few
