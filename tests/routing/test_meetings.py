"""Meetings: who is expected and who came, by whom they are missed, how they are moved, and which of them makes SQLs."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import InternalError, transaction

from funnel.access import Role
from funnel.models import Opportunity
from funnel.versions import PolicyProblem
from routing.decisions import services
from routing.decisions.services import Invalid, Refused
from routing.models import Meeting, SqlDefinition
from routing.sales import meetings, sql_definitions
from tests import factories as make
from tests.routing.test_to_the_end import DAY, HOUR, NOW, again, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def sdr():
    return make.user(Role.SDR, team=make.team(), first_name="Mia", last_name="Huber")


@pytest.fixture
def seller():
    user = make.user(Role.AE, team=make.team("ae"), first_name="Olaf", last_name="Berg")
    user.rep.name = "Olaf Berg"
    user.rep.save()
    return user


def booked(lead, user, *, starts_at=NOW - HOUR, **fields) -> Meeting:
    done = meetings.book(lead.pk, starts_at=starts_at, user=user, now=NOW, **fields)
    return Meeting.objects.get(lead=lead, pk=done.meeting_id or 0)


def came(meeting: Meeting) -> dict[str, bool | None]:
    return {str(one): one.came for one in meeting.attendees.all()}


class TestWho:
    def test_the_owner_the_accounts_seller_and_the_prospect_are_expected(self, sdr, seller):
        lead = at("sal", owner=sdr.rep, account=make.account(owner=seller.rep))
        meeting = booked(lead, sdr)
        assert set(came(meeting)) == {str(lead.person), str(sdr.rep), "Olaf Berg"}
        assert set(came(meeting).values()) == {None}

    def test_another_executive_may_be_named_and_nobody_else(self, sdr, seller):
        account = make.account(owner=make.rep(team=make.team("ae")))
        meeting = booked(at("sal", owner=sdr.rep, account=account), sdr, executive_id=seller.rep.pk)
        assert "Olaf Berg" in came(meeting) and str(account.owner) not in came(meeting)
        for wrong in (sdr.rep.pk, make.rep(team=seller.rep.team, active=False).pk, 999_999):
            with pytest.raises(Invalid, match="no such active account executive"):
                booked(at("sal", owner=sdr.rep), sdr, executive_id=wrong)

    @pytest.mark.parametrize(
        ("outcome", "missing"), [("held", set()), ("no_show", {"prospect"}), ("ae_no_show", {"seller"})]
    )
    def test_the_outcome_says_who_was_missing(self, sdr, seller, outcome, missing):
        lead = at("sal", owner=sdr.rep, account=make.account(owner=seller.rep))
        meeting = booked(lead, sdr)
        meetings.record_outcome(meeting.pk, outcome=outcome, user=sdr, now=NOW)
        names = {"prospect": str(lead.person), "seller": "Olaf Berg"}
        assert {name for name, there in came(meeting).items() if not there} == {names[one] for one in missing}

    def test_who_came_can_be_said_one_by_one(self, sdr, seller):
        lead = at("sal", owner=sdr.rep, account=make.account(owner=seller.rep))
        meeting = booked(lead, sdr)
        there = [one.pk for one in meeting.attendees.all() if one.rep_id != sdr.rep.pk]
        meetings.record_outcome(meeting.pk, outcome="held", came=there, user=sdr, now=NOW)
        assert came(meeting)[str(sdr.rep)] is False and came(meeting)["Olaf Berg"] is True

    def test_of_a_meeting_that_is_called_off_nothing_is_known(self, sdr):
        meeting = booked(at("sal", owner=sdr.rep), sdr, starts_at=NOW + DAY)
        meetings.record_outcome(meeting.pk, outcome="cancelled", user=sdr, now=NOW)
        assert set(came(meeting).values()) == {None}


class TestMoving:
    def test_one_that_lies_ahead_moves_with_those_who_are_expected(self, sdr, seller):
        lead = at("sal", owner=sdr.rep)
        first = booked(lead, sdr, starts_at=NOW + DAY, executive_id=seller.rep.pk)
        done = meetings.record_outcome(first.pk, outcome="moved", rebook_for=NOW + 3 * DAY, user=seller, now=NOW + HOUR)
        second = Meeting.objects.get(outcome="")
        assert done.sentence == "Noted: moved to another time. The next one is on 13 June 2026, 12:00."
        assert (second.instead_of, second.starts_at, set(came(second))) == (first, NOW + 3 * DAY, set(came(first)))
        assert again(first).outcome == "moved"

    def test_one_that_was_missed_is_booked_anew_in_the_same_act(self, sdr):
        lead = at("sal", owner=sdr.rep)
        first = booked(lead, sdr)
        meetings.record_outcome(first.pk, outcome="ae_no_show", rebook_for=NOW + DAY, user=sdr, now=NOW)
        assert Meeting.objects.get(outcome="").instead_of == first

    def test_booking_after_a_no_show_says_what_it_replaces(self, sdr):
        lead = at("sal", owner=sdr.rep)
        first = booked(lead, sdr)
        meetings.record_outcome(first.pk, outcome="no_show", user=sdr, now=NOW)
        second = booked(lead, sdr, starts_at=NOW + DAY)
        assert (second.instead_of, again(first).replacement) == (first, second)

    def test_what_cannot_be_said(self, sdr):
        meeting = booked(at("sal", owner=sdr.rep), sdr, starts_at=NOW + DAY)
        with pytest.raises(Invalid, match="Say when the meeting is now"):
            meetings.record_outcome(meeting.pk, outcome="moved", user=sdr, now=NOW)
        with pytest.raises(Invalid, match="still ahead"):
            meetings.record_outcome(meeting.pk, outcome="ae_no_show", user=sdr, now=NOW)
        with pytest.raises(Invalid, match="two years ahead"):
            meetings.record_outcome(meeting.pk, outcome="moved", rebook_for=NOW + 999 * DAY, user=sdr, now=NOW)
        assert again(meeting).outcome == ""  # all or nothing
        with pytest.raises(Invalid, match="held is not booked again"):
            meetings.record_outcome(meeting.pk, outcome="held", rebook_for=NOW + 9 * DAY, user=sdr, now=NOW + 2 * DAY)


class TestWhatMakesAnSql:
    def decide(self, event: str, *, at=NOW, **fields) -> SqlDefinition:
        return sql_definitions.decide(event=event, why="The board wants it.", user=None, now=at, **fields)

    def test_as_shipped_a_booked_meeting_makes_none_and_a_held_one_does(self, sdr):
        lead = at("sal", owner=sdr.rep)
        meeting = booked(lead, sdr)
        assert again(lead).stage == "sal"
        meetings.record_outcome(meeting.pk, outcome="held", user=sdr, now=NOW)
        assert again(lead).stage == "sql" and not Opportunity.objects.exists()

    def test_by_the_other_definition_a_booked_one_makes_it_and_the_event_says_by_which(self, sdr):
        definition = self.decide("booked")
        lead = at("sal", owner=sdr.rep)
        done = meetings.book(lead.pk, starts_at=NOW + DAY, user=sdr, now=NOW)
        assert (again(lead).stage, lead.sql_at) == ("sql", NOW)
        assert lead.events.get(to_stage="sql").policy == definition.policy
        assert done.event_id and done.sentence.endswith("12:00: an SQL.")
        assert meetings.book(lead.pk, starts_at=NOW + DAY, user=sdr, now=NOW + HOUR) == done

    def test_both_moments_are_captured_whichever_counts(self, sdr):
        self.decide("booked")
        lead = at("sal", owner=sdr.rep)
        meeting = booked(lead, sdr)
        meetings.record_outcome(meeting.pk, outcome="held", user=sdr, now=NOW + HOUR)
        assert (again(meeting).booked_at, meeting.outcome_at) == (NOW, NOW + HOUR)
        assert lead.events.filter(to_stage="sql").count() == 1

    def test_a_booking_that_made_an_sql_is_taken_back_and_the_meeting_called_off(self, sdr):
        self.decide("booked")
        lead = at("sal", owner=sdr.rep)
        done = meetings.book(lead.pk, starts_at=NOW + DAY, user=sdr, now=NOW)
        services.undo(done.event_id, user=sdr, now=NOW + timedelta(minutes=1))
        assert (again(lead).stage, Meeting.objects.get().outcome) == ("sal", "cancelled")

    def test_it_is_not_taken_back_once_somebody_said_how_it_went(self, sdr):
        self.decide("booked")
        lead = at("sal", owner=sdr.rep)
        done = meetings.book(lead.pk, starts_at=NOW - HOUR, user=sdr, now=NOW)
        meetings.record_outcome(done.meeting_id, outcome="no_show", user=sdr, now=NOW)
        with pytest.raises(Refused, match="said how the meeting went"):
            services.undo(done.event_id, user=sdr, now=NOW)
        assert again(lead).stage == "sql"

    def test_another_definition_leaves_the_past_alone(self, sdr):
        before = at("sal", owner=sdr.rep)
        booked(before, sdr, starts_at=NOW + 2 * DAY)
        self.decide("booked", at=NOW + HOUR)
        assert again(before).stage == "sal"
        self.decide("held", at=NOW + DAY)
        assert sql_definitions.in_force(NOW) is None
        assert sql_definitions.in_force(NOW + 2 * HOUR).event == "booked"
        assert sql_definitions.in_force(NOW + DAY).event == "held"

    def test_what_cannot_be_decided(self):
        with pytest.raises(PolicyProblem, match="so already: a meeting was held"):
            self.decide("held")
        with pytest.raises(PolicyProblem, match="not judged anew"):
            self.decide("booked", since=NOW - DAY)
        made = self.decide("booked", since=NOW + DAY)
        assert sql_definitions.in_force(NOW) is None and sql_definitions.in_force(NOW + DAY) == made
        with pytest.raises(InternalError), transaction.atomic():
            SqlDefinition.objects.update(event="held")
        with pytest.raises(ValidationError, match="not judged anew"):
            SqlDefinition(event="held", since=make.NOW - 1000 * DAY, why="Otherwise").full_clean()
