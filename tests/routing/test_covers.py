"""Who stands in for whom: chains of covers, circles, and absences that cannot be."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from funnel.access import Role
from routing.acts.viewer import viewer_of
from routing.hours.covering import absent, covered_by
from routing.hours.covers import Away, cover_of, covers_on, last_day, left_alone, nobody_on
from routing.models import Absence
from routing.queue import waiting
from routing.seats.seats import floor_of
from tests import factories as make
from tests.routing.waiting_rooms import room

ANN, BEN, CLEO, DAN = 1, 2, 3, 4
FIRST, LAST = date(2026, 6, 1), date(2026, 6, 5)


@pytest.mark.parametrize(
    ("away", "cover"),
    [
        ({}, ANN),
        ({ANN: [BEN]}, BEN),
        ({ANN: []}, None),
        ({ANN: [BEN], BEN: [CLEO]}, CLEO),
        ({ANN: [BEN], BEN: [CLEO], CLEO: []}, None),
        ({ANN: [BEN], BEN: [ANN]}, None),
        ({ANN: [BEN], BEN: [CLEO], CLEO: [BEN]}, None),
        ({ANN: [BEN, CLEO], BEN: [ANN]}, CLEO),
        ({ANN: [BEN], BEN: [ANN, DAN]}, DAN),
    ],
)
def test_the_cover_of_a_cover_stands_in_and_a_circle_is_nobody(away, cover):
    assert cover_of(ANN, away) == cover


def test_absences_that_overlap_are_one_with_the_covers_of_all():
    absences = [
        Away(ANN, FIRST, LAST),
        Away(ANN, LAST, LAST, BEN),
        Away(ANN, LAST, LAST, BEN),
        Away(BEN, LAST, LAST, CLEO),
    ]
    assert covers_on(FIRST, absences) == {ANN: ()}
    assert covers_on(LAST, absences) == {ANN: (BEN,), BEN: (CLEO,)}


# --- Whatever overlaps ---

days = st.integers(0, 12).map(lambda number: FIRST + timedelta(days=number))
people = st.integers(1, 5)


@st.composite
def any_absence(draw) -> Away:
    first, last = sorted((draw(days), draw(days)))
    return Away(draw(people), first, last, draw(st.none() | people))


@given(st.lists(any_absence(), max_size=12), days)
def test_whoever_is_away_is_so_once_and_covered_by_somebody_here_or_by_nobody(absences, day):
    away = covers_on(day, absences)
    assert set(away) == {one.rep_id for one in absences if one.starts_on <= day <= one.ends_on}
    for rep in range(1, 6):
        reached = {rep}
        for _ in range(6):  # as far as covers lead, the plain way
            reached |= {c for one in absences if one.rep_id in reached and one.holds(day) and (c := one.cover_id)}
        here = reached - set(away)
        assert cover_of(rep, away) in (here or {None})


@given(st.lists(any_absence(), max_size=8), st.data())
def test_absences_cut_in_two_or_told_twice_change_nothing(absences, data):
    cut = []
    for one in absences:
        at = data.draw(st.integers(0, (one.ends_on - one.starts_on).days))
        middle = one.starts_on + timedelta(days=at)
        cut += [replace(one, ends_on=middle), replace(one, starts_on=middle)]
    for number in range(13):
        day = FIRST + timedelta(days=number)
        assert covers_on(day, cut) == covers_on(day, absences)
        for rep in range(1, 6):
            theirs, pieces = ([a for a in some if a.rep_id == rep] for some in (absences, cut))
            assert last_day(day, theirs) == last_day(day, pieces)


@given(st.lists(any_absence().map(lambda one: replace(one, rep_id=ANN)), max_size=6), days)
def test_they_are_back_on_the_first_day_that_no_absence_holds(absences, day):
    def away(on: date) -> bool:
        return any(one.holds(on) for one in absences)

    last = last_day(day, absences)
    if last is None:
        assert not away(day)
    else:
        assert all(away(day + timedelta(days=n)) for n in range((last - day).days + 1))
        assert not away(last + timedelta(days=1))


def test_who_is_left_without_a_cover_by_an_absence_is_found():
    ann, dan = Away(ANN, FIRST, LAST, BEN), Away(DAN, FIRST, LAST, CLEO)
    assert left_alone(Away(BEN, LAST, LAST), [ann, dan]) == {ANN: LAST}
    assert left_alone(Away(BEN, LAST, LAST, CLEO), [ann, dan]) == {}
    assert left_alone(Away(BEN, date(2026, 7, 1), date(2026, 7, 1)), [ann, dan]) == {}


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


def test_absences_that_overlap_count_once_and_the_last_day_of_all_counts(reps):
    ann, ben, cleo = reps
    for rep in reps:
        make.seat(rep)
    make.absence(ann, FIRST, LAST)
    make.absence(ann, date(2026, 6, 4), date(2026, 6, 8), cover=ben)
    make.absence(ann, date(2026, 6, 9), date(2026, 6, 10))
    make.absence(ben, FIRST, LAST, cover=ann)
    make.absence(ben, LAST, LAST, cover=cleo)
    now = datetime(2026, 6, 5, 9, tzinfo=UTC)
    away = absent(now=now)
    assert {rep: one.cover_id for rep, one in away.items()} == {ann.pk: cleo.pk, ben.pk: cleo.pk}
    assert away[ann.pk].until == datetime(2026, 6, 11, tzinfo=UTC)
    places = {place.rep_id: place for place in floor_of([ann.team_id], lock=False, now=now).teams[ann.team_id]}
    assert [(places[one.pk].why, places[one.pk].until) for one in reps] == [
        ("away", date(2026, 6, 10)), ("away", LAST), ("", None),
    ]  # fmt: skip


def test_the_admin_says_whom_an_absence_leaves_without_a_cover(reps, client):
    ann, ben, _cleo = reps
    make.absence(ann, FIRST, LAST, cover=ben)
    client.force_login(make.user(is_staff=True, is_superuser=True))
    sent = {"rep": ben.pk, "starts_on": LAST, "ends_on": LAST, "cover": "", "note": "ill"}
    page = client.post(reverse("admin:routing_absence_add"), sent, follow=True).content.decode()
    assert Absence.objects.filter(rep=ben).exists(), "somebody who is ill is away"
    assert "Ann is away too on 5 June 2026, and now nobody covers then" in page


def test_covered_leads_stand_in_the_queue_of_the_cover(db, client):
    now = datetime.now(UTC)
    here = room(now)
    theirs = here.wait("Sofia Rinaldi", owner=here.colleague.rep)
    viewer = viewer_of(here.sdr)
    assert waiting.places(waiting.asked({}, viewer), viewer, now=now)[0] == []
    make.absence(here.colleague.rep, now.date(), now.date(), cover=here.sdr.rep)
    client.force_login(here.sdr)
    page = client.get("/queue/").content.decode()
    assert "Sofia Rinaldi" in page and "covering for Jonas" in page
    assert f"/leads/{theirs.pk}/accept/" in page
    client.force_login(make.user(Role.SDR, team=here.sdr.rep.team))
    assert "Sofia Rinaldi" not in client.get("/queue/").content.decode()
