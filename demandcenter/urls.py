"""Every address of the product, an app at a time."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from demandcenter import views
from demandcenter.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("api/", include("demandcenter.api")),  # before a hundred pages: programs ask the most often
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("demo/login/", views.demo_login, name="demo-login"),
    path("demo/remove/", views.remove_demo, name="demo-remove"),
    path("", include("funnel.urls")),
    path("", include("scoring.urls")),
    path("", include("routing.urls")),
    path("", include("reporting.urls")),
    path("admin/", admin.site.urls),
]
