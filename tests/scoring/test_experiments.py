"""Experiments: who is in which arm, that the arm's version decides, what is kept of it, and how they begin and end."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from funnel.inbox import Taken
from funnel.models import Inbox, Lead, Person
from funnel.versions import PolicyProblem
from scoring import experiments, services, trials
from scoring.engine import apply
from scoring.explain import why_mql
from scoring.models import Experiment, ExperimentAssignment, ScoringModel
from scoring.qualifying import decide
from scoring.trials import Trial, chance
from tests import factories as make
from tests.scoring.models import Model, touch_rule
from tests.threads import at_once

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


# --- who is in which arm ------------------------------------------------------------------------------------------


def test_the_share_is_what_was_asked_for_and_the_answer_stays_the_same() -> None:
    trial = Trial(1, 1, 2, "salt", 0.2)
    inside = [person for person in range(1, 20_001) if trial.is_changed(person)]
    assert abs(len(inside) / 20_000 - 0.2) < 0.01  # 3.5 standard errors
    assert inside == [person for person in range(1, 20_001) if Trial(1, 1, 2, "salt", 0.2).is_changed(person)]
    other = {person for person in range(1, 20_001) if Trial(2, 1, 2, "pepper", 0.2).is_changed(person)}
    assert abs(len(other & set(inside)) / 20_000 - 0.04) < 0.01  # another experiment throws its own dice


@given(st.text(max_size=20), st.integers(1, 1 << 62), st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_a_chance_lies_between_0_and_1_and_a_larger_share_keeps_whom_a_smaller_has(salt, person, one, two) -> None:
    assert 0 <= chance(salt, person) < 1
    small, large = (Trial(1, 1, 2, salt, share).is_changed(person) for share in sorted((one, two)))
    assert large or not small


# --- deciding -----------------------------------------------------------------------------------------------------


@pytest.fixture
def control(db) -> ScoringModel:
    """A visit gives 10; 40 make an MQL, and so does a demo request."""
    return (
        Model(landmark=NOW - 30 * DAY, threshold=40, bands=[[1, 0]], grid={f"{grade}1": "mql" for grade in "ABCD"})
        .interest("web")
        .rule(touch_rule("web", "visit", 10, name="Visit"))
        .rule(touch_rule("web", "guide", 10, name="Guide"))
        .gate("fast_track", {"field": "touch.type", "op": "is", "value": "demo"})
        .active()
    )


def experiment(control: ScoringModel, kind: str = "threshold", **fields) -> Experiment:
    """Half of the people, running."""
    about = {"threshold": {"threshold": 30.0}, "rule": {"rule": "Guide", "points": 0.0}, "holdout": {}}[kind]
    made = experiments.draft(
        control=control, kind=kind, user=None,
        **{"name": f"Try {kind}", "hypothesis": "It helps", "share": 0.5, "outcome": "sal", "outcome_days": 30}
        | about | fields,
    )  # fmt: skip
    return experiments.start(made, user=None, now=NOW)


def both(made: Experiment) -> tuple[Person, Person]:
    """Somebody of the changed arm and somebody of the control, each with an inquiry."""
    (trial,) = trials.running() or [Trial(made.pk, made.control_id, made.changed_id, made.salt, made.share)]
    found: dict[bool, Person] = {}
    while len(found) < 2:
        pat = make.person()
        if found.setdefault(trial.is_changed(pat.pk), pat) == pat:
            make.lead(person=pat, at=NOW - DAY)
            services.rebuild([pat.pk])
    Inbox.objects.all().delete()
    return found[True], found[False]


def come(person: Person, *types: str, now: datetime = NOW) -> str:
    """These touches at once; gives the stage of the person's latest lead."""
    touches = [make.touch(person=person, type=type_, occurred_at=now, recorded_at=now) for type_ in types]
    with transaction.atomic():
        standings = apply([Taken(person.pk, "activity", touch.pk) for touch in touches], now=now)
        decide(standings, now=now)
    return Lead.objects.filter(person=person).latest("number").stage


def policy_of(person: Person) -> str:
    return Lead.objects.get(person=person).events.get(to_stage="mql").policy


def test_another_threshold_decides_about_its_arm_alone(control) -> None:
    made = experiment(control)
    changed, other = both(made)
    assert [come(pat, "visit", "visit") for pat in (changed, other)] == ["inquiry", "inquiry"]
    assert not ExperimentAssignment.objects.exists()  # neither version would have made an MQL
    assert [come(pat, "visit") for pat in (changed, other)] == ["mql", "inquiry"]
    assert policy_of(changed) == made.changed.policy
    assert come(other, "visit", now=NOW + DAY) == "mql" and policy_of(other) == control.policy
    kept = ExperimentAssignment.objects.order_by("-changed").values_list("person", "changed", "probability")
    assert list(kept) == [(changed.pk, True, 0.5), (other.pk, False, 0.5)]
    assert set(ExperimentAssignment.objects.values_list("assigned_at", flat=True)) == {NOW}


def test_why_an_mql_names_the_arm_that_chose_the_version(control) -> None:
    made = experiment(control)
    changed, other = both(made)
    for pat in (changed, other):
        come(pat, *["visit"] * 4)
    told = {pat: why_mql(Lead.objects.get(person=pat))[0] for pat in (changed, other)}
    assert {check.name for check in told.values()} == {"In an experiment"}
    assert told[changed].detail == (
        f"“Try threshold”: the arm with the change ({made.change}), so version {made.changed.version} decided"
    )
    assert told[other].detail == f"“Try threshold”: the arm without the change, so version {control.version} decided"
    experiments.stop(made, user=None, now=NOW + DAY)
    assert why_mql(Lead.objects.get(person=other))[0] == told[other]
    later = make.person()
    make.lead(person=later, at=NOW - DAY)
    services.rebuild([later.pk])
    Inbox.objects.all().delete()
    assert come(later, *["visit"] * 4, now=NOW + 2 * DAY) == "mql"
    assert why_mql(Lead.objects.get(person=later))[0].name == "Interest is at the threshold"


def test_a_rule_counts_nothing_in_its_arm(control) -> None:
    changed, other = both(experiment(control, "rule"))
    assert [come(pat, *["guide"] * 4) for pat in (changed, other)] == ["inquiry", "mql"]
    assert ExperimentAssignment.objects.count() == 2


def test_a_holdout_withholds_what_interest_makes_and_never_a_raised_hand(control) -> None:
    changed, other = both(experiment(control, "holdout"))
    assert [come(pat, *["visit"] * 5) for pat in (changed, other)] == ["inquiry", "mql"]
    assert come(changed, "demo", now=NOW + DAY) == "mql"
    third, fourth = both(Experiment.objects.get())
    assert [come(pat, "demo") for pat in (third, fourth)] == ["mql", "mql"]
    assert not ExperimentAssignment.objects.filter(person__in=[third, fourth]).exists()


def test_stopped_it_gives_everybody_back(control) -> None:
    made = experiment(control, "holdout")
    changed, _other = both(made)
    assert come(changed, *["visit"] * 5) == "inquiry"
    experiments.stop(made, user=None, now=NOW + DAY)
    taken = [Taken(row.person_id, row.cause, row.object_id) for row in Inbox.objects.all()]
    assert [row.person_id for row in taken] == [changed.pk]
    decide(apply(taken, now=NOW + DAY), now=NOW + DAY)
    assert Lead.objects.get(person=changed).stage == "mql" and policy_of(changed) == control.policy
    made.changed.refresh_from_db()
    assert made.changed.status == "retired" and not trials.running()
    assert ExperimentAssignment.objects.count() == 1


def test_before_everybody_is_scored_and_after_another_version_decides_nothing_is_tried(control) -> None:
    make.person()
    made = experiment(control)
    assert made.changed.filled_at is None and not trials.running()
    ScoringModel.objects.filter(pk=made.changed_id).update(filled_at=NOW)
    assert [trial.changed for trial in trials.running()] == [made.changed_id]
    ScoringModel.objects.filter(pk=control.pk).update(active=False)
    assert not trials.running()


def test_an_arm_is_kept_once_and_never_changed(control) -> None:
    experiment(control)
    (trial,), pat = trials.running(), make.person()
    for days in range(3):
        trials.log([(trial, pat.pk), (trial, pat.pk)], now=NOW + days * DAY)
    assert ExperimentAssignment.objects.get().assigned_at == NOW
    with pytest.raises(DatabaseError), transaction.atomic():
        ExperimentAssignment.objects.update(changed=True)


@pytest.mark.django_db(transaction=True)
def test_decided_about_from_many_sides_at_once_it_is_kept_once(control) -> None:
    experiment(control)
    (trial,), people = trials.running(), [make.person().pk for _ in range(20)]
    at_once(*[lambda: trials.log([(trial, pk) for pk in people], now=NOW)] * 4)
    assert ExperimentAssignment.objects.count() == 20


# --- what cannot be ----------------------------------------------------------------------------------------------


def refused(act) -> str:
    with pytest.raises(PolicyProblem) as caught, transaction.atomic():
        act()
    return str(caught.value)


def test_what_cannot_be_tested_is_refused_in_words(control) -> None:
    for fields, said in (
        ({"threshold": 40.0}, "Give another threshold than that of version"),
        ({"threshold": -1.0}, "The threshold must lie between 0 and"),
        ({"share": 0.6}, "lies between 1 % and 50 %"),
        ({"outcome_days": 3}, "within 7 to 365 days"),
        ({"kind": "rule", "rule": "None", "points": 1.0}, "has no rule “None”"),
        ({"kind": "rule", "rule": "Visit", "points": 10.0}, "gives 10 points already"),
        ({"kind": "rule", "rule": "Visit", "points": None}, "Give the points that the rule has"),
    ):
        assert said in refused(lambda fields=fields: experiment(control, **({"kind": "threshold"} | fields))), said
    assert not Experiment.objects.exists() and ScoringModel.objects.count() == 1


def test_one_at_a_time_and_only_with_what_decides(control) -> None:
    first = experiment(control)
    assert "“Try threshold” runs with the same version" in refused(lambda: experiment(control, "holdout"))
    assert "already" in refused(lambda: experiment(control))  # the name
    assert "is running already" in refused(lambda: experiments.start(first, user=None, now=NOW))
    assert "decides in the experiment" in refused(lambda: services.retire(first.changed, now=NOW))
    experiments.stop(first, user=None, now=NOW)
    assert "does not run" in refused(lambda: experiments.stop(first, user=None, now=NOW))
    second = experiment(control, "holdout")
    with pytest.raises(IntegrityError), transaction.atomic():
        Experiment.objects.update(status="running")
    assert second.status == "running"
