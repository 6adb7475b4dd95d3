"""What is learnt: contributions add up, calibration never turns the order round, and the test is on leads not seen."""

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoring.predictive import learning
from scoring.predictive.evaluation import auc, evaluate
from scoring.predictive.features import Field, encode
from scoring.predictive.likelihood import LEAST, MOST, Calibration, Learnt, strongest
from tests.scoring.learnable import add, past

numbers = st.floats(-50, 50, allow_nan=False)
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def lesson() -> learning.Lesson:
    leads = past()
    return learning.learn(leads, list(leads.fields))


def test_contributions_and_base_are_the_log_odds_of_the_regression(lesson: learning.Lesson) -> None:
    leads = past(40, seed=8)
    leads.values["lead.channel"][:2] = ["Never seen", None]
    again = Learnt.from_dict(json.loads(json.dumps(lesson.learnt.as_dict())))
    parts = again.contributions(leads.values, len(leads))
    assert parts.shape == (40, 2)
    intercept = again.base - float(again.weights @ again.averages)
    for row in range(len(leads)):
        odds = intercept
        at = 0
        for encoding in again.encodings:
            columns = encoding.matrix([leads.values[encoding.name][row]])[0]
            odds += float(columns @ again.weights[at : at + len(columns)])
            at += len(columns)
        assert math.isclose(again.log_odds(parts)[row], odds, abs_tol=1e-9)
    told, rest = strongest(list(enumerate(parts[0].tolist())), most=1)
    assert math.isclose(again.base + told[0][1] + rest, again.log_odds(parts)[0], abs_tol=1e-9)


def test_the_average_of_all_contributions_is_nothing(lesson: learning.Lesson) -> None:
    leads = past()
    assert np.allclose(lesson.learnt.contributions(leads.values, len(leads)).mean(axis=0), 0, atol=1e-9)


def test_it_finds_the_rule_that_made_the_outcomes(lesson: learning.Lesson) -> None:
    levels = {row["words"]: row["log_odds"] for row in lesson.learnt.levels_of("lead.channel")}
    assert levels["Referral"] > levels["Webinar"] > levels["Search"] > levels["Fair"]
    (more,) = [row["log_odds"] for row in lesson.learnt.levels_of("attribute.visits") if "more" in row["words"]]
    assert more > 0
    assert lesson.evaluation["by"] == "folds"  # all came in at one moment
    assert lesson.evaluation["auc"] > 0.7
    assert lesson.evaluation["brier"] < lesson.evaluation["brier_of_average"]


def test_the_latest_quarter_is_held_out_where_dates_allow_it() -> None:
    leads = past(days=300)
    found = learning.learn(leads, list(leads.fields)).evaluation
    assert (found["by"], found["n"], found["learnt_from"]) == ("time", 225, 675)
    assert sum(tenth["n"] for tenth in found["tenths"]) == 225


def test_the_same_leads_teach_the_same() -> None:
    first, second = (learning.learn(past(), ["lead.channel"]) for _ in range(2))
    assert first.learnt.as_dict() == second.learnt.as_dict()


def test_noise_promises_nothing() -> None:
    leads = past()
    add(leads, "attribute.noise", np.random.default_rng(1).choice(["a", "b", "c"], len(leads)).tolist())
    learnt = learning.learn(leads, ["attribute.noise"]).learnt
    told = learnt.calibration.apply(learnt.log_odds(learnt.contributions(leads.values, len(leads))))
    assert np.ptp(told) < 0.15


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "find_spec", lambda name: None)
    with pytest.raises(learning.CannotLearn, match="pip install --require-hashes -r requirements/prediction.txt"):
        learning.learn(past(), ["lead.channel"])


def test_too_few_of_either_kind_are_refused_with_what_is_missing() -> None:
    assert learning.too_few(200, 200, came_to_it="were won") == ""
    assert learning.too_few(57, 900, came_to_it="were won") == (
        "57 leads were won and 900 did not. 200 of each are needed to learn from: 143 more that did."
    )
    assert "144 more that did not" in learning.too_few(900, 56, came_to_it="were won")


def test_what_teaches_nothing_is_told_and_left_out() -> None:
    leads = past()
    add(leads, "attribute.id", [f"id-{i}" for i in range(len(leads))])
    add(leads, "attribute.same", ["x"] * len(leads))
    add(leads, "attribute.rare", ["x"] + [None] * (len(leads) - 1))
    add(leads, "attribute.on", ["2026-01-01"] * len(leads))
    found = learning.learn(leads, list(leads.fields)).unusable
    assert set(found) == {"attribute.id", "attribute.same", "attribute.rare", "attribute.on"}
    with pytest.raises(learning.CannotLearn, match="No field is left"):
        learning.learn(leads, ["attribute.id"])


# --- properties ------------------------------------------------------------------------------------------------------

steps = st.lists(st.tuples(numbers, st.floats(0, 1)), min_size=2, max_size=8, unique_by=lambda step: step[0]).map(
    lambda found: Calibration(x=tuple(sorted(x for x, _ in found)), y=tuple(sorted(y for _, y in found)))
)
sigmoids = st.builds(Calibration, a=st.floats(0, 5), b=numbers)


@unhurried
@given(calibration=st.one_of(steps, sigmoids), odds=st.lists(numbers, min_size=1, max_size=8))
def test_calibration_keeps_the_order_and_is_never_certain(calibration: Calibration, odds: list[float]) -> None:
    told = calibration.apply(np.array(sorted(odds)))
    assert (np.diff(told) >= -1e-12).all()
    assert told.min() >= LEAST and told.max() <= MOST
    assert Calibration.from_dict(json.loads(json.dumps(calibration.as_dict()))) == calibration


@unhurried
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40))
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    scores, outcome = np.array([float(s) for s, _ in rows]), np.array([came for _, came in rows])
    pairs = [(a > b) + (a == b) / 2 for a, came in rows if came for b, other in rows if not other]
    found = auc(scores, outcome)
    assert found is None if not pairs else math.isclose(found, sum(pairs) / len(pairs), abs_tol=1e-12)


@unhurried
@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=1, max_size=30))
def test_tenths_and_bands_hold_every_lead_once(rows: list[tuple[float, bool]]) -> None:
    told, outcome = np.array([p for p, _ in rows]), np.array([came for _, came in rows])
    found = evaluate(told, told, outcome)
    tenths, bands = found["tenths"], found["bands"]
    assert sum(band["n"] for band in bands) == len(rows)
    assert all(any(band["low"] <= p <= band["high"] for band in bands) for p in told)
    assert sum(tenth["n"] for tenth in tenths) == len(rows)
    assert sum(tenth["k"] for tenth in tenths) == outcome.sum()
    assert all(above["low"] >= below["high"] for above, below in zip(tenths, tenths[1:], strict=False))


@unhurried
@given(st.lists(st.one_of(st.none(), st.sampled_from("abcd"), st.booleans(), numbers), min_size=20, max_size=30))
def test_every_value_falls_into_columns_of_its_own(values: list[object]) -> None:
    encoding = encode(Field("f", "F"), values)
    if isinstance(encoding, str):
        assert encoding.endswith(".")
        return
    columns = encoding.matrix([*values, None, "never seen"])
    assert columns.shape == (len(values) + 2, len(encoding.columns))
    assert np.isfinite(columns).all()
    if encoding.kind == "category":
        assert (columns.sum(axis=1) == 1).all()
