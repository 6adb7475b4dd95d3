"""The choice as a pure rule: in turn as ever, by score the best, and always somebody while somebody can."""

from collections import Counter
from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from funnel.conditions import compile as compile_condition
from routing.assignment.deciding import Dealer, Wanted
from routing.assignment.rules import Rule
from routing.factors import WEIGHTS, LeadFacts, Profile
from routing.fields import FIELDS
from routing.seats.distribution import SeatState, deal, join, settle
from routing.seats.places import Place

TODAY = date(2026, 6, 1)
EVERY = compile_condition({}, FIELDS)


def place(rep_id: int, *, open: int = 0, capacity: int | None = None, at_work: bool = True, **more) -> Place:
    state = {name: more.pop(name) for name in ("weight", "calibration", "assigned", "left") if name in more}
    return Place(
        seat_id=rep_id, team_id=1, user_id=None, state=SeatState(rep_id=rep_id, **state), open=open, capacity=capacity,
        at_work=at_work, **more,
    )  # fmt: skip


def rule(method: str = "round_robin", **fields) -> Rule:
    return Rule(name="Rule", team_id=1, condition=EVERY, method=method, **fields)


def given_out(places: list[Place], wanted: list[Wanted]) -> tuple[list[int | None], Dealer]:
    dealer = Dealer(teams={1: places}, today=TODAY)
    return [dealer.choose(one).rep_id for one in wanted], dealer


def leads(count: int, one: Rule, **fields) -> list[Wanted]:
    return [Wanted(lead_id=n, rules=(one,), **fields) for n in range(count)]


weights = st.sampled_from([0.25, 0.5, 0.8, 1, 1, 1, 1.5, 2, 3])


@st.composite
def teams(draw) -> list[Place]:
    seats = [SeatState(rep_id=n, weight=draw(weights)) for n in range(1, draw(st.integers(2, 8)))]
    seats = settle(seats, deal(seats, draw(st.integers(0, 40))))
    return [
        place(
            one.rep_id, weight=one.weight, calibration=one.calibration, assigned=one.assigned,
            left=draw(st.none() | st.integers(0, 9)), work=draw(st.integers(0, 30)), open=draw(st.integers(0, 9)),
        )
        for one in seats
    ]  # fmt: skip


class TestInTurn:
    @given(teams(), st.integers(0, 60))
    @settings(max_examples=60, deadline=None)
    def test_leads_that_ask_for_nothing_are_dealt_as_ever(self, team, n):
        dealt, dealer = given_out(team, leads(n, rule()))
        states = join([one.state for one in team])
        assert dealt == deal(states, n)
        assert [one.state for one in dealer.settled()] == settle(states, dealt)

    @given(teams(), st.lists(st.integers(0, 12), max_size=5))
    @settings(max_examples=50, deadline=None)
    def test_batches_deal_as_one_would(self, team, sizes):
        free = [place(one.rep_id, weight=one.state.weight, assigned=one.state.assigned) for one in team]
        whole, _dealer = given_out(free, leads(sum(sizes), rule()))
        parts: list[int | None] = []
        for size in sizes:
            dealt, dealer = given_out(free, leads(size, rule()))
            free = [
                place(one.place.rep_id, weight=one.state.weight, assigned=one.state.assigned,
                      calibration=one.state.calibration)
                for one in dealer.settled()
            ]  # fmt: skip
            parts += dealt
        assert parts == whole


class TestAlways:
    @given(
        teams(), st.sampled_from(["round_robin", "least_open", "score"]), st.integers(0, 40),
        st.sets(st.integers(1, 8)), st.randoms(use_true_random=False),
    )  # fmt: skip
    @settings(max_examples=80, deadline=None)
    def test_a_lead_goes_to_somebody_who_can_while_there_is_one(self, team, method, n, refused, dice):
        wanted = leads(n, rule(method), refused=frozenset(refused))
        dealt, _dealer = given_out(team, wanted)
        counts = Counter(dealt)
        able = [one for one in team if one.rep_id not in refused]
        assert not set(dealt) - {None} & refused
        assert all(one.state.left is None or counts[one.rep_id] <= one.state.left for one in team)
        if None in dealt:
            assert all(one.state.left is not None and counts[one.rep_id] == one.state.left for one in able)
        shuffled = dice.sample(team, len(team))
        assert given_out(shuffled, wanted)[0] == dealt  # the order of the seats does not matter

    @given(teams(), st.integers(1, 30))
    @settings(max_examples=40, deadline=None)
    def test_by_score_nobody_who_could_fits_better(self, team, n):
        facts = LeadFacts(owner_id=2, same_solution={1: 2, 3: 1})
        dealer = Dealer(teams={1: team}, today=TODAY, weights=WEIGHTS)
        for one in leads(n, rule("score"), facts=facts):
            choice = dealer.choose(one)
            scores = {told["rep"]: told["score"] for told in choice.explanation["candidates"] if told["eligible"]}
            assert choice.rep_id is None or scores[choice.rep_id] == max(scores.values())


class TestWhoIsOff:
    def test_of_a_hot_lead_those_off_work_are_passed_over_while_somebody_is_there(self):
        team = [place(1, at_work=False), place(2, assigned=9)]
        dealt, _dealer = given_out(team, leads(2, rule(), hot=True))
        assert dealt == [2, 2]
        dealt, _dealer = given_out([place(1, at_work=False)], leads(1, rule(), hot=True))
        assert dealt == [1]
        dealt, _dealer = given_out(team, leads(1, rule(at_work="never"), hot=True))
        assert dealt == [1]

    def test_a_hot_lead_of_an_owner_who_is_off_goes_to_somebody_else_if_the_rule_has_one(self):
        hot = {"hot": True, "facts": LeadFacts(owner_id=1)}
        team = [place(1, at_work=False), place(2)]
        assert given_out(team, leads(1, rule("owner", otherwise="round_robin"), **hot))[0] == [2]
        assert given_out(team, leads(1, rule("owner"), **hot))[0] == [1]


class TestWhatIsKept:
    def test_levels_of_another_team_do_not_move_for_an_owners_match(self):
        other = place(7, assigned=4)
        dealer = Dealer(teams={1: [place(1)]}, others={7: other}, today=TODAY)
        choice = dealer.choose(leads(1, rule("owner"), facts=LeadFacts(owner_id=7))[0])
        assert (choice.rep_id, choice.explanation["owner"]) == (7, 7)
        assert [one.place.rep_id for one in dealer.settled()] == [1]

    def test_a_candidate_who_could_not_is_kept_with_the_reason_and_no_score(self):
        team = [
            place(1, profile=Profile(solutions=frozenset({4}))),
            place(2, last_at=datetime(2026, 5, 1, tzinfo=UTC)),
            place(3, why="away", until=date(2026, 6, 9), left=0),
        ]
        one = leads(1, rule("score", demands=frozenset({"solution"})), facts=LeadFacts(solution_id=5))[0]
        choice = Dealer(teams={1: team}, today=TODAY).choose(one)
        told = {told["rep"]: told for told in choice.explanation["candidates"]}
        assert {rep: one.get("why") for rep, one in told.items()} == {1: "other_solution", 2: None, 3: "away"}
        assert "score" in told[2] and "score" not in told[1]
        assert (told[2]["last"], told[3]["until"]) == ("2026-05-01T00:00:00+00:00", "2026-06-09")
        assert choice.explanation["weights"] == dict(WEIGHTS)
