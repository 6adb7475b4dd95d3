"""Every address of the product, an app at a time."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from demandcenter.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("login/", auth_views.LoginView.as_view(template_name="registration/login.html"), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("", include("routing.urls")),
    path("", include("reporting.urls")),
    path("admin/", admin.site.urls),
]
