"""The admin of seats: what a rep may be given, what they serve, how their level came about, and whom they meet."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

from funnel.admin import ReadOnly
from funnel.admin_acts import Acts, posted
from routing.acts.doing import Refused
from routing.models import LevelChange, Seat
from routing.seats import callsheets
from routing.seats.levels import credit
from routing.seats.seat_forms import SERVED, CalendarFileForm, CreditForm, SeatForm


class SeatProblem(ValueError):
    """What was asked of a seat cannot be."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problems = [problem]


class LevelInline(ReadOnly, TabularInline):
    model = LevelChange
    verbose_name_plural = "How the level moved besides leads"
    fields = readonly_fields = ("occurred_at", "kind", "before", "after", "actor", "reason")
    hide_title = True
    extra = 0
    per_page = 20

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("actor")


@admin.register(Seat)
class SeatAdmin(Acts, ModelAdmin):
    refusal = SeatProblem
    form = SeatForm
    list_display = ("rep", "team", "receiving", "weight", "capacity", "quota_said", "assigned", "level_now", "calendar")
    list_select_related = ("rep__team", "calendar")
    list_filter = ("receiving", "rep__team")
    search_fields = ("rep__name",)
    autocomplete_fields = ("rep", "calendar")
    readonly_fields = ("assigned", "level_now", "served_said")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "rep", ("receiving", "weight"), ("capacity", "weekly"), ("quota", "quota_per"), "calendar",
                    ("assigned", "level_now"),
                )
            },
        ),
        ("Serves", {"fields": (("solutions", "regions"), ("segments", "languages"))}),
    )  # fmt: skip
    inlines = (LevelInline,)
    actions_detail = ("credit_leads", "read_calendar", "share_no_longer")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may not change a seat is told what the rep serves."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        (main,) = self.fieldsets[:1]
        return (main, ("Serves", {"fields": ("served_said",)}))

    @admin.display(description="Only")
    def served_said(self, seat: Seat) -> str:
        served = seat.rep.served.select_related("solution", "region")
        return ", ".join(str(one) for one in served) or "All"

    def save_model(self, request: HttpRequest, obj: Seat, form: Any, change: bool) -> None:
        """Write what the form changes and nothing else: leads may be dealt out to the seat meanwhile."""
        changed = [name for name in form.changed_data if name not in SERVED]
        obj.save(update_fields=changed if change else None)
        if isinstance(form, SeatForm):
            form.save_served()

    @admin.display(description="Team", ordering="rep__team__name")
    def team(self, seat: Seat) -> str:
        return str(seat.rep.team or "")

    @admin.display(description="Lead quota", ordering="quota")
    def quota_said(self, seat: Seat) -> str:
        return f"{seat.quota:g} {seat.get_quota_per_display()}" if seat.quota else ""

    @admin.display(description="Level")
    def level_now(self, seat: Seat) -> str:
        return f"{seat.level:.1f}"

    def has_seat_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("routing.change_seat")

    @action(description="Credit leads back", icon="undo", permissions=["seat"])
    def credit_leads(self, request: HttpRequest, object_id: str) -> HttpResponse:
        seat = self.row_of(object_id)

        def do(form: Form) -> tuple[Seat, str]:
            data = form.cleaned_data
            try:
                moved = credit(
                    seat.pk, leads=data["leads"], reason=data["reason"], user=request.user, now=timezone.now()
                )
            except Refused as refused:
                raise SeatProblem(refused.sentence) from refused
            return seat, f"The level of {seat.rep} is {moved.after:.1f}; it was {moved.before:.1f}."

        return self.act(
            request, form=CreditForm(posted(request)), do=do, on=seat, title=f"Credit leads back to {seat.rep}",
            button="Credit",
            explained=["They count as not received, so that the rep is next sooner. The reason is kept with it."],
        )  # fmt: skip

    @action(description="Read a calendar", icon="calendar_month", permissions=["seat"])
    def read_calendar(self, request: HttpRequest, object_id: str) -> HttpResponse:
        seat = self.row_of(object_id)

        def do(form: Form) -> tuple[Seat, str]:
            data, origin = form.cleaned_data, getattr(form, "origin", "")
            try:
                sheet = callsheets.read_calendar(
                    seat.rep, data["file"], zone=data["zone"], origin=origin, now=timezone.now()
                )
            except callsheets.SheetProblem as problem:
                raise SeatProblem(str(problem)) from problem
            return seat, " ".join([sheet.sentence(), *sheet.problems])

        zone = seat.calendar.zone if seat.calendar else "UTC"
        form = CalendarFileForm(posted(request), request.FILES or None, initial={"zone": zone})
        return self.act(
            request, form=form, do=do, on=seat, title=f"Read the calendar of {seat.rep}", button="Read it",
            explained=[
                "Whom the rep meets in the coming weeks counts when a rule gives leads to whoever fits best. It "
                "replaces what was read before and is forgotten after four weeks."
            ],
        )  # fmt: skip

    @action(description="Share no longer", icon="event_busy", permissions=["seat"])
    def share_no_longer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        seat = self.row_of(object_id)

        def do(form: Form) -> tuple[Seat, str]:
            callsheets.forget(seat.rep)
            return seat, f"Nothing is known any more of whom {seat.rep} meets."

        return self.act(
            request, form=Form(posted(request)), do=do, on=seat, title=f"Forget the calendar of {seat.rep}",
            button="Forget it", explained=["The meeting factor is neutral for them from then on."],
        )  # fmt: skip
