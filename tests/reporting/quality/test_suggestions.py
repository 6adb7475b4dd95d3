"""Suggestions, the words of calibration: tables of what they say, and what must hold for any evidence."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reporting.quality.calibration import chart, verdict
from reporting.quality.suggestions import Evidence, suggest
from reporting.quality.tallies import Tally, Tenth


def evidence(
    name: str, carried: tuple[int, int], others: tuple[int, int], *, points: float = 15, leaned: int = 0, **fields: bool
) -> Evidence:
    """carried, others: (accepted, decided)."""
    return Evidence(
        rule_id=len(name), name=name, points=points, threshold=40,
        of_interest=fields.get("of_interest", True), leaned=leaned,
        carried=Tally(made=carried[1] + 3, decided=carried[1], accepted=carried[0]),
        others=Tally(made=others[1], decided=others[1], accepted=others[0]),
    )  # fmt: skip


def test_a_rule_whose_mqls_are_worse_for_certain_is_to_be_lowered() -> None:
    [tip] = suggest([evidence("Attended a webinar", (38, 124), (340, 500), leaned=80)], weeks=52)
    assert tip.sentence.replace("\xa0", " ") == (
        "Lower “Attended a webinar” from 15: of 124 decided MQLs it carried, 31 % (23.2–39.2 %) were accepted, against "
        "68 % (63.8–71.9 %) of the other 500."
    )
    assert (tip.deed, tip.points) == ("lower", 8)
    assert tip.effect.startswith(
        "Without its points up to 80 of the 127, 1.5 a week, would have stayed below the thresh"
    )


@pytest.mark.parametrize(
    ("one", "deed", "points"),
    [
        (evidence("a", (5, 60), (50, 60), points=1), "remove", None),
        (evidence("a", (55, 60), (30, 60), points=8), "raise", 12),
        (evidence("a", (5, 60), (50, 60), points=20, of_interest=False), "lower", 10),
    ],
)
def test_what_is_proposed(one: Evidence, deed: str, points: float | None) -> None:
    [tip] = suggest([one], weeks=None)
    assert (tip.deed, tip.points) == (deed, points)


@pytest.mark.parametrize(
    "one",
    [
        evidence("too few carried", (0, 29), (400, 500)),
        evidence("too few others", (0, 100), (29, 29)),
        evidence("may be chance", (60, 100), (330, 500)),
        evidence("takes points off", (0, 100), (400, 500), points=-10),
        evidence("nobody", (0, 0), (0, 0)),
    ],
)
def test_nothing_is_said_where_the_evidence_does_not_carry_it(one: Evidence) -> None:
    assert suggest([one], weeks=4) == []


def test_what_misfires_comes_first_and_the_weightiest_of_it() -> None:
    many = [
        evidence("few but bad", (2, 40), (300, 500)),
        evidence("many and bad", (120, 400), (300, 500)),
        evidence("good", (480, 500), (300, 500)),
    ]
    assert [tip.name for tip in suggest(many, weeks=1)] == ["many and bad", "few but bad", "good"]


counted = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine pauses in the middle of drawing
@given(st.lists(st.tuples(counted, counted, st.sampled_from([-5.0, 1.0, 15.0])), max_size=8))
def test_each_suggestion_has_evidence_and_they_are_in_order(many: list) -> None:
    rules = [evidence("r" * (place + 1), one, other, points=points) for place, (one, other, points) in enumerate(many)]
    tips = suggest(rules, weeks=1)
    order = [(tip.deed == "raise", -tip.weight) for tip in tips]
    assert order == sorted(order)
    for tip in tips:
        one = rules[tip.rule_id - 1]
        assert min(one.carried.decided, one.others.decided) >= 30
        assert one.carried.acceptance is not None and one.others.acceptance is not None
        assert (tip.deed == "raise") is (one.carried.acceptance > one.others.acceptance)
        assert tip.points is None or (tip.points > one.points) is (tip.deed == "raise")


# --- calibration ---------------------------------------------------------------------------------------------------


def tenths(*accepted: int, of: int = 100) -> list[Tenth]:
    return [
        Tenth(above=40.0 + place, upto=41.0 + place, mean=40.5 + place, tally=Tally(made=of, decided=of, accepted=k))
        for place, k in enumerate(accepted)
    ]


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (tenths(30, 50, 70), "Monotone: acceptance rises with interest throughout"),
        (tenths(30, 50, 45, 80), "Rising: acceptance grows with interest, with dips that chance explains"),
        (tenths(50, 52, 51), "Flat: more interest does not show"),
        (tenths(50, 80, 30), "Not monotone: MQLs with 42 to 43 points were accepted less (30 %, 30 of 100) than those"),
        (tenths(2, 4, 6, of=9), "Too few decided MQLs"),
        (tenths(30, 50), "Too few decided MQLs"),
        ([], "Too few decided MQLs"),
    ],
)
def test_whether_more_interest_means_better_mqls(groups: list[Tenth], said: str) -> None:
    assert said in verdict(groups).replace("\xa0", " ")


def test_the_chart_shows_rates_with_intervals_and_opens_their_leads() -> None:
    figure = chart(tenths(30, 50, 70), ["/a", "/b", "/c"], base=0.5)
    assert figure is not None
    [line] = figure.data
    assert list(line.y) == [30, 50, 70] and list(line.customdata) == ["/a", "/b", "/c"]
    assert line.error_y.array[0] == pytest.approx(9.6, abs=0.1)
    assert chart(tenths(1, 2, of=4), ["/a", "/b"], base=None) is None
