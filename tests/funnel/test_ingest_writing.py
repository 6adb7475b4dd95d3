"""Writing chunks: whole or not at all, the same number of statements however many rows, many loaders at once."""

import gc
import threading
from collections import Counter
from contextlib import nullcontext
from datetime import date
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from funnel import stages
from funnel.ingest import KINDS, LARGEST_CHUNK, finish, write
from funnel.models import Account, Activity, Campaign, Channel, Lead, Opportunity, Person, PersonKey, StageEvent
from tests.loading import NOW, day, load, load_well, rows, statuses
from tests.waiting import PATIENCE


def leads(count: int, tag: str = "a") -> list[dict[str, Any]]:
    """Leads that use every part of the writer; every other one is recycled."""
    left = {"exit": "recycled", "closed_at": day(3), "reason": "Later"}
    return [
        {
            "external_id": f"{tag}{number}",
            "email": f"{tag}{number}@company{number % 7}.example",
            "company": f"Company {number % 7}",
            "inquiry_at": day(1),
            "mql_at": day(2),
            "channel": f"channel {number % 3}",
            "owner": f"rep {number % 3}",
            "account": f"account {number % 5}",
            "attributes": {"size": number},
        }
        | (left if number % 2 else {})
        for number in range(count)
    ]


def touches(count: int, tag: str = "a") -> list[dict[str, Any]]:
    return [
        {
            "external_id": f"{tag}{number}",
            "email": f"{tag}{number % 500}@company.example",
            "phone": "1",
            "type": "form",
            "occurred_at": day(1),
            "channel": "channel 1",
            "campaign": "Spring",
        }
        for number in range(count)
    ]


def of_kind(kind: str, count: int, tag: str) -> list[dict[str, Any]]:
    keys = [f"{tag}{number}" for number in range(count)]
    dated = {"opened_at": day(1), "closed_at": day(2)}
    makers = {
        "leads": lambda: leads(count, tag),
        "activities": lambda: touches(count, tag),
        "people": lambda: [{"external_id": k, "email": f"{k}@x.example", "account": "account 1"} for k in keys],
        "accounts": lambda: [
            {
                "external_id": k,
                "name": f"Name {k}",
                "parent": "none" if k == keys[0] else keys[0],
                "domains": f"{k}.test",
            }
            for k in keys
        ],
        "reps": lambda: [{"external_id": k, "name": f"Rep {k}", "team": "T", "region": "North"} for k in keys],
        "stage-events": lambda: [
            {"external_id": k, "lead": k, "stage": "sal", "occurred_at": day(4), "reason": None} for k in keys
        ],
        "opportunities": lambda: [
            {"external_id": k, "owner": "rep 1", "state": "won", "amount": 5, "reason": "Price", "lead": k} | dated
            for k in keys
        ],
        "campaigns": lambda: [
            {"external_id": k, "name": f"C {k}", "channel": "channel 1", "parent": "none" if k == keys[0] else keys[0]}
            for k in keys
        ],
        "content": lambda: [{"name": f"Offer {k}", "topic": "x"} for k in keys],
        "costs": lambda: [
            {"external_id": k, "amount": 5, "incurred_on": date(2026, 1, 1), "channel": "channel 1"} for k in keys
        ],
    }
    return makers[kind]()


NEWS: dict[str, dict[str, Any]] = {
    "leads": {"segment": "large", "sal_at": day(2.5), "title": "CTO"},
    "people": {"city": "Ulm"},
    "accounts": {"city": "Ulm"},
    "reps": {"active": False},
    "opportunities": {"amount": 6, "name": "Pumps"},
    "campaigns": {"topic": "y"},
    "content": {"topic": "y"},
    "costs": {"amount": 6},
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_thousand_rows_take_as_many_statements_as_sixty(kind):
    if kind in ("stage-events", "opportunities"):
        for tag, count in (("z", 60), ("s", 60), ("m", 1000)):
            load_well("leads", *({"external_id": f"{tag}{n}", "inquiry_at": day(1)} for n in range(count)))
    load(kind, *of_kind(kind, 60, "z"), create_missing=True)  # so that both find the same reference data
    counts: dict[str, list[int]] = {}
    for tag, count in (("s", 60), ("m", 1000)):
        file = of_kind(kind, count, tag)
        counts[tag] = []
        for again in (file, file, [row | NEWS.get(kind, {}) for row in file]):
            with CaptureQueriesContext(connection) as captured:
                outcomes = load(kind, *again, create_missing=True, live=kind == "activities")
            assert not [outcome for outcome in outcomes if outcome.problem][:3]
            counts[tag].append(len(captured))
    assert counts["s"] == counts["m"]
    assert max(counts["m"]) < 60


@pytest.mark.django_db
def test_a_dry_run_answers_like_a_real_one_and_leaves_nothing():
    file = [*leads(4), {"external_id": "bad", "inquiry_at": None}]
    dry = load("leads", *file, dry_run=True, create_missing=True)
    for model in (Lead, Person, StageEvent, Channel, Account):
        assert not model.objects.exists()
    assert load("leads", *file, create_missing=True) == dry
    assert statuses(dry) == ["created"] * 4 + ["error"]


@pytest.mark.django_db
def test_what_the_database_refuses_fails_alone():
    """Rows that pass every look and fail in the database are found by halving; the rest of the chunk lands."""
    load_well("campaigns", *({"name": f"C{n}", "starts_on": date(2026, 2, 1)} for n in range(40)))
    ends = [{"name": f"C{n}", "ends_on": date(2026, 1 if n in (3, 17) else 3, 1)} for n in range(40)]
    outcomes = load("campaigns", *ends)
    assert [place for place, outcome in enumerate(outcomes) if outcome.status == "error"] == [3, 17]
    assert {outcome.problem for outcome in outcomes if outcome.problem} == {"The campaign ends before it starts."}
    assert [outcome.number for outcome in outcomes] == list(range(1, 41))
    assert Campaign.objects.filter(ends_on=date(2026, 3, 1)).count() == 38


@pytest.mark.django_db
def test_rows_refused_after_writing_began_leave_no_trace():
    """A contradiction with what is stored shows when the events are judged; the person of such a row is not kept."""
    load_well("leads", {"external_id": "1", "inquiry_at": day(1), "exit": "lost", "closed_at": day(2)})
    outcomes = load(
        "leads",
        {"external_id": "1", "mql_at": day(3), "segment": "large", "first_name": "Ann"},
        {"external_id": "2", "inquiry_at": day(1)},
    )
    assert statuses(outcomes) == ["error", "created"]
    assert "The lead is closed (lost)" in outcomes[0].problem
    assert (outcomes[0].field, Lead.objects.get(external_id="1").segment) == ("mql_at", "")
    assert not Person.objects.filter(first_name="Ann").exists()


@pytest.mark.django_db
def test_an_error_that_is_nobodys_row_stops_the_chunk(monkeypatch):
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the server went away")

    monkeypatch.setattr(stages, "move", fail)
    with pytest.raises(OperationalError):
        load("leads", *leads(3), create_missing=True)
    assert not Person.objects.exists()
    assert gc.isenabled()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "options", "problem"),
    [
        ("leads", {"source": ""}, "1 to 60 characters without a slash"),
        ("leads", {"source": "a/b"}, "1 to 60 characters without a slash"),
        ("leads", {"source": "x" * 61}, "1 to 60 characters without a slash"),
        ("deals", {}, "There is no kind 'deals'; there are accounts, people, leads"),
    ],
)
def test_a_chunk_that_cannot_be_is_the_callers_mistake(kind, options, problem):
    with pytest.raises(ValueError, match=problem):
        load(kind, {"external_id": "1"}, **options)


@pytest.mark.django_db
def test_a_chunk_has_an_end():
    with pytest.raises(ValueError, match="at most 10,000 rows, not 10,001"):
        write("content", rows({"name": "x"}) * (LARGEST_CHUNK + 1), source="crm", now=NOW)
    assert load("content") == []
    assert finish("leads", source="crm", now=NOW) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["\\N", "\\", "a\tb", "a\nb", "a\r\nb", "=1+1", "{}", "100 %", "“ä” 🙂", "x" * 100_000]
)
def test_any_text_arrives_as_it_was(text):
    load_well(
        "people", {"email": "a@example.com", "attributes": {text[:50]: text, "list": [text]}, "company": text[:300]}
    )
    load_well("people", {"email": "a@example.com", "company": text[:300], "attributes": {"b": text}})
    person = Person.objects.get()
    assert person.attributes == {text[:50]: text, "list": [text], "b": text}
    assert person.company == text[:300]


def in_threads(*jobs: Any) -> list[Any]:
    """Run the jobs at the same moment, each on its own connection; returns what they return."""
    results: list[Any] = [None] * len(jobs)
    barrier = threading.Barrier(len(jobs))

    def work(place: int) -> None:
        try:
            barrier.wait()
            results[place] = jobs[place]()
        except BaseException as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[place]) for place in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE)
    failures = [result for result in results if isinstance(result, BaseException)]
    assert not failures, failures
    return results


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "model"),
    [("leads", Lead), ("activities", Activity), ("opportunities", Opportunity), ("accounts", Account)],
)
def test_loaders_of_the_same_file_land_every_row_once(kind, model):
    file = {"leads": leads(120), "activities": touches(300)}.get(kind) or [
        row | ({"lead": None} if kind == "opportunities" else {}) for row in of_kind(kind, 120, "c")
    ]
    turned = list(reversed(file))

    def loading(values: list[dict]) -> Any:
        return lambda: [
            status
            for start in range(0, len(values), 60)
            for status in statuses(load(kind, *values[start : start + 60], create_missing=True))
        ]

    counts = [Counter(result) for result in in_threads(loading(file), loading(file), loading(turned), loading(turned))]
    assert sum(count["created"] for count in counts) == len(file)
    assert sum(count["error"] for count in counts) == 0
    assert model.objects.exclude(name__startswith="account").count() == len(file) if kind == "accounts" else True
    if kind == "leads":
        assert (Lead.objects.count(), Person.objects.count(), StageEvent.objects.count()) == (120, 120, 300)
        assert set(statuses(load(kind, *file))) == {"unchanged"}
    elif kind != "accounts":
        assert model.objects.count() == len(file)


@pytest.mark.django_db(transaction=True)
def test_two_sources_that_open_leads_of_one_person_number_them_one_after_the_other():
    def loading(source: str) -> Any:
        file = [
            {"external_id": f"{n}", "email": "ann@example.com", "inquiry_at": day(n)}
            | {"exit": "recycled", "closed_at": day(n + 1)}
            for n in range(20)
        ]
        return lambda: [statuses(load("leads", row, source=source)) for row in file]

    in_threads(loading("a"), loading("b"), loading("c"))
    assert sorted(Lead.objects.values_list("number", flat=True)) == list(range(1, 61))
    assert (Person.objects.count(), PersonKey.objects.count()) == (1, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("within", [False, True])
def test_what_a_row_names_may_go_while_it_is_being_written(within, monkeypatch):
    """Nothing stops it before the foreign keys are checked; the row says so then, and the others land."""
    for name in ("Fair", "Web"):
        Channel.objects.create(name=name)
    move = stages.move

    def move_meanwhile(*args: Any, **options: Any) -> list[stages.Moved]:
        in_threads(lambda: Channel.objects.filter(name="Fair").delete())
        return move(*args, **options)

    monkeypatch.setattr(stages, "move", move_meanwhile)
    about = {"inquiry_at": day(1)}
    with transaction.atomic() if within else nullcontext():
        outcomes = load(
            "leads", {"external_id": "1", "channel": "Fair", **about}, {"external_id": "2", "channel": "Web", **about}
        )
    assert [(one.status, one.problem) for one in outcomes] == [
        ("error", "There is no channel “Fair”. Add it first, or let the mapping create what is missing."),
        ("created", ""),
    ]
    assert list(Lead.objects.values_list("channel__name", flat=True)) == ["Web"]
