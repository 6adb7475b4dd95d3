"""The pages of the reports over HTTP: what they say, how they narrow, who sees what behind a number."""

import csv
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.models import Campaign, Channel, CostLine, Kind, Lead, Reason, Region, Stage
from reporting import records
from tests import factories

pytestmark = pytest.mark.django_db
PATH = [stage.value for stage in Stage]
ALL = "?period=all"


def ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def journey(start: float, *steps: float, **fields) -> Lead:
    """A lead that came in `start` days ago and reached the next stages so many days after each other."""
    at, stages = ago(start), {}
    for stage, after in zip(PATH, [0, *steps], strict=False):
        at += timedelta(days=after)
        stages[stage] = at
    return factories.lead(at=ago(start), stages=stages, **fields)


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(factories.user(Role.MARKETING_OPS, username="elif", first_name="Elif"))
    return client


def text(page: str) -> str:
    """What a page says, without its marks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)).replace("\xa0", " "))


def tile(client: Client, stage: Stage, address: str = "/") -> str:
    """What the strip says of one stage."""
    page = client.get(address).content.decode()
    strip = page.split('<section class="stages"')[1].split("</section>")[0]
    return text(strip.split('<div class="stage">')[1 + PATH.index(stage)])


# --- the Overview --------------------------------------------------------------------------------------------------


def test_without_leads_the_page_teaches_the_next_step(viewer: Client) -> None:
    page = viewer.get("/").content.decode()
    assert "No leads yet" in page
    assert "Import a CSV" in text(page)
    assert 'popovertarget="m-period"' not in page


def test_nobody_sees_it_without_logging_in(client: Client) -> None:
    for name in ("overview", "drill", "campaigns", "glossary"):
        assert client.get(reverse(f"reporting:{name}")).url.startswith("/login/")


def test_a_tile_has_volume_change_and_the_conversion_of_the_last_mature_cohort(viewer: Client) -> None:
    for day in range(40):  # of last quarter's inquiries three in four became MQL, a quarter of them too late
        steps = [120] if day % 4 == 1 else [5] if day % 4 else []
        journey(125 + day / 10, *steps)
    journey(20)
    journey(21)
    said = tile(viewer, Stage.INQUIRY, "/?from=" + f"{ago(60):%Y-%m-%d}" + "&to=" + f"{ago(1):%Y-%m-%d}")
    assert " 2 " in said
    page = viewer.get(ALL).content.decode()
    strip = tile(viewer, Stage.INQUIRY, ALL)
    assert "50.0 %" in strip and "20 / 40" in strip and "35.2–64.8 %" in strip and "90 d" in strip
    assert "Median time 5.0 d" in strip
    popover = text(page)
    assert "Not MQL 20: still open 10, later than 90 d 10" in popover
    assert "every lead has had its 90 days" in popover
    assert "those that became marketing qualified (MQL) within 90 days" in popover


@pytest.mark.parametrize(
    ("leads", "shown", "hidden"),
    [(4, "2 / 4", "50.0 %"), (10, "50.0 %", "no percentage")],
)
def test_small_numbers_are_told_as_such(viewer: Client, leads: int, shown: str, hidden: str) -> None:
    for number in range(leads):
        journey(200, *([3] if number % 2 else []))
    page = viewer.get(ALL).content.decode()
    said = tile(viewer, Stage.INQUIRY, ALL)
    assert shown in said
    assert hidden not in said
    assert "Small sample" in page


def test_no_cohort_is_no_data_and_never_nought_per_cent(viewer: Client) -> None:
    journey(3)
    said = tile(viewer, Stage.MQL)
    assert "no data" in said
    assert "0.0 %" not in said


def test_whole_weeks_also_tell_what_has_come_in_since(viewer: Client) -> None:
    journey(20)
    for _ in range(3):
        journey(0)
    page = viewer.get("/").content.decode()
    assert "+3 this week" in tile(viewer, Stage.INQUIRY) and "+0 this week" in tile(viewer, Stage.MQL)
    address = unescape(re.findall(r'class="since" href="([^"]+)"', page)[0])
    assert "3 leads" in text(viewer.get(address).content.decode())
    assert "this week" not in tile(viewer, Stage.INQUIRY, ALL)


def test_a_period_rate_says_that_it_is_one_and_may_exceed_one(viewer: Client) -> None:
    today = f"{ago(0):%Y-%m-%d}"
    for _ in range(6):
        journey(100, 98)
    journey(1.5)
    said = tile(viewer, Stage.INQUIRY, f"/?basis=period&from={ago(10):%Y-%m-%d}&to={today}")
    assert "6 / 1" in said and "arrivals in the period" in said
    for _ in range(4):
        journey(1.5)
    said = tile(viewer, Stage.INQUIRY, f"/?basis=period&from={ago(10):%Y-%m-%d}&to={today}")
    assert "120.0 %" in said


@pytest.mark.parametrize("basis", ["cohort", "period"])
def test_who_never_was_an_inquiry_counts_in_no_rate_of_inquiries(viewer: Client, basis: str) -> None:
    for number in range(6):
        journey(150, *([3] if number % 2 else []))
    for _ in range(4):
        factories.lead(at=ago(149), entry_stage=Stage.MQL, stages={Stage.MQL: ago(149)})
    address = f"/{ALL}&basis={basis}"
    assert "50.0 % " in tile(viewer, Stage.INQUIRY, address) and "3 / 6" in tile(viewer, Stage.INQUIRY, address)
    assert "Tick: all together 50.0 %" in text(viewer.get(address).content.decode())


def test_filters_narrow_every_tile_and_stay_in_the_links(viewer: Client) -> None:
    dach, nordics = (Region.objects.create(name=name) for name in ("DACH", "Nordics"))
    for region in (dach, dach, nordics):
        journey(20, 2, region=region)
    journey(20, 2)
    for where, leads in {"": 4, "&region=DACH": 2, "&region=DACH&region=": 3, "&region=Atlantis": 0}.items():
        assert f" {leads} " in tile(viewer, Stage.INQUIRY, f"/{ALL}{where}")
    page = viewer.get(f"/{ALL}&region=DACH").content.decode()
    assert "region=DACH" in unescape(re.findall(r'href="(/drill/[^"]+show=reached[^"]+)"', page)[0])


def test_htmx_gets_the_part_below_and_what_stands_beside_it(viewer: Client) -> None:
    journey(20)
    part = viewer.get("/?basis=period", headers={"HX-Request": "true"})
    page = part.content.decode()
    assert "<html" not in page and 'class="stages"' in page
    assert re.search(r'id="bar"[^>]*hx-swap-oob="true"', page)
    assert re.search(r'id="fresh"[^>]*hx-swap-oob="true"', page)
    assert "HX-Request" in part["Vary"]
    back = viewer.get("/", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in back.content.decode()


def test_an_address_that_makes_no_sense_is_told_and_a_view_is_shown(viewer: Client) -> None:
    journey(20)
    page = viewer.get("/?period=fortnight&basis=vibes&by=moon&region=\x00")
    assert page.status_code == 200
    assert "There is no period “fortnight”" in page.content.decode()


def test_a_period_without_leads_offers_the_one_that_has_some(viewer: Client) -> None:
    journey(900)
    page = text(viewer.get("/").content.decode())
    assert "No lead reached any stage from" in page and "Show all time" in page
    page = text(viewer.get(f"/{ALL}&region=Atlantis").content.decode())
    assert "with these filters. Remove the filters" in page


def test_choices_are_counted_under_the_other_filters(viewer: Client) -> None:
    dach, nordics = (Region.objects.create(name=name) for name in ("DACH", "Nordics"))
    web = Channel.objects.create(name="Web <b>")
    for region, channel in ((dach, web), (dach, web), (nordics, web), (dach, None)):
        journey(20, region=region, channel=channel)
    page = viewer.get(f"/overview/choices/region/{ALL}&channel=Web+%3Cb%3E&region=DACH").content.decode()
    assert text(page).split() == ["DACH", "2", "Nordics", "1"]
    assert re.search(r'value="DACH" checked', page)
    assert "Web &lt;b&gt;" in viewer.get(f"/overview/choices/channel/{ALL}").content.decode()
    assert viewer.get("/overview/choices/moon/").status_code == 404


def test_every_link_of_the_page_leads_somewhere(viewer: Client) -> None:
    reason = Reason.objects.create(kind="recycle", name="Not now")
    for days in (300, 150, 3):
        for _ in range(6):
            journey(days, 1, 1)
            factories.leave(journey(days, 1), Kind.RECYCLE, at=ago(days - 2), reason_id=reason.pk)
    glossary = viewer.get("/glossary/").content.decode()
    followed: set[tuple] = set()
    for address in (f"/{ALL}", "/?basis=period", "/campaigns/"):
        page = viewer.get(address).content.decode()
        for link in map(unescape, re.findall(r'<a [^>]*href="(/[^"]*|\?[^"]*)"', page)):
            parts = urlsplit(link)
            assert not parts.fragment or f'id="{parts.fragment}"' in glossary, link
            kind = (parts.path, *(part for part in parse_qsl(parts.query) if part[0] in {"show", "part", "basis"}))
            if kind not in followed and not parts.path.startswith(("/admin/", "/logout/")):
                assert viewer.get(link if parts.path else urlsplit(address).path + link).status_code == 200, link
                followed.add(kind)
    assert {"/", "/drill/", "/overview/stages.csv", "/campaigns/", "/glossary/"} <= {path for path, *_ in followed}


@pytest.mark.parametrize("basis", ["cohort", "period"])
def test_numbers_open_as_many_leads_as_they_say(viewer: Client, basis: str) -> None:
    reason = Reason.objects.create(kind="recycle", name="Not now")
    for number in range(12):
        lead = journey(200 + number, *[2, 3, 20, 4][: number % 5])
        if number % 3 == 0:
            factories.leave(lead, Kind.RECYCLE, at=ago(50), reason_id=reason.pk)
    factories.lead(at=ago(90), entry_stage=Stage.MQL, stages={Stage.MQL: ago(90), Stage.SAL: ago(89)})
    page = viewer.get(f"/{ALL}&basis={basis}").content.decode()
    links = set(re.findall(r'<a href="(/drill/[^"]+)">Open (?:the other )?([\d,]+)[^<]*</a>', page))
    assert len(links) > 20
    for link, words in links:
        behind = text(viewer.get(unescape(link)).content.decode())
        assert re.search(rf" {words} leads?\.", behind), (words, unescape(link))


def test_tiles_come_as_files_without_anything_a_spreadsheet_would_run(viewer: Client) -> None:
    channel = Channel.objects.create(name="=cmd()")
    journey(150, 5, channel=channel)
    for name in ("stages", "trend", "funnel", "times", "left", "by"):
        lines = list(csv.reader(b"".join(viewer.get(f"/overview/{name}.csv{ALL}")).decode("utf-8-sig").splitlines()))
        assert len({len(line) for line in lines}) == 1, name
        assert len(lines) > 1 or name == "left"
    by = b"".join(viewer.get(f"/overview/by.csv{ALL}")).decode("utf-8-sig").splitlines()
    assert by[1].startswith("'=cmd(),1,1,1,1.0,")
    assert viewer.get("/overview/moon.csv").status_code == 404


def test_figures_are_plotly_json(viewer: Client) -> None:
    journey(10, 1, 1)
    figure = json.loads(viewer.get("/overview/figures/trend.json?period=4w").content)
    assert [trace["type"] for trace in figure["data"]] == ["scatter"] * 4
    figure = json.loads(viewer.get("/overview/figures/trend.json?from=2001-01-01&to=2001-02-01").content)
    assert figure["data"] == []
    assert viewer.get("/overview/figures/moon.json").status_code == 404


# --- the leads behind a number -------------------------------------------------------------------------------------


def drill(**parameters) -> str:
    query = "&".join(f"{name}={value}" for name, value in ({"period": "all"} | parameters).items())
    return f"/drill/?{query}"


def test_the_leads_behind_a_number_are_said_in_a_sentence(viewer: Client) -> None:
    journey(100, 5)
    journey(100, 30)
    page = viewer.get(drill(show="step", stage="inquiry", into="mql", window=14, part="no"))
    said = text(page.content.decode())
    assert "Leads that came in as an inquiry at any time and did not become marketing qualified (MQL) within" in said
    assert "within 14 days. 1 lead." in said


@pytest.mark.parametrize(
    "address",
    [
        "/drill/",
        "/drill/?show=moon&stage=mql",
        "/drill/?show=reached&stage=moon",
        "/drill/?show=step&stage=mql&into=inquiry&part=all",
        "/drill/?show=step&stage=mql&into=sal&part=maybe",
        "/drill/?show=step&stage=mql&into=sal&part=all&window=-1",
        "/drill/?show=step&stage=mql&into=sal&part=all&window=99999999999",
        "/drill/?show=left&stage=mql&exit=won",
        "/drill/?show=reached&stage=mql&below=x",
        "/drill/?show=reached&stage=mql&from=yesterday",
    ],
)
def test_an_address_that_names_no_number_is_refused_with_words(viewer: Client, address: str) -> None:
    answer = viewer.get(address)
    assert answer.status_code == 400
    assert "This address names no number" in answer.content.decode()


def test_pages_go_on_by_key_and_show_each_lead_once(viewer: Client) -> None:
    leads = {journey(30 + number / 10).pk for number in range(120)}
    seen: list[int] = []
    address, newer = drill(show="reached", stage="inquiry"), ""
    while address:
        page = viewer.get(unescape(address)).content.decode()
        seen += [int(pk) for pk in re.findall(r'href="/leads/(\d+)/"', page)]
        newer = next(iter(re.findall(r'rel="prev" href="([^"]+)"', page)), "") or newer
        address = next(iter(re.findall(r'rel="next" href="([^"]+)"', page)), "")
    assert (len(seen), set(seen)) == (120, leads)
    assert seen == sorted(seen, reverse=True)
    back = viewer.get(unescape(newer)).content.decode()
    assert [int(pk) for pk in re.findall(r'href="/leads/(\d+)/"', back)] == seen[50:100]


def test_a_role_sees_its_own_leads_behind_everybodys_number(client: Client) -> None:
    mine, theirs = factories.team(), factories.team()
    client.force_login(factories.user(Role.SDR, team=mine, username="sam"))
    rep = factories.rep(team=mine)
    other = factories.rep(team=theirs)
    own = {journey(30, owner=rep).pk for _ in range(3)}
    for _ in range(4):
        journey(30, owner=other)
    page = client.get(drill(show="reached", stage="inquiry")).content.decode()
    assert "7 leads; 3 of them are visible to your role (SDR)." in text(page)
    assert {int(pk) for pk in re.findall(r'href="/leads/(\d+)/"', page)} == own
    assert "Export CSV" not in page
    assert client.get("/drill.csv?period=all&show=reached&stage=inquiry").status_code == 403


def test_how_many_one_may_see_of_very_many_is_not_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_COUNTED", 2)
    client.force_login(factories.user(Role.SDR, team=factories.team(), username="sam"))
    for _ in range(3):
        journey(30)
    page = text(client.get(drill(show="reached", stage="inquiry")).content.decode())
    assert "3 leads; your role (SDR) sees a part of them." in page


def test_a_role_without_any_of_the_leads_is_told_why_the_list_is_empty(client: Client) -> None:
    client.force_login(factories.user(Role.AE, team=factories.team("ae"), username="ann"))
    journey(30)
    page = text(client.get(drill(show="reached", stage="inquiry")).content.decode())
    assert "1 lead; 0 of them are visible" in page
    assert "None of these leads is yours to see" in page


def test_the_file_has_what_the_viewer_may_see(client: Client) -> None:
    client.force_login(factories.user(Role.EXECUTIVE, username="eve"))
    person = factories.person(first_name="=HYPERLINK()", last_name="Doe")
    journey(30, person=person)
    journey(30, 2)
    answer = client.get("/drill.csv?period=all&show=reached&stage=inquiry")
    rows = list(csv.DictReader(b"".join(answer).decode("utf-8-sig").splitlines()))
    assert len(rows) == 2
    assert "'=HYPERLINK()" in {row["first_name"] for row in rows}


# --- campaigns -----------------------------------------------------------------------------------------------------


def campaign(name: str, leads: int = 0, mqls: int = 0, **fields) -> Campaign:
    made = Campaign.objects.create(name=name, **fields)
    for number in range(leads):
        journey(120, *([5] if number < mqls else []), campaign=made)
    return made


def cost(of: Campaign, amount: str, currency: str = "EUR") -> None:
    CostLine.objects.create(campaign=of, amount=Decimal(amount), currency=currency, incurred_on=ago(100).date())


def rows_of(page: str) -> dict[str, str]:
    body = page.split("<tbody>")[1].split("</tbody>", maxsplit=1)[0] if "<tbody>" in page else ""
    found = [text(row) for row in body.split("</tr>") if row.strip()]
    return {row.split(" | ")[0].strip().split("  ")[0]: row for row in found}


def test_a_campaign_says_what_it_brought_and_what_an_mql_cost(viewer: Client) -> None:
    expo = campaign("Expo", leads=10, mqls=4, channel=Channel.objects.create(name="Event"))
    cost(expo, "1000")
    cost(expo, "200")
    page = text(viewer.get("/campaigns/").content.decode())
    assert "10 4 0 0 0 0 40.0 %" in page
    assert "4 / 10" in page and "€1,200" in page and "€300" in page


def test_money_without_a_result_is_no_nought(viewer: Client) -> None:
    cost(campaign("Flop", leads=2), "500")
    mixed = campaign("Abroad", leads=2, mqls=2)
    cost(mixed, "500")
    cost(mixed, "300", "USD")
    campaign("Free", leads=1, mqls=1)
    page = text(viewer.get("/campaigns/").content.decode())
    assert "€500 no result yet" in page
    assert "€500 + $300 several currencies" in page
    assert "none known" in page
    assert "not split" in text(viewer.get("/campaigns/?region=").content.decode())


def test_campaigns_are_found_sorted_and_filtered(viewer: Client) -> None:
    campaign("Zürich expo", leads=3, mqls=1, channel=Channel.objects.create(name="Event"))
    campaign("Autumn webinar", leads=1, mqls=1, channel=Channel.objects.create(name="Webinar"))
    campaign("Quiet")
    journey(120)

    def order(address: str) -> list[str]:
        page = viewer.get(address).content.decode()
        return re.findall(r'<a class="strong" href="[^"]+">([^<]+)</a>', page)

    assert order("/campaigns/") == ["Zürich expo", "Autumn webinar", "No campaign", "Quiet"]
    assert order("/campaigns/?sort=name") == ["Autumn webinar", "Quiet", "Zürich expo", "No campaign"]
    assert order("/campaigns/?name=ZÜRICH") == ["Zürich expo"]
    assert order("/campaigns/?channel=Webinar") == ["Autumn webinar"]
    assert "No campaign matches" in viewer.get("/campaigns/?name=nothing").content.decode()


def test_campaigns_take_as_many_queries_for_sixty_as_for_three(viewer: Client) -> None:
    def asked() -> int:
        viewer.get("/campaigns/")  # the copy refreshes by itself
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = viewer.get("/campaigns/?sort=name").content.decode()
        assert "campaigns" in page
        return len([query for query in queries if "funnel_" in query["sql"] and "COPY" not in query["sql"]])

    for number in range(3):
        campaign(f"C{number:02}", leads=1)
    few = asked()
    for number in range(3, 60):
        campaign(f"C{number:02}")
    assert asked() == few
    page = text(viewer.get("/campaigns/?sort=name").content.decode())
    assert "1–50 of 60 campaigns" in page
    assert "51–60 of 60 campaigns" in text(viewer.get("/campaigns/?sort=name&page=2").content.decode())
    assert "51–60 of 60" in text(viewer.get("/campaigns/?sort=name&page=999").content.decode())


def test_campaigns_come_as_a_file(viewer: Client) -> None:
    cost(campaign("Expo", leads=10, mqls=4), "1000")
    [row] = csv.DictReader(b"".join(viewer.get("/campaigns.csv")).decode("utf-8-sig").splitlines())
    assert (row["campaign"], row["opened"], row["mql"], row["rate"], row["cost"], row["cost_per_mql"]) == (
        "Expo", "10", "4", "0.4", "1000.00 EUR", "250.00",
    )  # fmt: skip


def test_the_page_takes_as_many_queries_for_many_leads_as_for_few(viewer: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            viewer.get(f"/{ALL}")
        return len([query for query in queries if "COPY" not in query["sql"]])

    journey(100, 2)
    asked()
    few = asked()
    for _ in range(20):
        journey(100, 2, 3, 4)
    assert asked() <= few
