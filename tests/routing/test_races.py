"""Two people press at once: one wins, the other is told who."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail

from demandcenter import pipeline
from funnel.access import Role
from funnel.models import Lead
from routing.cadences import enrolments
from routing.day import reminders, snoozes
from routing.decisions import services
from routing.messages import outbox
from routing.models import ClockEvent, ContactCap, Delivery, Enrolment, Meeting, Notice, Snooze, TaskEvent, Wish
from tests import factories as make
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 6
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def pressed(deed: Callable[[], object]) -> Callable[[], object]:
    """The deed, with a refusal as its answer."""

    def press() -> object:
        try:
            return deed()
        except services.Refused as refusal:
            return refusal

    return press


@pytest.mark.parametrize(("act", "word"), [("accept", "accepted"), ("claim", "claimed")])
def test_one_of_many_wins_and_the_others_are_told(act, word):
    team = make.team()
    lead = make.lead(stages={"inquiry": make.NOW, "mql": make.NOW}, pool=team)
    users = [make.user(Role.SDR, team=team, username=f"Sam {number}") for number in range(PEOPLE)]
    deed = getattr(services, act)
    answers = at_once(*(pressed(lambda user=user: deed(lead.pk, user=user, now=make.NOW)) for user in users))
    winners = [place for place, answer in enumerate(answers) if isinstance(answer, services.Done)]
    lead.refresh_from_db()
    assert [users[place].rep for place in winners] == [lead.owner]
    told = {answer.sentence for place, answer in enumerate(answers) if place not in winners}
    assert told == {f"Sam {winners[0]} {word} this lead at 12:00."}
    assert lead.assignments.count() == 1


def test_many_clicks_of_one_person_are_one_act():
    team = make.team()
    lead = make.lead(stages={"inquiry": make.NOW, "mql": make.NOW}, pool=team)
    user = make.user(Role.SDR, team=team)
    answers = at_once(*[lambda: services.accept(lead.pk, user=user, now=make.NOW)] * PEOPLE)
    assert len({answer.event_id for answer in answers}) == 1
    assert lead.events.filter(to_stage="sal").count() == lead.assignments.count() == 1


def test_giving_many_away_while_they_are_accepted_has_one_winner_a_lead_and_tells_the_other():
    team, target = make.team(), make.rep(team=make.team(), name="Tara")
    users = [make.user(Role.SDR, team=team, username=f"Sam {number}") for number in range(PEOPLE)]
    stages = {"inquiry": make.NOW, "mql": make.NOW}
    leads = [
        make.lead(person=make.person(first_name="No", last_name=str(number)), stages=stages, pool=team)
        for number in range(PEOPLE)
    ]
    boss, seen = make.user(Role.SDR_MANAGER), {lead.pk: None for lead in leads}
    many, *each = at_once(
        pressed(lambda: services.reassign(list(seen), rep_id=target.pk, user=boss, now=make.NOW, seen=seen)),
        *(
            pressed(lambda lead=lead, user=user: services.accept(lead.pk, user=user, now=make.NOW))
            for lead, user in zip(leads, users, strict=True)
        ),
    )
    refused = [isinstance(answer, services.Refused) for answer in each]
    assert refused == [not isinstance(many, services.Refused)] * PEOPLE  # all or none
    found = list(Lead.objects.order_by("pk").values_list("owner", "stage"))
    if isinstance(many, services.Refused):
        assert found == [(user.rep.pk, "sal") for user in users]
        told = [f"No {number} is with Sam {number} since 12:00" for number in range(PEOPLE)]
        assert any(words in many.sentence for words in told) and "Nothing was changed" in many.sentence
    else:
        assert found == [(target.pk, "mql")] * PEOPLE
        assert all("This lead is with Tara since 12:00." in answer.sentence for answer in each)
    for lead, (owner, stage) in zip(leads, found, strict=True):
        assert [made.rep_id for made in lead.assignments.all()] == [owner]
        assert lead.events.filter(to_stage="sal").count() == (stage == "sal")


def accepted(user, **person):
    return make.lead(
        person=make.person(**person), stages={"mql": make.NOW - DAY, "sal": make.NOW - HOUR}, owner=user.rep
    )


def test_a_lead_is_put_into_one_cadence_however_many_want_it_there():
    user = make.user(Role.SDR, team=make.team())
    lead = accepted(user)
    wanted = [make.cadence((0, "call"), (3, "email"), name="Calls"), make.cadence((0, "email"), name="Mails")] * 3
    answers = at_once(
        *(
            pressed(lambda one=one: enrolments.enrol(lead.pk, cadence_id=one.pk, user=user, now=make.NOW))
            for one in wanted
        )
    )
    run = Enrolment.objects.get()
    for one, answer in zip(wanted, answers, strict=True):
        if one.pk == run.cadence_id:
            assert isinstance(answer, services.Done)
        else:
            assert answer.sentence == f"{lead.person} is in “{run.cadence.name}”; stop that first."
    assert lead.tasks.count() == run.tasks.count() == run.cadence.steps.count()


def test_drains_that_hear_of_an_acceptance_at_once_begin_one_cadence():
    make.cadence((0, "call"), (3, "email"), on_acceptance=True)
    user = make.user(Role.SDR, team=make.team())
    events = [accepted(user).events.get(to_stage="sal").pk for _ in range(3)]
    at_once(*[lambda: enrolments.follow(events, [], now=make.NOW)] * PEOPLE)
    assert Enrolment.objects.count() == 3 and TaskEvent.objects.filter(kind="made").count() == 6


def test_of_snoozes_at_once_one_holds_and_is_not_ended_by_taking_another_back():
    user = make.user(Role.SDR, team=make.team())
    lead = accepted(user)
    answers = at_once(
        *(
            lambda days=days: snoozes.snooze(lead.pk, until=make.NOW + days * DAY, user=user, now=make.NOW)
            for days in range(1, PEOPLE)
        )
    )
    holds = Snooze.objects.get(ended_at=None)
    assert holds.pk in {answer.snooze_id for answer in answers} and Snooze.objects.count() == PEOPLE - 1
    for answer in answers:
        if answer.snooze_id != holds.pk:
            with pytest.raises(services.Refused, match="was snoozed again"):
                snoozes.wake(answer.snooze_id, user=user, now=make.NOW)
    assert "is back" in snoozes.wake(holds.pk, user=user, now=make.NOW).sentence
    assert not Snooze.objects.filter(ended_at=None).exists()


def test_beats_at_once_work_what_is_due_once(settings):
    """Cadences that are over, steps over the cap, meetings whose time has come, reminders, and what goes out."""
    settings.MAIL_ON = True
    morning = make.NOW.replace(hour=9)
    make.promises("outcome")
    ContactCap.objects.create(name="A week", most=1, days=7)
    made = make.cadence((0, "call"), (0, "email"))
    user = make.user(Role.SDR, team=make.team(), email="sam@example.com")
    Wish.objects.create(user=user, kind=Notice.Kind.STEPS, way="email")
    for number in range(3 * PEOPLE):
        lead = accepted(user)
        if number % 3 == 0:
            Meeting.objects.create(lead=lead, booked_at=make.NOW - DAY, starts_at=morning - HOUR)
            continue
        enrolments.enrol(lead.pk, cadence_id=made.pk, user=user, now=morning)
        if number % 3 == 1:
            lead.person.opted_out = True
            lead.person.save()
        else:
            make.touch(
                person=lead.person, type="newsletter", direction="out", automatic=True, occurred_at=morning - DAY
            )
    told = at_once(*[lambda: reminders.tell_of_steps(now=morning)] * 4)
    at_once(*[lambda: pipeline.sweep(now=morning)] * 4)
    at_once(*[lambda: outbox.deliver(now=morning)] * 4)
    assert sum(told) == Notice.objects.filter(kind="steps").count() == Delivery.objects.count() == len(mail.outbox) == 1
    assert Enrolment.objects.filter(stop="opt_out").count() == PEOPLE
    by_kind = {kind: TaskEvent.objects.filter(kind=kind).count() for kind in ("made", "dropped", "put_off")}
    assert by_kind == {"made": 4 * PEOPLE, "dropped": 2 * PEOPLE, "put_off": 2 * PEOPLE}
    assert ClockEvent.objects.filter(kind="started", clock__kind="outcome").count() == PEOPLE
