from django.urls import path

from reporting import views

app_name = "reporting"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("overview/figures/<slug:name>.json", views.figure, name="figure"),
    path("overview/<slug:tile>.csv", views.tile_csv, name="tile-csv"),
    path("overview/choices/<slug:name>/", views.choices, name="choices"),
    path("drill/", views.drill, name="drill"),
    path("drill.csv", views.drill_csv, name="drill-csv"),
    path("campaigns/", views.campaigns, name="campaigns"),
    path("campaigns.csv", views.campaigns_csv, name="campaigns-csv"),
    path("glossary/", views.glossary, name="glossary"),
]
