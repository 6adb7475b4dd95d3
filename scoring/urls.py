from django.urls import path

from scoring import views

app_name = "scoring"
urlpatterns = [
    path("scoring/conditions/<slug:of>/fields", views.condition_fields, name="condition-fields"),
    path("scoring/conditions/<slug:of>/count", views.condition_count, name="condition-count"),
    path("scoring/conditions/<slug:of>/choices", views.condition_choices, name="condition-choices"),
]
