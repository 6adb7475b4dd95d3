from django.urls import path

from routing import views

app_name = "routing"
urlpatterns = [
    path("leads/", views.leads, name="leads"),
    path("leads/export.csv", views.export, name="export"),
    path("leads/options/<slug:name>/", views.options, name="options"),
    path("leads/<int:pk>/", views.lead, name="lead"),
    path("leads/<int:pk>/notes/", views.add_note, name="add-note"),
]
