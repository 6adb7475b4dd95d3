"""Loading files by the command and by workers: what lands, what is said of the rest, and what a kill leaves."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from demandcenter.celery import app
from funnel import hints, tasks
from funnel.importing import loading, running
from funnel.models import Account, Channel, ImportRun, Inbox, Lead, Person, StageEvent
from tests import factories as make
from tests.waiting import PATIENCE

LEADS = "fields: {external_id: id, email: mail, inquiry_at: day, channel: via}\ncreate_missing: true"
EVENTS = "fields: {external_id: id, lead: lead, stage: stage, occurred_at: at}"


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


class Answer(dict):
    """What `load` answered, with its exit status and the lines of the error file."""

    status = 0
    lines: list[dict[str, str]]


@pytest.fixture
def load(tmp_path):
    """Load a text or bytes as the command line does."""

    def run(kind: str, data: str | bytes, mapping: str, *flags: str) -> Answer:
        file, map_file = tmp_path / "crm.csv", tmp_path / "map.yaml"
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
        map_file.write_text(mapping)
        said = io.StringIO()
        answer = Answer()
        try:
            call_command("load", kind, str(file), "--mapping", str(map_file), "--format", "json", *flags, stdout=said)
        except SystemExit as stopped:
            answer.status = int(str(stopped.code))
        answer.update(json.loads(said.getvalue()))
        answer.lines = read_error_file(answer["error_file"])
        return answer

    return run


def read_error_file(path: str | None) -> list[dict[str, str]]:
    if path is None:
        return []
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def counts(answer: dict[str, Any]) -> dict[str, int]:
    names = ("rows", "created", "updated", "unchanged", "skipped", "warnings", "errors")
    return {name: answer[name] for name in names if answer[name]}


def leads_csv(number: int, first: int = 1) -> str:
    lines = [f"L{n},p{n}@acme.example,2024-01-{n % 28 + 1:02d},Web" for n in range(first, first + number)]
    return "\n".join(["id,mail,day,via", *lines, ""])


def events_csv(*rows: str) -> str:
    return "\n".join(["id,lead,stage,at", *rows, ""])


# --- What comes in, and what is said of the rest --------------------------------------------------


@pytest.mark.django_db
def test_a_file_comes_in_and_twice_changes_nothing(load):
    first = load("leads", leads_csv(3), LEADS)
    assert (first.status, counts(first), first["source"]) == (0, {"rows": 3, "created": 3}, "crm")
    events, people = StageEvent.objects.count(), list(Person.objects.values())
    again = load("leads", leads_csv(3), LEADS)
    assert (again.status, counts(again)) == (0, {"rows": 3, "unchanged": 3})
    assert StageEvent.objects.count() == events and list(Person.objects.values()) == people


@pytest.mark.django_db
def test_a_changed_row_is_updated_and_a_column_that_is_absent_stays(load):
    load("people", "id,mail,job\n1,a@x.example,Boss\n", "fields: {external_id: id, email: mail, title: job}")
    second = load("people", "id,phone\n1,555\n", "fields: {external_id: id, phone: phone}")
    assert counts(second) == {"rows": 1, "updated": 1}
    person = Person.objects.get()
    assert (person.title, person.phone) == ("Boss", "555")


@pytest.mark.django_db
def test_rows_that_fail_are_listed_and_every_other_row_is_in(load):
    data = (
        "id,mail,day,via\n"
        "L1,a@x.example,2024-01-01,Web\n"
        "L2,b@x.example,01.02.2024,Web\n"
        "L3,c@x.example\n"
        'L4,"d"@x.example,2024-01-01,Web\n'
        "L5,no mail,2024-01-01,Web\n"
        '"L6","f@x.example","2024-01-02","two\nlines"\n'
    )
    answer = load("leads", data, LEADS)
    assert answer.status == 1
    assert counts(answer) == {"rows": 6, "created": 2, "errors": 4}
    assert [(line["row"], line["line"], line["field"]) for line in answer.lines] == [
        ("2", "3", "inquiry_at"), ("3", "4", ""), ("4", "5", ""), ("5", "6", "email")
    ]  # fmt: skip
    assert answer.lines[0]["mail"] == "b@x.example" and "is not a date" in answer.lines[0]["problem"]
    assert set(Lead.objects.values_list("external_id", flat=True)) == {"L1", "L6"}
    assert Channel.objects.filter(name="two\nlines").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_letters_come_in_whatever_the_encoding(load, encoding):
    answer = load("people", "id,name\n1,Zoë\n".encode(encoding), "fields: {external_id: id, first_name: name}")
    assert answer.status == 0 and Person.objects.get().first_name == "Zoë"
    assert bool(answer["warnings"]) == (encoding == "latin-1")
    if answer["warnings"]:
        assert (answer.lines[0]["level"], answer.lines[0]["row"]) == ("warning", "")


@pytest.mark.django_db
def test_enormous_cells_nul_bytes_and_formulas(load):
    data = b"id,name,note\n1,=1+1," + b"x" * 100_000 + b"\n2,N\x00L,y\n3,@x," + b"z" * 1_000_001 + b"\n4,-4,\n"
    mapping = "fields: {external_id: id, first_name: name}\nattributes: {note: note}"
    answer = load("people", data, mapping)
    assert counts(answer) == {"rows": 4, "created": 2, "errors": 2}
    first = Person.objects.get(keys__external_id="1")
    assert first.first_name == "=1+1" and first.attributes["note"] == "x" * 100_000
    assert [line["row"] for line in answer.lines] == ["2", "3"]


@pytest.mark.django_db
def test_the_error_file_can_be_mended_and_loaded_again(load):
    answer = load("leads", "id,mail,day,via\nL1,a@x.example,soon,Web\n", LEADS)
    mended = Path(answer["error_file"]).read_text(encoding="utf-8-sig").replace(",soon,", ",2024-02-01,")
    again = load("leads", mended, LEADS)
    assert (again.status, counts(again)) == (0, {"rows": 1, "created": 1})


@pytest.mark.django_db
def test_formulas_are_escaped_on_the_way_out_and_numbers_are_not(load):
    data = "id,a,b,c,d,e\nx,=1+1,+49 30 1,-5,@x,'a\n"
    answer = load("people", data, "fields: {external_id: id, opted_out: a}")
    line = answer.lines[0]
    assert [line[name] for name in "abcde"] == ["'=1+1", "'+49 30 1", "-5", "'@x", "'a"]


@pytest.mark.django_db
def test_a_header_that_looks_like_ours_keeps_its_name(load):
    answer = load("people", "id,row,problem\n1,7,mine\n2,8,\n", "fields: {external_id: id, do_not_call: problem}")
    assert answer.lines[0]["import_row"] == "1" and answer.lines[0]["row"] == "7"
    assert answer.lines[0]["problem"] == "mine" and "neither yes nor no" in answer.lines[0]["import_problem"]


@pytest.mark.django_db
def test_stage_events_that_cannot_be_are_errors_and_the_others_land(load):
    load("leads", leads_csv(2), LEADS)
    ahead = (timezone.now() + timedelta(days=2)).isoformat()
    answer = load(
        "stage-events",
        events_csv(
            "e1,L1,sql,2024-03-01",  # a forward skip: allowed for history
            "e2,L1,nonsense,2024-03-02",
            f"e3,L1,won,{ahead}",
            "e4,nobody,mql,2024-03-02",
            "e5,L1,inquiry,2024-03-03",  # behind, and it was there already: a move back
            "e6,L2,lost,2024-03-04",
            "e7,L2,mql,2024-03-05",  # it had left
            "e8,L1,mql,2023-12-01",  # before the inquiry: a warning
        ),
        EVENTS,
    )
    failed = {line["id"]: line["problem"] for line in answer.lines if line["level"] == "error"}
    assert set(failed) == {"e2", "e3", "e4", "e7"}
    assert "future" in failed["e3"] and "closed" in failed["e7"]
    warned = [line for line in answer.lines if line["level"] == "warning"]
    assert [line["id"] for line in warned] == ["e8"] and "the wrong way round" in warned[0]["problem"]
    assert counts(answer) == {"rows": 8, "created": 4, "warnings": 1, "errors": 4}
    assert Lead.objects.get(external_id="L1").sql_at is not None
    assert Lead.objects.get(external_id="L2").exit == "lost"


@pytest.mark.django_db
def test_local_times_that_are_none_or_two_are_errors_unless_the_mapping_decides(load):
    load("leads", leads_csv(1), LEADS)
    rows = events_csv("e1,L1,mql,2024-03-31 02:30", "e2,L1,sal,2024-10-27 02:30")
    mapping = "zone: Europe/Amsterdam\n" + EVENTS
    assert counts(load("stage-events", rows, mapping)) == {"rows": 2, "errors": 2}
    decided = mapping.replace("at: at", "at: {column: at, ambiguous: later, nonexistent: forward}")
    assert counts(load("stage-events", rows, decided)) == {"rows": 2, "created": 2}


@pytest.mark.django_db
def test_the_same_key_with_another_body_is_an_error_for_events(load):
    load("leads", leads_csv(1), LEADS)
    load("stage-events", events_csv("e1,L1,mql,2024-03-01"), EVENTS)
    answer = load("stage-events", events_csv("e1,L1,mql,2024-03-02"), EVENTS)
    assert counts(answer) == {"rows": 1, "errors": 1}


@pytest.mark.django_db
def test_parents_may_follow_their_children_across_chunks_and_one_that_never_comes_is_an_error(load, monkeypatch):
    monkeypatch.setattr(loading, "CHUNK_ROWS", 2)
    data = "name,above\nchild,parent\norphan,nobody\nother,\nparent,\n"
    answer = load("accounts", data, "fields: {external_id: name, name: name, parent: above}")
    assert (answer.status, answer["created"], answer["errors"]) == (1, 4, 1)
    assert Account.objects.get(parent__name="parent").name == "child"
    assert (answer.lines[0]["row"], answer.lines[0]["name"], answer.lines[0]["line"]) == ("2", "orphan", "3")


@pytest.mark.django_db
def test_reference_data_is_created_only_when_the_mapping_says_so(load):
    answer = load("leads", leads_csv(1), LEADS.replace("create_missing: true", ""))
    assert answer["errors"] == 1 and not Channel.objects.exists()


@pytest.mark.django_db
def test_history_decides_nothing_and_live_rows_do(load):
    load("leads", leads_csv(1), LEADS)
    assert list(Inbox.objects.values_list("cause", flat=True)) == ["loaded"]
    load("leads", leads_csv(1, first=2), LEADS, "--live")
    assert {"person", "stage_event"} < set(Inbox.objects.values_list("cause", flat=True))


@pytest.mark.django_db
def test_a_dry_run_answers_as_a_load_would_and_stores_nothing(load, monkeypatch):
    monkeypatch.setattr(loading, "CHUNK_ROWS", 2)
    data = leads_csv(4) + "L1,p1@acme.example,soon,Web\n"
    dry = load("leads", data, LEADS, "--dry-run")
    assert dry["dry_run"] and dry.status == 1
    assert not Lead.objects.exists() and not ImportRun.objects.exists() and not Channel.objects.exists()
    assert counts(dry) == counts(load("leads", data, LEADS))
    assert len(dry.lines) == 1


@pytest.mark.django_db
def test_rows_that_the_mapping_leaves_out_are_counted_as_skipped(load):
    answer = load("leads", leads_csv(3), LEADS + "\nwhere: {id: [L1, L3]}")
    assert counts(answer) == {"rows": 3, "created": 2, "skipped": 1}


@pytest.mark.django_db
def test_a_file_without_rows_says_so(load):
    answer = load("leads", "id,mail,day,via\n", LEADS)
    assert (answer.status, answer["rows"], answer["message"]) == (0, 0, "The file has no rows below its header.")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "mapping", "words"),
    [
        ("id,mail\n", "fields: {external_id: idd}", "fields.external_id: the file has no column “idd”"),
        ("id,mail\n", "fields: {external_id: id, emial: mail}", "Did you mean “email”?"),
        ("id,mail\n", "a: [", "this is not YAML"),
        ("id,mail\n", "- a", "a mapping says which column"),
        ("", "fields: {external_id: id}", "The file is empty"),
        ("PK\x03\x04", "fields: {external_id: id}", "Excel"),
    ],
)
def test_a_file_or_mapping_that_cannot_be_used_ends_with_status_2_before_any_row(load, data, mapping, words):
    with pytest.raises(CommandError, match=".") as raised:
        load("leads", data, mapping)
    assert raised.value.returncode == 2 and words in str(raised.value)
    assert not ImportRun.objects.exists()


@pytest.mark.django_db
def test_a_file_that_is_not_there_ends_with_status_2(tmp_path):
    with pytest.raises(CommandError, match="cannot be read") as raised:
        call_command("load", "leads", str(tmp_path / "no.csv"), "--mapping", str(tmp_path / "no.yaml"))
    assert raised.value.returncode == 2


@pytest.mark.django_db
def test_the_counts_are_printed_for_people_too(tmp_path):
    (tmp_path / "crm.csv").write_text(leads_csv(2) + "L9,x@x.example,soon,Web\n")
    (tmp_path / "map.yaml").write_text(LEADS)
    said = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("load", "leads", str(tmp_path / "crm.csv"), "--mapping", str(tmp_path / "map.yaml"), stdout=said)
    lines = said.getvalue().splitlines()
    assert [line.split() for line in lines[:7]] == [
        ["rows", "3"], ["created", "2"], ["updated", "0"], ["unchanged", "0"], ["skipped", "0"], ["warnings", "0"],
        ["errors", "1"],
    ]  # fmt: skip
    assert Path(lines[7].removeprefix("error file  ")).exists()


@pytest.mark.django_db
def test_a_terminal_sees_how_far_the_file_is_read_and_a_pipe_does_not(tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    (tmp_path / "crm.csv").write_text(leads_csv(4))
    (tmp_path / "map.yaml").write_text(LEADS)
    monkeypatch.setattr(loading, "CHUNK_ROWS", 2)
    arguments = ["load", "leads", str(tmp_path / "crm.csv"), "--mapping", str(tmp_path / "map.yaml")]
    for screen, seen in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", screen)
        call_command(*arguments, stdout=io.StringIO())
        assert ("100%  4 rows" in screen.getvalue()) == seen


# --- Workers --------------------------------------------------------------------------------------


def queued(data: str, mapping: dict[str, Any] | None = None, **fields: Any) -> ImportRun:
    run = ImportRun(
        kind="leads",
        source="crm",
        filename="crm.csv",
        mapping=mapping or {"create_missing": "true", "fields": {"external_id": "id", "email": "mail",
                                                                 "inquiry_at": "day", "channel": "via"}},
        status="queued",
        heartbeat_at=timezone.now(),
        started_by=fields.pop("started_by", None),
        **fields,
    )  # fmt: skip
    run.file.save("crm.csv", ContentFile(data.encode()))
    return run


@pytest.mark.django_db
def test_a_queued_run_is_brought_in_once_however_often_it_is_asked_for():
    run = queued(leads_csv(3))
    tasks.run_import(run.pk)
    tasks.run_import(run.pk)
    run.refresh_from_db()
    assert (run.status, run.position, run.rows, run.created) == ("done", 3, 3, 3)
    assert run.started_at and run.finished_at and run.finished_at >= run.started_at


@pytest.mark.django_db
def test_a_run_that_lost_its_worker_goes_on_where_its_last_chunk_ended(monkeypatch):
    monkeypatch.setattr(loading, "CHUNK_ROWS", 2)
    data = leads_csv(3) + "L4,p4@acme.example,soon,Web\n" + "L5,p5@acme.example,later,Web\n"
    run = queued(data)
    real = loading.write
    calls = []

    def killed_in_the_third_chunk(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt  # not an Exception: nothing in the program tidies up, as after a kill
        return real(*args, **options)

    monkeypatch.setattr(loading, "write", killed_in_the_third_chunk)
    with pytest.raises(KeyboardInterrupt):
        running.work(run.pk)
    run.refresh_from_db()
    assert (run.status, run.position, run.created, run.errors) == ("running", 4, 3, 1)
    with Path(run.problems.path).open("ab") as file:
        file.write(b"5,6,error,inquiry_at,torn te")  # what a kill leaves behind

    monkeypatch.setattr(loading, "write", real)
    assert tasks.resume_imports() == []  # it has just shown a sign of life
    ImportRun.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=61))
    assert tasks.resume_imports() == [run.pk]
    tasks.run_import(run.pk)
    run.refresh_from_db()
    assert (run.status, run.position, run.created, run.errors) == ("done", 5, 3, 2)
    lines = read_error_file(run.problems.path)
    assert [(line["row"], line["id"]) for line in lines] == [("4", "L4"), ("5", "L5")]
    assert run.problems_size == Path(run.problems.path).stat().st_size


@pytest.mark.django_db
def test_a_run_whose_hint_was_lost_is_hinted_again(monkeypatch, django_capture_on_commit_callbacks):
    sent: list[Any] = []
    monkeypatch.setattr(hints, "_send", lambda task, args, pause: sent.append((task, args)))
    run = queued(leads_csv(1))
    ImportRun.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=61))
    with django_capture_on_commit_callbacks(execute=True):
        tasks.resume_imports()
    assert sent == [("funnel.tasks.run_import", (run.pk,))]


@pytest.mark.django_db
def test_a_command_that_was_killed_leaves_a_run_that_says_so():
    run = ImportRun.objects.create(
        kind="leads", source="crm", filename="a.csv", status="running", heartbeat_at=timezone.now() - timedelta(hours=1)
    )
    assert tasks.resume_imports() == []
    run.refresh_from_db()
    assert run.status == "failed" and "load the file again" in run.message


@pytest.mark.django_db
def test_an_error_of_the_program_stops_the_run_and_is_told(monkeypatch):
    run = queued(leads_csv(1))

    def broken(*args: Any, **options: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(loading, "write", broken)
    with pytest.raises(RuntimeError):
        running.work(run.pk)
    run.refresh_from_db()
    assert run.status == "failed" and "can be resumed" in run.message and not Lead.objects.exists()


@pytest.mark.django_db
def test_a_file_that_has_shrunk_is_not_read_on():
    run = queued(leads_csv(1), position=5)
    running.work(run.pk)
    run.refresh_from_db()
    assert run.status == "failed" and "only 1 rows" in run.message


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_on_one_run_each_chunk_is_written_by_one(monkeypatch):
    monkeypatch.setattr(loading, "CHUNK_ROWS", 50)
    run = queued(leads_csv(1000))
    ImportRun.objects.update(status="running")
    outcomes: list[str] = []

    def work() -> None:
        try:
            mine = ImportRun.objects.get(pk=run.pk)
            with Path(mine.file.path).open("rb") as file:
                loading.Load(mine, file).work()
            outcomes.append("done")
        except loading.Superseded:
            outcomes.append("superseded")
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.refresh_from_db()
    assert outcomes.count("done") == 1 and len(outcomes) == 3
    assert (run.status, run.position, run.created, run.unchanged) == ("done", 1000, 1000, 0)
    assert Lead.objects.count() == StageEvent.objects.count() == 1000


# --- Hints ----------------------------------------------------------------------------------------


@pytest.fixture
def no_broker(monkeypatch):
    """A broker that nobody can reach, and a circuit breaker as after a start."""
    monkeypatch.setattr(hints, "_broken_until", 0.0)
    monkeypatch.setattr(hints, "_line", hints._Line())
    monkeypatch.setattr(app.conf, "broker_write_url", "redis://127.0.0.1:1/0")


@pytest.mark.django_db
def test_a_write_succeeds_and_waits_for_no_broker_that_is_down(
    no_broker, django_capture_on_commit_callbacks, monkeypatch
):
    run = queued(leads_csv(1))
    ImportRun.objects.update(status="draft")
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        assert running.queue(run)
    assert len(callbacks) == 1
    assert hints._broken_until > 0
    monkeypatch.setattr(hints, "_broken_until", time.monotonic() + PATIENCE)
    monkeypatch.setattr(app, "connection_for_write", lambda: pytest.fail("the breaker is open, and somebody tried"))
    hints._send("funnel.tasks.run_import", (run.pk,))
    run.refresh_from_db()
    assert run.status == "queued"


def test_a_hint_reaches_the_queue_of_its_task(monkeypatch):
    monkeypatch.setattr(hints, "_broken_until", 0.0)
    broker = redis.Redis.from_url(django_settings.REDIS_URL)
    before = broker.llen("ingest")
    hints._send("funnel.tasks.run_import", (-1,))
    assert broker.llen("ingest") == before + 1
    assert json.loads(broker.lpop("ingest"))["headers"]["task"] == "funnel.tasks.run_import"


# --- Kill -9 and memory ---------------------------------------------------------------------------


def database_url() -> str:
    said = connection.settings_dict
    return f"postgresql://{said['USER']}:{said['PASSWORD']}@{said['HOST']}:{said['PORT']}/{said['NAME']}"


def load_process(tmp_path: Path, file: Path, mapping: str, kind: str = "leads") -> subprocess.Popen[str]:
    map_file = tmp_path / "map.yaml"
    map_file.write_text(mapping)
    return subprocess.Popen(
        [sys.executable, "manage.py", "load", kind, str(file), "--mapping", str(map_file), "--format", "json"],
        cwd=django_settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url(), "MEDIA_ROOT": str(tmp_path / "media")},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_a_load_killed_with_9_leaves_whole_chunks_and_loading_again_completes_it(tmp_path):
    total = 20_000
    file = tmp_path / "crm.csv"
    file.write_text(leads_csv(total) + "LX,x@x.example,soon,Web\n")
    process = load_process(tmp_path, file, LEADS)
    deadline = time.monotonic() + PATIENCE
    while not ImportRun.objects.filter(position__gte=loading.CHUNK_ROWS).exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run = ImportRun.objects.get()
    assert run.status == "running" and 0 < run.position < total
    assert run.position % loading.CHUNK_ROWS == 0
    assert run.created == run.position == Lead.objects.count() == StageEvent.objects.count() == Person.objects.count()

    again = load_process(tmp_path, file, LEADS)
    said, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == 1  # the one row that cannot be read
    answer = json.loads(said)
    assert (answer["rows"], answer["created"], answer["unchanged"]) == (total + 1, total - run.position, run.position)
    assert answer["errors"] == 1 and len(read_error_file(answer["error_file"])) == 1
    assert Lead.objects.count() == StageEvent.objects.count() == total


@pytest.mark.django_db(transaction=True)
def test_300_000_rows_are_loaded_in_constant_memory(tmp_path):
    """Rows that the mapping leaves out cost what reading, converting and booking cost; writing is chunk by chunk."""
    file = tmp_path / "crm.csv"
    with file.open("w") as out:
        out.write("id,mail,day,via,notes\n")
        for number in range(300_000):
            keep = "keep" if number % 30 == 0 else "drop"
            out.write(f"L{number},p{number}@x.example,2024-01-01,{keep},{'words ' * 20}\n")
    process = load_process(tmp_path, file, LEADS + "\nwhere: {via: keep}\nattributes: {notes: notes}")
    peak = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
        peak = max(peak, int(found[0]) if found else 0)
        time.sleep(0.05)
    said, _ = process.communicate()
    answer = json.loads(said)
    assert (answer["rows"], answer["created"], answer["skipped"]) == (300_000, 10_000, 290_000)
    assert peak < 400_000  # kB; the file alone is 50 MB and would be ten times that as rows


@pytest.mark.django_db
def test_stopping_says_who(load):
    user = make.user(username="olga", first_name="Olga", last_name="Nowak")
    run = queued(leads_csv(1))
    assert running.stop(run, by=user)
    run.refresh_from_db()
    assert run.message == "Stopped by Olga Nowak. What was settled is in."
    assert not running.stop(run, by=user)
