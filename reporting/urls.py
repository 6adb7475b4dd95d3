from django.urls import path

from reporting import views
from reporting.prediction import views as prediction

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
    path("scoring/prediction", prediction.prediction, name="prediction"),
    path("scoring/prediction/progress", prediction.progress, name="prediction-progress"),
    path("scoring/prediction/train", prediction.train, name="prediction-train"),
    path("scoring/prediction/decide", prediction.decide, name="prediction-decide"),
    path("glossary/", views.glossary, name="glossary"),
]
