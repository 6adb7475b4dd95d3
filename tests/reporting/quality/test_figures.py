"""Every figure of model quality against a plain oracle, and the leads behind each against its counts."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reporting.facts import Copy
from reporting.filters import View
from reporting.periods import Period
from reporting.quality import queries
from reporting.quality.queries import Behind, Facts
from reporting.quality.slices import Slice
from reporting.quality.tallies import Tally
from scoring.models import ScoreRule
from tests.reporting.quality import oracle
from tests.reporting.quality.cases import RULES, cases, store
from tests.reporting.quality.oracle import Case
from tests.reporting.quality.simulated import scoring_model
from tests.reporting.trips import undone

pytestmark = pytest.mark.django_db
EVER = Slice(view=View(period=Period("all", None, None)))
# Each example writes its rows and reads them anew: to shrink one takes longer than to understand it.
EXAMPLES = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], phases=[Phase.explicit, Phase.generate]
)
MIDNIGHT = datetime(2026, 6, 1, tzinfo=UTC)


class CopyOfOneDay(Copy):
    """A copy that is always of the same day, since midnight may pass while an example is judged."""

    @property
    def fresh_at(self) -> datetime:
        return MIDNIGHT + timedelta(hours=12)


def facts() -> Facts:
    return Facts(CopyOfOneDay(connection), "UTC")


def counts(facts: Facts, piece: Slice, *outcomes: str) -> list[int]:
    """How many leads stand behind the outcomes of a slice, counted one by one."""
    found = []
    for outcome in outcomes:
        behind = Behind(piece.but(outcome=outcome), "UTC")
        ids = behind.ids(facts.copy)
        assert behind.count(facts.copy) == len(ids) == len(set(ids))
        found.append(len(ids))
    return found


def behind_all(facts: Facts, piece: Slice, tally: Tally) -> None:
    """The leads behind every number of a tally are as many as it says."""
    outcomes = ("made", "known", "decided", "accepted", "rejected", "undecided", "sql_of", "sql", "won_of", "won")
    said = [tally.made, tally.known, tally.decided, tally.accepted, tally.rejected, tally.old - tally.decided]
    assert counts(facts, piece, *outcomes) == [*said, tally.sql_of, tally.sql, tally.won_of, tally.won]
    assert counts(facts, piece, "not_sql", "not_won") == [tally.sql_of - tally.sql, tally.won_of - tally.won]


@settings(EXAMPLES, max_examples=6)
@given(many=st.lists(cases(until=MIDNIGHT), min_size=1, max_size=40))
def test_figures_are_those_of_the_oracle_and_open_their_leads(many: list[Case], db: None) -> None:
    with undone():
        model = scoring_model(*RULES)
        store(many, model)
        found, known = facts(), [case for case in many if case.known]
        total = queries.overall(found, EVER)
        assert asdict(total) == oracle.tally(many, MIDNIGHT)
        behind_all(found, EVER, total)

        cells = {(grade, band): asdict(tally) for grade, band, tally in queries.by_cell(found, EVER)}
        assert cells == oracle.group(known, lambda case: (case.grade, case.band), MIDNIGHT)
        for grade, band, tally in queries.by_cell(found, EVER)[:1]:
            behind_all(found, EVER.but(cell=f"{grade}{band}"), tally)

        tenths = queries.by_tenth(found, EVER)
        assert sum(tenth.tally.made for tenth in tenths) == total.known
        for tenth in tenths:
            members = [
                case
                for case in known
                if (tenth.above is None or case.interest > tenth.above)
                and (tenth.upto is None or case.interest <= tenth.upto)
            ]
            assert asdict(tenth.tally) == oracle.tally(members, MIDNIGHT)
            assert counts(found, EVER.but(above=tenth.above, upto=tenth.upto), "known") == [tenth.tally.made]


@settings(EXAMPLES, max_examples=6)
@given(many=st.lists(cases(until=MIDNIGHT), min_size=1, max_size=40))
def test_rules_and_reasons_are_those_of_the_oracle_and_open_their_leads(many: list[Case], db: None) -> None:
    with undone():
        model = scoring_model(*RULES)
        store(many, model)
        found = facts()
        ids = dict(ScoreRule.objects.filter(model=model).values_list("name", "pk"))
        by_score = EVER.but(how="score")
        carried = {one.rule_id: one for one in queries.by_rule(found, by_score, threshold=40)}
        mine = [case for case in many if not case.passthrough]
        for name in RULES:
            members = [case for case in mine if case.carried_by(name)]
            assert (ids[name] in carried) is bool(members)
            if members:
                one = carried[ids[name]]
                assert asdict(one.tally) == oracle.tally(members, MIDNIGHT)
                leaned = sum(case.interest - max(case.points[name], 0) < 40 for case in members)
                assert one.leaned == leaned
                behind_all(found, EVER.but(rule=ids[name]), one.tally)
                rest = [case for case in mine if case.known and case.by == "score" and case not in members]
                assert counts(found, EVER.but(rule=ids[name], carried=False), "made") == [len(rest)]

        rejected = [case for case in mine if case.rejected and case.mql_at <= MIDNIGHT - timedelta(days=14)]
        totals = {reason: (leads, known) for reason, _worded, leads, known in queries.reasons(found, EVER)}
        assert sum(leads for leads, _known in totals.values()) == len(rejected)
        by_rule = queries.reasons_by_rule(found, EVER)
        for reason, (leads, known) in totals.items():
            its = [case for case in rejected if (case.reason or None) == reason]
            assert (leads, known) == (len(its), sum(case.known for case in its))
            assert counts(found, EVER.but(reason=(reason,)), "rejected") == [leads]
            for name in RULES:
                assert by_rule.get((reason, ids[name]), 0) == sum(case.carried_by(name) for case in its)
                through = EVER.but(reason=(reason,), rule=ids[name])
                assert counts(found, through, "rejected") == [by_rule.get((reason, ids[name]), 0)]


@settings(EXAMPLES, max_examples=4)
@given(many=st.lists(cases(until=MIDNIGHT), min_size=1, max_size=40), cell=st.sampled_from(["", "A1"]))
def test_inside_and_outside_of_a_slice_are_everything(many: list[Case], cell: str, db: None) -> None:
    with undone():
        store(many, scoring_model(*RULES))
        found, view = facts(), replace(EVER.view, where={"channel": ("email", None)})
        inside, outside = (EVER.but(view=view, cell=cell, side=side) for side in ("in", "out"))

        def is_inside(case: Case) -> bool:
            at = not cell or (case.known and (case.grade, case.band) == ("A", 1))
            return case.channel in ("email", None) and at

        for piece, wanted in ((inside, True), (outside, False)):
            members = [case for case in many if is_inside(case) is wanted]
            tally = queries.overall(found, piece)
            assert asdict(tally) == oracle.tally(members, MIDNIGHT)
            assert counts(found, piece, "made", "accepted") == [tally.made, tally.accepted]


def test_a_period_takes_the_mqls_of_its_days(db: None) -> None:
    day = MIDNIGHT - timedelta(days=30)
    moments = [day - timedelta(seconds=1), day, day + timedelta(hours=23), day + timedelta(days=1)]
    store([Case(mql_at=at) for at in moments], scoring_model(*RULES))
    period = Period("custom", day.date(), day.date() + timedelta(days=1))
    assert queries.overall(facts(), EVER.but(view=View(period=period))).made == 2
