"""Success by persona, medium and number of attempts: counted by hand, by a plain recomputation, and on the page."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnel.access import Role
from reporting.cadences import outreach, personas
from reporting.cadences.outreach import Cell, Group
from routing.models import Attempt, Medium
from tests import factories as make

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CALL, EMAIL, SOCIAL = (outreach.mask_of([medium]) for medium in ("call", "email", "social"))


def tried(lead, *when: tuple[float, str], **fields) -> None:
    """Attempts so and so many days after the MQL."""
    for days, medium in when:
        at = lead.mql_at + days * DAY
        touch = make.touch(person=lead.person, direction="out", type=medium, occurred_at=at)
        Attempt.objects.create(
            lead=lead, medium=medium, outcome="no_answer" if medium == "call" else "sent", occurred_at=at,
            activity=touch, **fields,
        )  # fmt: skip


def lead_of(mql_at, *when, sql: float | None = None, left: float | None = None, **attributes):
    """A lead of a person with these attributes, that was tried so, became an SQL and left as many days after."""
    stages = {"inquiry": mql_at, "mql": mql_at} | ({} if sql is None else {"sql": mql_at + sql * DAY})
    lead = make.lead(person=make.person(attributes=attributes), stages=stages)
    tried(lead, *when)
    return lead if left is None else make.leave(lead, "recycle", at=mql_at + left * DAY)


def golden(now):
    """Eleven leads; what they come to was counted by hand."""
    old = now - 40 * DAY
    calls = [(day, "call") for day in range(7)]
    leads = {
        "one call": lead_of(old, (0, "call"), sql=5, persona="CFO", function="Finance"),
        "calls after": lead_of(old, (0, "call"), (6, "call"), (7, "email"), sql=5, persona="CFO"),
        "left": lead_of(old, (0, "call"), (1, "call"), (1, "email"), (12, "call"), left=10, persona="CFO"),
        "late": lead_of(old, *((day, "email") for day in range(5)), (33, "call"), sql=35, persona="CFO"),
        "young": lead_of(now - 10 * DAY, (0, "call"), sql=2, persona="CFO"),
        "sql first": lead_of(old, (6, "call"), sql=5, persona="CFO"),
        "it": lead_of(old, *calls, (8, "social"), function="IT"),
        "unknown": lead_of(old, (0, "call"), sql=2, persona="", function=""),
    }
    lead_of(old, function="IT")  # nobody tried
    lead_of(now - 200 * DAY, (0, "call"), function="IT")  # too long ago
    taken_back = lead_of(old, function="IT")
    tried(taken_back, (0, "call"), taken_back_at=now)
    return leads


def counts(share) -> tuple[int, int]:
    return share.k, share.n


@pytest.mark.django_db
class TestCountedByHand:
    def test_by_persona(self):
        golden(make.NOW)
        cells = outreach.cells(now=make.NOW)
        rows = personas.by_persona(cells)
        assert [(row.persona, row.share.name, *counts(row.share), row.open, row.young) for row in rows] == [
            ("CFO", "CFO", 2, 4, 1, 1),
            ("IT", "IT", 0, 1, 1, 0),
            ("", "Not known", 1, 1, 0, 0),
        ]
        assert [round(end, 4) for end in rows[0].share.interval] == [0.15, 0.85] and rows[0].share.few
        everybody = personas.total(cells)
        assert (*counts(everybody.share), everybody.open, everybody.young) == (3, 6, 2, 1)
        assert personas.untried(cells) == 1, "the SQL that nobody had tried"

    def test_by_medium_and_number_of_attempts(self):
        golden(make.NOW)
        cells = outreach.cells(now=make.NOW)
        table = {mix.all.name: [*map(counts, mix.shares), counts(mix.all)] for mix in personas.by_mix(cells, "CFO")}
        assert table == {
            "Call": [(2, 2), (0, 0), (0, 0), (0, 0), (2, 2)],
            "E-mail": [(0, 0), (0, 0), (0, 1), (0, 0), (0, 1)],
            "Call and e-mail": [(0, 0), (0, 1), (0, 0), (0, 0), (0, 1)],
            "Any of these": [(2, 2), (0, 1), (0, 1), (0, 0), (2, 4)],
        }
        (mix,) = personas.by_mix(cells, "IT")
        assert mix.all.name == "Call and social message" and [*map(counts, mix.shares)] == [(0, 0)] * 3 + [(0, 1)]
        assert personas.by_mix(cells, "Nobody") == []

    def test_by_start_counts_those_too_who_were_tried_only_after_the_outcome(self):
        golden(make.NOW)
        cells = outreach.cells(now=make.NOW)
        assert [*map(counts, outreach.by_start(cells))] == [(3, 6), (0, 0), (1, 1)]
        assert [*map(counts, outreach.by_often(cells))] == [(3, 3), (0, 1), (0, 1), (0, 1)]

    def test_it_is_one_query_however_many(self, django_assert_num_queries):
        golden(make.NOW)
        with django_assert_num_queries(1):
            outreach.cells(now=make.NOW)


@pytest.mark.django_db
def test_a_plain_recomputation_agrees_and_the_leads_behind_each_cell_are_as_many():
    now, dice = make.NOW, random.Random(109)
    expected: Counter[tuple] = Counter()
    for _ in range(40):
        age, sql = dice.choice([20, 45, 100]), dice.choice([None, 3.5, 12.5, 33.5])
        when = [(dice.randrange(0, 36), dice.choice(Medium.values)) for _ in range(dice.randrange(1, 9))]
        sql = None if sql is not None and sql > age else sql
        when = [(day, medium) for day, medium in when if day <= age]
        persona = dice.choice(["CFO", "IT", ""])
        lead_of(now - age * DAY, *when, sql=sql, persona=persona)
        before = [(day, medium) for day, medium in when if day <= min(30, sql if sql is not None else 30)]
        if not before:
            continue
        often = next(place for place, most in enumerate((1, 3, 6, 99)) if len(before) <= most)
        media = outreach.mask_of(medium for _day, medium in before)
        key = persona, media, often
        if age < outreach.RIPE.days:
            expected[*key, "young"] += 1
        else:
            expected[*key, "all"] += 1
            expected[*key, "won"] += sql is not None and sql <= 30
            expected[*key, "open"] += sql is None or sql > 30
    found: Counter[tuple] = Counter()
    for cell in personas.merged(outreach.cells(now=now)):
        sizes = {"all": cell.n, "won": cell.won, "open": cell.open, "young": cell.young}
        for part, size in sizes.items():
            found[cell.persona, cell.media, cell.often, part] = size
            group = Group(persona=cell.persona, media=cell.media, often=cell.often, part=part)
            assert outreach.behind(group, now=now).count() == size
    assert +found == +expected and sum(expected.values()) > 40


pure = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine pauses at any moment
names = st.sampled_from(["", "CFO", "IT", "Operations", *(f"P{number}" for number in range(15))])
cells_of = st.lists(
    st.builds(
        Cell, start=st.integers(0, 2), persona=names, media=st.integers(1, 7), often=st.none() | st.integers(0, 3),
        n=st.integers(0, 9), won=st.integers(0, 9), open=st.integers(0, 9), young=st.integers(0, 9),
    ),
    max_size=40,
)  # fmt: skip


@pure
@given(cells_of, names)
def test_every_lead_is_in_one_row_and_one_cell_so_that_sums_reconcile(cells, persona):
    rows, everybody = personas.by_persona(cells), personas.total(cells)
    for name in ("open", "young"):
        assert sum(getattr(row, name) for row in rows) == getattr(everybody, name)
    assert sum(row.share.n for row in rows) == everybody.share.n
    assert sum(row.share.k for row in rows) == everybody.share.k
    assert everybody.share.n + personas.untried(cells) == sum(cell.n for cell in cells)
    assert len(rows) <= personas.MOST + 2
    mixes = personas.by_mix(cells, persona)
    single = [mix for mix in mixes if mix.media is not None]
    theirs = sum(cell.n for cell in cells if cell.persona == persona and cell.often is not None)
    assert sum(mix.all.n for mix in single) == theirs == sum(share.n for mix in single for share in mix.shares)
    if len(mixes) > 1:
        assert mixes[-1].all.n == theirs
    assert sum(cell.n + cell.young for cell in personas.merged(cells)) == everybody.share.n + everybody.young


@pure
@given(
    st.builds(
        Group, persona=st.none() | names, media=st.none() | st.integers(1, 7), often=st.none() | st.integers(0, 3),
        part=st.sampled_from([*outreach.PARTS]),
    )
)  # fmt: skip
def test_an_address_says_its_group(group):
    assert personas.read(QueryDict(personas.query_of(group).removeprefix("?"))) == group


@pytest.mark.django_db
class TestThePage:
    URL = "/cadences/"

    def test_it_tells_by_persona_and_each_number_leads_to_its_leads(self, client):
        golden(timezone.now())
        client.force_login(make.user(Role.SDR_MANAGER))
        page = client.get(self.URL, {"persona": "CFO"})
        html = page.content.decode()
        assert "CFO: by medium and number of attempts" in html and "Small sample" in html
        assert "1 more was tried only after their outcome" in html
        shown = {mix["name"]: mix["cells"] for mix in page.context["mixes"]}
        listed = client.get(shown["Call and e-mail"][1]["url"])
        assert "tried before their outcome, two or three times, by call and e-mail" in listed.content.decode()
        (row,) = listed.context["rows"]
        assert (row["how"].attempts, row["media"], row["how"].persona) == (3, "Call and e-mail", "CFO")
        parts = page.context["personas"][0]["urls"]
        sizes = {part: client.get(url).context["page"].paginator.count for part, url in parts.items()}
        assert sizes == {"all": 4, "won": 2, "open": 1, "young": 1}
        unknown = client.get(self.URL, {"persona": "none"}).context
        assert unknown["chosen"].share.name == "Not known" and unknown["mixes"]
        assert client.get(self.URL, {"persona": "x\x00", "media": "fax"}).context["chosen"].share.name == "Everybody"

    def test_as_a_file_it_has_every_cell(self, client):
        golden(timezone.now())
        client.force_login(make.user(Role.SDR))
        rows = b"".join(client.get(reverse("reporting:cadences-personas-csv"))).decode().splitlines()
        assert len(rows) == 1 + 5 and any(row.startswith("CFO,Call,One attempt,2,2,1.0,") for row in rows)
        assert client.get(reverse("reporting:cadences-leads-csv")).status_code == 403
        client.force_login(make.user(Role.SDR_MANAGER))
        lines = b"".join(client.get(reverse("reporting:cadences-leads-csv"), {"persona": "CFO"})).decode().splitlines()
        assert len(lines) == 1 + 4

    def test_leads_of_others_are_not_listed(self, client):
        golden(timezone.now())
        client.force_login(make.user(Role.AE, team=make.team("ae")))
        listed = client.get(reverse("reporting:cadences-leads"))
        assert listed.context["page"].paginator.count == 0 and "yours to see" in listed.content.decode()

    def test_nobody_tried_yet(self, client):
        client.force_login(make.user(Role.SDR_MANAGER))
        assert "Nobody was tried yet" in client.get(self.URL).content.decode()
