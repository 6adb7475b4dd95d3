"""What the admin of every policy about leads offers of a draft: somebody looks it over, and it publishes itself."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSplitDateTimeWidget

from funnel import publication
from funnel.access import name_of
from funnel.admin_acts import Drafts, pk_of, posted, who
from funnel.versions import Status, Version
from routing.messages.notices import tell_of_version
from routing.version_forms import WhyForm

ACTS = ("ask_for_review", "approve_version", "schedule_version", "unschedule_version")
_TEXT_CHANGES = "Whoever changes the draft takes the approval back and ends the schedule."


class ReviewerForm(forms.Form):
    reviewer = forms.ModelChoiceField(
        queryset=User.objects.none(), required=False, empty_label="Nobody", widget=UnfoldAdminSelectWidget,
        help_text="Of those who see everything and use the admin; not whoever made the draft.",
    )  # fmt: skip

    def __init__(self, data: Any, *, draft: Version) -> None:
        super().__init__(data, initial={"reviewer": draft.reviewer_id})
        field: Any = self.fields["reviewer"]
        field.queryset = publication.reviewers_of(draft).filter(is_staff=True)
        field.label_from_instance = name_of


class ApproveForm(forms.Form):
    seen = forms.IntegerField(widget=forms.HiddenInput)


class ScheduleForm(WhyForm):
    """When a draft publishes itself, and why."""

    field_order = ("at", "why")
    at = forms.SplitDateTimeField(
        label="Publish it on", widget=UnfoldAdminSplitDateTimeWidget,
        error_messages={"required": "Say when it is to publish itself: a day and an hour."},
    )  # fmt: skip


class VersionActs(Drafts):
    """For the admin of a policy about leads. problems_of: a static method, what keeps a draft from being published."""

    problems_of: ClassVar[Any]

    def has_approve_permission(self: Any, request: HttpRequest, object_id: Any = None) -> bool:
        mine = {"status": Status.DRAFT, "reviewer": request.user.pk, "approved_at": None}
        return self.model.objects.filter(pk=pk_of(object_id), **mine).exists()

    def has_unschedule_permission(self: Any, request: HttpRequest, object_id: Any = None) -> bool:
        return self.may_change_one(request, object_id, status=Status.DRAFT, publish_at__isnull=False)

    @action(description="Ask for a review", icon="rate_review", permissions=["publish"])
    def ask_for_review(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        draft = self.row_of(object_id)

        def ask(form: forms.Form) -> tuple[Version, str]:
            whom = form.cleaned_data["reviewer"]
            publication.ask_for_review(draft, reviewer=whom)
            if whom is None:
                return draft, "Nobody has to look it over."
            tell_of_version(draft, user_id=whom.pk, event="asked", now=timezone.now())
            return draft, f"{name_of(whom)} is asked to look it over."

        return self.act(
            request, form=ReviewerForm(posted(request), draft=draft), do=ask, on=draft,
            title=f"Have {draft} looked over", button="Ask",
            explained=["It can be published once they have approved it.", _TEXT_CHANGES],
        )  # fmt: skip

    @action(description="Approve", icon="check", permissions=["approve"])
    def approve_version(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        draft = self.row_of(object_id)

        def approve(form: forms.Form) -> tuple[Version, str]:
            now = timezone.now()
            publication.approve(draft, user=request.user, seen=form.cleaned_data["seen"], now=now)
            tell_of_version(draft, user_id=draft.created_by_id, event="approved", now=now)
            return draft, "You have approved it."

        return self.act(
            request, form=ApproveForm(posted(request), initial={"seen": draft.edits}), do=approve, on=draft,
            title=f"Approve {draft}", button="Approve",
            explained=["It may then be published as it stands.", _TEXT_CHANGES],
        )  # fmt: skip

    @action(description="Schedule", icon="schedule", permissions=["publish"])
    def schedule_version(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        draft = self.row_of(object_id)

        def schedule(form: forms.Form) -> tuple[Version, str]:
            data = form.cleaned_data
            publication.schedule(
                draft, at=data["at"], problems_of=self.problems_of, user=who(request), why=data["why"],
                now=timezone.now(),
            )  # fmt: skip
            return draft, f"{draft} publishes itself at that moment."

        initial = {"at": draft.publish_at, "why": draft.why}
        return self.act(
            request, form=ScheduleForm(posted(request), initial=initial), do=schedule, on=draft,
            title=f"Schedule {draft}", button="Schedule", explained=["It publishes itself then.", _TEXT_CHANGES],
        )  # fmt: skip

    @action(description="Do not publish it by itself", icon="event_busy", permissions=["unschedule"])
    def unschedule_version(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        draft = self.row_of(object_id)

        def unschedule(_form: forms.Form) -> tuple[Version, str]:
            publication.unschedule(draft)
            return draft, "It waits for somebody to publish it."

        return self.act(
            request, form=forms.Form(posted(request)), do=unschedule, on=draft, title=f"Unschedule {draft}",
            button="End the schedule", explained=["It then waits for somebody to publish it."],
        )  # fmt: skip
