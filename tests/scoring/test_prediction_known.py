"""What is read of leads to learn from, and when nothing is learnt."""

from datetime import timedelta
from typing import Any

import pytest

from funnel.models import Lead, Person, Stage
from scoring import tasks
from scoring.models import PredictiveModel
from scoring.predictive import known, learning, runs
from tests import factories
from tests.factories import NOW
from tests.scoring.learnable import many

pytestmark = pytest.mark.django_db
SQL = {"outcome": Stage.SQL, "within_days": 90}


# --- refusals --------------------------------------------------------------------------------------------------------


def test_fewer_than_200_outcomes_teach_nothing() -> None:
    many(150, at=NOW - timedelta(days=300))
    runs.ask(**SQL, user=None)
    training = runs.train_next(now=NOW)
    assert training.status == "refused"
    positives = Lead.objects.exclude(sql_at=None).count()
    assert training.problem == (
        f"{positives} leads became SQL within 90 days and {150 - positives} did not. 200 of each are needed to learn"
        f" from: {200 - positives} more that did and {50 + positives} more that did not. Nothing was learnt."
    )
    assert runs.in_use() is None
    assert runs.ask(**SQL, user=None).pk != training.pk


def test_without_scikit_learn_nothing_is_asked_for_and_the_rest_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "find_spec", lambda name: None)
    with pytest.raises(runs.Unaskable, match="Install it with `pip install --require-hashes"):
        runs.ask(**SQL, user=None)
    tasks.learn_again()
    tasks.learn()
    assert not PredictiveModel.objects.exists()


@pytest.mark.parametrize(("change", "said"), [({"outcome": "mql"}, "cannot be predicted"), ({"within_days": 0}, "730")])
def test_impossible_questions_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(runs.Unaskable, match=said):
        runs.ask(**(SQL | change), user=None)


# --- what was known --------------------------------------------------------------------------------------------------


def test_what_was_learnt_after_a_lead_came_in_is_not_read() -> None:
    account = factories.account(industry="Chemicals")
    person = factories.person(title="Buyer", attributes={"visits": 3, "list": [1]}, account=account)
    lead = factories.lead(person=person, account=account, segment="Large")
    opened = NOW - timedelta(days=1)
    Lead.objects.filter(pk=lead.pk).update(inquiry_at=opened, recorded_at=opened)
    Person.objects.filter(pk=person.pk).update(title="Won!", attributes={"visits": 99, "tags": "Closed"})
    type(account).objects.filter(pk=account.pk).update(industry="Customer")
    found = known.read([lead.pk], outcome=Stage.SQL, within_days=90)
    values = {name: column[0] for name, column in found.values.items() if column[0] is not None}
    assert (values["person.title"], values["account.industry"]) == ("Buyer", "Chemicals")
    assert values["attribute.visits"] == 3
    assert "attribute.tags" not in values and "attribute.list" not in values
    assert (values["lead.segment"], values["lead.source_function"]) == ("Large", "Marketing")
    assert found.witnessed.tolist() == [True]
    Lead.objects.filter(pk=lead.pk).update(recorded_at=NOW + timedelta(days=30))  # loaded long after
    assert known.read([lead.pk], outcome=Stage.SQL, within_days=90).witnessed.tolist() == [False]


def test_only_leads_that_had_their_time_are_learnt_from() -> None:
    training = PredictiveModel(**SQL)
    old, young = NOW - timedelta(days=91), NOW - timedelta(days=89)
    came = factories.lead(stages={"inquiry": old, "sql": old + timedelta(days=90)})
    late = factories.lead(stages={"inquiry": old - timedelta(days=9), "sql": old + timedelta(days=90)})
    straight_on = factories.lead(stages={"inquiry": old, "opportunity": old + timedelta(days=2)})
    factories.lead(stages={"inquiry": young, "sql": young + timedelta(days=1)})
    factories.lead(stages={"sql": old}, entry_stage="sql")
    ids = known.mature(training, now=NOW)
    assert set(ids) == {came.pk, late.pk, straight_on.pk}
    found = known.read(ids, **SQL)
    assert dict(zip(found.ids.tolist(), found.outcome.tolist(), strict=True)) == {
        came.pk: True,
        late.pk: False,
        straight_on.pk: True,
    }
