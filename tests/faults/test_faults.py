"""Whatever is killed, emptied or doubled while touches come in, and in the middle of whatever: what was acknowledged is
worked, once, by itself.
"""

import time
from collections.abc import Callable, Iterator

import pytest
from celery import Celery

from funnel import inbox
from tests.faults.installation import Installation
from tests.faults.prepare import STEPS
from tests.faults.senders import Sender
from tests.waiting import wait_until

# The mark has the suite's database made, from which the installation takes its tables; it is not used further.
pytestmark = [pytest.mark.faults, pytest.mark.django_db, pytest.mark.xdist_group("faults")]

# What each acknowledged touch has to have come to, and how often.
_WORKED = """
SELECT t.external_id,
       (SELECT count(*) FROM funnel_stageevent e WHERE e.lead_id = l.id AND e.to_stage = 'inquiry'),
       (SELECT count(*) FROM funnel_stageevent e WHERE e.lead_id = l.id AND e.to_stage = 'mql'),
       (SELECT count(*) FROM routing_assignment a WHERE a.lead_id = l.id AND a.kind = 'assigned'),
       (SELECT count(*) FROM routing_clock c WHERE c.lead_id = l.id AND c.kind = 'accept'),
       (SELECT count(*) FROM routing_clock c WHERE c.lead_id = l.id AND c.kind = 'hot'),
       (SELECT count(*) FROM routing_clockevent e JOIN routing_clock c ON c.id = e.clock_id
        WHERE c.lead_id = l.id AND e.kind = 'started' AND c.kind IN ('accept', 'hot')),
       (SELECT count(*) FROM routing_notice n WHERE n.lead_id = l.id AND n.kind = 'assigned'),
       (SELECT count(*) FROM scoring_score s, unnest(s.acc) points WHERE s.person_id = t.person_id AND points > 0)
FROM funnel_activity t LEFT JOIN funnel_lead l ON l.person_id = t.person_id
WHERE t.external_id = ANY(%s)
"""
# How often each accepted lead was accepted, its clock stopped, and what is promised then begun; one row where all are
# alike.
_ACCEPTED = """
SELECT DISTINCT
    (SELECT count(*) FROM funnel_stageevent e WHERE e.lead_id = l.id AND e.to_stage = 'sal'),
    (SELECT count(*) FROM routing_clock c WHERE c.lead_id = l.id AND c.kind = 'accept' AND c.stopped_at IS NOT NULL),
    (SELECT count(*) FROM routing_clockevent e JOIN routing_clock c ON c.id = e.clock_id
     WHERE c.lead_id = l.id AND c.kind = 'accept' AND e.kind = 'stopped'),
    (SELECT count(*) FROM routing_clockevent e JOIN routing_clock c ON c.id = e.clock_id
     WHERE c.lead_id = l.id AND c.kind = 'follow_up' AND e.kind = 'started'),
    (SELECT count(*) FROM routing_clockevent e JOIN routing_clock c ON c.id = e.clock_id
     WHERE c.lead_id = l.id AND c.kind = 'working' AND e.kind = 'started'),
    (SELECT count(*) FROM routing_enrolment n WHERE n.lead_id = l.id),
    (SELECT count(*) FROM routing_task k WHERE k.lead_id = l.id AND k.kind = 'step'),
    (SELECT count(*) FROM routing_taskevent e JOIN routing_task k ON k.id = e.task_id
     WHERE k.lead_id = l.id AND k.kind = 'step' AND e.kind = 'made')
FROM funnel_lead l WHERE l.id = ANY(%s)
"""
_ONCE = (1, 1, 1, 1, 1, 2, 1, 1)


@pytest.fixture(scope="module")
def installation(django_db_setup: None) -> Iterator[Installation]:
    with Installation() as running:
        yield running


@pytest.fixture(scope="module")
def sender(installation: Installation) -> Iterator[Sender]:
    """Touches come in through all of it."""
    with Sender(installation) as sending:
        assert wait_until(lambda: len(sending.acknowledged) > 20)
        yield sending


def everything_is_worked(installation: Installation, keys: list[str]) -> Callable[[], bool]:
    def holds() -> bool:
        rows = installation.query(_WORKED, keys)
        return len(rows) == len(keys) and all(row[1:] == _ONCE for row in rows)

    return holds


def killed_at_work(installation: Installation) -> None:
    """The worker stands still until something waits, goes on and is killed with it in hand."""
    waiting = "SELECT count(*) >= 40 FROM funnel_inbox"
    with installation.standing_still("worker"):
        assert wait_until(lambda: installation.query(waiting) == [(True,)])
    time.sleep(0.1)
    installation.kill("worker")


def twice_and_late(installation: Installation) -> None:
    """Every task many times over, some of them later, when what they were sent for is long done."""
    app = Celery(broker=installation.redis.url, set_as_current=False)
    for number in range(30):
        app.send_task(inbox.DRAIN, queue="pipeline", countdown=number % 3, ignore_result=True)
        app.send_task("demandcenter.tasks.sweep", queue="timers", countdown=number % 3, ignore_result=True)
    app.close()


def processes_killed(place: str, worker: str) -> Callable[[Installation], None]:
    """Whoever is at it is killed in the middle of it, and beat and Redis with them."""

    def fault(installation: Installation) -> None:
        promises_run_out(installation)
        with installation.in_the_middle_of(place):
            installation.kill("beat")
            installation.kill_server(installation.redis)
            installation.kill(worker)

    return fault


def database_killed(place: str) -> Callable[[Installation], None]:
    def fault(installation: Installation) -> None:
        promises_run_out(installation)
        with installation.in_the_middle_of(place):
            installation.kill_server(installation.postgres)

    return fault


def promises_run_out(installation: Installation) -> None:
    """A sweep finds something to do."""
    assert installation.execute(
        """
        UPDATE routing_clock SET warn_at = now(), due_at = now() + interval '1 s', next_at = now() + interval '1 s'
        WHERE id IN (SELECT c.id FROM routing_clock c JOIN funnel_lead l ON l.id = c.lead_id
                     JOIN funnel_activity t ON t.person_id = l.person_id
                     WHERE c.kind = 'accept' AND c.due_at > now() + interval '1 h' AND t.external_id LIKE 'old-%'
                     ORDER BY c.id LIMIT 3)
        """
    )


def killed_in_the(place: str, *, begin: Callable[[Installation], None] = lambda _installation: None) -> Callable:
    """begin: what lets somebody come to it."""

    def fault(installation: Installation) -> None:
        with installation.in_the_middle_of(place, begin=lambda: begin(installation)):
            installation.kill("worker")

    return fault


def leads_are_to_go(installation: Installation) -> None:
    """The ladder's rung at which a lead that nobody has worked goes to somebody else."""
    assert installation.execute(
        """
        UPDATE routing_clock SET reassign_at = now(), next_at = now()
        WHERE id IN (SELECT id FROM routing_clock WHERE kind = 'accept' AND reassign_at > now() + interval '1 day 1 h'
                     AND NOT reassign_done AND stopped_at IS NULL ORDER BY id LIMIT 6)
        """
    )


def remind(installation: Installation) -> None:
    """Reps are told of the steps of their day, as beat has it done every quarter of an hour."""
    send(installation, "routing.tasks.tell_of_steps")


def the_day_begins(installation: Installation) -> None:
    """Nobody has been reminded yet."""
    installation.execute("DELETE FROM routing_notice WHERE kind = 'steps'")
    remind(installation)


def send(installation: Installation, task: str) -> None:
    app = Celery(broker=installation.redis.url, set_as_current=False)
    app.send_task(task, queue="timers", ignore_result=True)
    app.close()


FAULTS: dict[str, Callable[[Installation], None]] = {
    "the worker is killed in the middle of a backlog": killed_at_work,
    "the web process, beat and Redis are killed in the middle of ingest": processes_killed("ingest", "web"),
    "the worker, beat and Redis are killed in the middle of a drain": processes_killed("drain", "worker"),
    "the worker, beat and Redis are killed in the middle of an assignment": processes_killed("assignment", "worker"),
    "the worker, beat and Redis are killed in the middle of a sweep": processes_killed("sweep", "worker"),
    "PostgreSQL is killed in the middle of ingest": database_killed("ingest"),
    "PostgreSQL is killed in the middle of a drain": database_killed("drain"),
    "PostgreSQL is killed in the middle of an assignment": database_killed("assignment"),
    "PostgreSQL is killed in the middle of a sweep": database_killed("sweep"),
    "the worker is killed while it gives leads away": killed_in_the("ladder", begin=leads_are_to_go),
    "the worker is killed while it makes the steps of cadences": killed_in_the("cadence"),
    "the worker is killed while it reminds of steps": killed_in_the("reminder", begin=the_day_begins),
    "the worker is killed while it sends notices": killed_in_the("delivery", begin=leads_are_to_go),
    "Redis is emptied": lambda one: one.empty_redis(),
    "tasks come twice and late": twice_and_late,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_acknowledged_is_lost_or_doubled_when(fault: str, installation: Installation, sender: Sender) -> None:
    FAULTS[fault](installation)
    before = len(sender.acknowledged)
    assert wait_until(lambda: len(sender.acknowledged) > before + 12), "nothing is taken in any more"
    keys = list(sender.acknowledged)
    worked = everything_is_worked(installation, keys)
    assert wait_until(worked), f"{[row for row in installation.query(_WORKED, keys) if row[1:] != _ONCE][:5]}"
    assert not sender.refused


def test_in_the_end_everything_has_happened_once(installation: Installation, sender: Sender) -> None:
    sender.__exit__()
    keys = sender.acknowledged
    assert wait_until(lambda: installation.query("SELECT count(*) FROM funnel_inbox") == [(0,)])
    assert everything_is_worked(installation, keys)()
    ((touches, people, leads, events),) = installation.query(
        "SELECT (SELECT count(*) FROM funnel_activity), (SELECT count(*) FROM funnel_person), "
        "(SELECT count(*) FROM funnel_lead), (SELECT count(*) FROM funnel_stageevent)"
    )
    all_of_them = len(keys) + installation.prepared["promises"]
    accepted = len(sender.accepted)
    assert (touches, people, leads, events) == (all_of_them, all_of_them, all_of_them, 2 * all_of_them + accepted)
    # The same touch at the same moment: whoever's was counted twice would stand out.
    scores = "SELECT count(DISTINCT s.acc) FROM scoring_score s JOIN funnel_activity t USING (person_id)"
    assert installation.query(f"{scores} WHERE t.external_id = ANY(%s)", keys) == [(1,)]
    assert accepted == len(set(sender.accepted)) > 0
    assert installation.query(_ACCEPTED, sender.accepted) == [(1, 1, 1, 1, 1, 1, STEPS, STEPS)]


def test_every_promise_that_ran_out_meanwhile_was_told_once(installation: Installation) -> None:
    """The sweep looks every five seconds; what is due longer than that has been looked at."""
    overdue = "SELECT count(*) FROM routing_clock WHERE next_at <= now() - interval '6 s'"
    assert wait_until(lambda: installation.query(overdue) == [(0,)])
    ((ran_out, told, clocks, at_due),) = installation.query(
        """
        SELECT (SELECT count(*) FROM routing_clock WHERE due_at < now() - interval '6 s'),
               count(*), count(DISTINCT e.clock_id), count(*) FILTER (WHERE e.occurred_at = c.due_at)
        FROM routing_clockevent e JOIN routing_clock c ON c.id = e.clock_id WHERE e.kind = 'breached'
        """
    )
    assert 0 < ran_out <= told == clocks == at_due


def test_every_lead_that_was_to_go_went_once(installation: Installation) -> None:
    ((rungs, gone, events, assignments, taken, assigned),) = installation.query(
        """
        SELECT count(*),
               count(*) FILTER (WHERE a.rep_id = l.owner_id AND a.rep_id <> a.previous_id
                                AND e.occurred_at = c.reassign_at),
               (SELECT count(*) FROM routing_clockevent WHERE kind = 'reassigned'),
               (SELECT count(*) FROM routing_assignment WHERE cause LIKE 'clock:%:reassign'),
               (SELECT count(*) FROM routing_notice WHERE kind = 'taken'),
               (SELECT count(*) FROM routing_notice n JOIN routing_assignment o ON n.cause = 'assignment:' || o.id
                WHERE n.kind = 'assigned' AND o.cause LIKE 'clock:%:reassign')
        FROM routing_clock c JOIN funnel_lead l ON l.id = c.lead_id
        LEFT JOIN routing_assignment a ON a.cause = 'clock:' || c.id || ':reassign'
        LEFT JOIN routing_clockevent e ON e.clock_id = c.id AND e.kind = 'reassigned'
        WHERE c.reassign_done
        """
    )
    assert 0 < rungs == gone == events == assignments == taken == assigned


def test_every_rep_was_reminded_once(installation: Installation) -> None:
    remind(installation)  # beat comes again
    reps = "SELECT count(DISTINCT l.owner_id) FROM routing_task k JOIN funnel_lead l ON l.id = k.lead_id"
    ((expected,),) = installation.query(f"{reps} WHERE k.kind = 'step'")
    told = "SELECT count(*), count(DISTINCT user_id) FROM routing_notice WHERE kind = 'steps'"
    assert expected
    assert wait_until(lambda: installation.query(told) == [(expected, expected)])


def test_every_notice_for_outside_went_out_with_its_key(installation: Installation) -> None:
    # Whoever was killed had them for five minutes; those are over.
    installation.execute("UPDATE routing_delivery SET due_at = now() WHERE sent_at IS NULL AND set_aside_at IS NULL")
    waiting = "SELECT count(*) FROM routing_delivery WHERE sent_at IS NULL"
    assert wait_until(lambda: installation.query(waiting) == [(0,)])
    keys = [key for (key,) in installation.query("SELECT key FROM routing_delivery")]
    ((told,),) = installation.query("SELECT count(DISTINCT cause) FROM routing_notice WHERE kind = 'taken'")
    assert len(keys) == told > 0
    came = installation.listener.keys
    assert set(came) == set(keys)
    assert len(came) <= len(keys) + 1  # what had gone out when its worker was killed came again
