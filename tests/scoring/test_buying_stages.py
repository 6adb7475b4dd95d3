"""Interest by buying stage: the shares sum to the interest, and say where somebody is in buying."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from funnel.models import Content
from scoring import evidence
from scoring.buying_stages import split
from scoring.explain import why
from scoring.parts import Parts
from scoring.policy import policy_of
from tests import factories as make
from tests.factories import NOW
from tests.scoring.models import Model, touch_rule

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def model():
    made = Model(landmark=NOW - 100 * DAY).interest("web", half_life=30, cap=40).interest("events")
    made.rule(touch_rule("web", "visit", 10)).rule(touch_rule("web", "careers", -6))
    return made.rule(touch_rule("events", "webinar", 12)).active()


def content(stage: str) -> Content:
    return Content.objects.create(name=f"About {stage or 'all'}", buying_stage=stage)


def touch(person, type_: str, piece: Content | None = None, days: int = 0):
    at = NOW - days * DAY
    return make.touch(person=person, type=type_, content=piece, occurred_at=at, recorded_at=at)


def test_what_content_helps_with_shares_out_the_interest():
    model()
    pat, guide, calculator = make.person(), content("education"), content("decision")
    for piece in (guide, guide, guide, calculator, None):
        touch(pat, "visit", piece)
    touch(pat, "webinar", guide)
    found = why(pat.pk, at=NOW)
    # The website counts 40 of its 50, so that each visit is worth 8 of them.
    assert [(part.name, round(part.interest, 6), part.touches) for part in found.buying_stages] == [
        ("Education", 36, 4), ("Decision", 8, 1), ("Not said", 8, 1),
    ]  # fmt: skip
    assert found.buying_stages[0].content == ("About education",)
    assert found.whereabouts == (
        "Of what content says, education gives most: 36 of 44; they have come as far as decision."
    )


def test_where_nothing_says_how_far_it_goes_nothing_is_claimed():
    model()
    pat = make.person()
    assert why(pat.pk, at=NOW).buying_stages == []
    touch(pat, "visit")
    assert why(pat.pk, at=NOW).whereabouts == ""


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["visit", "careers", "webinar"]), st.sampled_from([0, 1, 2, 3]), st.integers(0, 90)),
        max_size=12,
    )
)
def test_the_shares_sum_to_the_interest_whatever_was_done(done):
    policy = policy_of(model())
    pieces = [None, *(Content.objects.get_or_create(name=s, buying_stage=s)[0] for s in ("education", "decision", ""))]
    pat = make.person()
    for type_, piece, days in done:
        touch(pat, type_, pieces[piece], days)
    parts = Parts(policy, evidence.read(policy, [pat.pk], at=NOW)[pat.pk], at=NOW)
    shares = [part.interest for part in split([parts], at=NOW)[pat.pk]]
    assert sum(shares) == pytest.approx(parts.interest(NOW.timestamp()), abs=1e-9)


def test_a_list_of_people_costs_one_statement():
    policy, guide = policy_of(model()), content("education")
    people = [make.person() for _ in range(5)]
    for person in people:
        touch(person, "visit", guide)
    known = evidence.read(policy, [person.pk for person in people], at=NOW)
    parts = [Parts(policy, one, at=NOW) for one in known.values()]
    with CaptureQueriesContext(connection) as captured:
        found = split(parts, at=NOW)
    assert len(captured) == 1 and {len(stages) for stages in found.values()} == {1}


def test_rules_ask_for_the_stage_of_content_and_for_answers():
    stage = {"field": "touch.buying_stage", "op": "is", "value": "decision"}
    sites = {"field": "answer.How many sites?", "op": "gte", "value": 5}
    made = Model(landmark=NOW - 100 * DAY).interest("web")
    made.rule({"category": "web", "kind": "touch", "condition": stage, "points": 7})
    made.rule({"category": "web", "kind": "touch", "condition": sites, "points": 100}).active()
    pat = make.person()
    touch(pat, "visit", content("decision"))
    touch(pat, "visit", content("education"))
    told = {"answers": {"How many sites?": "9"}}
    make.touch(person=pat, type="form", occurred_at=NOW, recorded_at=NOW, payload=told)
    make.touch(person=pat, type="form", occurred_at=NOW, recorded_at=NOW, payload={"answers": ["9"]})
    assert why(pat.pk, at=NOW).interest == 107
