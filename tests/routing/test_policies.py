"""Routing in the admin: policies in versions, working hours as people write them, and looks at what came of it."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from funnel.access import Role
from funnel.versions import PolicyProblem
from routing.assignment import policies
from routing.assignment.policy_forms import read_blocks, write_blocks
from routing.models import Calendar, CalendarDay, RoutingPolicy, RoutingRule
from tests import factories as make
from tests.form_data import form_data

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LIST = "/admin/routing/routingpolicy/"
NORTH = {"field": "lead.region", "op": "is", "value": "North"}


@pytest.fixture
def manager(client):
    user = make.user(Role.SDR_MANAGER, is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def team():
    made = make.team(name="SDR North")
    make.desk(made)
    return made


def page(policy, act="change") -> str:
    return f"{LIST}{policy.pk}/{act}/"


def test_a_draft_is_a_copy_and_publishing_it_retires_the_one_before(client, manager, team):
    before = make.routing_policy({"team": team, "condition": NORTH, "name": "North"})
    response = client.post(page(before, "new_draft"), {"name": "Second", "from_policy": before.pk, "why": ""})
    draft = RoutingPolicy.objects.latest("version")
    assert response.headers["Location"] == page(draft)
    assert [(rule.name, rule.condition, rule.team) for rule in draft.rules.all()] == [("North", NORTH, team)]
    assert "Say what changes and why" in client.post(page(draft, "publish_version"), {}).content.decode()
    assert client.post(page(draft, "publish_version"), {"why": "A new region"}).status_code == 302
    before.refresh_from_db()
    draft.refresh_from_db()
    assert (before.status, draft.status, draft.why) == ("retired", "published", "A new region")
    assert draft.published_by == manager


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([], "Without a rule nobody would get a lead."),
        ([{"condition": {"field": "lead.regoin", "op": "is", "value": "x"}}], "Did you mean lead.region"),
        ([{"condition": {}, "name": "All"}, {"name": "Late", "condition": NORTH}], "“Late” is never reached: “All”"),
        ([{"condition": {}, "team": None}], "has no desk"),
    ],
)
def test_a_policy_that_cannot_be_is_not_published(client, manager, team, rules, said):
    draft = make.routing_policy(
        *({"team": team} | rule | ({"team": make.team()} if "team" in rule else {}) for rule in rules), published=False
    )
    refused = client.post(page(draft, "publish_version"), {"why": "Because"}).content.decode()
    assert said in refused and "Because" in refused
    with pytest.raises(PolicyProblem) as problem:
        policies.publish(draft, user=None, now=NOW)
    assert said in str(problem.value)
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_a_version_is_published_once(team):
    draft = make.routing_policy({"team": team}, published=False)
    policies.publish(draft, user=None, now=NOW)
    with pytest.raises(PolicyProblem, match="is published already"):
        policies.publish(draft, user=None, now=NOW)


def test_a_rule_is_added_behind_the_others_and_an_impossible_one_is_told(client, manager, team):
    draft = make.routing_policy({"team": team, "condition": NORTH}, {"team": team}, published=False)
    data = form_data(client.get(page(draft)).content.decode()) | {
        "rules-TOTAL_FORMS": "3", "rules-2-name": "South", "rules-2-team": str(team.pk), "rules-2-method": "pool",
        "rules-2-condition": '{"field": "score.grade", "op": "in", "value": []}', "rules-2-position": "0",
        "rules-2-at_work": "hot", "rules-2-demands": ["region"], "rules-2-routing_policy": str(draft.pk),
    }  # fmt: skip
    refused = client.post(page(draft), data)
    assert "Fit grade “is one of” has an empty list; add a value." in refused.content.decode()
    response = client.post(page(draft), data | {"rules-2-condition": ""})
    assert response.status_code == 302
    assert [rule.name for rule in draft.rules.all()] == ["Rule 1", "Rule 2", "South"]


def test_a_published_policy_is_looked_at_and_not_edited(client, manager, team):
    policy = make.routing_policy({"team": team, "condition": NORTH})
    assert "Region is “North”" in client.get(page(policy)).content.decode()
    assert client.post(page(policy), {"name": "Other"}).status_code == 403
    assert client.post(page(policy, "publish_version"), {"why": "x"}).status_code == 403
    assert client.post(page(policy, "delete"), {"post": "yes"}).status_code == 403


def test_marketing_looks_at_policies_and_changes_none(client, team):
    client.force_login(make.user(Role.MARKETING_OPS, is_staff=True))
    draft = make.routing_policy({"team": team}, published=False)
    assert client.get(page(draft)).status_code == 200
    assert client.post(page(draft), {"name": "Other"}).status_code == 403
    assert client.post(page(draft, "publish_version"), {"why": "x"}).status_code == 403
    assert client.post(f"{LIST}add/", {"name": "x"}).status_code == 403
    assert client.get(reverse("routing:condition-fields")).status_code == 403
    assert client.post(reverse("routing:condition-count")).status_code == 403


def test_the_builder_counts_the_mqls_of_the_last_days(client, manager):
    make.lead(stages={"inquiry": datetime.now(UTC), "mql": datetime.now(UTC)})
    make.lead()
    told = client.post(reverse("routing:condition-count"), {"condition": '{"field": "score.band", "op": "known"}'})
    assert told.json() == {
        "sentence": "Interest band is known.", "problems": [], "count": "0 of 1 MQLs of the last 90 days match.",
    }  # fmt: skip
    fields = client.get(reverse("routing:condition-fields")).json()["fields"]
    assert {"lead.region", "score.grade", "account.industry"} <= {field["name"] for field in fields}
    assert client.get(reverse("routing:condition-choices"), {"of": "regions"}).json() == {"values": []}


# --- Working hours --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("", []),
        ("9-17", [["09:00", "17:00"]]),
        ("09:00–12:00, 13:00–18:30", [["09:00", "12:00"], ["13:00", "18:30"]]),
        ("8.30 to 12; 14:00 - 24:00", [["08:30", "12:00"], ["14:00", "24:00"]]),
    ],
)
def test_hours_are_read_as_people_write_them(text, blocks):
    assert read_blocks(text) == blocks
    assert read_blocks(write_blocks(blocks)) == blocks


def test_a_calendar_is_edited_by_the_day(client, manager):
    calendar = make.calendar(name="Vienna")
    address = reverse("admin:routing_calendar_change", args=[calendar.pk])
    typed = {
        "hours_mon": "8-12, 13-17", "hours_fri": "", "days-TOTAL_FORMS": "1", "days-0-day": "2026-12-24",
        "days-0-hours": "9-12", "days-0-name": "Christmas Eve", "days-0-calendar": str(calendar.pk),
    }  # fmt: skip
    response = client.post(address, form_data(client.get(address).content.decode()) | typed)
    assert response.status_code == 302
    calendar.refresh_from_db()
    assert calendar.hours["mon"] == [["08:00", "12:00"], ["13:00", "17:00"]] and "fri" not in calendar.hours
    assert CalendarDay.objects.get().hours == [["09:00", "12:00"]]
    shown = form_data(client.get(address).content.decode())
    assert shown["hours_mon"] == "08:00–12:00, 13:00–17:00" and shown["days-0-hours"] == "09:00–12:00"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"hours_tue": "nine to five"}, "Tuesday: “nine to five” is no span of hours"),
        ({"hours_tue": "17-9"}, "passes midnight lasts at most 14 hours; is it the wrong way?"),
        ({"hours_tue": "9-29"}, "a block is a start and an end"),
        ({f"hours_{day}": "" for day in ("mon", "tue", "wed", "thu", "fri")}, "needs working hours on some day"),
        ({"country": "XX"}, "The public holidays of “XX” are not known"),
        ({"zone": "Mars/Base"}, "Select a valid choice"),
        ({"days-TOTAL_FORMS": "1", "days-0-day": "2026-12-24", "days-0-hours": "12-9"}, "is it the wrong way?"),
        ({"days-TOTAL_FORMS": "1", "days-0-day": "2026-12-24", "days-0-hours": "noon"}, "“noon” is no span of hours"),
    ],
)
def test_hours_that_cannot_be_are_told(client, manager, typed, said):
    calendar = make.calendar()
    address = reverse("admin:routing_calendar_change", args=[calendar.pk])
    data = form_data(client.get(address).content.decode()) | typed
    response = client.post(address, data)
    assert response.status_code == 200
    assert said in response.content.decode()
    shown = form_data(response.content.decode())
    assert {name: shown[name] for name in typed if name != "zone"} == {
        name: text for name, text in typed.items() if name != "zone"
    }
    assert Calendar.objects.get(pk=calendar.pk).hours == calendar.hours


def test_a_rule_of_a_published_policy_is_refused_by_the_database_too(team):
    policy = make.routing_policy({"team": team})
    with pytest.raises(Exception, match="cannot be changed"):
        RoutingRule.objects.filter(routing_policy=policy).update(name="Other")


def test_rules_for_sqls_stand_apart_and_need_somebody_to_go_to(team):
    only = make.routing_policy({"team": team, "stage": "sql"}, published=False)
    assert list(policies.problems_of(only)) == [
        "Without a rule for MQLs nobody would get one. Add one; a rule without a condition takes every lead."
    ]
    both = make.routing_policy(
        {"team": team}, {"team": team, "stage": "sql", "name": "To sell"},
        {"team": team, "stage": "sql", "name": "Never", "condition": NORTH}, published=False,
    )  # fmt: skip
    assert list(policies.problems_of(both)) == ["Rule “Never” is never reached: “To sell” before it takes every lead."]
    pooled = make.routing_policy({"team": team}, {"team": team, "stage": "sql", "method": "pool"}, published=False)
    assert "deal them out" in list(policies.problems_of(pooled))[0]
    copy = policies.draft(from_policy=both, user=None, name="Copy")
    assert list(copy.rules.values_list("stage", flat=True)) == ["mql", "sql", "sql"]
