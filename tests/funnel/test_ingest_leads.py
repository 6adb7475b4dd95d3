"""Loading leads: who they are, how they opened and moved, and what is refused."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from funnel.ingest import writing
from funnel.models import Channel, Inbox, Lead, Person, PersonKey, Reason, Rep, Solution, Stage, StageEvent
from funnel.path import MILESTONES
from funnel.stages import CACHED, derive
from tests import factories as make
from tests.loading import NOW, day, load, load_well, problem_of, statuses

pytestmark = pytest.mark.django_db

ANN = {"external_id": "1", "email": "Ann@Example.com", "first_name": "Ann", "inquiry_at": day(1)}


def test_a_new_lead_opens_with_its_person_and_moves_through_its_milestones():
    assert load_well("leads", ANN | {"mql_at": day(3), "attributes": {"size": 5}}) == ["created"]
    lead = Lead.objects.get()
    assert (lead.stage, lead.inquiry_at, lead.mql_at, lead.exit, lead.number) == ("mql", day(1), day(3), "", 1)
    assert (lead.person.email, lead.person.first_name, lead.person.attributes) == (
        "ann@example.com",
        "Ann",
        {"size": 5},
    )
    assert list(StageEvent.objects.order_by("id").values_list("cause", flat=True)) == [
        "load:lead/crm/1/inquiry",
        "load:lead/crm/1/mql",
    ]


def test_the_same_file_twice_changes_nothing():
    file = [ANN | {"mql_at": day(3), "attributes": {"size": 5}}, {"external_id": "2", "inquiry_at": day(2)}]
    assert load_well("leads", *file) == ["created", "created"]
    events = StageEvent.objects.count()
    assert load_well("leads", *file) == ["unchanged", "unchanged"]
    assert StageEvent.objects.count() == events


def test_a_later_milestone_adds_its_event_and_absent_columns_stay():
    make.rep(name="Rita")
    load_well("leads", ANN | {"owner": "Rita", "segment": "mid"})
    assert load_well("leads", {"external_id": "1", "won_at": day(9)}) == ["updated"]
    lead = Lead.objects.get()
    assert (lead.stage, lead.exit, lead.won_at, lead.closed_at) == ("won", "won", day(9), day(9))
    assert (lead.owner.name, lead.segment, lead.person.first_name) == ("Rita", "mid", "Ann")


def test_a_blank_cell_blanks_the_leads_own_fields_but_neither_milestones_nor_the_person():
    make.rep(name="Rita")
    load_well("leads", ANN | {"owner": "Rita", "mql_at": day(3)})
    blank = {"external_id": "1", "owner": None, "mql_at": None, "first_name": None}
    assert load_well("leads", blank) == ["updated"]
    lead = Lead.objects.get()
    assert (lead.owner, lead.mql_at, lead.person.first_name) == (None, day(3), "Ann")


def test_another_date_for_a_loaded_milestone_is_an_error_and_the_row_changes_nothing():
    load_well("leads", ANN | {"mql_at": day(3)})
    problem = problem_of("leads", {"external_id": "1", "mql_at": day(4), "sal_at": day(5), "segment": "large"})
    assert problem.startswith("MQL was loaded before as 2026-01-04 00:00 UTC, not 2026-01-05 00:00 UTC")
    lead = Lead.objects.get()
    assert (lead.sal_at, lead.segment) == (None, "")


def test_a_lead_needs_a_milestone_to_open():
    assert "needs the date of at least one stage" in problem_of("leads", {"external_id": "1", "email": "a@example.com"})
    assert not Person.objects.exists()


def test_an_exit_closes_the_lead_with_its_reason():
    reason = Reason.objects.create(kind="recycle", name="Out of season")
    load_well("leads", ANN | {"exit": "recycled", "closed_at": day(5), "reason": "Out of season"})
    lead = Lead.objects.get()
    assert (lead.exit, lead.closed_at, lead.reason, lead.stage) == ("recycled", day(5), reason, "inquiry")
    assert statuses(load("leads", ANN | {"exit": "recycled", "closed_at": day(5), "reason": "Out of season"})) == [
        "unchanged"
    ]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"exit": "lost"}, "needs “closed_at”"),
        ({"closed_at": day(5)}, "needs “exit”"),
        ({"exit": "lost", "closed_at": day(5), "won_at": day(5)}, "cannot be won and lost"),
        ({"exit": "lost", "closed_at": day(0)}, "It left 2026-01-01 00:00 UTC, before it reached Inquiry"),
        ({"exit": "sold", "closed_at": day(5)}, "“sold” is not one of: recycled"),
        ({"mql_at": NOW + timedelta(minutes=6)}, "lies in the future"),
        ({"email": "ann@example"}, "“ann@example” is not an e-mail address"),
        ({"exit": "lost", "closed_at": day(5), "reason": "Weather"}, "There is no reason “Weather” for “lost”"),
        ({"channel": "Search"}, "There is no channel “Search”. Add it first"),
        ({"owner": "Rita"}, "There is no rep “Rita”"),
        ({"account": "Acme"}, "There is no account “Acme”"),
        ({"segment": "x" * 81}, "The text has 81 characters; at most 80 fit"),
        ({"first_name": "A\x00nn"}, "holds a NUL character"),
        ({"first_name": "\ud800"}, "a lone surrogate"),
        ({"attributes": {"note": "\x00"}}, "holds a NUL character"),
        ({"attributes": {"note": float("nan")}}, "nan is not a number"),
        ({"inquiry_at": day(1).replace(tzinfo=None)}, "is not a moment with a time zone"),
        ({"colour": "red"}, "Leads have no field “colour”"),
    ],
)
def test_what_cannot_be_is_refused_and_the_others_land(said, problem):
    good = {"external_id": "2", "email": "bob@example.com", "inquiry_at": day(1)}
    bad, landed = load("leads", ANN | said, good)
    assert (bad.status, landed.status) == ("error", "created")
    assert problem in bad.problem
    assert list(Person.objects.values_list("email", flat=True)) == ["bob@example.com"]


def test_a_milestone_a_few_minutes_ahead_is_a_clock_that_differs():
    assert load_well("leads", ANN | {"mql_at": NOW + timedelta(minutes=5)}) == ["created"]


def test_a_milestone_before_its_predecessor_lands_with_a_warning():
    (outcome,) = load("leads", ANN | {"inquiry_at": day(5), "won_at": day(2)})
    assert outcome.status == "created"
    assert "the wrong way round" in outcome.warnings[0]
    lead = Lead.objects.get()
    assert (lead.stage, lead.inquiry_at, lead.won_at, lead.closed_at) == ("won", day(5), day(2), day(2))


def test_skipped_stages_stay_blank_and_entry_stage_says_where_it_came_in():
    load_well("leads", {"external_id": "1", "sql_at": day(3), "entry_stage": "sql", "function": "sdr"})
    lead = Lead.objects.get()
    assert (lead.stage, lead.entry_stage, lead.function, lead.mql_at) == ("sql", "sql", "sdr", None)


def test_reference_data_is_found_by_exact_name_or_created_when_asked():
    Channel.objects.create(name="google")
    assert "no channel “Google”" in problem_of("leads", ANN | {"channel": "Google"})
    named = {"channel": "Google", "content": "Guide", "campaign": "Spring", "region": "North", "solution": "Pumps"}
    missing = named | {"owner": "Rita", "exit": "lost", "closed_at": day(5), "reason": "Weather"}
    load_well("leads", ANN | missing, create_missing=True)
    lead = Lead.objects.get()
    assert {name: getattr(lead, name).name for name in (*named, "owner", "reason")} == named | {
        "owner": "Rita",
        "reason": "Weather",
    }
    assert set(Channel.objects.values_list("name", flat=True)) == {"google", "Google"}
    assert load_well("leads", ANN | missing, create_missing=True) == ["unchanged"]


def test_unknown_is_a_channel_and_blank_is_none():
    load_well(
        "leads",
        {"external_id": "1", "inquiry_at": day(1), "channel": "unknown"},
        {"external_id": "2", "inquiry_at": day(1), "channel": None},
        {"external_id": "3", "inquiry_at": day(1), "channel": "  "},
        create_missing=True,
    )
    leads = dict(Lead.objects.values_list("external_id", "channel__name"))
    assert leads == {"1": "unknown", "2": None, "3": None}


@pytest.mark.parametrize("owner", ["7", "RITA@example.com", "Rita"])
def test_an_owner_is_named_by_key_email_or_name(owner):
    rita = make.rep(name="Rita", email="Rita@example.com", source="crm", external_id="7")
    load_well("leads", ANN | {"owner": owner})
    assert Lead.objects.get().owner == rita


def test_an_owner_whose_name_two_reps_have_is_not_guessed():
    make.rep(name="Rita")
    make.rep(name="Rita")
    assert "2 reps are called “Rita”" in problem_of("leads", ANN | {"owner": "Rita"})


def test_without_an_email_the_leads_key_is_the_persons_key():
    load_well("leads", {"external_id": "1", "inquiry_at": day(1)}, {"external_id": "2", "inquiry_at": day(1)})
    assert Person.objects.count() == 2
    assert set(PersonKey.objects.values_list("source", "external_id")) == {("crm", "1"), ("crm", "2")}


def test_leads_of_one_person_are_numbered_as_they_opened():
    closed = {"email": "ann@example.com", "exit": "recycled"}
    load_well(
        "leads",
        {"external_id": "b", "inquiry_at": day(20)} | closed | {"closed_at": day(30)},
        {"external_id": "a", "inquiry_at": day(10)} | closed | {"closed_at": day(15)},
    )
    load_well("leads", {"external_id": "c", "email": "ann@example.com", "inquiry_at": day(40)})
    assert dict(Lead.objects.values_list("external_id", "number")) == {"a": 1, "b": 2, "c": 3}
    assert Person.objects.count() == 1


def test_a_second_open_lead_of_the_same_solution_is_refused():
    for name in ("Pumps", "Valves"):
        Solution.objects.create(name=name)
    first, valves, again = load(
        "leads",
        ANN | {"solution": "Pumps"},
        ANN | {"external_id": "2", "solution": "Valves"},
        ANN | {"external_id": "3", "solution": "Pumps"},
    )
    assert (first.status, valves.status, again.status) == ("created", "created", "error")
    assert "has an open lead of the same solution already (“1”)" in again.problem
    assert "has an open lead of the same solution already (“1”)" in problem_of(
        "leads", ANN | {"external_id": "4", "solution": "Pumps"}
    )
    assert load_well(
        "leads", {"external_id": "1", "won_at": day(5)}, ANN | {"external_id": "4", "solution": "Pumps"}
    ) == [
        "updated",
        "created",
    ]


def test_the_last_of_several_rows_of_one_key_counts_and_adds_to_the_others():
    first, second = load(
        "leads", ANN | {"segment": "small", "mql_at": day(3)}, {"external_id": "1", "segment": "mid", "mql_at": None}
    )
    assert (first.status, second.status) == ("skipped", "created")
    assert "Row 2 has the same key" in first.warnings[0]
    lead = Lead.objects.get()
    assert (lead.segment, lead.mql_at, lead.person.email) == ("mid", day(3), "ann@example.com")


def test_the_latest_lead_describes_the_person_and_older_ones_fill_gaps():
    old = ANN | {
        "title": "Clerk",
        "phone": "1",
        "exit": "recycled",
        "closed_at": day(2),
        "attributes": {"a": 1, "b": 1},
    }
    new = ANN | {"external_id": "2", "inquiry_at": day(9), "title": "Chief", "attributes": {"a": 2}}
    load_well("leads", new, old)
    person = Person.objects.get()
    assert (person.title, person.phone, person.attributes) == ("Chief", "1", {"a": 2, "b": 1})
    assert load_well("leads", old) == ["unchanged"]
    assert load_well("leads", new | {"title": "Head"}) == ["updated"]
    assert Person.objects.get().title == "Head"


def test_a_leads_account_is_the_given_one_else_the_persons_and_stays():
    acme, bolt = make.account(name="Acme"), make.account(name="Bolt")
    acme.domains.create(domain="acme.example")
    mail = {"email": "ann@uk.acme.example", "inquiry_at": day(1)}
    load_well("leads", mail | {"external_id": "1"})
    load_well("leads", {"external_id": "2", "email": "bo@acme.example", "inquiry_at": day(1), "account": "Bolt"})
    assert dict(Lead.objects.values_list("external_id", "account__name")) == {"1": "Acme", "2": "Bolt"}
    Person.objects.update(account=bolt)
    assert load_well("leads", mail | {"external_id": "1", "account": None}) == ["unchanged"]
    assert Lead.objects.get(external_id="1").account == acme


def test_a_known_leads_new_email_moves_its_person_along_unless_it_is_somebody_elses():
    load_well("leads", ANN, {"external_id": "2", "email": "bob@example.com", "inquiry_at": day(1)})
    assert load_well("leads", ANN | {"email": "ann@new.example"}) == ["updated"]
    assert Person.objects.filter(email="ann@new.example").exists()
    (outcome,) = load("leads", ANN | {"email": "bob@example.com"})
    assert (outcome.status, "e-mail of another person" in outcome.warnings[0]) == ("unchanged", True)
    assert Person.objects.count() == 2


def test_live_leads_follow_the_rules_of_live_work_and_tell_the_pipeline():
    assert "From Inquiry the next stage is MQL, not SAL" in problem_of("leads", ANN | {"sal_at": day(3)}, live=True)
    assert not Lead.objects.exists()
    load_well("leads", ANN | {"mql_at": day(3)}, live=True)
    person = Person.objects.get()
    causes = sorted(Inbox.objects.filter(person=person).values_list("cause", flat=True))
    assert causes == ["person", "stage_event", "stage_event"]


@pytest.mark.parametrize(("answered_at_once", "of_people"), [(2, Inbox.Rank.NOW), (1, Inbox.Rank.BULK)])
def test_moves_of_many_leads_go_with_what_others_send(answered_at_once, of_people, monkeypatch):
    monkeypatch.setattr(writing, "ANSWERED_AT_ONCE", answered_at_once)
    load_well("leads", *({"external_id": key, "mql_at": day(1)} for key in "ab"), live=True)
    told = Inbox.objects.order_by("person", "cause").values_list("cause", "rank")
    assert list(told) == [("person", of_people), ("stage_event", Inbox.Rank.NOW)] * 2


def test_a_milestone_known_from_stage_events_is_not_doubled():
    load_well("leads", ANN)
    load_well("stage-events", {"external_id": "e", "lead": "1", "stage": "mql", "occurred_at": day(3)})
    assert load_well("leads", ANN | {"mql_at": day(3)}) == ["unchanged"]
    (later,) = load("leads", ANN | {"mql_at": day(4)})
    assert (later.status, "the first counts" in later.warnings[0]) == ("unchanged", True)
    assert load_well("leads", ANN | {"mql_at": day(2)}) == ["updated"]
    assert Lead.objects.get().mql_at == day(2)


class MilestonesInAnyOrder(TestCase):
    """Whatever dates a file gives: each lead lands with exactly its milestones, and stands where its events say."""

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.dictionaries(st.sampled_from(Stage.values), st.integers(0, 60), min_size=1), min_size=1, max_size=6)
    )
    def test_milestones_land_as_given(self, leads):
        file = [
            {"external_id": str(number)}
            | {MILESTONES[stage]: day(at) for stage, at in lead.items()}
            | ({"exit": "recycled", "closed_at": day(61)} if len(lead) == 2 and Stage.WON not in lead else {})
            for number, lead in enumerate(leads)
        ]
        assert statuses(load("leads", *file)) == ["created"] * len(file)
        for number, lead in enumerate(leads):
            stored = Lead.objects.get(external_id=str(number))
            assert {s: getattr(stored, c) for s, c in MILESTONES.items() if getattr(stored, c)} == {
                stage: day(at) for stage, at in lead.items()
            }
            (state,) = derive([stored.pk])
            assert {name: getattr(stored, name) for name in CACHED} == {name: state[name] for name in CACHED}
            assert stored.stage == max(lead, key=Stage.values.index)
        assert statuses(load("leads", *file)) == ["unchanged"] * len(file)


def test_create_missing_gives_an_owner_the_key_by_which_reps_are_loaded_later():
    load_well("leads", ANN | {"owner": "Rita"}, create_missing=True)
    load_well("reps", {"external_id": "7", "name": "Rita", "email": "rita@example.com"})
    assert Rep.objects.get().external_id == "7"
    assert Lead.objects.get().owner.email == "rita@example.com"
