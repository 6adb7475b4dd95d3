from django.urls import path

from routing import account_views, act_views, condition_views, notice_views, queue_views, views

app_name = "routing"
urlpatterns = [
    path("queue/", queue_views.queue, name="queue"),
    path("queue/rows/", queue_views.rows, name="queue-rows"),
    path("queue/reassign/", act_views.reassign, name="reassign"),
    path("queue/<int:pk>/", queue_views.beside, name="queue-lead"),
    path("notices/", notice_views.notices, name="notices"),
    path("notices/pulse/", notice_views.pulse, name="pulse"),
    path("notices/read/", notice_views.read_all, name="read-notices"),
    path("notices/<int:pk>/read/", notice_views.read, name="read-notice"),
    path("leads/", views.leads, name="leads"),
    path("leads/export.csv", views.export, name="export"),
    path("leads/options/<slug:name>/", views.options, name="options"),
    path("leads/<int:pk>/", views.lead, name="lead"),
    path("leads/<int:pk>/notes/", views.add_note, name="add-note"),
    path("leads/<int:pk>/accept/", act_views.accept, name="accept"),
    path("leads/<int:pk>/reject/", act_views.reject, name="reject"),
    path("leads/<int:pk>/recycle/", act_views.recycle, name="recycle"),
    path("leads/<int:pk>/reopen/", act_views.reopen, name="reopen"),
    path("leads/<int:pk>/claim/", act_views.claim, name="claim"),
    path("leads/<int:pk>/release/", act_views.release, name="release"),
    path("routing/conditions/lead/fields", condition_views.condition_fields, name="condition-fields"),
    path("routing/conditions/lead/count", condition_views.condition_count, name="condition-count"),
    path("routing/conditions/lead/choices", condition_views.condition_choices, name="condition-choices"),
    path("accounts/", account_views.accounts, name="accounts"),
    path("accounts/<int:pk>/", account_views.account, name="account"),
    path("leads/<int:pk>/hand-over/", act_views.hand_over, name="hand-over"),
    path("leads/<int:pk>/meeting/", act_views.meeting, name="meeting"),
    path("leads/<int:pk>/opportunity/", act_views.opportunity, name="opportunity"),
    path("meetings/<int:pk>/outcome/", act_views.outcome, name="outcome"),
    path("opportunities/<int:pk>/close/", act_views.close, name="close-deal"),
    path("opportunities/<int:pk>/reopen/", act_views.reopen_deal, name="reopen-deal"),
    path("undo/<int:event_id>/", act_views.undo, name="undo"),
]
