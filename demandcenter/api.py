"""The REST API: one router for every address."""

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from demandcenter.api_page import page
from funnel import api as funnel
from reporting.agreements.api import AgreementViewSet, ReviewViewSet
from reporting.api import ExperimentViewSet, MetricsView, MetricView, TalkingPointsView
from routing import api as routing
from routing.cadences.mail_api import MailView
from routing.day import api as work
from routing.sales.handoff_api import HandOffViewSet
from scoring import api as scoring

router = SimpleRouter()
router.register("leads", routing.LeadViewSet, basename="lead")
router.register("activities", funnel.ActivityViewSet, basename="activity")
router.register("people", scoring.PersonViewSet, basename="person")
router.register("accounts", scoring.AccountViewSet, basename="account")
router.register("opportunities", routing.OpportunityViewSet, basename="opportunity")
router.register("meetings", routing.MeetingViewSet, basename="meeting")
router.register("hand-offs", HandOffViewSet, basename="hand-off")
router.register("attempts", work.AttemptViewSet, basename="attempt")
router.register("tasks", work.TaskViewSet, basename="task")
router.register("experiments", ExperimentViewSet, basename="experiment")
router.register("agreements", AgreementViewSet, basename="agreement")
router.register("reviews", ReviewViewSet, basename="review")
router.register("regions", funnel.RegionViewSet, basename="region")
router.register("solutions", funnel.SolutionViewSet, basename="solution")
router.register("channels", funnel.ChannelViewSet, basename="channel")
router.register("content", funnel.ContentViewSet, basename="content")
router.register("campaigns", funnel.CampaignViewSet, basename="campaign")
router.register("reasons", funnel.ReasonViewSet, basename="reason")
router.register("teams", funnel.TeamViewSet, basename="team")
router.register("reps", funnel.RepViewSet, basename="rep")
router.register("glossary", funnel.GlossaryViewSet, basename="glossary-term")


urlpatterns: list[URLPattern | URLResolver] = [
    path("", page, name="api"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("metrics/", MetricsView.as_view(), name="metric-list"),
    path("metrics/<slug:name>/", MetricView.as_view(), name="metric-detail"),
    path("mail/", MailView.as_view(), name="mail"),
    path("talking-points/", TalkingPointsView.as_view(), name="talking-point-list"),
    *router.urls,
]
