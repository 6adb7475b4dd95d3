"""Fields that were written after a lead came in are named from the data alone; honest ones are left in peace."""

import numpy as np
import pytest

from scoring.predictive import leaks
from scoring.predictive.features import Leads
from tests.scoring.learnable import add, past


@pytest.fixture
def leads() -> Leads:
    return past()


def test_an_honest_strong_field_is_not_flagged(leads: Leads) -> None:
    assert leaks.find(leads) == {}


def test_values_that_tell_the_outcome_alone(leads: Leads) -> None:
    dice = np.random.default_rng(1)
    truth = ["hot" if came else "cold" for came in leads.outcome]
    noisy = [said if dice.random() < 0.92 else "warm" for said in truth]
    add(leads, "attribute.rating", noisy)
    said = leaks.find(leads)["attribute.rating"]
    assert any("alone tell the outcome: AUC" in sentence for sentence in said)
    assert any("reads like a verdict" in sentence for sentence in said)


def test_numbers_that_tell_the_outcome_alone(leads: Leads) -> None:
    dice = np.random.default_rng(2)
    add(leads, "attribute.spent", (dice.random(len(leads)) + 2 * leads.outcome).tolist())
    assert "AUC 1.00" in leaks.find(leads)["attribute.spent"][0]


def test_filled_in_for_those_that_came_to_it(leads: Leads) -> None:
    dice = np.random.default_rng(3)
    filled = dice.random(len(leads)) < np.where(leads.outcome, 0.9, 0.4)
    answers = dice.choice(["a", "b", "c"], len(leads))
    add(leads, "attribute.budget", [a if known else None for a, known in zip(answers, filled, strict=True)])
    (sentence,) = leaks.find(leads)["attribute.budget"]
    assert sentence.startswith("Filled in for ") and " of those that came to it and " in sentence


def test_a_question_of_one_form_is_filled_in_by_those_who_saw_the_form(leads: Leads) -> None:
    """Filled in far more often for those that came to it, and honest: the channel explains who was asked."""
    asked = [name == "Referral" for name in leads.values["lead.channel"]]
    add(leads, "attribute.referred_by", ["a friend" if seen else None for seen in asked])
    add(leads, "attribute.friend_since", ["2 years" if seen else None for seen in asked])
    with_it = np.mean(np.array(asked)[leads.outcome]) - np.mean(np.array(asked)[~leads.outcome])
    assert with_it > leaks.FILLED_APART
    assert leaks.find(leads) == {}


def test_fields_that_are_blank_for_just_the_same_leads(leads: Leads) -> None:
    dice = np.random.default_rng(4)
    some = dice.random(len(leads)) < 0.5
    for name in ("index", "score"):
        values = dice.choice(["1", "2", "3"], len(leads))
        add(leads, f"attribute.{name}", [v if known else None for v, known in zip(values, some, strict=True)])
    found = leaks.find(leads)
    assert set(found) == {"attribute.index", "attribute.score"}
    assert found["attribute.index"][0].startswith("Blank together with Score for the same ")


def test_blanks_say_nothing_of_leads_that_were_recorded_as_they_came_in() -> None:
    """History vouches for what was known of them then, so whoever filled it in did so in time."""
    for witnessed, flagged in ((False, True), (True, False)):
        leads = past(witnessed=witnessed)
        some = np.random.default_rng(4).random(len(leads)) < 0.5
        for name in ("index", "score"):
            add(leads, f"attribute.{name}", ["x" if known else None for known in some])
        assert bool(leaks.find(leads)) is flagged


def test_values_that_speak_of_what_came_later(leads: Leads) -> None:
    dice = np.random.default_rng(5)
    add(leads, "attribute.last", dice.choice(["SMS Sent", "Email Opened", "Visited the site"], len(leads)).tolist())
    (sentence,) = leaks.find(leads)["attribute.last"]
    assert "speak of what happened after a lead came in" in sentence and "“SMS Sent”" in sentence


def test_dates_after_the_lead_came_in() -> None:
    leads = past()
    opened = np.datetime64(int(leads.opened[0]), "s")
    later, earlier = (str((opened + np.timedelta64(days, "D")).astype("datetime64[D]")) for days in (30, -30))
    add(leads, "attribute.signed_on", [later if i % 3 == 0 else None for i in range(len(leads))])
    add(leads, "attribute.born_on", [earlier] * len(leads))
    found = leaks.find(leads)
    assert found["attribute.signed_on"] == ["300 of its 300 dates lie after the lead came in."]
    assert "attribute.born_on" not in found
