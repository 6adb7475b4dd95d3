"""From the SDR to the account executive: offered with a note, taken over, returned, taken back; quotas and room."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funnel.access import Role, visible_to
from funnel.models import Content, Lead, Note, Reason
from routing.assignment.explain import why_owner
from routing.assignment.rule_counts import by_rule
from routing.decisions import services
from routing.decisions.services import Invalid, NotAllowed, Refused
from routing.models import Assignment, HandOff, Notice, Quota
from routing.sales import attainments, deals, handoff, meetings
from routing.sales import handoff_answers as answers
from tests import factories as make
from tests.routing.test_races import pressed
from tests.routing.test_to_the_end import DAY, HOUR, NOW, again, at
from tests.threads import at_once

pytestmark = pytest.mark.django_db
NOTE = handoff.Note(
    need="Two hours lost a week", next_step="Demo on Friday", answered="Price", unanswered="Data centre?"
)


def named(user, name: str):
    user.rep.name = name
    user.rep.save()
    return user


@pytest.fixture
def sdr():
    return named(make.user(Role.SDR, team=make.team(), first_name="Mia", last_name="Huber"), "Mia Huber")


@pytest.fixture
def sellers():
    return make.team("ae", name="Sellers")


@pytest.fixture
def seller(sellers):
    return named(make.user(Role.AE, team=sellers, first_name="Olaf", last_name="Berg"), "Olaf Berg")


@pytest.fixture
def rules(sdr, sellers):
    """SQLs are dealt out among the sellers; MQLs to the SDR's team."""
    make.desk(sellers)
    return make.routing_policy(
        {"team": sdr.rep.team, "name": "To SDRs"}, {"team": sellers, "stage": "sql", "name": "To sellers"}
    )


def reason(**fields) -> int:
    return Reason.objects.create(kind="regress", stage="sql", name="No need after all", **fields).pk


def offered(sdr, lead=None, **given) -> Lead:
    lead = lead or at("sql", owner=sdr.rep)
    handoff.offer(lead.pk, note=NOTE, user=sdr, now=NOW, **given)
    return again(lead)


# --- Offering -------------------------------------------------------------------------------------


def test_the_rules_for_sqls_say_whom_it_goes_to_and_why(sdr, seller, sellers, rules):
    make.seat(seller.rep, capacity=5)
    busy = make.seat(team=sellers, capacity=1)
    at("sql", owner=busy.rep)
    make.seat(sdr.rep)
    lead = offered(sdr)
    assert lead.owner == seller.rep
    given = lead.assignments.get()
    assert (given.kind, given.policy, given.rule, given.actor) == ("assigned", rules.policy, "To sellers", None)
    why = why_owner(lead)
    assert why.rule == "To sellers" and "nobody else could take it" in why.sentence
    assert [(one.name, one.why) for one in why.candidates] == [("Olaf Berg", ""), (str(busy.rep), "at_capacity")]
    assert Notice.objects.get(user=seller).kind == "handed_over"


def test_turns_are_taken(sdr, sellers, rules):
    seats = [make.seat(team=sellers) for _ in range(3)]
    owners = [offered(sdr).owner_id for _ in range(6)]
    assert owners == [seat.rep_id for seat in seats] * 2
    (rule,) = by_rule(start=NOW, end=NOW + HOUR)
    assert (rule.rule, rule.stage, rule.leads) == ("To sellers", "sql", 6)


def test_rules_for_sqls_and_rules_for_mqls_leave_each_other_alone(sdr, seller, rules):
    make.seat(sdr.rep)
    with pytest.raises(Invalid, match="has nobody with a seat. Choose whom to hand it to"):
        handoff.offer(at("sql", owner=sdr.rep).pk, note=NOTE, user=sdr, now=NOW)
    assert not HandOff.objects.exists()


def test_without_rules_somebody_is_chosen(sdr, seller):
    lead = at("sql", owner=sdr.rep)
    with pytest.raises(Invalid, match="no routing policy. Choose"):
        handoff.offer(lead.pk, note=NOTE, user=sdr, now=NOW)
    done = handoff.offer(lead.pk, note=NOTE, user=sdr, now=NOW, rep_id=seller.rep.pk)
    assert handoff.offer(lead.pk, note=NOTE, user=sdr, now=NOW + HOUR) == done
    assert again(lead).owner == seller.rep and done.sentence.endswith("is handed to Olaf Berg.")
    for nobody in (sdr.rep.pk, 999_999):
        with pytest.raises(Invalid, match="no such active account executive"):
            handoff.offer(at("sql", owner=sdr.rep).pk, note=NOTE, user=sdr, now=NOW, rep_id=nobody)


def test_the_note_holds_what_was_read_and_what_is_open(sdr, seller):
    lead = at("sql", owner=sdr.rep)
    guide = Content.objects.create(name="Crane guide")
    make.touch(person=lead.person, type="content_download", content=guide, occurred_at=NOW - DAY)
    make.touch(person=lead.person, type="call", direction="out", occurred_at=NOW - HOUR)
    make.touch(person=lead.person, type="pricing_visit", occurred_at=NOW + DAY)
    offered(sdr, lead, rep_id=seller.rep.pk)
    (hand_off,) = handoff.of_lead(lead)
    assert (hand_off.note.need, hand_off.note.unanswered) == (NOTE.need, NOTE.unanswered)
    assert [(one["what"], one["content"]) for one in hand_off.note.consumed] == [("Content download", "Crane guide")]
    for name in ("need", "next_step"):
        with pytest.raises(Invalid) as problem:
            handoff.offer(at("sql", owner=sdr.rep).pk, note=handoff.Note(**{"need": "A", "next_step": "B", name: " "}),
                          user=sdr, now=NOW, rep_id=seller.rep.pk)  # fmt: skip
        assert problem.value.field == name


def test_the_seller_is_expected_at_the_meeting_that_lies_ahead(sdr, seller):
    lead = at("sql", owner=sdr.rep)
    meetings.book(lead.pk, starts_at=NOW + DAY, user=sdr, now=NOW)
    offered(sdr, lead, rep_id=seller.rep.pk)
    assert lead.meetings.get().attendees.filter(rep=seller.rep, expected=True).exists()


def test_only_the_owner_of_an_sql_hands_it_over(sdr, seller):
    with pytest.raises(Refused, match="at SAL"):
        handoff.offer(at("sal", owner=sdr.rep).pk, note=NOTE, user=sdr, now=NOW, rep_id=seller.rep.pk)
    other = make.user(Role.SDR, team=sdr.rep.team)
    with pytest.raises(Refused, match="Only its owner or a manager"):
        handoff.offer(at("sql", owner=sdr.rep).pk, note=NOTE, user=other, now=NOW, rep_id=seller.rep.pk)
    with pytest.raises(NotAllowed):
        handoff.offer(at("sql", owner=sdr.rep).pk, note=NOTE, user=seller, now=NOW, rep_id=seller.rep.pk)
    lead = offered(sdr, rep_id=seller.rep.pk)
    with pytest.raises(Refused, match="offered to Olaf Berg at 12:00"):
        handoff.offer(lead.pk, note=NOTE, user=make.user(Role.SDR_MANAGER), now=NOW, rep_id=seller.rep.pk)


def test_who_handed_it_on_goes_on_seeing_it_and_others_do_not(sdr, seller):
    lead = offered(sdr, rep_id=seller.rep.pk)
    colleague = make.user(Role.SDR, team=sdr.rep.team)
    stranger = make.user(Role.SDR, team=make.team())
    seen = [visible_to(Lead.objects.filter(pk=lead.pk), user).exists() for user in (sdr, colleague, seller, stranger)]
    assert seen == [True, True, True, False]


# --- Answering ------------------------------------------------------------------------------------


def test_taking_over_is_told_to_the_sdr_and_undone(sdr, seller):
    lead = offered(sdr, rep_id=seller.rep.pk)
    done = answers.take_over(lead.pk, user=seller, now=NOW + HOUR)
    assert answers.take_over(lead.pk, user=seller, now=NOW + 2 * HOUR) == done
    hand_off = HandOff.objects.get()
    assert (hand_off.state, hand_off.accepted_at) == ("accepted", NOW + HOUR)
    assert Notice.objects.get(user=sdr).kind == "taken_over"
    with pytest.raises(NotAllowed):
        answers.undo(hand_off.pk, user=sdr, now=NOW + HOUR)
    answers.undo(hand_off.pk, user=seller, now=NOW + HOUR + timedelta(minutes=9))
    assert again(hand_off).state == "offered"
    answers.take_over(lead.pk, user=seller, now=NOW + 2 * HOUR)
    with pytest.raises(Refused, match="possible for 10 minutes"):
        answers.undo(hand_off.pk, user=seller, now=NOW + 2 * HOUR + timedelta(minutes=11))


@pytest.mark.parametrize("taken", [False, True])
def test_a_returned_sql_is_the_sdrs_again_at_sal(sdr, seller, taken):
    lead = offered(sdr, rep_id=seller.rep.pk)
    if taken:
        answers.take_over(lead.pk, user=seller, now=NOW)
    with pytest.raises(Invalid, match="Pick a reason"):
        answers.give_it_back(lead.pk, reason_id=None, user=seller, now=NOW)
    because = reason(needs_text=True)
    with pytest.raises(Invalid, match="needs a sentence"):
        answers.give_it_back(lead.pk, reason_id=because, user=seller, now=NOW)
    done = answers.give_it_back(lead.pk, reason_id=because, text="They only looked", user=seller, now=NOW + HOUR)
    assert answers.give_it_back(lead.pk, reason_id=because, user=seller, now=NOW + HOUR) == done
    again(lead)
    assert (lead.stage, lead.owner, lead.sql_at is not None) == ("sal", sdr.rep, True)
    event = lead.events.latest("id")
    assert (event.kind, event.reason_id) == ("regress", because) and Note.objects.get().text == "They only looked"
    assert Notice.objects.filter(user=sdr, kind="returned").count() == 1
    answers.undo(HandOff.objects.get().pk, user=seller, now=NOW + HOUR)
    again(lead)
    assert (lead.stage, lead.owner, HandOff.objects.get().state) == (
        "sql",
        seller.rep,
        "accepted" if taken else "offered",
    )


def test_what_was_returned_is_offered_again(sdr, seller):
    lead = offered(sdr, rep_id=seller.rep.pk)
    answers.give_it_back(lead.pk, reason_id=reason(), user=seller, now=NOW)
    booked = meetings.book(lead.pk, starts_at=NOW, user=sdr, now=NOW)
    meetings.record_outcome(booked.meeting_id, outcome="held", user=sdr, now=NOW + HOUR)
    handoff.offer(lead.pk, note=NOTE, user=sdr, now=NOW + HOUR, rep_id=seller.rep.pk)
    assert [one.state for one in handoff.of_lead(lead)] == ["offered", "returned"]
    with pytest.raises(Refused, match="offered again since"):
        answers.undo(handoff.of_lead(lead)[1].pk, user=seller, now=NOW + HOUR)


def test_an_sdr_who_has_left_gets_nothing_back(sdr, seller):
    lead = offered(sdr, rep_id=seller.rep.pk)
    sdr.rep.active = False
    sdr.rep.save()
    answers.give_it_back(lead.pk, reason_id=reason(), user=seller, now=NOW)
    assert (again(lead).owner, lead.pool) == (None, sdr.rep.team)


def test_an_offer_is_taken_back_until_it_is_answered(sdr, seller):
    lead = offered(sdr, rep_id=seller.rep.pk)
    with pytest.raises(NotAllowed):
        answers.withdraw(lead.pk, user=seller, now=NOW)
    done = answers.withdraw(lead.pk, user=sdr, now=NOW)
    assert answers.withdraw(lead.pk, user=sdr, now=NOW) == done
    assert (again(lead).owner, lead.stage, HandOff.objects.get().state) == (sdr.rep, "sql", "withdrawn")
    offered(sdr, lead, rep_id=seller.rep.pk)
    answers.take_over(lead.pk, user=seller, now=NOW)
    with pytest.raises(Refused, match="Olaf Berg took this SQL over at 12:00"):
        answers.withdraw(lead.pk, user=sdr, now=NOW)


def test_who_makes_a_deal_of_it_has_taken_it_over(sdr, seller):
    lead = offered(sdr, rep_id=seller.rep.pk)
    deals.open_from_lead(lead.pk, user=seller, now=NOW)
    assert HandOff.objects.get().state == "accepted"
    with pytest.raises(Refused, match="Opportunity"):
        answers.give_it_back(lead.pk, reason_id=reason(), user=seller, now=NOW)
    with pytest.raises(Refused, match="Opportunity"):
        answers.undo(HandOff.objects.get().pk, user=seller, now=NOW)


def test_only_whom_it_was_offered_to_answers(sdr, seller, sellers):
    lead = offered(sdr, rep_id=seller.rep.pk)
    colleague = make.user(Role.AE, team=sellers)
    with pytest.raises(Refused, match="offered to Olaf Berg. Only they or a manager can take it over"):
        answers.take_over(lead.pk, user=colleague, now=NOW)
    with pytest.raises(Refused, match="not offered to anybody"):
        answers.take_over(at("sql", owner=seller.rep).pk, user=seller, now=NOW)


def test_an_offer_follows_the_lead_to_another_seller(sdr, seller, sellers):
    colleague = named(make.user(Role.AE, team=sellers), "Ines Roth")
    manager = make.user(Role.SDR_MANAGER)
    lead = offered(sdr, rep_id=seller.rep.pk)
    services.reassign([lead.pk], rep_id=colleague.rep.pk, user=manager, now=NOW)
    with pytest.raises(Refused, match="offered to Ines Roth"):
        answers.take_over(lead.pk, user=seller, now=NOW)
    answers.take_over(lead.pk, user=colleague, now=NOW)
    assert [(one.state, one.note.need) for one in handoff.of_lead(lead)] == [
        ("accepted", NOTE.need),
        ("withdrawn", NOTE.need),
    ]
    other = offered(sdr, rep_id=seller.rep.pk)
    services.reassign([other.pk], rep_id=sdr.rep.pk, user=manager, now=NOW)
    assert [one.state for one in handoff.of_lead(other)] == ["withdrawn"]


def test_reassigning_costs_the_same_statements_however_many_are_on_their_way(sdr, seller, sellers):
    colleague, manager = make.rep(team=sellers), make.user(Role.SDR_MANAGER)
    assert manager.has_perm("routing.reassign_lead")  # which is read once a user
    counts = []
    for number in (1, 6):
        leads = [offered(sdr, rep_id=seller.rep.pk).pk for _ in range(number)]
        with CaptureQueriesContext(connection) as captured:
            services.reassign(leads, rep_id=colleague.pk, user=manager, now=NOW)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_whoever_gives_leads_away_that_have_moved_meanwhile_is_told(sdr, seller):
    manager = make.user(Role.SDR_MANAGER)
    leads = [at("sql", owner=sdr.rep) for _ in range(2)]
    seen = {lead.pk: sdr.rep.pk for lead in leads}
    services.reassign([leads[0].pk], rep_id=seller.rep.pk, user=manager, now=NOW, seen=seen)
    with pytest.raises(Refused, match="with Olaf Berg since 12:00 by now. Nothing was changed"):
        services.reassign(list(seen), rep_id=make.rep().pk, user=manager, now=NOW, seen=seen)
    assert again(leads[1]).owner == sdr.rep


# --- Quotas and room ------------------------------------------------------------------------------


def quota(rep, measure: str, amount: int, **fields) -> Quota:
    first = NOW.date().replace(day=1)
    return Quota.objects.create(
        rep=rep, measure=measure, amount=amount, starts_on=first, ends_on=first + 29 * DAY, **fields
    )


def test_whoever_has_no_room_is_passed_over(sdr, seller, sellers, rules):
    make.seat(seller.rep)
    other = make.seat(team=sellers)
    quota(seller.rep, "room", 1)
    assert [offered(sdr).owner for _ in range(3)] == [seller.rep, other.rep, other.rep]
    last = Assignment.objects.order_by("-id").first()
    assert {one["rep"]: one.get("why") for one in last.explanation["candidates"]} == {
        seller.rep.pk: "no_room",
        other.rep.pk: None,
    }
    assert "No room for more SQLs in this period" in {one.sentence for one in why_owner(last.lead).candidates}
    with pytest.raises(Invalid, match="Olaf Berg has taken 1 SQLs of the 1 they have room for"):
        offered(sdr, rep_id=seller.rep.pk)
    manager = make.user(Role.SDR_MANAGER)
    handoff.offer(at("sql", owner=sdr.rep).pk, note=NOTE, user=manager, now=NOW, rep_id=seller.rep.pk)


def test_what_comes_back_makes_room_again_and_counts_for_nobody(sdr, seller):
    quota(seller.rep, "room", 1)
    quota(sdr.rep, "sqls", 4)
    lead = offered(sdr, rep_id=seller.rep.pk)
    answers.take_over(lead.pk, user=seller, now=NOW)
    reached = {
        one.measure: (one.reached, one.left) for one in attainments.running([sdr.rep.pk, seller.rep.pk], now=NOW)
    }
    assert reached == {"room": (1, 0), "sqls": (1, 3)}
    answers.give_it_back(lead.pk, reason_id=reason(), user=seller, now=NOW)
    assert {one.reached for one in attainments.running([sdr.rep.pk, seller.rep.pk], now=NOW)} == {0}
    assert attainments.without_room(now=NOW) == {}


def test_meetings_and_opportunities_count_for_whose_they_are(sdr, seller):
    quota(sdr.rep, "meetings", 2)
    quota(seller.rep, "opportunities", 2)
    lead = at("sal", owner=sdr.rep)
    booked = meetings.book(lead.pk, starts_at=NOW - HOUR, user=sdr, now=NOW)
    meetings.record_outcome(booked.meeting_id, outcome="held", user=sdr, now=NOW)
    deals.open_from_lead(lead.pk, user=seller, now=NOW)
    assert {one.measure: one.reached for one in attainments.running([sdr.rep.pk, seller.rep.pk], now=NOW)} == {
        "meetings": 1,
        "opportunities": 1,
    }
    assert attainments.running([sdr.rep.pk], now=NOW + 90 * DAY) == []


def test_what_sdrs_are_to_bring_is_held_against_the_room_there_is(sdr, seller):
    assert attainments.fit(now=NOW) is None
    quota(sdr.rep, "sqls", 12)
    quota(seller.rep, "room", 10)
    fit = attainments.fit(now=NOW)
    assert (fit.wanted, fit.room, fit.over) == (12, 10, 2)
    seller.rep.active = False
    seller.rep.save()
    assert attainments.fit(now=NOW) is None


# --- Races ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_taking_returning_and_giving_away_one_wins_and_the_others_are_told(sdr, seller, sellers):
    colleague = named(make.user(Role.AE, team=sellers), "Ines Roth")
    manager = make.user(Role.SDR_MANAGER, first_name="Hanna", last_name="Solberg")
    because = reason()
    for _round in range(3):
        lead = offered(sdr, rep_id=seller.rep.pk)
        taken, returned, given = at_once(
            pressed(lambda lead=lead: answers.take_over(lead.pk, user=seller, now=NOW)),
            pressed(lambda lead=lead: answers.give_it_back(lead.pk, reason_id=because, user=seller, now=NOW)),
            pressed(
                lambda lead=lead: services.reassign(
                    [lead.pk], rep_id=colleague.rep.pk, user=manager, now=NOW, seen={lead.pk: seller.rep.pk}
                )
            ),
        )
        again(lead)
        states = [one.state for one in handoff.of_lead(lead)]
        refused = [one for one in (taken, returned, given) if isinstance(one, Refused)]
        assert all(one.sentence for one in refused) and len(refused) < 3
        # Whatever came first, hands, stage and hand-offs tell the same story.
        if lead.owner == sdr.rep:
            assert lead.stage == "sal" and states[0] == "returned"
        elif lead.owner == colleague.rep:
            assert isinstance(given, list)
            assert states[0] in ("offered", "accepted") if lead.stage == "sql" else states[0] == "returned"
        else:
            assert (lead.owner, lead.stage, states[0]) == (seller.rep, "sql", "accepted")


@pytest.mark.django_db(transaction=True)
def test_many_clicks_make_one_hand_off(sdr, seller):
    lead = at("sql", owner=sdr.rep)
    answers = at_once(*[lambda: handoff.offer(lead.pk, note=NOTE, user=sdr, now=NOW, rep_id=seller.rep.pk)] * 4)
    assert len({answer.hand_off_id for answer in answers}) == HandOff.objects.count() == 1
