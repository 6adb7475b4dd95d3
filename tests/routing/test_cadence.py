"""Cadences: when steps are due, what stops a run, the cap on contact, and the life of a version."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from demandcenter import pipeline
from funnel.access import Role
from funnel.models import Activity, Reason
from funnel.versions import PolicyProblem
from routing.acts.doing import Refused
from routing.cadences import capping, enrolments
from routing.cadences import versions as cadence_versions
from routing.cadences.arithmetic import Cap, Known, due_times, first_allowed, why_stopped
from routing.day import attempts, outreach, reminders
from routing.decisions import services
from routing.hours.calendars import parse_hours
from routing.messages import notices
from routing.models import Attempt, Cadence, ContactCap, Enrolment, MessageTemplate, Task, TaskEvent
from routing.sales import meetings
from tests import factories as make

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = make.NOW  # Monday, 1 June 2026, 12:00 UTC
WEEK = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
HOURS = parse_hours(zone="UTC", weekly=WEEK, days={})


# --- Pure -----------------------------------------------------------------------------------------


def test_steps_are_due_by_the_end_of_their_working_day():
    found = due_times([0, 3, 5, 7], NOW, HOURS)
    assert [at.strftime("%a %H:%M") for at in found] == ["Mon 18:00", "Thu 18:00", "Mon 18:00", "Mon 18:00"]


def test_a_start_after_hours_begins_at_the_next_opening():
    friday = datetime(2026, 6, 5, 20, tzinfo=UTC)
    assert due_times([0, 1], friday, HOURS) == [
        datetime(2026, 6, 8, 18, tzinfo=UTC),
        datetime(2026, 6, 9, 18, tzinfo=UTC),
    ]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(0, 60 * 24 * 14))
def test_later_days_are_never_due_earlier(days, minutes):
    start = NOW + timedelta(minutes=minutes)
    found = due_times(sorted(days), start, HOURS)
    assert found == sorted(found) and all(at >= start for at in found)


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        ({}, None),
        ({"reply_at": NOW + HOUR}, "reply"),
        ({"reply_at": NOW + HOUR, "stop_on_reply": False}, None),
        ({"meeting_at": NOW + HOUR}, "meeting"),
        ({"meeting_at": NOW + 2 * HOUR, "reply_at": NOW + HOUR}, "reply"),  # what came first
        ({"left_at": NOW + HOUR, "reply_at": NOW + 2 * HOUR}, "left"),
        ({"reply_at": NOW - HOUR}, None),  # before it began
        ({"opted_out": True}, "opt_out"),
        ({"steps_left": 0}, "finished"),
        ({"steps_left": 0, "moved_at": NOW + HOUR}, "moved"),
    ],
)
def test_why_a_run_stops(facts, cause):
    found = why_stopped(Known(started_at=NOW, **facts))
    assert (found[0] if found else None) == cause


@given(
    st.lists(st.integers(-40 * 24, 0), max_size=12),
    st.lists(st.builds(Cap, st.integers(1, 5), st.integers(1, 30)), max_size=3),
)
def test_the_first_moment_allowed_is_within_every_cap_and_none_before_it_is(hours, caps):
    touches = [NOW + n * HOUR for n in hours]

    def allowed(at):
        return all(sum(at - timedelta(days=cap.days) < t <= at for t in touches) < cap.most for cap in caps)

    found = first_allowed(touches, caps, now=NOW)
    assert found >= NOW and allowed(found)
    assert found == NOW or not allowed(found - timedelta(seconds=1))


# --- Enrolment and stops --------------------------------------------------------------------------


@pytest.fixture
def jonas():
    team = make.team()
    make.desk(team)
    return make.user(Role.SDR, team=team, first_name="Jonas")


def accepted(jonas, **fields):
    """A lead that Jonas has just accepted, with the pipeline having heard of it."""
    lead = make.lead(stages={"mql": NOW - HOUR}, owner=jonas.rep, **fields)
    services.accept(lead.pk, user=jonas, now=NOW)
    pipeline.drain(now=NOW)
    return lead


def stop_of(lead) -> tuple[str, object]:
    run = Enrolment.objects.get(lead=lead)
    return run.stop, run.stopped_at


def states(lead) -> list[str]:
    return list(Task.objects.filter(lead=lead, kind="step").order_by("id").values_list("state", flat=True))


@pytest.mark.django_db
class TestRuns:
    def test_acceptance_enrols_and_every_step_is_a_dated_task(self, jonas):
        made = make.cadence((0, "email"), (0, "call"), (3, "email"), on_acceptance=True)
        lead = accepted(jonas)
        run = Enrolment.objects.get(lead=lead)
        assert (run.cadence, run.started_at, run.stopped_at) == (made, NOW, None)
        dates = Task.objects.filter(enrolment=run).order_by("id").values_list("medium", "due_at")
        monday, thursday = NOW.replace(hour=18), (NOW + 3 * DAY).replace(hour=18)
        assert list(dates) == [("email", monday), ("call", monday), ("email", thursday)]
        pipeline.drain(now=NOW)
        assert Enrolment.objects.count() == 1

    def test_the_first_cadence_whose_condition_holds_takes_the_lead(self, jonas):
        director = {"field": "person.title", "op": "word", "value": ["director"]}
        theirs = make.cadence((0, "call"), on_acceptance=True, condition=director, position=1)
        others = make.cadence((0, "email"), on_acceptance=True, position=2)
        make.cadence((0, "email"), position=0)  # by hand only
        make.cadence((0, "email"), on_acceptance=True, published=False)
        assert Enrolment.objects.get(lead=accepted(jonas, person=make.person(title="Director IT"))).cadence == theirs
        assert Enrolment.objects.get(lead=accepted(jonas)).cadence == others

    def test_a_call_does_the_earliest_step_of_its_medium_and_undo_gives_it_back(self, jonas):
        make.cadence((0, "call"), (0, "call"), (0, "email"), on_acceptance=True)
        lead = accepted(jonas)
        done = attempts.log(lead.pk, medium="call", outcome="no_answer", user=jonas, now=NOW + HOUR)
        assert states(lead) == ["done", "open", "open"]
        pipeline.drain(now=NOW + HOUR)  # hears of the touch, and takes it for no other step
        assert states(lead) == ["done", "open", "open"]
        attempts.take_back(done.attempt_id, user=jonas, now=NOW + HOUR)
        assert states(lead) == ["open", "open", "open"]

    def test_a_mail_that_was_sent_elsewhere_does_its_step(self, jonas):
        make.cadence((0, "call"), (0, "email"), on_acceptance=True)
        lead = accepted(jonas)
        sent = make.touch(person=lead.person, type="email_sent", direction="out", occurred_at=NOW + HOUR)
        outreach.follow([sent.pk], now=NOW + HOUR)
        outreach.follow([sent.pk], now=NOW + 2 * HOUR)
        assert states(lead) == ["open", "done"]
        attempt = Attempt.objects.get()
        assert (attempt.lead, attempt.medium, attempt.outcome, attempt.actor) == (lead, "email", "sent", None)

    def test_calls_of_elsewhere_are_attempts_about_the_lead_that_was_in_work(self, jonas):
        lead = accepted(jonas)
        about = {
            "voicemail": {},
            "phone_call": {"payload": {"outcome": "connected"}},
            "linkedin_message": {},
            "call": {},
        }
        for type_, more in about.items():
            make.touch(person=lead.person, type=type_, direction="out", occurred_at=NOW + HOUR, **more)
        make.touch(person=lead.person, type="newsletter_mail", direction="out", automatic=True, occurred_at=NOW + HOUR)
        make.touch(person=lead.person, type="call", direction="out", occurred_at=NOW - DAY)  # before the MQL
        outreach.follow(list(Activity.objects.values_list("pk", flat=True)), now=NOW + HOUR)
        found = Attempt.objects.order_by("id").values_list("medium", "outcome", "rep")
        rep = jonas.rep.pk
        assert sorted(found) == [
            ("call", "connected", rep), ("call", "unknown", rep), ("call", "voicemail", rep), ("social", "sent", rep),
        ]  # fmt: skip

    def test_an_answer_stops_it_and_the_steps_that_are_left_are_dropped(self, jonas):
        make.cadence((0, "call"), (3, "email"), on_acceptance=True)
        lead = accepted(jonas)
        attempts.log(lead.pk, medium="call", outcome="voicemail", user=jonas, now=NOW + HOUR)
        wrote = make.touch(person=lead.person, type="email_reply", occurred_at=NOW + 2 * HOUR)
        enrolments.follow([], [wrote.pk], now=NOW + 3 * HOUR)
        enrolments.follow([], [wrote.pk], now=NOW + 4 * HOUR)
        assert stop_of(lead) == ("reply", NOW + 2 * HOUR) and states(lead) == ["done", "dropped"]

    def test_an_automatic_reply_stops_nothing(self, jonas):
        make.cadence((0, "call"), on_acceptance=True)
        lead = accepted(jonas)
        wrote = make.touch(person=lead.person, type="email_reply", occurred_at=NOW + HOUR, automatic=True)
        enrolments.follow([], [wrote.pk], now=NOW + HOUR)
        assert stop_of(lead) == ("", None)

    def test_a_meeting_stops_it(self, jonas):
        make.cadence((0, "call"), on_acceptance=True)
        lead = accepted(jonas)
        meetings.book(lead.pk, starts_at=NOW + DAY, user=jonas, now=NOW + HOUR)
        pipeline.sweep(now=NOW + HOUR)
        assert stop_of(lead) == ("meeting", NOW + HOUR)

    def test_an_opt_out_stops_it_and_lets_none_begin(self, jonas):
        made = make.cadence((0, "call"), on_acceptance=True)
        lead = accepted(jonas)
        lead.person.opted_out = True
        lead.person.save()
        pipeline.sweep(now=NOW + HOUR)
        assert stop_of(lead) == ("opt_out", NOW + HOUR)
        with pytest.raises(Refused, match="wants no more mail"):
            enrolments.enrol(lead.pk, cadence_id=made.pk, user=jonas, now=NOW + 2 * HOUR)

    def test_a_disposition_stops_it_and_so_does_an_acceptance_taken_back(self, jonas):
        make.cadence((0, "call"), on_acceptance=True)
        lead, other = accepted(jonas), accepted(jonas)
        reason = Reason.objects.create(kind="recycle", name="Later")
        services.recycle(lead.pk, user=jonas, reason_id=reason.pk, now=NOW + HOUR)
        services.undo(other.events.get(to_stage="sal").pk, user=jonas, now=NOW + HOUR / 60)
        pipeline.drain(now=NOW + HOUR)
        assert stop_of(lead)[0] == "left" and stop_of(other)[0] == "moved"
        assert not Task.objects.filter(state="open").exists()

    def test_it_ends_when_all_its_steps_are_through(self, jonas):
        make.cadence((0, "call"), on_acceptance=True)
        lead = accepted(jonas)
        attempts.log(lead.pk, medium="call", outcome="voicemail", user=jonas, now=NOW + HOUR)
        enrolments.stop_what_is_over(now=NOW + HOUR)
        assert stop_of(lead)[0] == ""  # the call may still be taken back
        enrolments.stop_what_is_over(now=NOW + 2 * HOUR)
        assert stop_of(lead)[0] == "finished"

    def test_by_hand_one_at_a_time(self, jonas):
        first, second = make.cadence((0, "call")), make.cadence((0, "email"))
        lead = accepted(jonas)
        enrolments.enrol(lead.pk, cadence_id=first.pk, user=jonas, now=NOW)
        assert "already" in enrolments.enrol(lead.pk, cadence_id=first.pk, user=jonas, now=NOW).sentence
        with pytest.raises(Refused, match="stop that first"):
            enrolments.enrol(lead.pk, cadence_id=second.pk, user=jonas, now=NOW)
        enrolments.stop(lead.pk, user=jonas, now=NOW)
        assert stop_of(lead) == ("by_hand", NOW)
        enrolments.enrol(lead.pk, cadence_id=second.pk, user=jonas, now=NOW + HOUR)
        fresh = make.lead(stages={"mql": NOW}, owner=jonas.rep)
        with pytest.raises(Refused, match="accepted"):
            enrolments.enrol(fresh.pk, cadence_id=first.pk, user=jonas, now=NOW)

    def test_many_cost_the_statements_of_one(self, jonas):
        make.cadence((0, "call"), (3, "email"), on_acceptance=True)

        def statements(count) -> int:
            leads = [make.lead(stages={"mql": NOW - HOUR}, owner=jonas.rep) for _ in range(count)]
            events = [services.accept(lead.pk, user=jonas, now=NOW).event_id for lead in leads]
            with CaptureQueriesContext(connection) as captured:
                enrolments.follow(events, [], now=NOW)
            assert Enrolment.objects.filter(lead__in=leads).count() == count
            return len(captured)

        statements(1)
        assert statements(1) == statements(12)


# --- The cap on contact ---------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_step_over_the_cap_is_put_off_to_the_first_free_day_and_says_so(jonas):
    ContactCap.objects.create(name="A week", most=2, days=7)
    make.cadence((0, "email"), on_acceptance=True)
    capped, free = accepted(jonas), accepted(jonas)
    for ago in (2, 5):  # marketing's mails count like ours
        sent_at = NOW - ago * DAY
        make.touch(person=capped.person, type="newsletter", direction="out", automatic=True, occurred_at=sent_at)
    assert capping.put_off_over_cap(now=NOW, limit=100) == 1
    assert capping.put_off_over_cap(now=NOW, limit=100) == 0
    put_off = Task.objects.get(lead=capped)
    assert put_off.due_at == NOW.replace(hour=18)
    assert put_off.shown_at == (NOW + 2 * DAY).replace(hour=18)  # seven days after the touch before the last
    assert TaskEvent.objects.get(task=put_off, kind="put_off").cause.startswith("cap:")
    assert Task.objects.get(lead=free).shown_at == NOW.replace(hour=18)


# --- Reminders ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_rep_is_told_once_a_day_in_the_morning_of_the_steps_that_are_due(jonas):
    make.cadence((0, "call"), (0, "email"), (9, "call"), on_acceptance=True)
    accepted(jonas)
    early, morning = NOW.replace(hour=6), NOW.replace(hour=8)
    assert reminders.tell_of_steps(now=early) == 0
    assert reminders.tell_of_steps(now=morning) == 1
    assert reminders.tell_of_steps(now=morning + HOUR) == 0
    (told,) = notices.unread(jonas)
    assert told.sentence == "2 steps of your cadences are due today."
    assert reminders.tell_of_steps(now=morning + DAY) == 1


# --- Versions -------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestVersions:
    def test_the_preset_is_five_mails_and_five_calls_in_21_days(self):
        made = cadence_versions.draft_of_preset()
        assert list(cadence_versions.problems_of(made)) == []
        steps = list(made.steps.values_list("day", "medium"))
        assert len(steps) == 10 and max(day for day, _medium in steps) == 21
        assert sum(medium == "email" for _day, medium in steps) == sum(medium == "call" for _day, medium in steps) == 5
        assert all(step.template for step in made.steps.all())
        again = cadence_versions.draft_of_preset()
        assert again.version == 2 and MessageTemplate.objects.count() == 6

    def test_publishing_retires_the_version_before_and_runs_go_on(self, jonas):
        first = make.cadence((0, "call"), on_acceptance=True, name="C")
        lead = accepted(jonas)
        second = cadence_versions.draft(name="C", from_cadence=first)
        cadence_versions.publish(second, now=NOW)
        first.refresh_from_db()
        assert (first.status, second.status, second.on_acceptance) == ("retired", "published", True)
        assert Enrolment.objects.get(lead=lead).cadence == first
        assert Enrolment.objects.get(lead=accepted(jonas)).cadence == second
        with pytest.raises(PolicyProblem, match="published already"):
            cadence_versions.publish(second, now=NOW)

    def test_a_published_version_is_not_changed(self):
        made = make.cadence((0, "call"))
        with pytest.raises(IntegrityError, match="cannot be changed"):
            made.steps.create(position=2, day=1, medium="call")

    def test_what_cannot_be_says_why(self):
        made = make.cadence((5, "call"), (3, "email"), published=False, condition={"field": "no.such", "op": "is"})
        template = MessageTemplate.objects.create(name="T", medium="call", body="Hello {firstname}")
        made.steps.filter(position=2).update(template=template)
        said = " ".join(cadence_versions.problems_of(made))
        assert "before step 1" in said and "{firstname}" in said and "for another" in said and "condition" in said
        with pytest.raises(PolicyProblem):
            cadence_versions.publish(made, now=NOW)
        assert Cadence.objects.get().status == "draft"
