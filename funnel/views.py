"""The Import page: a file in, its columns mapped, looked at, run and followed. Every step can be left and resumed."""

from functools import partial, wraps
from pathlib import Path
from typing import Any, Final, cast
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.forms import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from funnel.forms import (
    BLANK,
    DELIMITERS,
    ENCODINGS,
    SKIP_ROW,
    MappingForm,
    UploadForm,
    read_document,
)
from funnel.importing import documents, drafts, problems, running
from funnel.importing.guessing import Sample
from funnel.importing.mapping import MappingProblem
from funnel.importing.reading import FileProblem
from funnel.importing.values import TYPES
from funnel.ingest import KINDS
from funnel.keyset import BadCursor, Page, page
from funnel.models import ImportRun

PAGE: Final = 25
SHOWN_ROWS: Final = 10
SHOWN_GROUPS: Final = 30
READ_PROBLEMS: Final = 20_000  # lines of an error file that are looked through for a page
UNFINISHED: Final = (ImportRun.Status.QUEUED, ImportRun.Status.RUNNING)
FILE_GONE: Final = "The uploaded file is gone. Discard this import and upload the file again."

may_import = permission_required("funnel.add_importrun", raise_exception=True)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _run(run_id: int) -> ImportRun:
    return get_object_or_404(ImportRun.objects.select_related("started_by"), pk=run_id)


def for_draft(view: Any) -> Any:
    """A step of mapping: of a draft only, and with a file that can still be read; else back to the run's page."""

    @wraps(view)
    def step(request: HttpRequest, run_id: int) -> HttpResponseBase:
        run = _run(run_id)
        if run.status != ImportRun.Status.DRAFT:
            return redirect("funnel:import", run.pk)
        try:
            return view(request, run)
        except FileNotFoundError:
            return render(request, "funnel/import_unusable.html", {"run": run, "problem": FILE_GONE}, status=422)
        except FileProblem as problem:
            return render(request, "funnel/import_unusable.html", {"run": run, "problem": problem}, status=422)

    return step


# --- The list -------------------------------------------------------------------------------------


@require_GET
@may_import
def imports(request: HttpRequest) -> HttpResponse:
    """Every import, the latest first."""
    found = _page(request)
    return render(
        request,
        "funnel/imports.html",
        {
            "runs": found.rows,
            "newer_url": f"?newer={found.newer}" if found.newer else "",
            "older_url": f"?older={found.older}" if found.older else "",
            "kinds": KINDS,
        },
    )


def _page(request: HttpRequest) -> Page[ImportRun]:
    """The page that the address asks for; one that makes no sense is the first."""
    newer, older = request.GET.get("newer", ""), request.GET.get("older", "")
    fetch = partial(page, ImportRun.objects.all(), order=("created_at", "id"), size=PAGE, dress=_with_starter)
    try:
        return fetch(newer=newer, older=older)
    except BadCursor:
        return fetch()


def _with_starter(runs: QuerySet[ImportRun]) -> QuerySet[ImportRun]:
    return runs.select_related("started_by")


# --- Step 1: the file -----------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@may_import
def import_new(request: HttpRequest) -> HttpResponse:
    """Upload a file and say what its rows are and where they come from."""
    initial = {"kind": request.GET.get("kind", "leads"), "source": request.GET.get("source", "")}
    form = UploadForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST" and form.is_valid() and (run := _upload(request, form)):
        return redirect("funnel:import-columns", run.pk)
    sources = ImportRun.objects.order_by("source").values_list("source", flat=True).distinct()[:100]
    status = 422 if form.errors else 200
    return render(request, "funnel/import_new.html", {"form": form, "sources": sources}, status=status)


def _upload(request: HttpRequest, form: UploadForm) -> ImportRun | None:
    said = form.cleaned_data
    document = said["mapping"]
    if document and document.get("kind") not in (None, said["kind"]):
        form.add_error("mapping", f"This mapping is for {document['kind']}, not for {said['kind']}.")
        return None
    try:
        return drafts.create(
            file=cast(File, said["file"]),
            kind=said["kind"],
            source=said["source"],
            by=_user(request),
            zone=settings.REPORTING_ZONE,
            document=document,
        )
    except FileProblem as problem:
        form.add_error("file", f"{said['file'].name}: {problem}")
        return None


# --- Step 2: the columns --------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@may_import
@for_draft
def import_columns(request: HttpRequest, run: ImportRun) -> HttpResponse:
    """Say which column is what. Each change is kept at once; `line` asks for one field's line only."""
    if request.method == "POST" and "mapping" in request.FILES:
        return _take_mapping_file(request, run)
    form = MappingForm(run.mapping, KINDS[run.kind], drafts.sample_of(run))
    if request.method == "GET":
        return _show_columns(request, run, form)
    form.take(request.POST)
    drafts.keep_mapping(run, form.document)
    if name := request.POST.get("line"):
        line = next((line for line in form.lines() if line.target.name == name), None)
        if line is None:
            raise Http404
        return render(request, "funnel/_line.html", _menus(form.sample) | {"line": line, "run": run})
    if "later" in request.POST:
        messages.success(request, f"{run.filename} waits here as a draft.")
        return redirect("funnel:imports")
    if told := drafts.problems_of(run):
        return _show_columns(request, run, form, told)
    return redirect("funnel:import-preview", run.pk)


def _take_mapping_file(request: HttpRequest, run: ImportRun) -> HttpResponse:
    try:
        document = read_document(cast(UploadedFile, request.FILES["mapping"]).read())
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return redirect("funnel:import-columns", run.pk)
    drafts.keep_mapping(run, document)
    form = MappingForm(document, KINDS[run.kind], drafts.sample_of(run))
    return _show_columns(request, run, form, drafts.problems_of(run))


def _show_columns(
    request: HttpRequest, run: ImportRun, form: MappingForm, told: list[tuple[str, str]] | None = None
) -> HttpResponse:
    lines = form.lines(told or ())
    context = {
        "run": run,
        "kind": form.kind,
        "lines": [line for line in lines if line.is_first],
        "more_lines": [line for line in lines if not line.is_first],
        "attributes": form.attributes(),
        "options": form.options(),
        "problems": form.problems,
        "faulty": sum(bool(line.problems) for line in lines),
        "zones": sorted(available_timezones()),
        "attribute_types": TYPES,
        "encodings": ENCODINGS,
        "delimiters": DELIMITERS,
    }
    return render(request, "funnel/import_columns.html", _menus(form.sample) | context, status=422 if told else 200)


def _menus(sample: Sample) -> dict[str, Any]:
    return {
        "columns": list(sample.columns),
        "blank": BLANK,
        "skip": SKIP_ROW,
    }


@require_GET
@may_import
def import_mapping(request: HttpRequest, run_id: int) -> HttpResponse:
    """The mapping as the YAML that `manage.py load` reads."""
    run = _run(run_id)
    response = HttpResponse(documents.dump(drafts.as_file(run)), content_type="application/yaml; charset=utf-8")
    name = slugify(f"{run.source} {run.kind}") or "mapping"
    response["Content-Disposition"] = f'attachment; filename="{name}.yaml"'
    return response


# --- Step 3: the preview --------------------------------------------------------------------------


@require_GET
@may_import
@for_draft
def import_preview(request: HttpRequest, run: ImportRun) -> HttpResponse:
    """The first rows as they would be stored, and what is wrong with them."""
    try:
        preview = drafts.Preview(run)
    except MappingProblem:
        return _show_columns(
            request,
            run,
            MappingForm(run.mapping, KINDS[run.kind], drafts.sample_of(run)),
            drafts.problems_of(run),
        )
    return render(
        request,
        "funnel/import_preview.html",
        {
            "run": run,
            "kind": KINDS[run.kind],
            "preview": preview,
            "rows": [
                (row.number, [{**row.values, **row.attributes}.get(name) for name in preview.fields])
                for row in preview.rows[:SHOWN_ROWS]
            ],
            "groups": problems.grouped(preview.lines)[:SHOWN_GROUPS],
        },
    )


@require_POST
@may_import
def import_start(request: HttpRequest, run_id: int) -> HttpResponse:
    """Hand a mapped draft to the workers."""
    run = _run(run_id)
    if not running.start(run, live="live" in request.POST):
        messages.error(request, "This import was started already.")
    return redirect("funnel:import", run.pk)


@require_POST
@may_import
def import_discard(request: HttpRequest, run_id: int) -> HttpResponse:
    """Throw a draft away."""
    run = _run(run_id)
    if drafts.discard(run):
        messages.success(request, f"{run.filename} was discarded. Nothing of it was stored.")
        return redirect("funnel:imports")
    messages.error(request, "This import was started, so it can no longer be discarded.")
    return redirect("funnel:import", run.pk)


# --- The run --------------------------------------------------------------------------------------


@require_GET
@may_import
def import_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One import: how far it is, what came of it, what to do about it."""
    run = _run(run_id)
    if run.status == ImportRun.Status.DRAFT:
        return redirect("funnel:import-columns", run.pk)
    return render(request, "funnel/import_run.html", _about(run))


@require_GET
@may_import
def import_progress(request: HttpRequest, run_id: int) -> HttpResponse:
    """The part of the run's page that changes; it asks for itself again as long as the run is under way."""
    return render(request, "funnel/_progress.html", _about(_run(run_id)))


def _about(run: ImportRun) -> dict[str, Any]:
    under_way = run.status in UNFINISHED
    lines = [] if under_way or not run.problems else _first_problems(run)
    return {
        "run": run,
        "kind": KINDS[run.kind],
        "under_way": under_way,
        "most": max(run.rows, run.position, 1),
        "counts": [(name, getattr(run, name)) for name in ("created", "updated", "unchanged", "skipped")],
        "groups": problems.grouped(lines)[:SHOWN_GROUPS],
        "partly": run.errors + run.warnings > len(lines),
        "stopped_early": run.status == ImportRun.Status.FAILED and run.position == 0 and bool(run.file),
        "may_resume": run.status == ImportRun.Status.FAILED and bool(run.file),
    }


def _first_problems(run: ImportRun) -> list[problems.ProblemLine]:
    try:
        return problems.read_lines(Path(run.problems.path), limit=READ_PROBLEMS)
    except FileNotFoundError:
        return []


@require_POST
@may_import
def import_stop(request: HttpRequest, run_id: int) -> HttpResponse:
    """Stop a run after the chunk in work."""
    run = _run(run_id)
    if not running.stop(run, by=_user(request)):
        messages.info(request, "The import had ended already.")
    return redirect("funnel:import", run.pk)


@require_POST
@may_import
def import_resume(request: HttpRequest, run_id: int) -> HttpResponse:
    """Go on with a stopped run where it stands, or, before its first row, back to its columns."""
    run = _run(run_id)
    if "columns" in request.POST and running.edit_again(run):
        return redirect("funnel:import-columns", run.pk)
    if not running.queue(run):
        messages.error(request, "This import cannot be resumed.")
    return redirect("funnel:import", run.pk)


@require_GET
@may_import
def import_problems(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """The error file: each row that failed or was warned about, what is wrong with it, and the row itself."""
    run = _run(run_id)
    if not run.problems:
        raise Http404("This import has no error file.")
    try:
        file = run.problems.open("rb")
    except FileNotFoundError as error:
        raise Http404("The error file is gone.") from error
    name = f"{slugify(Path(run.filename).stem) or 'import'}-problems.csv"
    return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")
