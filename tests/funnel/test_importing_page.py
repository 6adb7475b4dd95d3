"""The Import page: who may, uploading, mapping, previewing, running, and what it says when something is wrong."""

import csv
import io
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from funnel.access import Role
from funnel.importing import documents, running
from funnel.models import ImportRun, Lead, StageEvent
from tests import factories as make

pytestmark = pytest.mark.django_db

GOOD = b"""lead id,e-mail,created,lead source
A-1,ann@acme.example,01.02.2024,Webinar
A-2,bob@acme.example,03.02.2024,Search
"""


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def ops(client):
    user = make.user(Role.MARKETING_OPS, username="olga")
    client.force_login(user)
    return user


def upload(client, data: bytes = GOOD, *, name: str = "leads.csv", kind: str = "leads", source: str = "crm", **more):
    return client.post(
        reverse("funnel:import-new"),
        {"file": SimpleUploadedFile(name, data), "kind": kind, "source": source, **more},
    )


def draft(client, data: bytes = GOOD, **about) -> ImportRun:
    assert upload(client, data, **about).status_code == 302
    return ImportRun.objects.latest("id")


def url(name: str, run: ImportRun) -> str:
    return reverse(f"funnel:{name}", args=[run.pk])


def page(response) -> str:
    return response.content.decode()


def posted(run: ImportRun, **changes: str) -> dict[str, str]:
    """The form as the page shows it, for the given mapping, with some answers changed."""
    form = {}
    for name, said in run.mapping["fields"].items():
        if "column" in said:
            form[f"from.{name}"] = f"column:{said['column']}"
            form |= {f"{key}.{name}": said[key] for key in ("type", "format") if key in said}
        elif "constant" in said:
            form |= {f"from.{name}": "constant", f"constant.{name}": said["constant"]}
    form |= {"zone": run.mapping.get("zone", "UTC"), "trim": "on", "create_missing": "on"}
    return form | {key.replace("__", "."): value for key, value in changes.items()}


def work_off(run: ImportRun) -> ImportRun:
    running.work(run.pk)
    run.refresh_from_db()
    return run


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.MARKETING_OPS, Role.ADMINISTRATOR])
def test_marketing_operations_and_administrators_import(client, role):
    client.force_login(make.user(role))
    assert client.get(reverse("funnel:imports")).status_code == 200
    assert reverse("funnel:imports") in page(client.get(reverse("routing:leads")))


@pytest.mark.parametrize("role", [Role.SDR, Role.SDR_MANAGER, Role.AE, Role.EXECUTIVE])
def test_others_see_no_link_and_get_403(client, ops, role):
    run = draft(client)
    client.force_login(make.user(role))
    assert reverse("funnel:imports") not in page(client.get(reverse("routing:leads")))
    assert client.get(reverse("funnel:imports")).status_code == 403
    for name in ("import", "import-columns", "import-preview", "import-progress", "import-mapping", "import-problems"):
        assert client.get(url(name, run)).status_code == 403, name
    for name in ("import-start", "import-stop", "import-resume", "import-discard"):
        assert client.post(url(name, run)).status_code == 403, name
    assert upload(client).status_code == 403


def test_a_visitor_is_sent_to_the_log_in(client):
    assert client.get(reverse("funnel:imports")).url.startswith(reverse("login"))


# --- The file -------------------------------------------------------------------------------------


def test_an_empty_list_says_what_to_do(client, ops):
    assert "Import a file" in page(client.get(reverse("funnel:imports")))


def test_an_upload_becomes_a_draft_with_guessed_columns(client, ops):
    run = draft(client)
    assert (run.status, run.kind, run.source, run.rows, run.started_by) == ("draft", "leads", "crm", 2, ops)
    assert run.mapping["fields"] == {
        "external_id": {"column": "lead id"},
        "email": {"column": "e-mail"},
        "inquiry_at": {"column": "created", "type": "date", "format": "%d.%m.%Y"},
        "channel": {"column": "lead source"},
    }
    shown = page(client.get(url("import-columns", run)))
    assert "ann@acme.example" in shown and "1 February 2024" in shown


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty"),
        (b"PK\x03\x04rest of a workbook", "Excel workbook"),
        (b"\x00a\x00,\x00b\x00\r\x00\n" * 50, "UTF-16"),
        (b'"never closed,b\n1,2\n', "never closed"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words_and_nothing_typed_is_lost(client, ops, data, words):
    response = upload(client, data, source="my crm", kind="people")
    assert response.status_code == 422
    assert words in page(response)
    assert 'value="my crm"' in page(response)
    assert '<option value="people" selected>' in page(response)
    assert not ImportRun.objects.exists()


def test_a_latin_1_file_comes_in_with_a_warning(client, ops):
    run = draft(client, "lead id,company\nA-1,Müller\n".encode("latin-1"))
    shown = page(client.get(url("import-columns", run)))
    assert "not UTF-8" in shown and "Müller" in shown


def test_a_source_is_a_name_without_a_slash(client, ops):
    response = upload(client, source="a/b")
    assert response.status_code == 422 and "without a slash" in page(response)


# --- The columns ----------------------------------------------------------------------------------


def test_every_change_is_kept_at_once(client, ops):
    run = draft(client)
    response = client.post(url("import-columns", run), posted(run, from__company="column:lead source", line="company"))
    assert response.status_code == 200
    assert 'id="line-company"' in page(response) and "Webinar" in page(response) and "<html" not in page(response)
    run.refresh_from_db()
    assert run.mapping["fields"]["company"] == {"column": "lead source"}


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(client, ops):
    run = draft(client)
    form = posted(run, format__inquiry_at="tt.mm.jjjj", zone="Europe/Nowhere")
    del form["from.external_id"]
    response = client.post(url("import-columns", run), form)
    assert response.status_code == 422
    shown = page(response)
    assert "“tt.mm.jjjj” is no date format" in shown and 'value="tt.mm.jjjj"' in shown
    assert "there is no time zone “Europe/Nowhere”" in shown and 'value="Europe/Nowhere"' in shown
    run.refresh_from_db()
    assert run.mapping["zone"] == "Europe/Nowhere"


def test_a_needed_field_that_nothing_fills_is_named(client, ops):
    run = draft(client)
    form = posted(run)
    del form["from.external_id"]
    assert "Is needed for leads" in page(client.post(url("import-columns", run), form))


def test_constants_templates_conditions_attributes_and_value_maps_are_taken(client, ops):
    data = b"a,b,state,Total Visits\n1,x,Won!,3\n2,y,open,5\n"
    run = draft(client, data, kind="people", source="shop")
    form = {
        "from.external_id": "template",
        "template.external_id": "{a}/{b}",
        "from.country": "constant",
        "constant.country": "NL",
        "where-column": "b",
        "where-values": "x\r\ny",
        "keep.3": "on",
        "called.3": "visits",
        "sort.3": "number",
        "blanks": "NA, -",
        "zone": "UTC",
    }
    assert client.post(url("import-columns", run), form).status_code == 302
    run.refresh_from_db()
    assert run.mapping["fields"] == {"external_id": {"template": "{a}/{b}"}, "country": {"constant": "NL"}}
    assert run.mapping["attributes"] == {"visits": {"column": "Total Visits", "type": "number"}}
    assert run.mapping["where"] == {"b": ["x", "y"]}
    assert run.mapping["null_values"] == ["", "NA", "-"]


def test_values_are_translated_one_by_one(client, ops):
    data = b"id,lead id,status,when\n1,L1,Contacted,2024-01-01\n2,L1,Lost,2024-01-02\n3,L1,Test,2024-01-03\n"
    run = draft(client, data, kind="stage-events")
    assert run.mapping["fields"]["stage"] == {"column": "status", "map": {"Lost": "lost"}}
    form = posted(run) | {
        "value.stage": ["Contacted", "Lost", "Test"],
        "means.stage": ["sal", "lost", "skip"],
        "otherwise.stage": "",
    }
    assert client.post(url("import-columns", run), form).status_code == 302
    run.refresh_from_db()
    assert run.mapping["fields"]["stage"]["map"] == {"Contacted": "sal", "Lost": "lost", "Test": "skip"}


def test_the_next_file_of_a_source_is_mapped_as_the_last_one(client, ops):
    run = draft(client)
    client.post(url("import-columns", run), posted(run, from__segment="column:lead source", zone="Europe/Amsterdam"))
    client.post(url("import-start", run))
    again = draft(client)
    assert again.mapping["fields"]["segment"] == {"column": "lead source"}
    assert again.mapping["zone"] == "Europe/Amsterdam"
    other = draft(client, b"id,created\n1,2024-01-01\n")
    assert "segment" not in other.mapping["fields"]


def test_the_mapping_goes_out_and_comes_in_as_yaml(client, ops):
    run = draft(client)
    text = client.get(url("import-mapping", run)).content
    document = documents.load(text.decode())
    assert document["kind"] == "leads" and document["source"] == "crm"
    assert document["fields"] == run.mapping["fields"]
    changed = text.replace(b"lead source", b"e-mail")
    response = client.post(url("import-columns", run), {"mapping": SimpleUploadedFile("map.yaml", changed)})
    assert response.status_code == 200
    run.refresh_from_db()
    assert run.mapping["fields"]["channel"] == {"column": "e-mail"}


def test_a_mapping_file_that_does_not_fit_says_why(client, ops):
    run = draft(client)
    wrong = b"fields:\n  external_id: led id\n  emial: e-mail\n"
    response = client.post(url("import-columns", run), {"mapping": SimpleUploadedFile("map.yaml", wrong)})
    assert response.status_code == 422
    assert "Did you mean “email”" in page(response)
    response = client.post(
        url("import-columns", run), {"mapping": SimpleUploadedFile("map.yaml", b"a: [")}, follow=True
    )
    assert "not YAML" in page(response)


def test_a_draft_can_be_thrown_away_with_its_file(client, ops, django_capture_on_commit_callbacks):
    run = draft(client)
    path = Path(run.file.path)
    assert path.exists()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(url("import-discard", run))
    assert not ImportRun.objects.exists() and not path.exists()


# --- Preview and run ------------------------------------------------------------------------------


def test_the_preview_shows_rows_and_problems_and_stores_nothing(client, ops):
    data = GOOD + b"A-3,carl@acme.example,31.02.2024,Search\n"
    run = draft(client, data)
    assert run.mapping["fields"]["inquiry_at"]["format"] == "%d.%m.%Y"  # of those that are dates
    response = client.get(url("import-preview", run))
    shown = page(response)
    assert "ann@acme.example" in shown and "2024-02-01" in shown
    assert "“31.02.2024” is not a date" in shown
    assert response.context["preview"].counts["created"] == 2
    assert not Lead.objects.exists()


def test_a_run_is_followed_to_its_end(client, ops):
    run = draft(client)
    assert client.post(url("import-start", run)).url == url("import", run)
    shown = page(client.get(url("import", run)))
    assert 'hx-trigger="every 1s"' in shown and "waiting for a worker" in shown
    run = work_off(run)
    assert (run.status, run.rows, run.created, run.errors) == ("done", 2, 2, 0)
    shown = page(client.get(url("import-progress", run)))
    assert "hx-trigger" not in shown and "2 rows read" in shown and "/leads/?source=crm" in shown
    assert Lead.objects.filter(source="crm").count() == StageEvent.objects.count() == 2
    assert "leads.csv" in page(client.get(reverse("funnel:imports")))


def test_a_started_import_is_not_started_discarded_or_mapped_again(client, ops):
    run = draft(client)
    client.post(url("import-start", run))
    assert "was started already" in page(client.post(url("import-start", run), follow=True))
    assert "can no longer be discarded" in page(client.post(url("import-discard", run), follow=True))
    assert client.get(url("import-columns", run)).url == url("import", run)
    assert ImportRun.objects.get().status == "queued"


def test_rows_that_fail_stand_in_an_error_file_that_runs_no_formula(client, ops):
    data = GOOD + b"=cmd|' /C calc'!A0,=HYPERLINK(1)@acme.example,nonsense,@sum\n"
    run = draft(client, data, kind="people")
    run.mapping = {"fields": {"external_id": "lead id", "email": "e-mail", "opted_out": "created"}}
    run.save()
    client.post(url("import-start", run))
    run = work_off(run)
    assert (run.status, run.errors) == ("done", 3)
    assert "neither yes nor no" in page(client.get(url("import", run)))
    response = client.get(url("import-problems", run))
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["row"] for row in rows] == ["1", "2", "3"]
    assert rows[2]["line"] == "4" and rows[2]["level"] == "error" and rows[2]["field"] == "opted_out"
    assert rows[2]["lead id"] == "'=cmd|' /C calc'!A0" and rows[2]["lead source"] == "'@sum"
    assert "attachment" in response["Content-Disposition"]


def test_a_file_that_is_gone_says_so_and_can_be_discarded(client, ops):
    run = draft(client)
    Path(run.file.path).unlink()
    response = client.get(url("import-columns", run))
    assert response.status_code == 422 and "is gone" in page(response)
    client.post(url("import-start", run))
    run = work_off(run)
    assert run.status == "failed" and "Upload it again" in page(client.get(url("import", run)))


def test_a_run_with_a_bad_mapping_stops_and_can_be_mended(client, ops):
    run = draft(client)
    run.mapping = {"fields": {"external_id": "no such column"}}
    run.save()
    client.post(url("import-start", run))
    run = work_off(run)
    shown = page(client.get(url("import", run)))
    assert "no column “no such column”" in shown and "Mend the columns" in shown
    assert client.post(url("import-resume", run), {"columns": "1"}).url == url("import-columns", run)
    run.refresh_from_db()
    assert run.status == "draft"


def test_a_run_is_stopped_and_resumed(client, ops):
    run = draft(client)
    client.post(url("import-start", run))
    client.post(url("import-stop", run))
    run.refresh_from_db()
    assert run.status == "failed" and "Stopped by olga" in run.message
    assert work_off(run).status == "failed"
    client.post(url("import-resume", run))
    assert work_off(run).status == "done"
    assert run.created == 2


def test_the_list_is_paged(client, ops, django_assert_max_num_queries):
    ImportRun.objects.bulk_create(
        ImportRun(kind="leads", source="crm", filename=f"file{n}.csv", status="done", started_by=ops) for n in range(30)
    )
    with django_assert_max_num_queries(12):
        first = client.get(reverse("funnel:imports"))
    assert len(first.context["runs"]) == 25
    second = client.get(reverse("funnel:imports") + first.context["older_url"])
    assert len(second.context["runs"]) == 5
    assert client.get(reverse("funnel:imports") + "?older=nonsense").status_code == 200


def test_a_file_of_hundreds_of_columns_is_mapped(client, ops):
    names = [f"field {number}" for number in range(450)]
    run = draft(client, ",".join(["id", *names]).encode() + b"\n1" + b",x" * 450 + b"\n", kind="people")
    form = posted(run) | {f"called.{n}": f"f{n}" for n in range(451)} | {f"sort.{n}": "text" for n in range(451)}
    assert client.post(url("import-columns", run), form | {"keep.7": "on"}).status_code == 302
    run.refresh_from_db()
    assert run.mapping["attributes"] == {"f7": {"column": "field 6"}}
    assert len(client.get(url("import-columns", run)).content) < 3_000_000
