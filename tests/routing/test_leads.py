"""The leads list: filters, search, paging, count, export, and what it costs."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.models import Campaign, Channel, Lead, Region, Solution
from routing.leads import listing as lead_rows
from routing.leads.listing import EXPORT_COLUMNS
from tests import factories as make

pytestmark = pytest.mark.django_db
URL = "/leads/"


@pytest.fixture
def ops(client):
    user = make.user(Role.MARKETING_OPS)
    client.force_login(user)
    return user


def names(response) -> list[str]:
    return [row.lead.person.last_name for row in response.context["rows"]]


def lead_of(name: str, **fields) -> Lead:
    about = {key: fields.pop(key) for key in ("email", "first_name", "company") if key in fields}
    return make.lead(person=make.person(last_name=name, account=fields.get("account"), **about), **fields)


def test_the_latest_moved_comes_first(client, ops):
    lead_of("Early", at=make.NOW - timedelta(days=2))
    lead_of("Late", stages={"inquiry": make.NOW - timedelta(days=9), "mql": make.NOW})
    assert names(client.get(URL)) == ["Late", "Early"]


def test_each_filter_narrows_the_list(client, ops):
    rep, campaign = make.rep(), Campaign.objects.create(name="Spring")
    channel, region = Channel.objects.create(name="Search"), Region.objects.create(name="North")
    solution = Solution.objects.create(name="Edge")
    lead_of("Plain")
    lead_of(
        "Full", stages={"inquiry": make.NOW, "mql": make.NOW}, owner=rep, campaign=campaign, channel=channel,
        region=region, solution=solution, function="partner", source="crm", external_id="1",
    )  # fmt: skip
    narrowing = {
        "stage": "mql", "owner": rep.pk, "campaign": campaign.pk, "channel": channel.pk, "region": region.pk,
        "solution": solution.pk, "function": "partner", "source": "crm",
    }  # fmt: skip
    for name, value in narrowing.items():
        assert names(client.get(URL, {name: value})) == ["Full"], name
    for name in ("owner", "campaign", "channel", "region", "solution"):
        assert names(client.get(URL, {name: "none"})) == ["Plain"], name


def test_a_persona_is_chosen_from_those_that_there_are(client, ops):
    said = {"Chief": {"persona": "CFO", "function": "Finance"}, "Head": {"function": "CFO"}, "It": {"function": "IT"}}
    for name, attributes in said.items():
        make.lead(person=make.person(last_name=name, attributes=attributes))
    lead_of("Plain")
    assert set(names(client.get(URL, {"persona": "CFO"}))) == {"Chief", "Head"}
    assert names(client.get(URL, {"persona": "none"})) == ["Plain"]
    assert names(client.get(URL, {"persona": "C%"})) == []
    assert "was left out" in client.get(URL, {"persona": "x" * 301}).content.decode()
    menu = reverse("routing:options", args=["persona"])
    labels = [label for label, _url, _chosen in client.get(menu).context["options"]]
    assert labels == ["All", "Not known", "CFO", "IT"]
    found = client.get(menu, {"find": "cf", "stage": "mql"}).context["options"]
    assert [(label, url) for label, url, _chosen in found] == [("CFO", f"{URL}?stage=mql&persona=CFO")]
    found = client.get("/api/leads/", {"persona": "CFO"}).json()["results"]
    assert {row["id"] for row in found} == {
        *Lead.objects.exclude(person__last_name__in=["It", "Plain"]).values_list("pk", flat=True)
    }


def test_states_are_open_closed_and_each_exit(client, ops):
    lead_of("Open")
    make.leave(lead_of("Back"), "recycle", at=make.NOW)
    make.leave(lead_of("Out"), "disqualify", at=make.NOW)
    assert names(client.get(URL, {"state": "open"})) == ["Open"]
    assert set(names(client.get(URL, {"state": "closed"}))) == {"Back", "Out"}
    assert names(client.get(URL, {"state": "recycled"})) == ["Back"]


def test_a_void_lead_is_shown_only_on_demand(client, ops):
    person = make.person(last_name="Never")
    Lead.objects.create(person=person, number=1, stage_since=make.NOW, closed_at=make.NOW, exit="void")
    assert names(client.get(URL)) == []
    assert names(client.get(URL, {"state": "void"})) == ["Never"]


def test_opened_counts_days_of_the_viewer_both_included(client, ops):
    lead_of("Before", at=make.NOW.replace(hour=21, minute=59))  # 23:59 in Vienna
    lead_of("After", at=make.NOW.replace(hour=22, minute=1))  # 00:01 of the next day
    client.cookies["dc_zone"] = "Europe/Vienna"
    day = make.NOW.date()
    assert names(client.get(URL, {"opened_from": day, "opened_to": day})) == ["Before"]
    assert names(client.get(URL, {"opened_from": day + timedelta(days=1)})) == ["After"]


def test_a_lead_that_came_in_as_sql_was_opened_then(client, ops):
    lead_of("Down", stages={"sql": make.NOW}, entry_stage="sql")
    response = client.get(URL, {"opened_from": make.NOW.date(), "opened_to": make.NOW.date()})
    assert names(response) == ["Down"]
    assert response.context["rows"][0].lead.opened == make.NOW


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("vont", {"Vontobel"}),
        ("LEA VON", {"Vontobel"}),
        ("lea.v", {"Vontobel"}),
        ("lea.vontobel@brunner.example", {"Vontobel"}),
        ("brunner auto", {"Vontobel"}),
        ("jan van der", {"van der Berg"}),
        ("anna maria roth", {"Roth"}),
        ("nobody", set()),
        ("v", {"Vontobel", "van der Berg", "Roth"}),  # one letter narrows nothing
        ("%", {"Vontobel", "van der Berg", "Roth"}),
        ("%%", set()),
    ],
)
def test_search_finds_how_a_name_an_address_or_a_company_begins(client, ops, text, found):
    company = make.account(name="Brunner Automation AG")
    lead_of("Vontobel", first_name="Lea", email="lea.vontobel@brunner.example", account=company)
    lead_of("van der Berg", first_name="Jan")
    lead_of("Roth", first_name="Anna Maria")
    assert set(names(client.get(URL, {"q": text}))) == found


def test_a_filter_that_makes_no_sense_is_left_out_and_said(client, ops):
    lead_of("One")
    for query in ({"stage": "nowhere"}, {"owner": "999999"}, {"opened_from": "soon"}, {"older": "1-x"}):
        response = client.get(URL, query)
        assert response.status_code == 200 and names(response) == ["One"]
    assert "was left out" in client.get(URL, {"stage": "nowhere"}).content.decode()


def test_pages_keep_the_filters(client, ops, monkeypatch):
    monkeypatch.setattr("routing.leads.views.PAGE", 2)
    for number in range(5):
        lead_of(f"L{number}", at=make.NOW + timedelta(hours=number))
    first = client.get(URL, {"stage": "inquiry"})
    assert names(first) == ["L4", "L3"] and not first.context["newer_url"]
    assert "stage=inquiry" in first.context["older_url"]
    second = client.get(first.context["older_url"])
    third = client.get(second.context["older_url"])
    assert (names(second), names(third), third.context["older_url"]) == (["L2", "L1"], ["L0"], "")
    assert names(client.get(third.context["newer_url"])) == ["L2", "L1"]


def test_pages_of_a_list_by_opening(client, ops, monkeypatch):
    monkeypatch.setattr("routing.leads.views.PAGE", 1)
    lead_of("Old", stages={"inquiry": make.NOW - timedelta(days=3), "mql": make.NOW})
    lead_of("New", at=make.NOW - timedelta(days=1))
    first = client.get(URL, {"opened_from": "2020-01-01"})
    assert names(first) == ["New"]
    assert names(client.get(first.context["older_url"])) == ["Old"]


def test_the_count_is_exact_when_small_and_capped_when_not(client, ops, monkeypatch):
    for number in range(3):
        lead_of(f"L{number}")
    assert client.get(URL).context["said"] == "3 leads"
    assert client.get(URL, {"q": "L1"}).context["said"] == "1 lead"
    monkeypatch.setattr(lead_rows, "MOST_COUNTED", 2)
    assert client.get(URL, {"stage": "inquiry"}).context["said"] == "2+ leads"
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE funnel_lead")
    assert client.get(URL).context["said"] == "about 3 leads"


def test_an_sdr_sees_the_own_list_only(client):
    mine, others = make.team(), make.team()
    user = make.user(Role.SDR, team=mine)
    lead_of("Mine", owner=user.rep)
    lead_of("Theirs", owner=make.rep(team=others))
    client.force_login(user)
    assert names(client.get(URL)) == ["Mine"]


def test_a_list_costs_the_same_queries_however_long(client, ops):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get(URL, {"state": "open"})
        return len(captured)

    lead_of("First", account=make.account(), owner=make.rep())
    few = queries()
    for number in range(20):
        lead_of(
            f"L{number}", account=make.account(), owner=make.rep(), channel=Channel.objects.create(name=f"C{number}")
        )
    assert queries() == few <= 9


def test_menus_offer_what_there_is_and_find_in_it(client, ops):
    Campaign.objects.bulk_create(Campaign(name=f"Campaign {number:03}") for number in range(205))
    response = client.get(reverse("routing:options", args=["campaign"]), {"stage": "mql", "older": "1-2"})
    html = response.content.decode()
    assert html.count('class="opt') == 202 and "There are more" in html  # All, No campaign and 200
    assert "stage=mql" in html and "older=" not in html
    found = client.get(reverse("routing:options", args=["campaign"]), {"find": "n 20"}).content.decode()
    assert found.count('class="opt') == 5
    nothing = client.get(reverse("routing:options", args=["campaign"]), {"find": "<b>"}).content.decode()
    assert "Nothing contains “&lt;b&gt;”" in nothing
    assert client.get(reverse("routing:options", args=["person"])).status_code == 404


def test_the_systems_of_record_are_found_one_by_one(client, ops):
    for number, source in enumerate(["crm", "forms", "crm", "events"]):
        lead_of(f"L{number}", source=source, external_id=str(number))
    lead_of("Own")
    html = client.get(reverse("routing:options", args=["source"])).content.decode()
    assert [source for source in ("crm", "events", "forms") if f">{source}<" in html] == ["crm", "events", "forms"]
    assert html.count('class="opt') == 4


# --- Export ---------------------------------------------------------------------------------------


def exported(response) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_export_holds_every_lead_of_the_filters(client, ops, monkeypatch):
    monkeypatch.setattr(lead_rows, "EXPORT_CHUNK", 2)
    for number in range(5):
        lead_of(f"L{number}", stages={"inquiry": make.NOW, "mql": make.NOW + timedelta(hours=number)})
    lead_of("Other")
    response = client.get(reverse("routing:export"), {"stage": "mql"})
    rows = exported(response)
    assert response["Content-Disposition"] == f'attachment; filename="leads-{timezone.localdate()}.csv"'
    assert [row["last_name"] for row in rows] == ["L0", "L1", "L2", "L3", "L4"]
    assert tuple(rows[0]) == EXPORT_COLUMNS
    assert (rows[1]["stage"], rows[1]["mql_at"], rows[1]["sal_at"]) == ("MQL", "2026-06-01T13:00:00+00:00", "")


def test_a_formula_is_exported_as_text(client, ops):
    lead_of('=HYPERLINK("http://evil")', first_name="+1", company="+1-2")
    (row,) = exported(client.get(reverse("routing:export")))
    assert (row["last_name"], row["first_name"], row["company"]) == ('\'=HYPERLINK("http://evil")', "+1", "'+1-2")


def test_the_export_needs_its_permission_and_honours_visibility(client):
    mine = make.team()
    user = make.user(Role.SDR, team=mine)
    lead_of("Mine", owner=user.rep)
    lead_of("Theirs", owner=make.rep(team=make.team()))
    client.force_login(user)
    assert client.get(reverse("routing:export")).status_code == 403
    assert "Export CSV" not in client.get(URL).content.decode()
    user.user_permissions.add(Permission.objects.get(codename="export_lead"))
    assert [row["last_name"] for row in exported(client.get(reverse("routing:export")))] == ["Mine"]


def test_an_empty_list_says_what_to_do(client, ops):
    assert "No leads yet" in client.get(URL).content.decode()
    assert "No lead matches these filters" in client.get(URL, {"stage": "won"}).content.decode()
