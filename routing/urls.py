from django.urls import path

from routing import condition_views
from routing.accounts import views as account_views
from routing.assignment import rehearsal_views
from routing.cadences import mail_views
from routing.cadences import views as cadence_views
from routing.day import views as work_views
from routing.decisions import views as act_views
from routing.floor import views as floor_views
from routing.leads import views
from routing.messages import mailbox_views
from routing.messages import views as notice_views
from routing.queue import today_views
from routing.queue import views as queue_views
from routing.sales import handoff_views

app_name = "routing"
urlpatterns = [
    path("queue/", queue_views.queue, name="queue"),
    path("queue/rows/", queue_views.rows, name="queue-rows"),
    path("queue/saved/", queue_views.save_view, name="save-view"),
    path("queue/saved/<int:pk>/delete/", queue_views.forget_view, name="forget-view"),
    path("queue/reassign/", act_views.reassign, name="reassign"),
    path("queue/<int:pk>/", queue_views.beside, name="queue-lead"),
    path("notices/", notice_views.notices, name="notices"),
    path("notices/pulse/", queue_views.pulse, name="pulse"),
    path("notices/fresh/", notice_views.fresh, name="fresh-notices"),
    path("notices/settings/", notice_views.settings_page, name="notice-settings"),
    path("mailbox/", mailbox_views.page, name="mailbox"),
    path("mailbox/test/", mailbox_views.test, name="mailbox-test"),
    path("mailbox/forget/", mailbox_views.forget, name="mailbox-forget"),
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
    path("routing/rules/", rehearsal_views.rules, name="rules"),
    path("routing/rules/<int:pk>/try/", rehearsal_views.rehearsal, name="rehearsal"),
    path("routing/conditions/lead/fields", condition_views.condition_fields, name="condition-fields"),
    path("routing/conditions/lead/count", condition_views.condition_count, name="condition-count"),
    path("routing/conditions/lead/choices", condition_views.condition_choices, name="condition-choices"),
    path("accounts/", account_views.accounts, name="accounts"),
    path("accounts/<int:pk>/", account_views.account, name="account"),
    path("leads/<int:pk>/hand-over/", act_views.hand_over, name="hand-over"),
    path("floor/", floor_views.floor, name="floor"),
    path("floor/complaints/", floor_views.complaints, name="floor-complaints"),
    path("floor/reps/<int:pk>/", floor_views.leads, name="floor-leads"),
    path("floor/reps/<int:pk>/leave/", floor_views.leave, name="leave"),
    path("floor/departures/<int:pk>/", floor_views.departure, name="departure"),
    path("floor/departures/<int:pk>/undo/", floor_views.undo_departure, name="undo-departure"),
    path("hand-offs/", handoff_views.hand_offs, name="hand-offs"),
    path("hand-offs/<int:pk>/undo/", handoff_views.undo, name="undo-hand-off"),
    path("leads/<int:pk>/hand-off/", handoff_views.offer, name="hand-off"),
    path("leads/<int:pk>/take-over/", handoff_views.take_over, name="take-over"),
    path("leads/<int:pk>/return/", handoff_views.give_back, name="return"),
    path("leads/<int:pk>/withdraw/", handoff_views.withdraw, name="withdraw"),
    path("leads/<int:pk>/pause/", act_views.pause, name="pause"),
    path("leads/<int:pk>/resume/", act_views.resume, name="resume"),
    path("leads/<int:pk>/meeting/", act_views.meeting, name="meeting"),
    path("leads/<int:pk>/opportunity/", act_views.opportunity, name="opportunity"),
    path("meetings/<int:pk>/outcome/", act_views.outcome, name="outcome"),
    path("opportunities/<int:pk>/close/", act_views.close, name="close-deal"),
    path("opportunities/<int:pk>/reopen/", act_views.reopen_deal, name="reopen-deal"),
    path("undo/<int:event_id>/", act_views.undo, name="undo"),
    path("undo-hands/<int:pk>/", act_views.undo_hands, name="undo-hands"),
    path("today/", today_views.today, name="today"),
    path("today/rows/", today_views.rows, name="today-rows"),
    path("today/where-you-stand/", floor_views.yours, name="where-you-stand"),
    path("leads/<int:pk>/log/", work_views.log, name="log"),
    path("leads/<int:pk>/rate/", work_views.rate, name="rate"),
    path("leads/<int:pk>/plan/", work_views.plan, name="plan"),
    path("leads/<int:pk>/snooze/", work_views.snooze, name="snooze"),
    path("leads/<int:pk>/undo-work/", work_views.undo_work, name="undo-work"),
    path("attempts/<int:pk>/undo/", work_views.undo_attempt, name="undo-attempt"),
    path("snoozes/<int:pk>/wake/", work_views.wake, name="wake"),
    path("leads/<int:pk>/cadence/", cadence_views.enrol, name="enrol"),
    path("leads/<int:pk>/cadence/stop/", cadence_views.stop, name="stop-cadence"),
    path("leads/<int:pk>/write/", mail_views.write, name="write"),
    path("mails/<int:pk>/again/", mail_views.again, name="mail-again"),
    path("mails/<int:pk>/drop/", mail_views.drop, name="mail-drop"),
    path("templates/", cadence_views.library, name="library"),
    path("tasks/<int:pk>/done/", work_views.finish, name="finish"),
    path("tasks/<int:pk>/skip/", work_views.skip, name="skip"),
    path("tasks/<int:pk>/put-off/", work_views.put_off, name="put-off"),
]
