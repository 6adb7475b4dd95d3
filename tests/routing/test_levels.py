"""Levels and how they came about: who joined, came back, changed weight, or was credited leads back."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from funnel.access import Role
from funnel.models import Solution
from routing.acts.doing import Invalid, NotAllowed
from routing.assignment.engine import assign
from routing.models import CallSheet, LevelChange, Seat, Served
from routing.seats.levels import credit
from tests import factories as make
from tests.factories import NOW
from tests.form_data import form_data

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    made = make.team()
    make.routing_policy({"team": made})
    return made


@pytest.fixture
def boss(client):
    user = make.user(Role.SDR_MANAGER, is_staff=True)
    client.force_login(user)
    return user


def deal(count: int, *, now=NOW) -> list[int | None]:
    leads = [make.mql(at=now) for _ in range(count)]
    return [one.rep_id for one in assign([x.pk for x in leads], now=now, causes={x.pk: "test" for x in leads})]


def history(seat: Seat) -> list[tuple]:
    changes = LevelChange.objects.filter(seat=seat).order_by("pk")
    return [(one.kind, one.before, one.after) for one in changes]


class TestHistory:
    def test_a_newcomer_joins_level(self, team):
        old = make.seat(team=team)
        deal(10)
        new = make.seat(team=team)
        deal(2)
        assert history(old) == [("joined", None, 0)]
        assert history(new) == [("joined", None, 10)]
        assert LevelChange.objects.filter(seat=new).get().occurred_at == NOW

    def test_who_comes_back_is_level_with_who_was_there(self, team):
        _here, away = make.seat(team=team), make.seat(team=team)
        deal(2)
        make.absence(away.rep, NOW.date(), NOW.date() + timedelta(days=2))
        deal(4)
        deal(4, now=NOW + timedelta(days=1))
        assert history(away)[1:] == []
        deal(2, now=NOW + timedelta(days=4))
        assert history(away)[1:] == [("returned", 1, 9)]
        deal(2, now=NOW + timedelta(days=5))
        assert len(history(away)) == 2

    def test_a_full_seat_that_has_room_again_is_level_too(self, team):
        small, _other = make.seat(team=team, capacity=1), make.seat(team=team)
        deal(5)
        small.capacity = 9
        small.save(update_fields=["capacity"])
        deal(1)
        assert history(small)[1:] == [("returned", 1, 4)]

    def test_another_weight(self, team):
        seat, _other = make.seat(team=team), make.seat(team=team)
        deal(8)
        Seat.objects.filter(pk=seat.pk).update(weight=2)
        deal(1)
        assert history(seat)[1:] == [("weight", 2, 4)]

    def test_the_database_refuses_to_change_it(self, team):
        make.seat(team=team)
        deal(1)
        with pytest.raises(Exception, match="Cannot update"):
            LevelChange.objects.update(after=3)


class TestCredit:
    def test_leads_that_are_credited_back_come_again(self, team, boss):
        anna, ben = make.seat(team=team), make.seat(team=team)
        deal(6)
        moved = credit(anna.pk, leads=2, reason="Two duplicates", user=boss, now=NOW)
        assert (moved.before, moved.after, moved.actor, moved.reason) == (3, 1, boss, "Two duplicates")
        assert deal(3) == [anna.rep_id, anna.rep_id, anna.rep_id]
        assert deal(1) == [ben.rep_id]

    @pytest.mark.parametrize(("leads", "reason"), [(0, "x"), (101, "x"), (1, " ")])
    def test_what_cannot_be_is_told(self, team, boss, leads, reason):
        seat = make.seat(team=team)
        with pytest.raises(Invalid):
            credit(seat.pk, leads=leads, reason=reason, user=boss, now=NOW)
        assert not LevelChange.objects.exists()

    def test_a_rep_credits_nobody(self, team):
        sdr = make.user(Role.SDR, team=team)
        with pytest.raises(NotAllowed):
            credit(make.seat(sdr.rep).pk, leads=3, reason="I want more", user=sdr, now=NOW)


class TestThePageOfASeat:
    def test_it_shows_the_history_and_credits(self, client, boss, team):
        seat = make.seat(team=team)
        deal(3)
        page = reverse("admin:routing_seat_change", args=[seat.pk])
        assert "Joined the team" in client.get(page).content.decode()
        act = f"/admin/routing/seat/{seat.pk}/credit_leads/"
        assert "Say why" in client.post(act, {"leads": "1"}).content.decode()
        assert client.post(act, {"leads": "1", "reason": "A duplicate"}).status_code == 302
        shown = client.get(page).content.decode()
        assert "A duplicate" in shown and "Credited by hand" in shown

    def test_it_says_what_the_rep_serves(self, client, boss, team):
        seat, edge = make.seat(team=team), Solution.objects.create(name="Edge")
        page = reverse("admin:routing_seat_change", args=[seat.pk])
        data = form_data(client.get(page).content.decode())
        typed = {"solutions": [str(edge.pk)], "segments": "SMB, Enterprise,", "languages": "de", "quota": "2.5"}
        assert client.post(page, data | typed).status_code == 302
        served = Served.objects.filter(rep=seat.rep)
        assert {str(one) for one in served} == {"Edge", "SMB", "Enterprise", "de"}
        seat.refresh_from_db()
        assert seat.quota == 2.5
        shown = form_data(client.get(page).content.decode())
        assert (shown["segments"], shown["languages"]) == ("SMB, Enterprise", "de")
        too_long = client.post(page, shown | {"languages": "x" * 30}).content.decode()
        assert "too long" in too_long

    def test_it_reads_a_calendar(self, client, boss, team):
        seat = make.seat(team=team)
        act = f"/admin/routing/seat/{seat.pk}/read_calendar/"
        assert 'enctype="multipart/form-data"' in client.get(act).content.decode()
        wrong = SimpleUploadedFile("a.ics", b"nothing")
        assert "no calendar file" in client.post(act, {"file": wrong, "zone": "UTC"}).content.decode()
        right = SimpleUploadedFile("a.ics", b"BEGIN:VCALENDAR\nEND:VCALENDAR")
        assert client.post(act, {"file": right, "zone": "Europe/Vienna"}).status_code == 302
        assert CallSheet.objects.get(rep=seat.rep).origin == "a.ics"
        assert client.post(f"/admin/routing/seat/{seat.pk}/share_no_longer/", {}).status_code == 302
        assert not CallSheet.objects.exists()

    def test_marketing_only_looks(self, client, team):
        seat = make.seat(team=team)
        client.force_login(make.user(Role.MARKETING_OPS, is_staff=True))
        assert client.get(reverse("admin:routing_seat_change", args=[seat.pk])).status_code == 200
        assert client.post(f"/admin/routing/seat/{seat.pk}/credit_leads/", {"leads": 1}).status_code == 403
        assert not LevelChange.objects.exists()
