"""The call log: what one logged attempt does to lead, tasks, clocks and score, and that taking it back undoes all."""

from datetime import timedelta

import pytest

from demandcenter import pipeline
from funnel.access import Role
from funnel.models import Activity, Note, Reason
from routing.acts.doing import Invalid, NotAllowed, Refused
from routing.day import agenda, attempts, work
from routing.day.work import Wanted
from routing.decisions import services
from routing.models import Attempt, Task, TaskEvent
from scoring import shipped
from tests import factories as make
from tests.routing.waiting_rooms import clock
from tests.threads import at_once

pytestmark = pytest.mark.django_db
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
NOW = make.NOW + 2 * HOUR  # 14:00 UTC


@pytest.fixture
def team():
    return make.team(name="DACH")


@pytest.fixture
def jonas(team):
    return make.user(Role.SDR, team=team, first_name="Jonas", last_name="Petersen")


@pytest.fixture
def mia(team):
    return make.user(Role.SDR, team=team, first_name="Mia", last_name="Huber")


def mql(**fields):
    return make.lead(stages={"inquiry": make.NOW, "mql": make.NOW + HOUR}, **fields)


def sal(**fields):
    return make.lead(stages={"mql": make.NOW, "sal": make.NOW + HOUR}, **fields)


def call(lead, user, outcome="no_answer", *, now=NOW, **fields):
    return attempts.log(lead.pk, medium="call", outcome=outcome, user=user, now=now, **fields)


def tasks(lead) -> list[tuple[str, str]]:
    return list(lead.tasks.order_by("id").values_list("kind", "state"))


# --- Logging --------------------------------------------------------------------------------------


def test_a_call_is_a_touch_of_ours_with_a_note_and_a_next_date(jonas):
    lead = sal(owner=jonas.rep)
    done = call(lead, jonas, "voicemail", text="Back on Monday", next_at=NOW + DAY)
    attempt = Attempt.objects.get(pk=done.attempt_id)
    touch = attempt.activity
    assert (touch.person, touch.type, touch.direction, touch.automatic) == (lead.person, "call", "out", False)
    assert not touch.counts_as_response and touch.payload == {"outcome": "voicemail"}
    assert (attempt.rep, attempt.lead, attempt.accepted) == (jonas.rep, lead, None)
    assert [(note.text, note.author) for note in lead.notes.all()] == [("Back on Monday", jonas)]
    assert [(task.kind, task.due_at) for task in lead.tasks.all()] == [("next", NOW + DAY)]
    assert "voicemail" in done.sentence and "2 June 2026, 14:00" in done.sentence


def test_a_call_on_an_undecided_mql_accepts_it(jonas):
    lead = mql(owner=jonas.rep)
    done = call(lead, jonas)
    lead.refresh_from_db()
    assert (lead.stage, lead.sal_at) == ("sal", NOW) and "Accepted with it." in done.sentence
    assert Attempt.objects.get().accepted == lead.events.get(to_stage="sal")


def test_a_call_from_the_pool_takes_the_lead(jonas, team):
    lead = mql(pool=team)
    call(lead, jonas)
    lead.refresh_from_db()
    assert (lead.stage, lead.owner) == ("sal", jonas.rep)


@pytest.mark.parametrize(("medium", "type_"), [("email", "email_sent"), ("social", "social_message_sent")])
def test_mails_and_social_messages_are_logged_the_same_way(jonas, medium, type_):
    lead = sal(owner=jonas.rep)
    attempts.log(lead.pk, medium=medium, outcome="sent", user=jonas, now=NOW)
    assert Activity.objects.get(person=lead.person).type == type_
    with pytest.raises(Invalid, match="Say one of: sent"):
        attempts.log(lead.pk, medium=medium, outcome="voicemail", user=jonas, now=NOW)


def test_a_second_click_is_the_same_call_and_a_second_call_is_another(jonas):
    lead = sal(owner=jonas.rep)
    first = call(lead, jonas)
    assert call(lead, jonas, now=NOW + SECOND).attempt_id == first.attempt_id
    assert call(lead, jonas, now=NOW + 60 * SECOND).attempt_id != first.attempt_id
    assert Attempt.objects.count() == Activity.objects.filter(person=lead.person).count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_log_one_call(jonas):
    lead = mql(owner=jonas.rep)
    first, second = at_once(lambda: call(lead, jonas), lambda: call(lead, jonas))
    assert first.attempt_id == second.attempt_id and Attempt.objects.count() == 1


def test_what_cannot_be_logged_says_why_and_leaves_nothing(jonas, mia):
    lead = mql(owner=jonas.rep)
    with pytest.raises(Refused, match=r"with Rep|with user"):
        call(lead, mia)
    with pytest.raises(NotAllowed, match="does not let you"):
        call(lead, make.user(Role.EXECUTIVE))
    with pytest.raises(Invalid, match="lies ahead"):
        call(lead, jonas, next_at=NOW - HOUR)
    make.leave(lead, "recycle", at=NOW)
    with pytest.raises(Refused):
        call(lead, jonas)
    assert not Attempt.objects.exists() and not Note.objects.exists() and not Task.objects.exists()


def test_an_account_executive_logs_calls_on_leads_of_their_own_only(jonas):
    ae = make.user(Role.AE, team=make.team("ae"))
    stages = {"mql": make.NOW, "sal": make.NOW + HOUR, "sql": make.NOW + HOUR}
    call(make.lead(stages=stages, owner=ae.rep), ae, "connected")
    with pytest.raises(Refused, match="not yours"):
        call(make.lead(stages=stages, owner=jonas.rep), ae)


def test_a_call_stops_the_clock_of_a_raised_hand(jonas):
    lead = sal(owner=jonas.rep)
    hot = clock(lead, due=NOW + HOUR / 6, kind="hot", lasts=HOUR / 2)
    call(lead, jonas)
    hot.refresh_from_db()
    assert hot.stopped_at == NOW


def test_a_call_of_ours_is_no_interest_of_theirs(jonas):
    """Under the model that ships, whatever rule one looks at asks for touches from them."""
    rules = [rule for category in shipped.INTEREST for rule in category["rules"]]
    asked = [str(rule["condition"]) for rule in rules if rule["kind"] == "touch"]
    assert asked and all("'touch.direction', 'op': 'is', 'value': 'in'" in condition for condition in asked)
    lead = sal(owner=jonas.rep)
    call(lead, jonas)
    pipeline.drain(now=NOW)
    assert lead.person.leads.count() == 1  # and it opens no lead


# --- What it does that was due --------------------------------------------------------------------


def test_a_call_does_the_date_of_today_and_leaves_one_of_another_day(jonas):
    today, later = sal(owner=jonas.rep), sal(owner=jonas.rep)
    agenda.plan(today.pk, next_at=NOW + HOUR, user=jonas, now=NOW)
    agenda.plan(later.pk, next_at=NOW + 3 * DAY, user=jonas, now=NOW)
    for lead in (today, later):
        call(lead, jonas)
    assert tasks(today) == [("next", "done")] and tasks(later) == [("next", "open")]


def test_a_new_date_takes_the_place_of_the_old_one(jonas):
    lead = sal(owner=jonas.rep)
    call(lead, jonas, next_at=NOW + DAY)
    call(lead, jonas, now=NOW + HOUR, next_at=NOW + 2 * DAY)
    assert tasks(lead) == [("next", "dropped"), ("next", "open")]


def test_an_answer_that_waits_is_answered_by_any_attempt(jonas):
    lead = sal(owner=jonas.rep)
    work.make([Wanted(lead_id=lead.pk, kind="reply", due_at=NOW - DAY, cause="activity:1")], actor_id=None, now=NOW)
    attempts.log(lead.pk, medium="email", outcome="sent", user=jonas, now=NOW)
    assert tasks(lead) == [("reply", "done")]


# --- Taking it back -------------------------------------------------------------------------------


def test_taking_back_undoes_everything_and_it_can_be_done_again(jonas):
    lead = mql(owner=jonas.rep)
    hot = clock(lead, due=NOW + HOUR, kind="hot")
    agenda.plan(lead.pk, next_at=NOW + HOUR, user=jonas, now=NOW - HOUR)
    for number in range(2):  # done, taken back, done again
        at = NOW + number * 10 * SECOND
        done = call(lead, jonas, "connected", text="She wants a price", next_at=at + 2 * DAY, now=at)
        lead.refresh_from_db()
        assert lead.stage == "sal" and lead.notes.count() == 1
        if number:
            break
        attempts.take_back(done.attempt_id, user=jonas, now=at + 5 * SECOND)
        lead.refresh_from_db()
        hot.refresh_from_db()
        assert (lead.stage, lead.notes.count(), hot.stopped_at) == ("mql", 0, None)
        assert tasks(lead) == [("next", "open"), ("next", "dropped")]
        touch = Activity.objects.get(person=lead.person, type="call")
        assert touch.voided_at == at + 5 * SECOND
    assert Activity.objects.filter(person=lead.person, type="call", voided_at=None).count() == 1
    hot.refresh_from_db()
    assert hot.stopped_at is not None


def test_taking_back_twice_is_taking_back_once(jonas, mia):
    lead = sal(owner=jonas.rep)
    done = call(lead, jonas, next_at=NOW + DAY)
    with pytest.raises(NotAllowed, match="whoever logged this"):
        attempts.take_back(done.attempt_id, user=mia, now=NOW)
    first = attempts.take_back(done.attempt_id, user=jonas, now=NOW)
    assert attempts.take_back(done.attempt_id, user=jonas, now=NOW + SECOND) == first
    assert TaskEvent.objects.filter(kind="dropped").count() == 1


def test_what_happened_since_or_long_ago_is_not_taken_back(jonas):
    lead = mql(owner=jonas.rep)
    done = call(lead, jonas)
    reason = Reason.objects.create(kind="recycle", name="Later")
    services.recycle(lead.pk, user=jonas, reason_id=reason.pk, now=NOW + HOUR / 12)
    with pytest.raises(Refused):
        attempts.take_back(done.attempt_id, user=jonas, now=NOW + HOUR / 10)
    assert Attempt.objects.get().taken_back_at is None
    other = call(sal(owner=jonas.rep), jonas)
    with pytest.raises(Refused, match="10 minutes"):
        attempts.take_back(other.attempt_id, user=jonas, now=NOW + HOUR)
