"""Opening inquiries: who gets a lead, of what origin, and that nobody gets two."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from funnel import stages
from funnel.inquiries import open_again, open_for_touches, open_inquiries
from funnel.models import Campaign, Channel, Content, Inbox, Kind, Lead, Person, Region, Solution
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def response(person: Person, **fields):
    return make.touch(person=person, counts_as_response=True, **fields)


def test_a_response_opens_an_inquiry_at_the_moment_it_is_processed():
    pat = make.person()
    touch = response(pat, occurred_at=NOW - timedelta(days=3))
    [lead_id] = open_inquiries([touch.pk], now=NOW)
    lead = Lead.objects.get(pk=lead_id)
    assert (lead.person, lead.number, lead.stage, lead.inquiry_at, lead.closed_at) == (pat, 1, "inquiry", NOW, None)
    [event] = lead.events.all()
    assert (event.kind, event.cause, event.occurred_at, event.actor) == ("advance", f"activity:{touch.pk}", NOW, None)
    assert not Inbox.objects.filter(person=pat, cause__in=("by_rule", "stage_event")).exists()  # nobody need know
    [derived] = stages.derive([lead_id])
    assert Lead.objects.filter(pk=lead_id).values(*stages.CACHED).get() == {n: derived[n] for n in stages.CACHED}


def test_origin_and_account_are_frozen_at_opening():
    dach, edge = Region.objects.create(name="DACH"), Solution.objects.create(name="Edge")
    channel, guide = Channel.objects.create(name="Search"), Content.objects.create(name="Guide")
    spring = Campaign.objects.create(name="Spring", motion="upsell", region=Region.objects.create(name="Nordics"))
    acme = make.account(region=dach, segment="Enterprise")
    touch = response(
        make.person(account=acme), channel=channel, content=guide, campaign=spring, solution=edge, account=None
    )
    [lead] = Lead.objects.filter(pk__in=open_inquiries([touch.pk], now=NOW))
    assert (lead.channel, lead.content, lead.campaign, lead.solution) == (channel, guide, spring, edge)
    assert (lead.account, lead.region, lead.segment) == (acme, dach, "Enterprise")
    assert (lead.function, lead.motion) == ("marketing", "upsell")


def test_what_a_touch_leaves_out_its_campaign_says():
    spring = Campaign.objects.create(
        name="Spring",
        channel=Channel.objects.create(name="Search"),
        region=Region.objects.create(name="DACH"),
        solution=Solution.objects.create(name="Edge"),
    )
    touch = response(make.person(), campaign=spring)
    [lead] = Lead.objects.filter(pk__in=open_inquiries([touch.pk], now=NOW))
    assert (lead.channel, lead.region, lead.solution) == (spring.channel, spring.region, spring.solution)
    assert (lead.account, lead.segment, lead.motion) == (None, "", "new")


def test_what_is_no_response_or_was_voided_or_is_an_accounts_opens_nothing():
    pat, acme = make.person(), make.account()
    touches = [
        make.touch(person=pat),
        response(pat, voided_at=NOW),
        make.touch(account=acme, counts_as_response=True),
    ]
    assert open_inquiries([touch.pk for touch in touches], now=NOW) == []
    assert open_inquiries([], now=NOW) == []


def test_responses_of_one_batch_open_one_lead_a_person_and_solution_by_the_earliest():
    edge, pat = Solution.objects.create(name="Edge"), make.person()
    later = response(pat, occurred_at=NOW)
    earlier = response(pat, occurred_at=NOW - timedelta(hours=1))
    other = response(pat, solution=edge)
    opened = open_inquiries([later.pk, earlier.pk, other.pk], now=NOW)
    causes = set(Lead.objects.filter(pk__in=opened).values_list("events__cause", "solution__name"))
    assert causes == {(f"activity:{earlier.pk}", None), (f"activity:{other.pk}", "Edge")}
    assert sorted(Lead.objects.filter(person=pat).values_list("number", flat=True)) == [1, 2]


def test_an_open_lead_of_the_same_solution_takes_the_response_in():
    edge, pat = Solution.objects.create(name="Edge"), make.person()
    make.lead(person=pat, stages={"inquiry": NOW, "mql": NOW})
    assert open_inquiries([response(pat).pk], now=NOW) == []
    assert len(open_inquiries([response(pat, solution=edge).pk], now=NOW)) == 1


def test_after_a_lead_has_closed_the_next_response_opens_the_next_trip():
    pat = make.person()
    first = response(pat)
    [old] = Lead.objects.filter(pk__in=open_inquiries([first.pk], now=NOW))
    make.leave(old, Kind.RECYCLE, at=NOW)
    assert open_inquiries([first.pk], now=NOW) == []  # the same touch again
    [new] = Lead.objects.filter(pk__in=open_inquiries([response(pat).pk], now=NOW))
    assert new.number == 2


def test_a_touch_that_is_no_response_opens_a_lead_where_asked():
    pat = make.person()
    demo = make.touch(person=pat, type="demo_request")
    assert open_inquiries([demo.pk], now=NOW) == []
    opened = open_for_touches([demo.pk], now=NOW)
    assert Lead.objects.get(pk=opened[demo.pk]).stage == "inquiry"
    assert open_for_touches([demo.pk], now=NOW) == {}


def test_a_new_trip_after_an_old_one_keeps_its_origin_and_asks_for_the_account_again():
    edge, search = Solution.objects.create(name="Edge"), Channel.objects.create(name="Search")
    pat = make.person()
    old = make.lead(person=pat, solution=edge, channel=search, segment="SMB", function="sdr")
    make.leave(old, Kind.RECYCLE, at=NOW)
    pat.account = make.account(segment="Enterprise")
    pat.save()
    new = Lead.objects.get(pk=open_again([old.pk], now=NOW)[old.pk])
    assert (new.number, new.solution, new.channel, new.function) == (2, edge, search, "sdr")
    assert (new.account, new.segment) == (pat.account, "Enterprise")
    assert new.events.get().cause == f"revisit:{old.pk}"


def test_opening_costs_the_same_number_of_queries_however_many_touches():
    def cost(touches):
        with connection.execute_wrapper(lambda run, *args: (calls.append(args[0]), run(*args))[1]):
            calls: list[str] = []
            open_inquiries([touch.pk for touch in touches], now=NOW)
            return len(calls)

    one = cost([response(make.person())])
    assert cost([response(make.person()) for _ in range(20)]) == one


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_two_responses_of_one_person_open_one_lead():
    pat = make.person()
    touches = [response(pat).pk, response(pat).pk]
    opened: list[int] = []

    def work(touch: int) -> None:
        try:
            with transaction.atomic():
                Person.objects.select_for_update(no_key=True).get(pk=pat.pk)  # as the drain does
                opened.extend(open_inquiries([touch], now=NOW))
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(touch,)) for touch in touches]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(opened) == 1 and Lead.objects.filter(person=pat).count() == 1
