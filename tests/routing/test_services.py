"""What people decide about leads, one act at a time: what it comes to, and why it is refused."""

from datetime import date, timedelta

import pytest

from funnel.access import Role
from funnel.models import Inbox, Lead, Note, Reason, StageEvent
from routing.decisions import services
from routing.decisions.services import Invalid, NotAllowed, Refused
from routing.models import Assignment, Clock, Notice
from tests import factories as make

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
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


@pytest.fixture
def boss():
    return make.user(Role.SDR_MANAGER, first_name="Ines", last_name="Roth")


def mql(**fields) -> Lead:
    return make.lead(stages={"inquiry": make.NOW, "mql": make.NOW + HOUR}, **fields)


def reason(kind: str, name: str = "Because", **fields) -> Reason:
    return Reason.objects.create(kind=kind, name=name, **fields)


def acts(lead: Lead) -> list[str]:
    return list(lead.events.filter(actor__isnull=False).order_by("id").values_list("kind", flat=True))


def refused(kind=Refused):
    return pytest.raises(kind)


# --- Accept ---------------------------------------------------------------------------------------


def test_the_owner_accepts_and_the_pipeline_hears_of_it(jonas):
    lead = mql(owner=jonas.rep)
    done = services.accept(lead.pk, user=jonas, now=NOW)
    lead.refresh_from_db()
    assert (lead.stage, lead.sal_at, lead.owner) == ("sal", NOW, jonas.rep)
    assert done.undo_until == NOW + timedelta(minutes=10) and lead.person.name in done.sentence
    assert Inbox.objects.filter(cause="stage_event", object_id=done.event_id, person=lead.person).count() == 1
    assert not Assignment.objects.exists()


def test_a_second_click_is_the_same_act(jonas):
    lead = mql(owner=jonas.rep)
    first = services.accept(lead.pk, user=jonas, now=NOW)
    assert services.accept(lead.pk, user=jonas, now=NOW + timedelta(seconds=1)) == first
    assert acts(lead) == ["advance"]


def test_accepting_from_the_pool_takes_the_lead(jonas, team):
    lead = mql(pool=team)
    done = services.accept(lead.pk, user=jonas, now=NOW)
    lead.refresh_from_db()
    assert (lead.stage, lead.owner, lead.pool) == ("sal", jonas.rep, None)
    taken = Assignment.objects.get(lead=lead)
    assert (taken.kind, taken.rep, taken.actor) == ("claimed", jonas.rep, jonas)
    assert taken.cause == StageEvent.objects.get(pk=done.event_id).cause


def test_a_lead_in_no_pool_is_for_every_rep_and_another_teams_pool_is_not(jonas):
    services.accept(mql().pk, user=jonas, now=NOW)
    with refused() as refusal:
        services.accept(mql(pool=make.team(name="Nordics")).pk, user=jonas, now=NOW)
    assert "pool of Nordics" in refusal.value.sentence


def test_the_slower_one_is_told_who_accepted_and_when(jonas, mia, team):
    lead = mql(pool=team)
    services.accept(lead.pk, user=jonas, now=NOW)
    with refused() as refusal:
        services.accept(lead.pk, user=mia, now=NOW + timedelta(minutes=1))
    assert refusal.value.sentence == "Jonas Petersen accepted this lead at 14:00."
    with refused() as refusal:
        services.accept(lead.pk, user=mia, now=NOW + timedelta(days=1))
    assert refusal.value.sentence == "Jonas Petersen accepted this lead on 1 June 2026, 14:00."


def test_a_teammate_may_not_accept_but_a_manager_may(jonas, mia, boss):
    lead = mql(owner=jonas.rep)
    with refused() as refusal:
        services.accept(lead.pk, user=mia, now=NOW)
    assert f"with {jonas.rep}" in refusal.value.sentence
    services.accept(lead.pk, user=boss, now=NOW)
    lead.refresh_from_db()
    assert (lead.stage, lead.owner) == ("sal", jonas.rep)


def test_a_manager_who_is_no_rep_gives_an_unowned_lead_to_somebody_first(boss, jonas):
    lead = mql()
    with refused(NotAllowed):
        services.accept(lead.pk, user=boss, now=NOW)
    services.reassign([lead.pk], rep_id=jonas.rep.pk, user=boss, now=NOW)
    services.accept(lead.pk, user=boss, now=NOW)


def test_who_may_not_work_leads_accepts_none():
    lead = mql()
    for user in (make.user(Role.EXECUTIVE), make.user(), make.user(Role.SDR)):
        with refused(NotAllowed):
            services.accept(lead.pk, user=user, now=NOW)


def test_only_an_mql_is_accepted(jonas):
    lead = make.lead(owner=jonas.rep)
    with refused() as refusal:
        services.accept(lead.pk, user=jonas, now=NOW)
    assert refusal.value.sentence == "This lead is at Inquiry."
    with refused():
        services.accept(999_999, user=jonas, now=NOW)


# --- Reject and recycle ---------------------------------------------------------------------------


def test_rejecting_needs_a_reason_that_applies(jonas):
    lead = mql(owner=jonas.rep)
    for picked in (None, 999_999, reason("recycle").pk, reason("reject", "Old", active=False).pk,
                   reason("reject", "Late", stage="sal").pk):  # fmt: skip
        with refused(Invalid) as refusal:
            services.reject(lead.pk, user=jonas, reason_id=picked, now=NOW)
        assert refusal.value.field == "reason_id"
    for kind in ("reject", "disqualify"):
        lead = mql(owner=jonas.rep)
        services.reject(lead.pk, user=jonas, reason_id=reason(kind, stage="mql").pk, now=NOW)
        lead.refresh_from_db()
        assert (lead.exit, lead.closed_at, lead.reason.kind) == ("disqualified", NOW, kind)


def test_a_reason_that_needs_a_sentence_gets_one_and_it_becomes_a_note(jonas):
    lead, other = mql(owner=jonas.rep), reason("reject", "Something else", needs_text=True)
    with refused(Invalid) as refusal:
        services.reject(lead.pk, user=jonas, reason_id=other.pk, text="  ", now=NOW)
    assert refusal.value.field == "text" and not acts(lead)
    for _ in range(2):
        services.reject(lead.pk, user=jonas, reason_id=other.pk, text=" A student ", now=NOW)
    assert list(Note.objects.values_list("text", "lead", "author")) == [("A student", lead.pk, jonas.pk)]


def test_after_acceptance_a_lead_is_disqualified_by_name(jonas):
    lead = make.lead(stages={"mql": make.NOW, "sal": make.NOW + HOUR}, owner=jonas.rep)
    clerical, no_need = reason("reject"), reason("disqualify")
    with refused():
        services.reject(lead.pk, user=jonas, reason_id=no_need.pk, now=NOW)
    with refused(Invalid):
        services.reject(lead.pk, user=jonas, reason_id=clerical.pk, now=NOW, seen="sal")
    services.reject(lead.pk, user=jonas, reason_id=no_need.pk, now=NOW, seen="sal")
    assert acts(lead) == ["disqualify"]


def test_recycling_has_a_day_of_its_own_or_of_its_reason_or_none(jonas):
    later, never = reason("recycle", revisit_days=90), reason("recycle", "Looking around")
    for picked, given, kept in (
        (later, None, date(2026, 8, 30)), (later, date(2026, 7, 1), date(2026, 7, 1)), (never, None, None),
    ):  # fmt: skip
        lead = mql(owner=jonas.rep)
        services.recycle(lead.pk, user=jonas, reason_id=picked.pk, revisit_on=given, now=NOW)
        lead.refresh_from_db()
        assert (lead.exit, lead.revisit_on) == ("recycled", kept)


def test_recycling_to_today_or_without_a_reason_is_refused(jonas):
    lead, later = mql(owner=jonas.rep), reason("recycle")
    with refused(Invalid) as refusal:
        services.recycle(lead.pk, user=jonas, reason_id=later.pk, revisit_on=NOW.date(), now=NOW)
    assert refusal.value.field == "revisit_on"
    with refused(Invalid):
        services.recycle(lead.pk, user=jonas, reason_id=reason("reject").pk, now=NOW)
    lead.refresh_from_db()
    assert lead.closed_at is None and not acts(lead)


# --- Reopen and undo ------------------------------------------------------------------------------


def test_a_rejected_lead_is_reopened_where_it_stood(jonas):
    lead = mql(owner=jonas.rep)
    services.reject(lead.pk, user=jonas, reason_id=reason("reject").pk, now=NOW)
    services.reopen(lead.pk, user=jonas, reason_id=reason("reopen").pk, now=NOW + HOUR)
    lead.refresh_from_db()
    assert (lead.stage, lead.closed_at, lead.exit) == ("mql", None, "")
    with refused() as refusal:
        services.reopen(mql(owner=jonas.rep).pk, user=jonas, now=NOW)
    assert refusal.value.sentence == "This lead is open already."


def test_nobody_has_two_open_leads_of_one_solution(jonas):
    lead = mql(owner=jonas.rep)
    services.reject(lead.pk, user=jonas, reason_id=reason("reject").pk, now=NOW)
    mql(person=lead.person, owner=jonas.rep)
    with refused() as refusal:
        services.reopen(lead.pk, user=jonas, now=NOW + HOUR)
    assert "another open lead" in refusal.value.sentence


def test_an_accepted_lead_goes_back_into_its_pool(jonas, team):
    lead = mql(pool=team)
    done = services.accept(lead.pk, user=jonas, now=NOW)
    back = services.undo(done.event_id, user=jonas, now=NOW + timedelta(minutes=9))
    lead.refresh_from_db()
    assert (lead.stage, lead.sal_at, lead.owner, lead.pool) == ("mql", None, None, team)
    assert list(lead.assignments.order_by("id").values_list("kind", flat=True)) == ["claimed", "released"]
    assert services.undo(done.event_id, user=jonas, now=NOW + timedelta(minutes=9)).event_id == back.event_id
    again = services.accept(lead.pk, user=jonas, now=NOW + timedelta(minutes=10))
    assert again.event_id != done.event_id and acts(lead) == ["advance", "void", "advance"]


def test_undoing_a_recycle_gives_the_revisit_date_back(jonas):
    for before in (None, date(2027, 1, 1)):
        lead = mql(owner=jonas.rep, revisit_on=before)
        later = reason("recycle", f"Later {before}", revisit_days=90)
        done = services.recycle(lead.pk, user=jonas, reason_id=later.pk, now=NOW)
        services.undo(done.event_id, user=jonas, now=NOW)
        lead.refresh_from_db()
        assert (lead.stage, lead.closed_at, lead.revisit_on) == ("mql", None, before)


def test_undo_is_for_ten_minutes_for_oneself_and_for_the_last_thing(jonas, mia, boss):
    lead = mql(owner=jonas.rep)
    done = services.accept(lead.pk, user=jonas, now=NOW)
    with refused() as refusal:
        services.undo(done.event_id, user=jonas, now=NOW + timedelta(minutes=11))
    assert "10 minutes" in refusal.value.sentence
    with refused(NotAllowed):
        services.undo(done.event_id, user=mia, now=NOW)
    services.recycle(lead.pk, user=boss, reason_id=reason("recycle").pk, now=NOW)
    with refused() as refusal:
        services.undo(done.event_id, user=jonas, now=NOW)
    assert refusal.value.sentence == "Ines Roth recycled this lead at 14:00."
    with refused():
        services.undo(lead.events.order_by("id").first().pk, user=jonas, now=NOW)


def test_undo_is_over_once_the_lead_changed_hands(jonas, mia, boss):
    lead = mql(owner=jonas.rep)
    done = services.accept(lead.pk, user=jonas, now=NOW)
    services.reassign([lead.pk], rep_id=mia.rep.pk, user=boss, now=NOW + timedelta(minutes=1))
    with refused() as refusal:
        services.undo(done.event_id, user=jonas, now=NOW + timedelta(minutes=2))
    assert refusal.value.sentence.startswith("Ines Roth gave this lead to somebody else at 14:01")


def test_a_manager_undoes_what_others_did(jonas, boss):
    done = services.accept(mql(owner=jonas.rep).pk, user=jonas, now=NOW)
    services.undo(done.event_id, user=boss, now=NOW)
    with refused() as refusal:
        services.undo(done.event_id, user=jonas, now=NOW)
    assert refusal.value.sentence.startswith("Ines Roth took back")


def test_a_lead_that_nobody_could_take_is_unrouted_again(jonas):
    lead = mql()
    done = services.accept(lead.pk, user=jonas, now=NOW)
    services.undo(done.event_id, user=jonas, now=NOW)
    lead.refresh_from_db()
    assert (lead.owner, lead.pool, lead.assignments.order_by("-id")[0].kind) == (None, None, "unrouted")


def test_the_clock_stops_with_the_act_and_runs_again_with_the_undo(jonas):
    lead = mql(owner=jonas.rep)
    entry = lead.events.get(to_stage="mql")
    clock = Clock.objects.create(
        lead=lead, kind="accept", cause=f"stage_event:{entry.pk}", started_at=entry.occurred_at,
        warn_at=NOW + HOUR, due_at=NOW + 2 * HOUR, next_at=NOW + HOUR,
    )  # fmt: skip
    done = services.accept(lead.pk, user=jonas, now=NOW)
    clock.refresh_from_db()
    assert clock.stopped_at == NOW
    services.undo(done.event_id, user=jonas, now=NOW)
    clock.refresh_from_db()
    assert clock.stopped_at is None


# --- Hands ----------------------------------------------------------------------------------------


def test_claiming_from_the_pool(jonas, mia, team):
    lead = mql(pool=team)
    for _ in range(2):
        services.claim(lead.pk, user=jonas, now=NOW)
    lead.refresh_from_db()
    assert (lead.stage, lead.owner, lead.pool, lead.assignments.count()) == ("mql", jonas.rep, None, 1)
    with refused() as refusal:
        services.claim(lead.pk, user=mia, now=NOW)
    assert refusal.value.sentence == f"{jonas.rep} claimed this lead at 14:00."


def test_a_claimed_lead_goes_back_into_its_pool_and_another_to_its_team(jonas, mia, team):
    claimed, dealt, elsewhere = mql(pool=team), mql(owner=jonas.rep), mql(owner=make.rep(name="Olaf"))
    services.claim(claimed.pk, user=jonas, now=NOW)
    for lead in (claimed, dealt):
        for _ in range(2):
            services.release(lead.pk, user=jonas, now=NOW)
        lead.refresh_from_db()
        assert (lead.owner, lead.pool) == (None, team)
    with refused():
        services.release(elsewhere.pk, user=jonas, now=NOW)
    services.claim(claimed.pk, user=mia, now=NOW)


def test_leads_are_given_to_somebody_in_a_constant_number_of_queries(boss, jonas, django_assert_max_num_queries):
    leads = [mql() for _ in range(30)]
    boss.has_perm("routing.reassign_lead")  # read once a request
    with django_assert_max_num_queries(12):
        done = services.reassign([lead.pk for lead in leads], rep_id=jonas.rep.pk, user=boss, now=NOW)
    assert len(done) == 30 and Lead.objects.filter(owner=jonas.rep).count() == 30
    services.reassign([leads[0].pk], rep_id=jonas.rep.pk, user=boss, now=NOW)
    assert Assignment.objects.count() == 30


def test_the_new_owner_and_the_former_one_are_told(boss, jonas, mia):
    lead = mql(owner=jonas.rep)
    services.reassign([lead.pk], rep_id=mia.rep.pk, user=boss, now=NOW)
    assert set(Notice.objects.values_list("user", "kind", "lead")) == {
        (mia.pk, "assigned", lead.pk), (jonas.pk, "taken", lead.pk),
    }  # fmt: skip


def test_whoever_gives_leads_away_is_told_which_are_gone_and_to_whom(boss, jonas, mia, team):
    leads = [mql(person=make.person(first_name="Pat", last_name=f"No{number}"), pool=team) for number in range(7)]
    seen = {lead.pk: None for lead in leads}
    services.claim(leads[0].pk, user=jonas, now=NOW)
    wanted = [lead.pk for lead in leads]
    with refused() as one:
        services.reassign(wanted, rep_id=mia.rep.pk, user=boss, now=NOW, seen=seen)
    assert one.value.sentence == f"Pat No0 is with {jonas.rep} since 14:00 by now. Nothing was changed; look again."
    services.accept(leads[1].pk, user=mia, now=NOW)
    for lead in leads[2:6]:
        services.claim(lead.pk, user=jonas, now=NOW)
    with refused() as many:
        services.reassign(wanted, rep_id=mia.rep.pk, user=boss, now=NOW, seen=seen)
    assert many.value.sentence == (
        f"6 of these leads changed hands since you looked: Pat No0 is with {jonas.rep} since 14:00; Pat No1 is with "
        f"{mia.rep} since 14:00; Pat No2 is with {jonas.rep} since 14:00; Pat No3 is with {jonas.rep} since 14:00; "
        f"Pat No4 is with {jonas.rep} since 14:00; and 1 more. Nothing was changed."
    )
    assert Assignment.objects.count() == 6
    services.reject(leads[1].pk, user=boss, reason_id=reason("disqualify").pk, now=NOW, seen="sal")
    with refused() as closed:
        services.reassign(wanted, rep_id=mia.rep.pk, user=boss, now=NOW, seen=seen)
    assert closed.value.sentence == (
        "1 of these leads is closed: Pat No1 (Ines Roth disqualified this lead at 14:00). Reopen them or leave them "
        "out. Nothing was changed."
    )


def test_reassigning_is_all_or_none(boss, jonas):
    open_, closed = mql(), mql()
    make.leave(closed, "recycle", at=NOW)
    for ids in ([open_.pk, closed.pk], [open_.pk, 999_999]):
        with refused():
            services.reassign(ids, rep_id=jonas.rep.pk, user=boss, now=NOW)
    with refused(NotAllowed):
        services.reassign([open_.pk], rep_id=jonas.rep.pk, user=jonas, now=NOW)
    with refused(Invalid):
        services.reassign([open_.pk], rep_id=make.rep(active=False).pk, user=boss, now=NOW)
    open_.refresh_from_db()
    assert open_.owner is None and not Assignment.objects.exists()
