from django.urls import path

from reporting import views
from reporting.agreements import review_views as reviews
from reporting.agreements import views as agreements
from reporting.cadences import views as cadences
from reporting.experiments import views as experiments
from reporting.lab import acts as lab_acts
from reporting.lab import views as lab
from reporting.prediction import views as prediction
from reporting.quality import views as quality
from reporting.sla import views as sla

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
    path("scoring/quality", quality.quality, name="quality"),
    path("scoring/quality/dispute", quality.dispute, name="quality-dispute"),
    path("scoring/quality/dispute.csv", quality.dispute_csv, name="quality-dispute-csv"),
    path("scoring/quality/leads", quality.leads, name="quality-leads"),
    path("scoring/quality/leads.csv", quality.leads_csv, name="quality-leads-csv"),
    path("scoring/quality/draft", quality.draft_changed, name="quality-draft"),
    path("scoring/quality/replay", quality.replayed, name="quality-replay"),
    path("scoring/quality/review", quality.reviewed, name="quality-review"),
    path("scoring/quality/<slug:name>.csv", quality.quality_csv, name="quality-csv"),
    path("scoring/lab", lab.lab, name="lab"),
    path("scoring/lab/progress", lab.progress, name="lab-progress"),
    path("scoring/lab/people", lab.lab_people, name="lab-people"),
    path("scoring/lab/new-draft", lab_acts.new_draft, name="lab-new-draft"),
    path("scoring/lab/edit", lab_acts.edit, name="lab-edit"),
    path("scoring/lab/simulate", lab_acts.simulate, name="lab-simulate"),
    path("scoring/lab/cancel", lab_acts.cancel, name="lab-cancel"),
    path("scoring/lab/publish", lab_acts.publish, name="lab-publish"),
    path("scoring/lab/schedule", lab_acts.schedule, name="lab-schedule"),
    path("scoring/lab/unschedule", lab_acts.unschedule, name="lab-unschedule"),
    path("scoring/lab/reviewer", lab_acts.reviewer, name="lab-reviewer"),
    path("scoring/lab/approve", lab_acts.approve, name="lab-approve"),
    path("scoring/lab/step-back", lab_acts.step_back, name="lab-step-back"),
    path("experiments/", experiments.experiments, name="experiments"),
    path("experiments/new/", experiments.new, name="experiment-new"),
    path("experiments/<int:pk>/", experiments.experiment, name="experiment"),
    path("experiments/<int:pk>/start/", experiments.start, name="experiment-start"),
    path("experiments/<int:pk>/stop/", experiments.stop, name="experiment-stop"),
    path("promises/", sla.promises, name="promises"),
    path("promises.csv", sla.promises_csv, name="promises-csv"),
    path("promises/leads/", sla.leads, name="promises-leads"),
    path("promises/leads.csv", sla.leads_csv, name="promises-leads-csv"),
    path("agreement/", agreements.agreement, name="agreement"),
    path("agreement/new/", agreements.new, name="agreement-new"),
    path("agreement/<int:pk>/", agreements.version, name="agreement-version"),
    path("agreement/<int:pk>/edit/", agreements.edit, name="agreement-edit"),
    path("agreement/<int:pk>/sign/", agreements.sign, name="agreement-sign"),
    path("agreement/<int:pk>/take-back/", agreements.take_back, name="agreement-take-back"),
    path("agreement/<int:pk>/discard/", agreements.discard, name="agreement-discard"),
    path("reviews/new/", reviews.new, name="review-new"),
    path("reviews/<int:pk>/", reviews.review, name="review"),
    path("reviews/<int:pk>/minutes/", reviews.minutes, name="review-minutes"),
    path("reviews/<int:pk>/close/", reviews.close, name="review-close"),
    path("reviews/<int:pk>/actions/", reviews.add_action, name="review-action"),
    path("reviews/actions/<int:pk>/drop/", reviews.drop_action, name="review-action-drop"),
    path("reviews/actions/<int:pk>/done/", reviews.settle, name="review-action-done"),
    path("cadences/", cadences.cadences, name="cadences"),
    path("cadences/personas.csv", cadences.personas_csv, name="cadences-personas-csv"),
    path("cadences/leads/", cadences.leads, name="cadences-leads"),
    path("cadences/leads.csv", cadences.leads_csv, name="cadences-leads-csv"),
    path("cadences/preset/", cadences.start_from_preset, name="cadence-preset"),
    path("glossary/", views.glossary, name="glossary"),
]
