"""The addresses of the funnel's own pages: imports."""

from django.urls import path

from funnel import views

app_name = "funnel"
urlpatterns = [
    path("imports/", views.imports, name="imports"),
    path("imports/new/", views.import_new, name="import-new"),
    path("imports/<int:run_id>/", views.import_run, name="import"),
    path("imports/<int:run_id>/progress/", views.import_progress, name="import-progress"),
    path("imports/<int:run_id>/columns/", views.import_columns, name="import-columns"),
    path("imports/<int:run_id>/preview/", views.import_preview, name="import-preview"),
    path("imports/<int:run_id>/start/", views.import_start, name="import-start"),
    path("imports/<int:run_id>/stop/", views.import_stop, name="import-stop"),
    path("imports/<int:run_id>/resume/", views.import_resume, name="import-resume"),
    path("imports/<int:run_id>/discard/", views.import_discard, name="import-discard"),
    path("imports/<int:run_id>/mapping.yaml", views.import_mapping, name="import-mapping"),
    path("imports/<int:run_id>/problems.csv", views.import_problems, name="import-problems"),
]
