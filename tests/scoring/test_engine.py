"""The engine by examples that can be checked by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funnel.inbox import Taken
from funnel.models import Activity
from scoring import services
from scoring.engine import Standing, apply, review, state_of
from scoring.models import Score, ScoreChange
from tests import factories
from tests.scoring.models import Model, touch_rule

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


def simple(**fields) -> Model:
    """One category that halves every 30 days: 50 points a form, 15 a visit; every grade qualifies."""
    model = Model(landmark=NOW - 100 * DAY, **fields).interest("web", half_life=30)
    model.row.grid = {cell: "mql" if cell[1] in "12" else "nurture" for cell in model.row.grid}
    model.row.save()
    return model.rule(touch_rule("web", "form", 50)).rule(touch_rule("web", "visit", 15))


def add(*touches: Activity, now: datetime = NOW) -> list[Standing]:
    return apply([Taken(touch.person_id, "activity", touch.pk) for touch in touches], now=now)


def test_points_halve():
    simple().active()
    person = factories.person()
    touch = factories.touch(person=person, occurred_at=NOW - 30 * DAY, type="form")
    (standing,) = add(touch)
    assert standing.interest == pytest.approx(25)
    assert (standing.band, standing.eligible, standing.decides, standing.touches) == (3, False, True, (touch.pk,))
    assert state_of([person.pk], at=NOW + 30 * DAY)[person.pk].interest == pytest.approx(12.5)
    assert ScoreChange.objects.get().cause == f"activity:{touch.pk}"


def test_the_example_of_the_docs():
    services.ship(now=NOW - 200 * DAY)
    account = factories.account(tier=2, employees=600, industry="Machinery")
    ines = factories.person(title="Head of Operations", email="ines@company.example", account=account)
    done = [
        ("webinar_attended", datetime(2026, 4, 2, 12, tzinfo=UTC)),
        ("content_download", datetime(2026, 4, 17, 9, tzinfo=UTC)),
    ]
    done += [
        (type_, NOW.replace(hour=hour))
        for type_, hour in (
            ("pricing_visit", 9),
            ("pricing_visit", 10),
            ("pricing_visit", 11),
            ("price_calculator", 11),
        )
    ]
    touches = [factories.touch(person=ines, type=type_, occurred_at=at) for type_, at in done]
    (standing,) = add(*touches)
    assert (standing.fit, standing.grade) == (88, "A")
    assert standing.interest == pytest.approx(40.11, abs=0.005)
    assert (standing.band, standing.eligible, standing.allowed, standing.fast_track) == (2, True, True, None)
    assert state_of([ines.pk], at=NOW + 6 / 24 * DAY)[ines.pk].interest < 40
    assert Score.objects.get().fit == [23, 20, 40, 5]


def test_a_raised_hand_is_told_of_and_an_exclusion_too():
    services.ship(now=NOW - 200 * DAY)
    partner = factories.person(account=factories.account(kind="partner"))
    buyer = factories.person()
    first, second = (factories.touch(person=person, type="demo_request") for person in (partner, buyer))
    one, other = add(first, second)
    assert (one.excluded, one.allowed, other.excluded, other.allowed) == (True, False, False, True)
    assert (other.fast_track.activity_id, other.fast_track.gate) == (
        second.pk,
        "Asked for a demo or for sales",
    )


def test_a_touch_told_twice_or_in_a_batch_with_a_rebuild_counts_once():
    simple().active()
    touch = factories.touch(person=factories.person(), type="form")
    rows = [
        Taken(touch.person_id, cause, object_id) for cause, object_id in (("activity", touch.pk), ("rebuild", None))
    ]
    for batch in ([rows[0], rows[0]], rows, rows[::-1]):
        Score.objects.all().delete()
        (standing,) = apply(batch, now=NOW)
        assert standing.interest == pytest.approx(50)
        assert standing.touches == (touch.pk,)
    apply([Taken(touch.person_id, "person", None)], now=NOW)
    (standing,) = apply(rows, now=NOW)
    assert standing.interest == pytest.approx(50)


def test_a_move_by_the_rule_leaves_the_score_as_it_is():
    simple().active()
    touch = factories.touch(person=factories.person(), type="form")
    add(touch)
    before = Score.objects.values().get()
    with CaptureQueriesContext(connection) as asked:
        assert apply([Taken(touch.person_id, "by_rule", 1)], now=NOW + 30 * DAY) == []
    assert len(asked) == 0
    assert Score.objects.values().get() == before


def test_touches_that_are_void_gone_or_of_others_add_nothing():
    simple().active()
    person, other = factories.person(), factories.person()
    void = factories.touch(person=person, type="form", voided_at=NOW)
    given = factories.touch(person=other, type="form")
    rows = [Taken(person.pk, "activity", pk) for pk in (void.pk, given.pk, given.pk + 1000)]
    (standing,) = apply(rows, now=NOW)
    assert (standing.interest, standing.touches) == (0, ())
    assert apply([Taken(given.pk + 10_000, "person", None)], now=NOW) == []


def test_a_century_old_touch_and_one_of_next_year_do_no_harm():
    simple().active()
    person = factories.person()
    old = factories.touch(person=person, type="form", occurred_at=datetime(1926, 6, 1, tzinfo=UTC), recorded_at=NOW)
    ahead = factories.touch(person=person, type="visit", occurred_at=NOW + 400 * DAY, recorded_at=NOW)
    (standing,) = add(old, ahead)
    assert standing.interest == pytest.approx(15)
    assert Score.objects.get().last_at == NOW


def test_unknown_is_not_no():
    model = simple().fit("company")
    condition = {"field": "account.industry", "op": "is", "value": "Chemicals"}
    rule = {"category": "company", "kind": "attribute", "points": 30, "points_if_unknown": 7, "condition": condition}
    model.rule(rule).gate("require", condition).gate(
        "exclude", {"field": "account.kind", "op": "is", "value": "partner"}
    )
    model.active()
    industries = ["Chemicals", "Metals", ""]
    people = [factories.person(account=factories.account(industry=industry)).pk for industry in industries]
    people.append(factories.person().pk)
    standings = apply([Taken(pk, "person", None) for pk in people], now=NOW)
    assert [standing.fit for standing in standings] == [30, 0, 7, 7]
    assert [standing.allowed for standing in standings] == [True, False, False, False]


def test_a_review_finds_who_fell_and_plans_the_next():
    simple().active()
    touch = factories.touch(person=factories.person(), type="form", occurred_at=NOW)
    (standing,) = add(touch)
    assert standing.eligible
    due = Score.objects.get().next_review_at
    assert due - NOW == pytest.approx(30 * 0.321928 * DAY, abs=timedelta(minutes=1))  # 50 falls to 40
    assert review(now=due - timedelta(seconds=1), limit=10) == []
    (standing,) = review(now=due, limit=10)
    assert (standing.eligible, standing.band, standing.touches) == (False, 3, ())
    assert ScoreChange.objects.latest("id").cause == "review"
    assert review(now=due, limit=10) == []


def test_published_versions_are_kept_up_to_date_but_one_decides():
    simple().published()
    decides = simple(threshold=10).active()
    touch = factories.touch(person=factories.person(), type="visit")
    (standing,) = add(touch)
    assert standing.policy.id == decides.pk
    assert Score.objects.count() == 2


def test_history_and_fills_decide_nothing_and_are_no_news():
    model = simple().active()
    people = [factories.person().pk for _ in range(2)]
    factories.touch(person_id=people[0], type="form")
    rows = [Taken(people[0], "loaded", None), Taken(people[1], "fill", model.pk)]
    assert [standing.decides for standing in apply(rows, now=NOW)] == [False, False]
    assert state_of(people[:1], at=NOW)[people[0]].interest == pytest.approx(50)
    assert not ScoreChange.objects.exists()


def test_without_a_version_nothing_is_scored():
    touch = factories.touch(person=factories.person())
    assert add(touch) == [] and state_of([touch.person_id]) == {}


def test_the_number_of_statements_does_not_grow_with_the_batch():
    services.ship(now=NOW - 200 * DAY)
    services.ship(now=NOW)
    counts = []
    for size in (1, 40):
        touches = [
            factories.touch(person=factories.person(), type=type_)
            for _ in range(size)
            for type_ in ("page_visit", "email_click")
        ]
        add(*touches)  # everybody is known, and every kind of touch
        more = [factories.touch(person_id=touch.person_id, type="page_visit") for touch in touches]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            add(*more)
        counts.append(len(queries))
    assert counts[0] == counts[1]
