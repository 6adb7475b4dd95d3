"""SLA policies in versions: who is promised what, that editing leaves running clocks alone, and applying it to them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import InternalError, transaction
from django.db.utils import IntegrityError

from funnel.access import Role
from funnel.models import Stage
from funnel.versions import PolicyProblem
from routing.models import Clock, SlaPolicy, SlaPromise
from routing.overdue.ladder import sweep
from routing.sla import versions as sla
from routing.sla.clocks import follow
from tests import factories as make
from tests.form_data import form_data

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LIST = "/admin/routing/slapolicy/"
BIG = {"field": "account.employees", "op": "gte", "value": 1000}


@pytest.fixture
def manager(client):
    user = make.user(Role.SDR_MANAGER, is_staff=True)
    client.force_login(user)
    return user


def page(policy, act="change") -> str:
    return f"{LIST}{policy.pk}/{act}/"


def draft(*promises: dict, **settings) -> SlaPolicy:
    made = sla.draft(user=None, name="Draft")
    SlaPolicy.objects.filter(pk=made.pk).update(**settings)
    for number, fields in enumerate(promises):
        values = {"name": f"Promise {number + 1}", "kind": "accept", "amount": 1, "position": number} | fields
        SlaPromise.objects.create(sla_policy=made, **values)
    return made


def mql(at: datetime = MONDAY, **fields):
    lead = make.mql(at=at, **fields)
    follow([lead.events.latest("pk").pk], now=at)
    return lead


def clock_of(lead, kind: str = "accept") -> Clock:
    return Clock.objects.get(lead=lead, kind=kind)


def test_a_new_installation_promises_what_the_design_says():
    policy = SlaPolicy.objects.get(status="published")
    told = {one.kind: (one.amount, one.unit, one.reassign) for one in policy.promises.all()}
    assert (policy.version, policy.expiry) == (1, "escalate")
    assert told == {kind: tuple(terms[1:]) for kind, terms in sla.STANDARD.items()}


def test_the_first_promise_whose_condition_holds_decides_and_the_clock_keeps_its_version():
    policy = draft({"condition": BIG, "amount": 60, "unit": "business_minutes"}, {"amount": 2})
    sla.publish(policy, user=None, now=MONDAY)
    big, small, unknown = (
        mql(account=make.account(employees=employees)) if employees else mql() for employees in (5000, 10, None)
    )
    assert clock_of(big).due_at == MONDAY + timedelta(hours=1)
    assert clock_of(small).due_at == clock_of(unknown).due_at == MONDAY + 2 * DAY
    assert clock_of(big).promise.sla_policy == policy


def test_publishing_another_version_leaves_running_clocks_alone_and_holds_for_new_ones():
    make.promises("accept")
    before = mql()
    sla.publish(draft({"amount": 3}), user=None, now=MONDAY)
    follow([before.events.latest("pk").pk], now=MONDAY + DAY / 24)
    after = mql()
    assert (clock_of(before).due_at, clock_of(after).due_at) == (MONDAY + DAY, MONDAY + 3 * DAY)


def test_a_retired_version_still_holds_for_the_clocks_that_run_under_it(manager):
    make.promises("accept")
    lead = mql()
    sla.publish(draft({"kind": "working", "amount": 3}), user=None, now=MONDAY)
    sweep(now=MONDAY + DAY, limit=10)
    clock = clock_of(lead)
    assert (clock.breach_told, clock.promise.sla_policy.status) == (True, "retired")


def test_applying_it_to_running_clocks_is_a_fact_with_who_and_why(manager):
    make.promises("accept", "working")
    lead, decided = mql(), mql()
    make.advance(decided, Stage.SAL, at=MONDAY)
    follow([decided.events.latest("pk").pk], now=MONDAY)
    sla.publish(draft({"amount": 3}), user=None, now=MONDAY)
    assert sla.reapply(kinds=["accept", "working"], user=manager, why="Agreed with sales", now=MONDAY) == 1
    clock = clock_of(lead)
    assert (clock.due_at, clock.started_at) == (MONDAY + 3 * DAY, MONDAY)
    event = clock.events.get(kind="reapplied")
    assert (event.actor, event.why, event.occurred_at) == (manager, "Agreed with sales", MONDAY)
    assert clock_of(decided).due_at == MONDAY + DAY, "what has ended stays as it was"
    assert clock_of(decided, "working").promise.sla_policy.status == "retired", "nothing is promised of this kind now"
    assert sla.reapply(kinds=["accept"], user=manager, why="Again", now=MONDAY) == 0


def test_applying_needs_a_reason_and_a_version():
    with pytest.raises(PolicyProblem, match="Say why"):
        sla.reapply(kinds=["accept"], user=None, why=" ", now=MONDAY)
    SlaPolicy.objects.update(status="retired")
    with pytest.raises(PolicyProblem, match="No version is published"):
        sla.reapply(kinds=["accept"], user=None, why="x", now=MONDAY)


@pytest.mark.parametrize(
    ("promises", "said"),
    [
        ([], "Without a promise no clock would run."),
        ([{"condition": {"field": "lead.regoin", "op": "is", "value": "x"}}], "Did you mean lead.region"),
        ([{}, {"condition": BIG}], "“Promise 2” is never reached: “Promise 1”"),
        ([{"unit": "fortnights"}], "“fortnights” is no unit; there are: business_days"),
        ([{"kind": "lunch"}], "there is no clock “lunch”; there are: accept"),
        ([{"amount": 500}], "500 days are more than a promise can be"),
        ([{"warn_at": 3}], "the owner is reminded after a share of the time"),
    ],
)
def test_a_version_that_cannot_be_is_not_published(client, manager, promises, said):
    made = draft(*promises)
    refused = client.post(page(made, "publish_version"), {"why": "Because"}).content.decode()
    assert said in refused and "Because" in refused
    with pytest.raises(PolicyProblem) as problem:
        sla.publish(made, user=None, now=MONDAY)
    assert said in str(problem.value)
    assert SlaPolicy.objects.get(pk=made.pk).status == "draft"


def test_a_promise_of_nothing_is_refused_by_the_database_too():
    with pytest.raises(IntegrityError), transaction.atomic():
        draft({"amount": 0})


def test_what_is_published_cannot_be_changed_by_any_way():
    policy = sla.publish(draft({}), user=None, now=MONDAY)
    with pytest.raises(InternalError), transaction.atomic():
        SlaPolicy.objects.filter(pk=policy.pk).update(expiry="accept")
    with pytest.raises(IntegrityError, match="make a draft from it"), transaction.atomic():
        policy.promises.update(amount=9)
    with pytest.raises(PolicyProblem, match="is published already"):
        sla.publish(policy, user=None, now=MONDAY)


# --- in the admin -----------------------------------------------------------------------------------------------------


def test_a_draft_is_a_copy_and_publishing_it_retires_the_one_before(client, manager):
    before = make.promises("accept", "hot", expiry="recycle", absence="always")
    response = client.post(page(before, "new_draft"), {"name": "Second", "from_policy": before.pk, "why": ""})
    made = SlaPolicy.objects.latest("version")
    assert response.headers["Location"] == page(made)
    assert [one.kind for one in made.promises.all()] == ["accept", "hot"]
    assert (made.expiry, made.absence, made.created_by) == ("recycle", "always", manager)
    assert "Say what changes and why" in client.post(page(made, "publish_version"), {}).content.decode()
    assert client.post(page(made, "publish_version"), {"why": "Faster"}).status_code == 302
    before.refresh_from_db()
    made.refresh_from_db()
    assert (before.status, made.status, made.why, made.published_by) == ("retired", "published", "Faster", manager)


def test_a_promise_is_added_to_a_draft_and_an_impossible_one_is_told(client, manager):
    made = draft({})
    data = form_data(client.get(page(made)).content.decode()) | {
        "promises-TOTAL_FORMS": "2", "promises-1-name": "Answer", "promises-1-kind": "hot", "promises-1-amount": "0",
        "promises-1-unit": "business_minutes", "promises-1-warn_at": "0.8", "promises-1-condition": "",
        "promises-1-position": "0", "promises-1-sla_policy": str(made.pk),
    }  # fmt: skip
    refused = client.post(page(made), data).content.decode()
    assert "A promise runs for at least 1; leave it out where nothing is promised." in refused
    assert client.post(page(made), data | {"promises-1-amount": "7"}).status_code == 302
    assert made.promises.get(kind="hot").amount == 7


def test_a_published_version_is_looked_at_and_applied_but_not_edited(client, manager):
    old = make.promises("accept")
    mql()
    policy = sla.publish(draft({"amount": 4}), user=None, now=MONDAY)
    assert "1 clock runs under it" in client.get(page(old)).content.decode()
    assert client.post(page(policy), {"name": "Other"}).status_code == 403
    assert client.post(page(policy, "delete"), {"post": "yes"}).status_code == 403
    assert "Pick at least one kind" in client.post(page(policy, "reapply"), {"why": "x"}).content.decode()
    done = client.post(page(policy, "reapply"), {"kinds": ["accept"], "why": "Agreed"}, follow=True).content.decode()
    assert "1 running clock follows version" in done
    assert Clock.objects.get().due_at == MONDAY + 4 * DAY


def test_marketing_looks_at_promises_and_changes_none(client):
    client.force_login(make.user(Role.MARKETING_OPS, is_staff=True))
    made = draft({})
    assert client.get(page(made)).status_code == 200
    assert client.post(page(made, "publish_version"), {"why": "x"}).status_code == 403
    assert client.post(page(SlaPolicy.objects.get(status="published"), "reapply"), {}).status_code == 403


def test_a_calendar_in_use_is_not_removed(client, manager):
    calendar = make.calendar(name="Vienna")
    owner = make.user(Role.SDR, team=make.team()).rep
    make.seat(owner, calendar=calendar)
    mql(owner=owner)
    told = client.post(f"/admin/routing/calendar/{calendar.pk}/delete/", {"post": "yes"}, follow=True).content.decode()
    assert calendar.__class__.objects.filter(pk=calendar.pk).exists()
    assert "“Vienna” is in use by 1 seat and 1 clock. Give those another calendar first" in told
