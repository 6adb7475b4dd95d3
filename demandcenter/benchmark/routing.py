"""Routing: open MQLs given to reps in batches, by each method, against one at a time; and one hot lead at once."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from demandcenter.benchmark import scenery
from demandcenter.benchmark.desks import open_desks, rule_by
from demandcenter.benchmark.measuring import Finding, Target, percentile, seconds
from demandcenter.benchmark.scenery import Scenery
from funnel.models import Account, Lead, Rep, Stage
from routing.assignment import rules
from routing.assignment.engine import assign
from routing.assignment.rehearsal import rehearse
from routing.models import Assignment, CallSheet, PlannedMeeting, RoutingPolicy, RoutingRule, Seat

AREA = "routing"
CHUNK = 500
ONE_BY_ONE = 100  # leads
HOT = 100  # leads
WARM_UP = 5
AT_ONCE = 100.0  # ms
PEERS = 25.0  # leads a second: Odoo 18 with 10,000 leads, on a machine like this one
METHODS = {
    rules.ROUND_ROBIN: "in turn",
    rules.LEAST_OPEN: "to whoever has the least open work",
    rules.SCORE: "by distribution score",
    rules.OWNER: "to the owner of the account, else in turn",
}


def measure(leads: int) -> Iterator[Finding]:
    """Findings about giving leads to reps, in a database of so many leads."""
    there = scenery.set_up(leads)
    open_desks(there.company)
    _prepare(there)
    waiting = list(Lead.objects.open().filter(stage=Stage.MQL).order_by("pk").values_list("pk", flat=True))
    scenery.score_of(Lead.objects.filter(pk__in=waiting).values_list("person_id", flat=True))
    plain = _plain(there, waiting)
    _free(waiting)
    _assign(waiting, "warm-up", at_a_time=CHUNK)
    for method, words in METHODS.items():
        otherwise = rules.ROUND_ROBIN if method == rules.OWNER else rules.WAIT
        rule_by(there.company, method=method, otherwise=otherwise)
        yield from _dealing(there, waiting, method, words, plain)
    rule_by(there.company)
    yield from _hot(there, waiting)
    yield _rehearsal(there)


def _prepare(there: Scenery) -> None:
    """Accounts with owners, and meetings ahead with some: half of the reps share their calendars."""
    reps, now = there.company.reps, timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE funnel_account SET owner_id = (%s::bigint[])[id %% %s + 1] WHERE id %% 3 > 0", [reps, len(reps)]
        )
    CallSheet.objects.bulk_create(CallSheet(rep_id=rep, read_at=now) for rep in reps[::2])
    accounts = list(Account.objects.order_by("pk").values_list("pk", flat=True)[: 20 * len(reps)])
    sharing = reps[::2]
    PlannedMeeting.objects.bulk_create(
        PlannedMeeting(rep_id=sharing[place % len(sharing)], account_id=pk, starts_at=now + timedelta(days=place % 40))
        for place, pk in enumerate(accounts)
    )


def _free(lead_ids: list[int]) -> None:
    Lead.objects.filter(pk__in=lead_ids).update(owner=None, pool=None)


def _dealing(there: Scenery, waiting: list[int], method: str, words: str, plain: float) -> Iterator[Finding]:
    """All open MQLs given out by one method, 500 at a time, against one at a time and a plain loop.

    Raises RuntimeError where a lead got two owners or none.
    """
    _free(waiting)
    few, many = waiting[:ONE_BY_ONE][: len(waiting) // 10], waiting[len(waiting) // 10 :]
    one = seconds(lambda: _assign(few, method, at_a_time=1)) / len(few)
    batch = seconds(lambda: _assign(many, method, at_a_time=CHUNK)) / len(many)
    dealt = Assignment.objects.filter(cause__startswith=f"benchmark:{method}:", kind=Assignment.Kind.ASSIGNED)
    counts = dealt.aggregate(rows=Count("pk"), leads=Count("lead", distinct=True))
    if counts["rows"] != counts["leads"] or counts["leads"] != len(few) + len(many):
        raise RuntimeError(f"{counts['rows']} assignments for {counts['leads']} of {len(few) + len(many)} leads.")
    yield Finding(
        area=AREA, name=f"MQLs given {words}, {CHUNK} at a time", unit="leads/s", leads=there.leads, ours=1 / batch,
        comparison=1 / one, against="the same, one after the other",
    )  # fmt: skip
    if method == rules.ROUND_ROBIN:
        yield Finding(
            area=AREA, name=f"MQLs given {words}, {CHUNK} at a time", unit="leads/s", leads=there.leads,
            ours=1 / batch, comparison=plain, against="a loop that looks at one lead and its team at a time",
        )  # fmt: skip
        yield Finding(
            area=AREA, name=f"MQLs given {words}, {CHUNK} at a time", unit="leads/s", leads=there.leads,
            ours=1 / batch, comparison=PEERS, against="Odoo 18 with 10,000 leads, measured elsewhere",
            target=Target("at least", 50),
        )  # fmt: skip
        yield Finding(
            area=AREA, name="fairness: most leads that a rep of a team has more than another", unit="leads",
            leads=there.leads, ours=_gap(method), comparison=1, against="as even as it can be",
            target=Target("at most", 1),
        )  # fmt: skip


def _assign(lead_ids: list[int], method: str, *, at_a_time: int) -> None:
    for chunk in scenery.batches(lead_ids, at_a_time):
        assign(chunk, now=timezone.now(), causes={pk: f"benchmark:{method}:{pk}" for pk in chunk})


def _gap(method: str) -> float:
    """By how many leads the best served rep of a team is ahead of the least served one."""
    dealt = dict.fromkeys(Rep.objects.values_list("pk", flat=True), 0)
    made = Assignment.objects.filter(kind=Assignment.Kind.ASSIGNED, cause__startswith=f"benchmark:{method}:")
    for rep in made.values_list("rep", flat=True):
        dealt[rep or 0] += 1
    teams: dict[int | None, list[int]] = {}
    for pk, team in Rep.objects.values_list("pk", "team"):
        teams.setdefault(team, []).append(dealt[pk])
    return max(max(team) - min(team) for team in teams.values())


def _plain(there: Scenery, waiting: list[int]) -> float:
    """Leads a second of the plain way: a lead, its rule, its team's reps with how many each has, and it is saved."""
    _free(waiting)
    some = waiting[:ONE_BY_ONE]
    named = {rule.condition["value"]: rule for rule in RoutingRule.objects.select_related("team")}

    def deal() -> None:
        for lead in Lead.objects.select_related("region").filter(pk__in=some):
            rule = named[str(lead.region)]
            seats = Seat.objects.filter(rep__team=rule.team, rep__active=True, receiving=True).select_related("rep")
            loads = [(Lead.objects.open().filter(owner=seat.rep).count(), seat.rep_id) for seat in seats]
            lead.owner_id = min(loads)[1]
            lead.save(update_fields=["owner"])

    return len(some) / seconds(deal)


def _hot(there: Scenery, waiting: list[int]) -> Iterator[Finding]:
    """One lead at a time, as a raised hand comes in."""
    _free(waiting)
    some = waiting[: there.effort.of(HOT + WARM_UP, least=5)]
    taken = [seconds(lambda pk=pk: _assign([pk], "hot", at_a_time=1)) * 1000 for pk in some]  # type: ignore[misc]
    for share in (0.5, 0.95):
        yield Finding(
            area=AREA, name=f"one hot lead given to somebody, p{share * 100:.0f}", unit="ms", leads=there.leads,
            ours=percentile(taken[there.effort.of(WARM_UP, least=0) :], share), comparison=AT_ONCE,
            against="what a person takes for at once", target=Target("at most", 1),
        )  # fmt: skip


def _rehearsal(there: Scenery) -> Finding:
    """Past decisions under another version, against making them."""
    policy = RoutingPolicy.objects.prefetch_related("rules").order_by("-version")[0]
    now = timezone.now()
    taken = seconds(lambda: rehearse(policy, since=now - timedelta(days=1), until=now))
    return Finding(
        area=AREA, name="past decisions made again under a version", unit="s", leads=there.leads, ours=taken,
        comparison=10.0, against="the longest that a page may take", target=Target("at most", 1),
    )  # fmt: skip
