"""What users are told: once, in words of today, and forgotten when it is old."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funnel.access import Role
from routing.messages.notices import (
    Tell,
    count_unread,
    latest,
    managers,
    mark_read,
    prune,
    tell,
    tell_owners,
    unread,
    users_of,
)
from routing.models import Clock, Notice
from routing.tasks import prune_notices
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return factories.user(Role.SDR, team=factories.team())


def told(user, kind: str = "assigned", cause: str = "assignment:1", lead=None, **data) -> int:
    one = Tell(user_id=user.pk, kind=kind, cause=cause, lead_id=lead and lead.pk, data=data)
    return tell([one], now=NOW)


class TestTelling:
    def test_one_cause_tells_a_user_once_a_kind(self, user):
        other = factories.user()
        assert [told(user), told(user), told(user, kind="taken"), told(other)] == [1, 0, 1, 1]
        assert Notice.objects.count() == 3

    def test_nothing_to_tell_is_nothing_done(self):
        with CaptureQueriesContext(connection) as captured:
            assert tell([], now=NOW) == 0
        assert not captured.captured_queries

    def test_owners_hear_of_their_leads_once_a_lead(self, user):
        mine, nobodys = factories.lead(owner=user.rep), factories.lead()
        silent = factories.lead(owner=factories.rep())
        leads = [mine.pk, nobodys.pk, silent.pk]
        assert tell_owners(leads, kind="score", now=NOW) == 1
        assert tell_owners(leads, kind="score", now=NOW) == 0
        assert Notice.objects.get().user == user

    def test_what_is_urgent_is_heard_by_somebody(self, user):
        manager = factories.user(Role.SDR_MANAGER)
        leads = [factories.lead(account=factories.account(owner=user.rep)), factories.lead()]
        tell_owners([lead.pk for lead in leads], kind="hot", now=NOW, urgent=True)
        assert {(notice.user, notice.lead) for notice in Notice.objects.all()} == {
            (user, leads[0]),
            (manager, leads[1]),
        }

    def test_the_accounts_owner_stands_in_only_where_asked_for(self, user):
        lead = factories.lead(account=factories.account(owner=user.rep))
        assert users_of([lead.pk]) == {}
        assert users_of([lead.pk], or_account=True) == {lead.pk: user.pk}

    def test_managers_are_those_who_may_reassign(self):
        manager = factories.user(Role.SDR_MANAGER)
        administrator = factories.user(is_superuser=True)
        factories.user(Role.SDR_MANAGER, is_active=False)
        factories.user(Role.SDR)
        assert managers() == [manager.pk, administrator.pk]


class TestReading:
    def test_newest_first_and_only_ones_own(self, user):
        told(user, cause="a")
        told(user, cause="b")
        told(factories.user(), cause="c")
        assert [one.id for one in unread(user)] == sorted((one.id for one in unread(user)), reverse=True)
        assert count_unread(user) == len(unread(user)) == 2

    def test_read_ones_stay_among_the_latest(self, user):
        told(user, cause="a")
        told(user, cause="b")
        first = unread(user)[-1]
        assert mark_read(user, now=NOW, ids=[first.id]) == 1
        assert mark_read(user, now=NOW, ids=[first.id]) == 0
        assert (count_unread(user), len(latest(user))) == (1, 2)
        assert mark_read(user, now=NOW) == 1
        assert unread(user) == []

    def test_nobody_marks_the_notices_of_another(self, user):
        told(user)
        assert mark_read(factories.user(), now=NOW, ids=[unread(user)[0].id]) == 0
        assert count_unread(user) == 1

    def test_the_words_name_what_is_so_now(self, user):
        lead = factories.lead(person=factories.person(first_name="Mara", last_name="Lind"))
        told(user, lead=lead)
        assert unread(user)[0].sentence == "Mara Lind is yours to look at."
        lead.person.last_name = "Berg"
        lead.person.save()
        assert unread(user)[0].sentence == "Mara Berg is yours to look at."

    @pytest.mark.parametrize(
        ("kind", "sentence"),
        [
            ("assigned", "Mara Lind of Acme is yours to look at."),
            ("hot", "Mara Lind of Acme asked for us; answer at once."),
            ("taken", "Mara Lind of Acme is with Ben now."),
            ("revisit", "The day to look at Mara Lind of Acme again has come."),
            ("score", "Interest of Mara Lind of Acme has fallen below the level at which you got the lead."),
            ("unrouted", "Mara Lind of Acme has no owner. No rule of the routing policy applies."),
            ("warned", "Mara Lind of Acme waits to be accepted or rejected until Tue 2 Jun, 12:00."),
            ("breached", "Mara Lind of Acme was not accepted or rejected by Tue 2 Jun, 12:00 (Ben)."),
        ],
    )
    def test_every_kind_has_its_sentence(self, user, kind, sentence):
        lead = factories.lead(
            person=factories.person(first_name="Mara", last_name="Lind"),
            account=factories.account(name="Acme"),
            owner=factories.rep(name="Ben"),
        )
        due = NOW + timedelta(days=1)
        clock = Clock.objects.create(
            lead=lead, kind="accept", cause="stage_event:1", started_at=NOW, warn_at=due, due_at=due
        )
        told(user, kind=kind, lead=lead, clock=clock.pk, reason="no_rule", count=1)
        assert unread(user)[0].sentence == sentence

    def test_several_leads_without_an_owner_are_one_sentence(self, user):
        told(user, kind="unrouted", reason="no_policy", count=12)
        assert unread(user)[0].sentence == "12 leads have no owner. There is no routing policy."

    def test_every_kind_can_be_said_of_a_lead_that_is_gone(self, user):
        version = {"of": "cadence", "id": 1, "version": 2, "event": "asked"}
        data = {
            "review": {"version": 2, "due": "2026-11-02"},
            "version": version,
            "agreement": version | {"event": "sign"},
            "action": {"review": 1, "due": "2026-11-02", "event": "due"},
        }
        for kind in Notice.Kind.values:
            told(user, kind=kind, **data.get(kind, {}))
        assert all(one.sentence for one in unread(user))

    def test_the_number_of_queries_does_not_grow(self, user):
        counts = []
        for number in range(2):
            for n in range(1 + 8 * number):
                told(user, kind="warned", cause=f"{number}:{n}", lead=factories.lead(owner=user.rep), clock=n)
            with CaptureQueriesContext(connection) as captured:
                unread(user)
            counts.append(len(captured))
        assert counts == [2, 2]


class TestForgetting:
    def test_old_ones_go_and_others_stay(self, user):
        for cause in ("read long ago", "read", "unread", "never read"):
            told(user, cause=cause)
        ages = {"read long ago": (40, 31), "read": (40, 29), "unread": (170, None), "never read": (181, None)}
        for cause, (made, seen) in ages.items():
            Notice.objects.filter(cause=cause).update(
                created_at=NOW - timedelta(days=made), read_at=seen and NOW - timedelta(days=seen)
            )
        assert prune(now=NOW) == 2
        assert set(Notice.objects.values_list("cause", flat=True)) == {"read", "unread"}

    def test_a_periodic_job_does_it(self, user):
        told(user)
        Notice.objects.update(created_at=NOW - timedelta(days=3650))
        assert prune_notices() == 1
