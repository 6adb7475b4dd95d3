"""Calendars and call sheets: whom reps are to meet, and who shares at all."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from funnel.models import AccountDomain
from routing.models import CallSheet, PlannedMeeting
from routing.seats.callsheets import SheetProblem, forget, read_calendar, read_call_sheet
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db
VIENNA = ZoneInfo("Europe/Vienna")


@pytest.fixture
def brunner():
    account = make.account(name="Brunner Chemicals")
    account.name_key = "brunner chemicals"
    account.save()
    AccountDomain.objects.create(account=account, domain="brunner.example")
    return account


@pytest.fixture
def rep():
    return make.rep(name="Kim Berg", email="kim@us.example")


def event(*lines: str) -> str:
    return "\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])


def calendar(*events: str) -> str:
    return "\n".join(["BEGIN:VCALENDAR", *events, "END:VCALENDAR"])


def planned() -> set[tuple]:
    return {
        (one.rep.name, one.account.name, f"{one.starts_at:%m-%d %H:%M}")
        for one in PlannedMeeting.objects.select_related("rep", "account")
    }


class TestACalendar:
    def test_the_account_is_found_by_who_is_asked_or_by_the_title(self, rep, brunner):
        sheet = read_calendar(
            rep,
            calendar(
                event("DTSTART:20260610T080000Z", "ATTENDEE:mailto:lea@brunner.example", "ATTENDEE:mailto:x@gmail.com"),
                event("DTSTART:20260611T080000Z", "SUMMARY:Call with Brunner Chemicals"),
                event("DTSTART:20260612T080000Z", "SUMMARY:Dentist"),
                event("DTSTART:20260501T080000Z", "ATTENDEE:mailto:lea@brunner.example"),
                event("DTSTART:20260610T080000Z", "RRULE:FREQ=SECONDLY"),
            ),
            zone=VIENNA,
            origin="kim.ics",
            now=NOW,
        )
        name = "Brunner Chemicals"
        assert planned() == {("Kim Berg", name, "06-10 08:00"), ("Kim Berg", name, "06-11 08:00")}
        assert (sheet.reps, sheet.meetings, sheet.accounts, sheet.unmatched, len(sheet.problems)) == (1, 2, 1, 1, 1)
        assert sheet.sentence() == (
            "2 meetings with 1 account in the coming weeks. 1 with nobody we know as an account."
        )
        assert CallSheet.objects.get().origin == "kim.ics"

    def test_another_reading_replaces_the_first_and_none_is_left_when_it_ends(self, rep, brunner):
        for day in ("10", "12"):
            text = calendar(event(f"DTSTART:202606{day}T080000Z", "ATTENDEE:mailto:a@brunner.example"))
            read_calendar(rep, text, zone=VIENNA, now=NOW)
        assert [time for *_who, time in planned()] == ["06-12 08:00"]
        forget(rep)
        assert not CallSheet.objects.exists() and not PlannedMeeting.objects.exists()

    def test_an_empty_one_says_that_nobody_is_met(self, rep):
        read_calendar(rep, calendar(), zone=VIENNA, now=NOW)
        assert CallSheet.objects.get().rep == rep


class TestACallSheet:
    def test_reps_and_accounts_are_named_as_people_do(self, rep, brunner):
        other = make.rep(name="Sam")
        make.rep(name="Twice"), make.rep(name="Twice")
        rows = [
            "rep,account,starts_at,note", "KIM@us.example,brunner chemicals GmbH,2026-06-10,x",
            "Sam,Brunner.example,2026-06-11 15:00,", "Sam,Nobody Ltd,2026-06-11,", "Twice,Brunner,2026-06-11,",
            "Sam,Brunner Chemicals,soon,", "Sam,Brunner Chemicals,2027-06-11,",
        ]  # fmt: skip
        sheet = read_call_sheet("\ufeff" + "\n".join(rows), zone=VIENNA, now=NOW)
        name = "Brunner Chemicals"
        assert planned() == {("Kim Berg", name, "06-09 22:00"), ("Sam", name, "06-11 13:00")}
        assert (sheet.reps, sheet.unmatched) == (2, 1)
        assert [problem.partition(":")[0] for problem in sheet.problems] == ["Row 4", "Row 5", "Row 6"]
        assert set(CallSheet.objects.values_list("rep", flat=True)) == {rep.pk, other.pk}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "rows are missing"),
            ("rep,account\nSam,Brunner", "starts_at is missing"),
            ("rep,account,starts_at\nGhost,Brunner,2026-06-11", "no active rep “Ghost”"),
        ],
    )
    def test_what_cannot_be_used_is_refused_and_changes_nothing(self, rep, brunner, text, said):
        read_calendar(rep, calendar(), zone=VIENNA, now=NOW)
        with pytest.raises(SheetProblem) as problem:
            read_call_sheet(text, zone=VIENNA, now=NOW + timedelta(days=1))
        assert said in str(problem.value)
        assert CallSheet.objects.get().read_at == NOW


class TestTheCommand:
    def test_it_reads_both(self, rep, brunner, tmp_path, capsys):
        at = timezone.now() + timedelta(days=5)
        ics, sheet = tmp_path / "kim.ics", tmp_path / "calls.csv"
        ics.write_text(calendar(event(f"DTSTART:{at:%Y%m%dT%H%M%SZ}", "ATTENDEE:mailto:a@brunner.example")))
        sheet.write_text(f"rep,account,starts_at\nKim Berg,Brunner Chemicals,{at:%Y-%m-%d}\n")
        call_command("load", "calls", str(ics), rep="kim@us.example")
        call_command("load", "calls", str(sheet), zone="Europe/Vienna")
        assert capsys.readouterr().out.count("1 meeting with 1 account") == 2
        assert PlannedMeeting.objects.count() == 1

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [({}, "Say by --rep"), ({"rep": "kim@us.example", "zone": "Mars"}, "Mars"), ({"rep": "Ghost"}, "Say by --rep")],
    )
    def test_what_it_needs_is_told(self, rep, tmp_path, arguments, said):
        path = tmp_path / "kim.ics"
        path.write_text(calendar())
        with pytest.raises(CommandError, match=said):
            call_command("load", "calls", str(path), **arguments)

    def test_other_kinds_need_their_mapping(self, tmp_path):
        with pytest.raises(CommandError, match="Name the mapping"):
            call_command("load", "leads", str(tmp_path / "leads.csv"))
