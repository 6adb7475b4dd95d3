"""The agreement between marketing and sales: what judges a promise, who signs what, and how it is kept."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, InternalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from funnel.access import Role
from funnel.versions import PolicyProblem
from reporting.agreements import stretches, versions
from reporting.agreements.attainment import attainment
from reporting.agreements.judging import Actual, Verdict, judge
from reporting.agreements.measures import MEASURES
from reporting.facts import Copy
from reporting.models import Agreement, Target
from routing.models import Clock
from tests import factories as make
from tests.form_data import form_data
from tests.reporting.agreeing import BOTH, NOW, promise, signed, terms
from tests.threads import at_once

DAY = timedelta(days=1)
PAGE, NEW = reverse("reporting:agreement"), reverse("reporting:agreement-new")


# --- pure ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "promised", "actual", "final", "verdict"),
    [
        ("least", 100, Actual(value=100), True, Verdict.MET),
        ("least", 100, Actual(value=99), True, Verdict.MISSED),
        ("least", 100, Actual(value=99), False, Verdict.SO_FAR),
        ("least", 100, Actual(value=100), False, Verdict.MET),  # enough is enough
        ("most", 100, Actual(value=101), False, Verdict.MISSED),  # too many are too many
        ("most", 100, Actual(value=100), False, Verdict.SO_FAR),
        ("most", 100, Actual(value=100), True, Verdict.MET),
        ("least", 0.57, Actual(value=57 / 100, n=100), True, Verdict.MET),
        ("least", 0.57, Actual(value=114 / 200, n=200), True, Verdict.MET),
        ("least", 0.8, Actual(value=0.9, n=100), False, Verdict.SO_FAR),  # a rate can still fall
        ("least", 0.8, Actual(value=0.75, n=4), True, Verdict.FEW),
        ("least", 0.8, Actual(value=None, n=0), True, Verdict.NO_DATA),
        ("least", 0.8, Actual(value=None, n=0), False, Verdict.SO_FAR),
        ("least", 1, Actual(value=0), True, Verdict.MISSED),  # no lead is nought, not no data
    ],
)
def test_whether_a_promise_was_kept(direction, promised, actual, final, verdict) -> None:
    assert judge(direction, promised, actual, final=final) == verdict


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.sampled_from(["month", "quarter"]))
def test_months_and_quarters_lie_end_to_end(day: date, every: str) -> None:
    found = stretches.latest(every, day, 5)
    assert found[0].start and found[0].end and found[0].start <= day < found[0].end
    assert all(later.start == earlier.end for later, earlier in zip(found, found[1:], strict=False))
    assert {one.months for one in found} == {stretches.MONTHS[Target.Every(every)]}
    assert stretches.within(every, found[3].start, day) == found[:4]  # type: ignore[arg-type]


def test_how_they_are_called_and_which_are_of_a_review() -> None:
    q3 = date(2026, 7, 1), date(2026, 9, 30)
    assert [stretches.words(one) for one in stretches.within("month", *q3)] == ["Sep 2026", "Aug 2026", "Jul 2026"]
    assert [stretches.words(one) for one in stretches.within("quarter", *q3)] == ["Q3 2026"]
    assert [stretches.words(one) for one in stretches.within("quarter", date(2026, 8, 1), date(2026, 8, 31))] == [
        "Q3 2026"
    ]


def test_each_period_is_judged_by_the_version_in_force_at_its_end() -> None:
    june, july = NOW.replace(day=1), NOW.replace(month=7, day=1)
    first, second = (june - 40 * DAY, june + 9 * DAY), (june + 9 * DAY, None)

    def judging(ends: datetime) -> list[bool]:
        return [stretches.judges(since, until, ends, now=NOW) for since, until in (first, second)]

    assert judging(june) == [True, False]
    assert judging(july) == [False, True], "it runs: who is in force now"
    assert not stretches.judges(None, None, june, now=NOW), "a draft judges nothing"


# --- who signs what -----------------------------------------------------------------------------------------------


def test_two_signatures_put_a_version_in_force_and_retire_the_one_before(elif_, hanna) -> None:
    first = signed(elif_, hanna, at=NOW - 90 * DAY)
    second = versions.draft(terms(elif_, hanna), user=hanna, now=NOW)
    half = versions.sign(second, user=hanna, revision=1, now=NOW)
    assert (half.status, versions.in_force()) == ("draft", first)
    with pytest.raises(PolicyProblem, match="You have signed version 2 for sales already"):
        versions.sign(second, user=hanna, revision=1, now=NOW)
    with pytest.raises(PolicyProblem, match="Elif Aydın and Hanna Solberg sign this version"):
        versions.sign(second, user=make.user(Role.ADMINISTRATOR), revision=1, now=NOW)
    versions.sign(second, user=elif_, revision=1, now=NOW)
    first.refresh_from_db()
    assert (versions.in_force(), first.status, first.retired_at) == (second, "retired", NOW)


def test_a_change_takes_signatures_back_and_nobody_signs_what_they_did_not_see(elif_, hanna) -> None:
    draft = versions.draft(terms(elif_, hanna), user=elif_, now=NOW)
    versions.sign(draft, user=hanna, revision=1, now=NOW)
    changed = versions.edit(draft, terms(elif_, hanna, promise(value=9), BOTH[1]), revision=1, user=elif_, now=NOW)
    assert (changed.revision, changed.sales_signed_at) == (2, None)
    for act in (
        lambda: versions.sign(draft, user=hanna, revision=1, now=NOW),
        lambda: versions.edit(draft, terms(elif_, hanna), revision=1, user=hanna, now=NOW),
        lambda: versions.discard(draft, revision=1, now=NOW),
    ):
        with pytest.raises(versions.Overtaken, match="Elif Aydın changed the draft on 15 Jun"):
            act()
    assert [target.value for target in changed.targets.all()] == [9, 0.8]


def test_at_once_both_sides_sign_and_an_edit_never_slips_under_a_signature(transactional_db) -> None:
    marketing, sales = make.user(Role.MARKETING_OPS), make.user(Role.SDR_MANAGER)
    draft = versions.draft(terms(marketing, sales), user=marketing, now=NOW)

    def sign(user: User, revision: int = 1) -> bool:
        try:
            return bool(versions.sign(draft, user=user, revision=revision, now=NOW))
        except versions.Overtaken:
            return False

    other = terms(marketing, sales, promise(value=9), BOTH[1])
    at_once(lambda: sign(sales), lambda: versions.edit(draft, other, revision=1, user=marketing, now=NOW))
    draft.refresh_from_db()
    assert (draft.revision, draft.sales_signed_at, draft.status) == (2, None, "draft")
    assert at_once(lambda: sign(sales, 2), lambda: sign(marketing, 2)) == [True, True]
    assert versions.in_force() == draft


def test_what_is_signed_the_database_keeps(elif_, hanna) -> None:
    made = signed(elif_, hanna)
    with pytest.raises(PolicyProblem, match="signed by both sides and cannot be changed"):
        versions.edit(made, terms(elif_, hanna), revision=1, user=elif_, now=NOW)
    for act in (
        lambda: Agreement.objects.filter(pk=made.pk).update(name="Other words"),
        lambda: Agreement.objects.filter(pk=made.pk).update(sales_signed_at=NOW - DAY),
        lambda: Target.objects.filter(agreement=made).update(value=1),
        lambda: Target.objects.filter(agreement=made).delete(),
        made.delete,
    ):
        with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
            act()


def test_terms_that_make_no_sense_are_told_one_by_one(elif_, hanna) -> None:
    wrong = (promise(value=1.5), promise(value=3), promise("quality:accepted", 70), promise("rating", 6))
    said = list(versions.problems_of(terms(elif_, elif_, *wrong)))
    assert [sentence.split(":")[0] for sentence in said] == [
        "Two people sign",
        "Sales promises nothing. An agreement has promises of both sides.",
        "“MQLs” is a number of leads",
        "“MQLs” is promised twice each month. Leave one of them out.",
        "“Acceptance of decided MQLs” is a share",
        "“Rating of leads by sales” is given in stars",
    ]
    versions.draft(terms(elif_, hanna), user=elif_, now=NOW)
    with pytest.raises(PolicyProblem, match="Version 1 is a draft already"):
        versions.draft(terms(elif_, hanna), user=hanna, now=NOW)


# --- how it is kept -----------------------------------------------------------------------------------------------


def test_every_measure_says_what_the_product_says_elsewhere(elif_, hanna, copy: Copy) -> None:
    """MQLs of April: four, of which three were accepted and one rejected; clocks: five kept of six; ratings none."""
    april = datetime(2026, 4, 10, 9, tzinfo=UTC)
    for number in range(4):
        stages = {"inquiry": april - DAY, "mql": april + number * DAY}
        lead = make.lead(stages=stages | ({"sal": april + 6 * DAY} if number < 3 else {}))
        if number == 3:
            make.leave(lead, "disqualify", at=april + 7 * DAY)
    for number in range(6):
        due = april + timedelta(hours=number)
        Clock.objects.create(
            lead=lead, kind="accept", cause=f"c{number}", started_at=april - DAY, warn_at=due, due_at=due,
            stopped_at=due + (timedelta(hours=1) if number == 5 else -timedelta(hours=1)),
        )  # fmt: skip
    promised = (
        promise(value=5), promise("quality:accepted", 0.7), promise("step:mql-sal", 0.7), promise("rating", 3),
        promise("kept:accept", 0.8), promise("volume:sal", 3, "quarter"),
    )  # fmt: skip
    made = signed(elif_, hanna, *promised, at=datetime(2026, 4, 20, tzinfo=UTC))
    halves = attainment(made, made.targets.all(), copy, now=NOW)
    rows = {row.target.measure: row for half in halves for row in half.rows}
    found = {
        name: next((cell.actual.value, cell.actual.n, cell.verdict) for cell in row.cells if cell.words == "Apr 2026")
        for name, row in rows.items()
        if row.target.every == "month"
    }
    assert found == {
        "volume:mql": (4, None, Verdict.MISSED),
        "quality:accepted": (0.75, 4, Verdict.FEW),
        "step:mql-sal": (0.75, 4, Verdict.FEW),
        "rating": (None, 0, Verdict.NO_DATA),
        "kept:accept": (5 / 6, 6, Verdict.MET),
    }
    running, before = rows["volume:sal"].cells[:2]
    assert (running.words, running.actual.value, running.verdict) == ("Q2 2026", 3, Verdict.MET), "enough is enough"
    assert (running.judged, before.judged, before.verdict) == (True, False, Verdict.MISSED)
    assert [(half.side, half.met, half.decided) for half in halves] == [("marketing", 0, 2), ("sales", 2, 2)]
    late = rows["quality:accepted"].cells[1]
    assert (late.words, late.final_on, late.verdict) == ("May 2026", None, Verdict.NO_DATA)


# --- pages --------------------------------------------------------------------------------------------------------


def test_from_nothing_to_in_force_over_the_pages(client, elif_, hanna) -> None:
    client.force_login(elif_)
    assert "Nothing is agreed yet" in client.get(PAGE).content.decode()
    typed = form_data(client.get(NEW).content.decode())
    typed |= {"marketing_signer": elif_.pk, "sales_signer": hanna.pk, "p-0-value": "many", "p-1-value": "72,5 %"}
    refused = client.post(NEW, typed)
    assert refused.status_code == 422 and "Give a number of leads, like 120." in refused.content.decode()
    assert not Agreement.objects.exists() and 'value="72,5 %"' in refused.content.decode()
    made = client.post(NEW, typed | {"p-0-value": "12"})
    draft = Agreement.objects.get()
    page = reverse("reporting:agreement-version", args=[draft.pk])
    assert made.headers["Location"] == page
    assert draft.targets.get(measure="quality:accepted").value == 0.725
    shown = client.get(page).content.decode()
    assert "Sign for marketing" in shown and "at least 72.5" in shown and "at least 12" in shown
    sign = reverse("reporting:agreement-sign", args=[draft.pk])
    client.post(sign, {"revision": draft.revision})

    client.force_login(hanna)
    edit = reverse("reporting:agreement-edit", args=[draft.pk])
    opened = form_data(client.get(edit).content.decode())
    changed = client.post(edit, opened | {"p-0-value": "15"}, follow=True).content.decode()
    assert "that signature is taken back" in changed
    lost = client.post(edit, opened | {"p-0-value": "20"})
    assert lost.status_code == 409 and "Hanna Solberg changed the draft" in lost.content.decode()
    assert 'value="20"' in lost.content.decode() and draft.targets.get(measure="volume:mql").value == 15
    assert client.post(edit, form_data(lost.content.decode())).status_code == 302
    stale = client.post(sign, {"revision": 1})
    assert stale.status_code == 409 and "Nothing was signed" in stale.content.decode()
    for user in (hanna, elif_):
        client.force_login(user)
        said = client.post(sign, {"revision": 3}, follow=True).content.decode()
    assert "signed by both sides and in force from now on" in said and "Sales promises" in said


def test_who_may_look_write_and_sign(client, elif_, hanna) -> None:
    made = signed(elif_, hanna, at=timezone.now())
    for role, looks, writes in ((Role.SDR, 200, 403), (Role.EXECUTIVE, 200, 403), (Role.ADMINISTRATOR, 200, 200)):
        client.force_login(make.user(role))
        assert (client.get(PAGE).status_code, client.get(NEW).status_code) == (looks, writes), role
    client.force_login(make.user())
    assert client.get(PAGE).status_code == client.get("/api/agreements/").status_code == 403
    client.force_login(make.user(Role.AE))
    listed = client.get("/api/agreements/").json()["results"]
    one = client.get(f"/api/agreements/{made.pk}/").json()
    assert listed[0].items() <= one.items() and one["sales_signer"] == "Hanna Solberg"
    assert [half["side"] for half in one["attainment"]] == ["marketing", "sales"]


def test_the_page_costs_the_same_queries_however_many_leads(client, elif_, hanna) -> None:
    signed(elif_, hanna, *(promise(key, 1) for key in MEASURES), at=timezone.now() - 9 * DAY)
    client.force_login(elif_)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(PAGE).status_code == 200
        return len(captured)

    counts = []
    for number in (1, 12):
        for _ in range(number):
            make.lead(at=timezone.now() - 3 * DAY)
        client.get(PAGE)
        counts.append(queries())
    assert counts[0] == counts[1]
