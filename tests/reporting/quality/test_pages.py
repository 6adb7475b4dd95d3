"""The pages of model quality over HTTP: what they say, who may see and do what, and that their numbers open."""

import csv
import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel.access import Role
from funnel.models import Channel, Lead
from routing.models import Clock
from scoring.models import ModelReview, ScoringModel, Simulation
from tests import factories
from tests.reporting.quality.cases import store
from tests.reporting.quality.oracle import Case
from tests.reporting.quality.simulated import scoring_model

pytestmark = pytest.mark.django_db
QUALITY = "/scoring/quality"


def text(page: str) -> str:
    """What a page says, without its marks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)).replace("\xa0", " "))


def panel(client: Client, name: str, address: str = QUALITY) -> str:
    page = client.get(address).content.decode()
    return text(page.split(f'<section class="pn" id="{name}">')[1].split("</section>")[0])


def table_row(client: Client, name: str, begins: str) -> str:
    """The row of a panel's table that begins with these words, its popovers included."""
    page = client.get(QUALITY).content.decode()
    rows = page.split(f'<section class="pn" id="{name}">')[1].split("</section>")[0].split("<tr>")
    return next(text(row) for row in rows if text(row).strip().startswith(begins))


@pytest.fixture
def ops(client: Client) -> Client:
    client.force_login(factories.user(Role.MARKETING_OPS, username="elif"))
    return client


@pytest.fixture
def model() -> ScoringModel:
    return scoring_model("Webinar", "Price")


@pytest.fixture
def misfire(model: ScoringModel) -> None:
    """Forty MQLs by the webinar of which ten were accepted, forty by price of which thirty were."""

    def case(days: int, accepted: bool, reason: str, points: dict[str, float], **fields: Any) -> Case:
        fate = {"fate": "accepted"} if accepted else {"fate": "rejected", "reason": reason}
        return Case(mql_at=timezone.now() - timedelta(days=days), points=points, **fate, **fields)

    webinar = {"Webinar": 40.0, "Price": 5.0}
    many = [case(30, number < 10, "Wrong profile", webinar) for number in range(40)]
    many += [case(40, number < 30, "Other", {"Price": 60.0}, grade="B") for number in range(40)]
    store(
        [*many, case(20, True, "", {"Price": 10.0}, by="hand", band=4), Case(mql_at=timezone.now(), known=False)], model
    )


def test_the_misfiring_rule_is_the_first_suggestion_and_says_its_case(ops: Client, misfire: None) -> None:
    said = panel(ops, "suggestions")
    first, second = said.split("Lower “Webinar” from 20", 1)[1].split("Raise “Price” from 20")
    assert said.index("Lower “W") < said.index("Raise “Price”")
    assert "of 40 decided MQLs it carried, 25 % (14.2–40.2 %) were accepted, against 75 % (59.8–85.8 %)" in first
    assert "Without its points up to 40 of the 40, 0.8 a week, would have stayed below the threshold of 40" in first
    assert "of 40 decided MQLs it carried, 75 %" in second


def test_rules_tell_their_false_positives_and_which_rejects_came_through_them(ops: Client, misfire: None) -> None:
    row = table_row(ops, "rules", "Webinar")
    for said in ("25.0 %", "10 / 40", "75.0 %", "−50 points (−65 to −29)", "59.8–85.8 %"):
        assert said in row
    assert "of “Wrong profile” rejects come from this rule" in row and "100.0 %" in row and "30 / 30" in row
    why = panel(ops, "reasons")
    assert "25 % of the rejects (10 of 40) have no reason of their own, but “other” or none" in why


def test_bands_have_counts_intervals_and_lift_of_those_old_enough(ops: Client, misfire: None) -> None:
    row = table_row(ops, "bands", "A1")
    assert "40" in row and "10 / 40 · 14.2–40.2 %" in row
    assert "no data" in row  # won: nobody is old enough
    page = text(ops.get(f"{QUALITY}?period=all").content.decode())
    assert "0.49 times the rate of all" in page
    assert "81 of 82 are 14 days old or more" in page
    assert "The score at the moment is known of 81 of 82 MQLs (99 %)" in page


def test_every_number_opens_as_many_leads_as_it_says(ops: Client, misfire: None) -> None:
    page = unescape(ops.get(QUALITY).content.decode())
    links = set(re.findall(r'href="(/scoring/quality/leads[^"]*)">Open ([\d,]+)<', page))
    assert len(links) > 20
    for address, number in sorted(links)[::7]:
        answer = ops.get(address)
        assert answer.status_code == 200
        said = text(answer.content.decode())
        assert re.search(rf"\. {number} leads?\.", said), (address, number)


def test_the_leads_behind_a_rule_are_said_in_words_paged_and_exported(ops: Client, misfire: None) -> None:
    rule = ScoringModel.objects.get(active=True).rules.get(name="Webinar")
    address = f"{QUALITY}/leads?{urlencode({'rule': rule.pk, 'outcome': 'rejected', 'reason': 'Wrong profile'})}"
    said = text(ops.get(address).content.decode())
    assert "were rejected; made by score, and “Webinar” gave at least 25% of the points of its kind" in said
    assert "reason: Wrong profile. 30 leads." in said
    rows = list(csv.reader(b"".join(ops.get(address.replace("leads?", "leads.csv?"))).decode("utf-8-sig").splitlines()))
    assert len(rows) == 31 and rows[1][rows[0].index("reason")] == "Wrong profile"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("outcome=nonsense", "In the address outcome is “nonsense”"),
        ("rule=x", "In the address rule is “x”"),
        ("above=nan", "it is a number of points"),
        ("at=1A", "it is a grade and band like A1"),
        ("cell=1", "is no grade and band"),
        ("newer=-1", "it is a number"),
    ],
)
def test_an_address_that_names_no_number_says_why(ops: Client, misfire: None, asked: str, said: str) -> None:
    answer = ops.get(f"{QUALITY}/leads?{asked}")
    assert answer.status_code == 400 and said in text(answer.content.decode())


def test_pages_take_constant_queries_whatever_there_is(ops: Client, misfire: None) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert ops.get(address).status_code == 200
        return len(caught)

    def both() -> list[int]:
        return [queries(QUALITY), queries(f"{QUALITY}/dispute?channel=email")]

    Channel.objects.create(name="email")
    both()
    before = both()
    at = timezone.now() - timedelta(days=30)
    more = [Case(mql_at=at, fate="accepted", channel="email", points={"Webinar": 40.0}) for _ in range(20)]
    store(more, ScoringModel.objects.get(active=True))
    both()
    assert both() == before


def test_files_have_the_figures(ops: Client, misfire: None) -> None:
    def rows(name: str) -> list[list[str]]:
        return list(csv.reader(b"".join(ops.get(f"{QUALITY}/{name}.csv")).decode("utf-8-sig").splitlines()))

    assert sorted(row[0] for row in rows("rules")[1:]) == ["Price", "Webinar"]
    assert rows("bands")[1][:5] == ["A", "1", "40", "40", "10"]
    assert rows("reasons")[1][:2] == ["Wrong profile", "30"]
    assert rows("suggestions")[1][:3] == ["Webinar", "lower", "10.0"]
    assert sum(int(row[3]) for row in rows("calibration")[1:]) == 81
    assert ops.get(f"{QUALITY}/nonsense.csv").status_code == 404


def test_the_calibration_is_drawn_and_said(ops: Client, misfire: None) -> None:
    page = ops.get(QUALITY).content.decode()
    figure = json.loads(page.split('id="f-calibration">')[1].split("</script>")[0])
    assert [trace["name"] for trace in figure["data"]] == ["Accepted"]
    assert "more interest" in panel(ops, "calibration")


# --- who may do what -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role.values)
def test_every_role_may_look(client: Client, misfire: None, role: str) -> None:
    client.force_login(factories.user(role))
    assert client.get(QUALITY).status_code == 200
    assert client.get(f"{QUALITY}/dispute").status_code == 200
    may_change = role in (Role.MARKETING_OPS, Role.ADMINISTRATOR)
    assert ("Make a draft and try it" in client.get(QUALITY).content.decode()) is may_change


def test_without_a_role_nobody_looks(client: Client) -> None:
    assert client.get(QUALITY).url.startswith("/login/")
    client.force_login(factories.user())
    for name in ("quality", "quality-dispute", "quality-leads"):
        assert client.get(reverse(f"reporting:{name}")).status_code == 403


def test_a_rep_sees_the_numbers_of_all_and_the_leads_of_the_own_team(client: Client, misfire: None) -> None:
    client.force_login(factories.user(Role.AE, team=factories.team("ae")))
    said = text(client.get(f"{QUALITY}/leads?outcome=rejected").content.decode())
    assert "40 leads; 0 of them are visible to your role" in said


@pytest.mark.parametrize("role", [Role.SDR, Role.SDR_MANAGER, Role.EXECUTIVE, Role.AE])
def test_only_who_keeps_the_model_makes_drafts_and_reviews(client: Client, model: ScoringModel, role: str) -> None:
    client.force_login(factories.user(role))
    rule = model.rules.get(name="Webinar")
    assert client.post(f"{QUALITY}/draft", {"rule": rule.pk, "points": "5"}).status_code == 403
    assert client.post(f"{QUALITY}/review", {"model": model.pk, "note": "Fine"}).status_code == 403
    assert (ScoringModel.objects.count(), ModelReview.objects.count()) == (1, 0)


# --- a changed rule, a review --------------------------------------------------------------------------------------


def test_a_suggestion_becomes_a_draft_and_changes_nothing_that_decides(ops: Client, misfire: None) -> None:
    active = ScoringModel.objects.get(active=True)
    rule = active.rules.get(name="Webinar")
    answer = ops.post(f"{QUALITY}/draft", {"rule": rule.pk, "points": "8"})
    draft = ScoringModel.objects.get(status="draft")
    assert answer.url == f"/scoring/lab?draft={draft.version}&live={active.version}#draft"
    assert ops.get(answer.url).status_code == 200
    assert {row.name: row.points for row in draft.rules.all()} == {"Webinar": 8, "Price": 20, "Wanted account": 50}
    assert draft.why == "“Webinar” gives 8 points, not 20." and draft.created_by.username == "elif"
    rule.refresh_from_db()
    assert (rule.points, ScoringModel.objects.get(active=True)) == (20, active)


def test_a_rule_may_be_left_out_of_the_draft(ops: Client, misfire: None) -> None:
    rule = ScoringModel.objects.get(active=True).rules.get(name="Webinar")
    ops.post(f"{QUALITY}/draft", {"rule": rule.pk, "points": "", "remove": "1"})
    draft = ScoringModel.objects.get(status="draft")
    assert sorted(draft.rules.values_list("name", flat=True)) == ["Price", "Wanted account"]


@pytest.mark.parametrize(("points", "said"), [("many", "“many” is no number"), ("20", "gives 20 points already")])
def test_a_draft_that_makes_no_sense_is_refused(ops: Client, misfire: None, points: str, said: str) -> None:
    rule = ScoringModel.objects.get(active=True).rules.get(name="Webinar")
    answer = ops.post(f"{QUALITY}/draft", {"rule": rule.pk, "points": points}, follow=True)
    assert said in text(answer.content.decode())
    assert not ScoringModel.objects.filter(status="draft").exists()


def test_a_review_is_recorded_with_who_and_what_and_an_overdue_one_is_told(ops: Client, misfire: None) -> None:
    model = ScoringModel.objects.get(active=True)
    yesterday = timezone.localdate() - timedelta(days=1)
    ScoringModel.objects.update(review_on=yesterday)
    assert "was to be reviewed by" in text(ops.get(QUALITY).content.decode())
    next_on = timezone.localdate() + timedelta(days=60)
    ops.post(f"{QUALITY}/review", {"model": model.pk, "note": "Webinars are too dear.", "next_on": str(next_on)})
    said = text(ops.get(QUALITY).content.decode())
    assert "is to be reviewed by" in said and "by elif: Webinars are too dear." in said
    model.refresh_from_db()
    assert model.review_on == next_on


@pytest.mark.parametrize(
    ("note", "next_on", "said"),
    [("  ", "", "Say what you looked at"), ("Fine", "2020-01-01", "a day ahead"), ("Fine", "soon", "a day ahead")],
)
def test_a_review_that_says_nothing_is_refused_and_keeps_what_was_typed(
    ops: Client, misfire: None, note: str, next_on: str, said: str
) -> None:
    model = ScoringModel.objects.get(active=True)
    answer = ops.post(f"{QUALITY}/review", {"model": model.pk, "note": note, "next_on": next_on})
    page = answer.content.decode()
    assert answer.status_code == 422 and said in text(page) and f">{note}</textarea>" in page
    assert not ModelReview.objects.exists()


# --- a dispute -----------------------------------------------------------------------------------------------------


def test_a_dispute_shows_both_complaints_inside_and_outside(ops: Client, model: ScoringModel) -> None:
    at = timezone.now() - timedelta(days=30)
    many = [
        Case(
            mql_at=at, channel="Fair" if number % 2 else "Paid", reason="" if accepted else "Wrong profile",
            fate="accepted" if accepted else "rejected", points={"Price": 60.0},
        )
        for number in range(80)
        for accepted in [number % 8 < (2 if number % 2 else 6)]
    ]  # fmt: skip
    ids = store([*many, Case(mql_at=at, channel="Fair")], model)
    due, hours = at + timedelta(hours=24), [5 if number % 10 < 8 else 30 for number in range(80)]
    Clock.objects.bulk_create(
        Clock(
            lead_id=lead, kind="accept", cause="c", started_at=at, warn_at=due, due_at=due,
            stopped_at=None if after is None else at + timedelta(hours=after),
        )
        for lead, after in zip(ids, [*hours, None], strict=True)
    )  # fmt: skip
    idle = Lead.objects.get(pk=ids[-1])
    page = ops.get(f"{QUALITY}/dispute?channel=Fair").content.decode()
    said = text(page)
    assert "Sales has a point about “channel Fair”: the leads are poorer, and no worse work is seen." in said
    assert "Are they poor? Yes, poorer than the others: inside 25 % (10 of 40" in said
    assert "Are they left lying? The numbers cannot tell" in said
    assert "Inside 1 wait still, 1 of them without an attempt by us to reach them." in said
    for address, number in re.findall(r'href="(/scoring/quality/leads[^"]*)">Open ([\d,]+)<', unescape(page))[::5]:
        assert re.search(rf"\. {number} leads?\.", text(ops.get(address).content.decode())), (address, number)
    factories.touch(person=idle.person, direction="out", type="call", occurred_at=due)
    assert "1 wait still, 0 of them" in text(ops.get(f"{QUALITY}/dispute?channel=Fair").content.decode())
    rows = b"".join(ops.get(f"{QUALITY}/dispute.csv?channel=Fair")).decode("utf-8-sig").splitlines()
    assert "rate,accepted,10,40,30,40" in rows and "promise,kept,32,41,32,40" in rows


def test_without_a_slice_the_page_asks_for_one(ops: Client, misfire: None) -> None:
    assert "Choose what the dispute is about" in text(ops.get(f"{QUALITY}/dispute").content.decode())


def test_without_leads_or_a_model_the_page_says_what_is_missing(ops: Client) -> None:
    assert "No leads yet" in text(ops.get(QUALITY).content.decode())
    at = timezone.now() - timedelta(days=30)
    factories.lead(at=at, stages={"inquiry": at, "mql": at})
    said = text(ops.get(QUALITY).content.decode())
    assert "The score at the moment is known of none of these MQLs yet" in said
    assert "Nothing to suggest" in said and "Replay the last 52 weeks now" in said


def test_a_replay_can_be_asked_for_at_once(ops: Client, model: ScoringModel) -> None:
    ops.post(f"{QUALITY}/replay")
    assert Simulation.objects.get().model == model
    ScoringModel.objects.update(active=False)
    answer = ops.post(f"{QUALITY}/replay", follow=True)
    assert "No version decides yet" in text(answer.content.decode())
