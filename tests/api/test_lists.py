"""Lists and records over the API: what is in them, who sees them, how they are paged, and what they cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from demandcenter.api import router
from funnel.access import Role
from funnel.models import Campaign, Channel, Content, GlossaryTerm, Lead, OpportunityEvent, Reason, Region, Solution
from funnel.stages import Move, move
from tests import factories as make

pytestmark = pytest.mark.django_db
RECORDS = ("leads", "people", "accounts", "opportunities")
REFERENCE = ("regions", "solutions", "channels", "content", "campaigns", "reasons", "teams", "reps", "glossary")


@pytest.fixture
def ops(client):
    user = make.user(Role.MARKETING_OPS)
    client.force_login(user)
    return user


def world(number: int = 0) -> Lead:
    """One of everything, tied together."""
    region, channel = Region.objects.create(name=f"R{number}"), Channel.objects.create(name=f"C{number}")
    solution, content = Solution.objects.create(name=f"S{number}"), Content.objects.create(name=f"T{number}")
    campaign = Campaign.objects.create(name=f"K{number}", channel=channel, region=region)
    rep = make.rep(team=make.team(region=region), region=region)
    account = make.account(region=region, owner=rep, parent=make.account(), revenue="1000.50")
    account.domains.create(domain=f"a{number}.example")
    lead = make.lead(
        account=account, owner=rep, region=region, channel=channel, solution=solution, content=content,
        campaign=campaign, source="crm", external_id=f"L{number}",
    )  # fmt: skip
    deal = make.opportunity(account=account, lead=lead, owner=rep, region=region, solution=solution, amount="64000")
    OpportunityEvent.objects.create(
        opportunity=deal, state="open", amount=1, currency="EUR", occurred_at=make.NOW, cause="c"
    )
    reason = Reason.objects.create(kind="recycle", name=f"Because {number}")
    make.leave(lead, "recycle", at=make.NOW + timedelta(hours=1), reason_id=reason.pk)
    GlossaryTerm.objects.create(slug=f"t{number}", term=f"T{number}", definition="…")
    return lead


def ids(response) -> list[int]:
    assert response.status_code == 200, response.json()
    return [row["id"] for row in response.json()["results"]]


@pytest.mark.parametrize("name", RECORDS + REFERENCE)
def test_every_list_and_record_opens(client, ops, name):
    world()
    found = client.get(f"/api/{name}/").json()
    assert found["next"] is None and found["previous"] is None and found["results"]
    first = found["results"][0]
    one = client.get(f"/api/{name}/{first['id']}/").json()
    assert first.items() <= one.items()
    assert client.get(f"/api/{name}/999999999/").status_code == 404
    assert (
        client.put(f"/api/{name}/", {}).status_code == client.delete(f"/api/{name}/{first['id']}/").status_code == 405
    )


@pytest.mark.parametrize("name", RECORDS + REFERENCE)
def test_a_list_costs_the_same_queries_however_long(client, ops, name):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/api/{name}/").status_code == 200
        return len(captured)

    world(0)
    few = queries()
    for number in range(1, 6):
        world(number)
    assert queries() == few <= (10 if name == "leads" else 6)  # a lead comes with its score and what is due


def test_a_lead_in_full(client, ops):
    lead = world()
    one = client.get(f"/api/leads/{lead.pk}/").json()
    assert one["person"] == {
        "id": lead.person_id, "name": lead.person.name, "email": lead.person.email, "title": "", "company": ""
    }  # fmt: skip
    assert (one["owner"], one["region"]["name"]) == ({"id": lead.owner_id, "name": lead.owner.name}, "R0")
    assert (one["stage"], one["exit"], one["reason"]["name"]) == ("inquiry", "recycled", "Because 0")
    assert (one["opened_at"], one["inquiry_at"], one["mql_at"]) == (
        "2026-06-01T12:00:00Z",
        "2026-06-01T12:00:00Z",
        None,
    )
    assert [(event["kind"], event["reason"] and event["reason"]["name"]) for event in one["events"]] == [
        ("advance", None), ("recycle", "Because 0"),
    ]  # fmt: skip


def test_leads_are_filtered_as_on_the_page(client, ops):
    lead, other = world(), make.lead()
    for query in ({"state": "recycled"}, {"owner": lead.owner_id}, {"source": "crm"}, {"campaign": lead.campaign_id}):
        assert ids(client.get("/api/leads/", query)) == [lead.pk], query
    assert ids(client.get("/api/leads/", {"owner": "none"})) == [other.pk]
    assert ids(client.get("/api/leads/", {"q": lead.person.last_name})) == [lead.pk]


def test_leads_that_changed_since(client, ops):
    """By when it was learnt, not by when it happened: a late import is a change."""
    old, moved = make.lead(), make.lead()
    since = make.NOW + timedelta(days=2000)
    wish = Move(lead_id=moved.pk, kind="advance", to_stage="mql", occurred_at=make.NOW, cause="late")
    (done,) = move([wish], now=since, history=True)
    assert done.done
    assert ids(client.get("/api/leads/", {"changed_since": since.isoformat()})) == [moved.pk]
    assert old.pk in ids(client.get("/api/leads/", {"changed_since": "2020-01-01T00:00:00Z"}))


def test_pages_follow_next_and_previous(client, ops):
    made = [make.lead(at=make.NOW + timedelta(hours=number)).pk for number in range(5)]
    first = client.get("/api/leads/", {"size": 2, "state": "open"})
    assert ids(first) == made[:2:-1] and first.json()["previous"] is None
    second = client.get(first.json()["next"])
    third = client.get(second.json()["next"])
    assert (ids(second), ids(third), third.json()["next"]) == ([made[2], made[1]], [made[0]], None)
    assert ids(client.get(third.json()["previous"])) == [made[2], made[1]]
    assert "state=open" in second.json()["next"] and "size=2" in second.json()["next"]


def test_pages_of_leads_by_opening(client, ops):
    late = make.lead(at=make.NOW + timedelta(days=2))
    early = make.lead(stages={"inquiry": make.NOW, "mql": make.NOW + timedelta(days=9)})
    first = client.get("/api/leads/", {"size": 1, "opened_from": "2026-01-01"})
    assert ids(first) == [late.pk] and ids(client.get(first.json()["next"])) == [early.pk]


def test_people_accounts_and_deals_are_found(client, ops):
    lead = world()
    lea = make.person(last_name="Vontobel", first_name="Lea", email="lea@example.com")
    assert ids(client.get("/api/people/", {"q": "vont"})) == [lea.pk]
    assert ids(client.get("/api/people/", {"email": "LEA@example.com "})) == [lea.pk]
    assert ids(client.get("/api/people/", {"account": lead.account_id})) == [lead.person_id]
    assert ids(client.get("/api/accounts/", {"domain": "a0.example"})) == [lead.account_id]
    assert ids(client.get("/api/accounts/", {"q": lead.account.name[:9]}))
    deal = lead.opportunities.get()
    assert ids(client.get("/api/opportunities/", {"lead": lead.pk, "state": "open"})) == [deal.pk]
    assert ids(client.get("/api/opportunities/", {"state": "won"})) == []
    one = client.get(f"/api/opportunities/{deal.pk}/").json()
    assert one["amount"] == "64000.00" and [event["amount"] for event in one["events"]] == ["1.00"]


def test_everybody_sees_what_their_role_sees(client):
    mine, theirs = make.team(), make.team()
    user = make.user(Role.SDR, team=mine)
    rep, other = user.rep, make.rep(team=theirs)
    seen = make.lead(owner=rep, account=make.account(owner=rep))
    hidden = make.lead(owner=other, account=make.account(owner=other))
    for lead in (seen, hidden):
        make.opportunity(lead=lead, owner=lead.owner, account=lead.account)
    client.force_login(user)
    for name, mine_id, theirs_id in (
        ("leads", seen.pk, hidden.pk),
        ("people", seen.person_id, hidden.person_id),
        ("accounts", seen.account_id, hidden.account_id),
        ("opportunities", seen.opportunities.get().pk, hidden.opportunities.get().pk),
    ):
        assert ids(client.get(f"/api/{name}/")) == [mine_id], name
        assert client.get(f"/api/{name}/{mine_id}/").status_code == 200
        assert client.get(f"/api/{name}/{theirs_id}/").status_code == 404


def test_without_a_role_nothing_is_seen(client):
    world()
    client.force_login(make.user())
    for name in RECORDS:
        assert ids(client.get(f"/api/{name}/")) == []


@pytest.mark.parametrize(
    ("address", "attr"),
    [
        ("leads/?stage=nowhere", "stage"), ("leads/?owner=abc", "owner"), ("leads/?older=x", None),
        ("leads/?size=0", "size"), ("leads/?size=501", "size"), ("leads/?size=9999999999", "size"),
        ("leads/?changed_since=soon", "changed_since"), ("people/?q=a", "q"), ("accounts/?owner=x", "owner"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_form(client, ops, address, attr):
    response = client.get(f"/api/{address}")
    body = response.json()
    assert response.status_code == 400 and body["type"] == "validation_error"
    assert [error["attr"] for error in body["errors"]] == [attr]
    assert body["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("leads/?stge=mql", "There is no parameter “stge” here; did you mean “stage”? There are: q, stage, state,"),
        ("campaigns/?Channel=1", "did you mean “channel”?"),
        ("tasks/?owner=1", "There is no parameter “owner” here. There are: lead, state, kind, older, newer, size."),
        ("talking-points/?solution=Edge", "There is no parameter “solution” here. There are none."),
    ],
)
def test_a_misspelt_parameter_is_told_with_what_was_probably_meant(client, ops, address, said):
    response = client.get(f"/api/{address}")
    (error,) = response.json()["errors"]
    assert response.status_code == 400
    assert said in error["detail"] and error["attr"] in address


def test_every_list_refuses_what_it_does_not_know_and_takes_what_it_describes(client, ops):
    for name, view, _basename in router.registry:
        assert client.get(f"/api/{name}/?nonsense=1").status_code == 400, name
        known = [one["name"] for one in view.pagination_class().get_schema_operation_parameters(view)]
        assert known == ["older", "newer", "size"]
        assert client.get(f"/api/{name}/?size=5&format=json").status_code == 200, name


def test_nobody_in_particular_gets_nothing(client):
    assert client.get("/api/schema/").status_code == 401
    for name in (*RECORDS, *REFERENCE, "metrics", "metrics/volume"):
        response = client.get(f"/api/{name}/")
        assert response.status_code == 401 and response.json()["type"] == "client_error", name
