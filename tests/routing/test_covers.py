"""Who stands in for whom: chains of covers, circles, and absences that cannot be."""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import ValidationError

from funnel.access import Role
from routing.hours.covering import absent, covered_by
from routing.hours.covers import Away, cover_of, covers_on, nobody_on
from routing.models import Absence
from routing.queue import waiting
from tests import factories as make
from tests.routing.waiting_rooms import room

ANN, BEN, CLEO, DAN = 1, 2, 3, 4
FIRST, LAST = date(2026, 6, 1), date(2026, 6, 5)


@pytest.mark.parametrize(
    ("away", "cover"),
    [
        ({}, ANN),
        ({ANN: BEN}, BEN),
        ({ANN: None}, None),
        ({ANN: BEN, BEN: CLEO}, CLEO),
        ({ANN: BEN, BEN: CLEO, CLEO: None}, None),
        ({ANN: BEN, BEN: ANN}, None),
        ({ANN: BEN, BEN: CLEO, CLEO: BEN}, None),
    ],
)
def test_the_cover_of_a_cover_stands_in_and_a_circle_is_nobody(away, cover):
    assert cover_of(ANN, away) == cover


def test_of_several_absences_of_a_day_one_with_a_cover_counts():
    absences = [Away(ANN, FIRST, LAST), Away(ANN, LAST, LAST, BEN), Away(BEN, LAST, LAST, CLEO)]
    assert covers_on(FIRST, absences) == {ANN: None}
    assert covers_on(LAST, absences) == {ANN: BEN, BEN: CLEO}


def test_the_first_day_without_anybody_is_found():
    ann = Away(ANN, FIRST, LAST, BEN)
    assert nobody_on(ann, []) is None
    assert nobody_on(ann, [Away(BEN, date(2026, 6, 3), date(2026, 6, 8), CLEO)]) is None
    assert nobody_on(ann, [Away(BEN, date(2026, 6, 3), date(2026, 6, 8))]) == date(2026, 6, 3)
    assert nobody_on(Away(ANN, FIRST, LAST), []) is None, "without a cover nothing is promised"


@pytest.fixture
def team(db):
    return make.team()


@pytest.fixture
def reps(team):
    return [make.rep(name=name, team=team) for name in ("Ann", "Ben", "Cleo")]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"ends_on": date(2026, 5, 31)}, "It ends before it starts, on 1 June 2026."),
        ({"ends_on": date(2029, 1, 1)}, "more than two years"),
        ({"cover": "self"}, "Ann cannot cover for themselves"),
        ({"cover": "other team"}, "is of another team and would not see the leads"),
        ({"cover": "gone"}, "is no longer active; pick a colleague"),
    ],
)
def test_an_absence_that_cannot_be_is_told_in_a_sentence(reps, fields, told):
    ann, ben, _cleo = reps
    who = {
        "self": ann,
        "other team": make.rep(team=make.team()),
        "gone": make.rep(team=ann.team, active=False),
    }
    values = {"starts_on": FIRST, "ends_on": LAST, "cover": ben} | fields
    values["cover"] = who.get(values["cover"], values["cover"]) if isinstance(values["cover"], str) else values["cover"]
    with pytest.raises(ValidationError) as problem:
        Absence(rep=ann, **values).full_clean()
    assert told in str(problem.value)


def test_two_absences_of_one_rep_do_not_overlap(reps):
    ann, _ben, _cleo = reps
    make.absence(ann, FIRST, LAST)
    with pytest.raises(ValidationError, match="Ann is away from 1 June 2026 to 5 June 2026 already"):
        Absence(rep=ann, starts_on=LAST, ends_on=date(2026, 6, 9)).full_clean()
    Absence(rep=ann, starts_on=date(2026, 6, 6), ends_on=date(2026, 6, 9)).full_clean()


def test_a_cover_who_is_away_too_needs_a_cover(reps):
    ann, ben, cleo = reps
    theirs = make.absence(ben, LAST, LAST)
    mine = Absence(rep=ann, starts_on=FIRST, ends_on=LAST, cover=ben)
    with pytest.raises(ValidationError, match="Ben is away too on 5 June 2026, and nobody else covers then"):
        mine.full_clean()
    theirs.cover = cleo
    theirs.save()
    mine.full_clean()


def test_who_is_away_is_told_by_the_day_of_their_calendar(reps):
    ann, ben, _cleo = reps
    make.seat(ann, calendar=make.calendar(zone="Pacific/Auckland"))
    make.absence(ann, FIRST, FIRST, cover=ben)
    evening, later = (
        datetime(2026, 5, 31, 11, tzinfo=UTC),
        datetime(2026, 5, 31, 13, tzinfo=UTC),
    )
    assert absent(now=evening) == {}
    assert (absent(now=later)[ann.pk].cover_id, covered_by(ben.pk, now=later)) == (ben.pk, [ann.pk])
    assert absent(now=datetime(2026, 6, 1, 12, tzinfo=UTC)) == {}


def test_a_chain_of_covers_ends_with_who_is_here(reps):
    ann, ben, cleo = reps
    make.absence(ann, FIRST, LAST, cover=ben)
    make.absence(ben, FIRST, LAST, cover=cleo)
    now = datetime(2026, 6, 2, 9, tzinfo=UTC)
    assert covered_by(cleo.pk, now=now) == [ann.pk, ben.pk]
    assert covered_by(ben.pk, now=now) == []


def test_covered_leads_stand_in_the_queue_of_the_cover(db, client):
    now = datetime.now(UTC)
    here = room(now)
    theirs = here.wait("Sofia Rinaldi", owner=here.colleague.rep)
    viewer = waiting.viewer_of(here.sdr)
    assert waiting.places(waiting.asked({}, viewer), viewer, now=now)[0] == []
    make.absence(here.colleague.rep, now.date(), now.date(), cover=here.sdr.rep)
    client.force_login(here.sdr)
    page = client.get("/queue/").content.decode()
    assert "Sofia Rinaldi" in page and "covering for Jonas" in page
    assert f"/leads/{theirs.pk}/accept/" in page
    client.force_login(make.user(Role.SDR, team=here.sdr.rep.team))
    assert "Sofia Rinaldi" not in client.get("/queue/").content.decode()
