"""What a dispute comes to in words: a table of findings, and that the numbers are owned up to when they cannot tell."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reporting.quality.tallies import Tally
from reporting.quality.verdicts import Kept, settle

BAD, GOOD, FEW = (40, 100), (80, 100), (10, 20)


def told(
    quality: tuple[int, int], work: tuple[int, int], *, others: tuple[int, int] = GOOD, waiting: int = 0
) -> list[str]:
    """The sentences about a slice; quality: (accepted, decided), work: (kept, due); outside everything is good."""
    inside, outside = (Tally(decided=n, accepted=k) for k, n in (quality, others))
    kept = Kept(due=work[1], kept=work[0], late=work[1] - work[0] - waiting, waiting=waiting, unworked=waiting)
    verdict = settle(inside, outside, kept, Kept(due=100, kept=80, late=20), slice_words="“channel Fair”")
    return [sentence.replace("\xa0", " ") for sentence in verdict.sentences]


@pytest.mark.parametrize(
    ("quality", "work", "said"),
    [
        (BAD, BAD, "Both sides have a point about “channel Fair”: the leads are poorer, and they are worked worse."),
        (BAD, GOOD, "Sales has a point about “channel Fair”: the leads are poorer, and no worse work is seen."),
        (
            BAD,
            (98, 100),
            "Sales has a point about “channel Fair”: the leads are poorer although they are worked better.",
        ),
        (BAD, FEW, "Sales has a point about “channel Fair”: the leads are poorer; of how they are worked too little"),
        (GOOD, BAD, "Marketing has a point about “channel Fair”: they are worked worse, and no poorer leads are seen."),
        (
            (98, 100),
            BAD,
            "Marketing has a point about “channel Fair”: the leads are better, and they are worked worse.",
        ),
        (FEW, BAD, "Marketing has a point about “channel Fair”: they are worked worse; of their quality too little"),
        ((98, 100), (98, 100), "Neither complaint about “channel Fair” is borne out"),
        (FEW, (98, 100), "“channel Fair” is worked better than the rest; of its quality too little is known."),
        (GOOD, GOOD, "The numbers do not settle it for “channel Fair”: what is seen may be chance."),
        (FEW, FEW, "The numbers do not settle it for “channel Fair”"),
    ],
)
def test_both_complaints_together(quality: tuple[int, int], work: tuple[int, int], said: str) -> None:
    assert told(quality, work)[-1].startswith(said)


def test_each_complaint_has_its_counts_interval_and_difference() -> None:
    quality, work, _together = told(BAD, (60, 100), waiting=7)
    assert quality == (
        "Are they poor? Yes, poorer than the others: inside 40 % (40 of 100, 30.9–49.8 %) of the decided MQLs were "
        "accepted, outside 80 % (80 of 100, 71.1–86.7 %), a difference of −40 points (−51 to −27)."
    )
    assert work.endswith(" Inside 7 wait still, 7 of them without an attempt by us to reach them.")


def test_too_few_is_said_and_so_is_no_difference_that_matters() -> None:
    assert "it takes 30 decisions on both sides" in told(FEW, GOOD)[0]
    assert "it takes 30 on both sides" in told(GOOD, FEW)[1]
    assert "none of the decided MQLs were accepted" in told((0, 0), GOOD)[0]
    assert "No difference that matters" in told((4_000, 5_000), GOOD, others=(4_010, 5_000))[0]
    assert "The numbers cannot tell: inside 80 %" in told(GOOD, GOOD)[0]


counted = st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(counted, counted, counted)
def test_nobody_is_blamed_without_thirty_on_both_sides(
    quality: tuple[int, int], others: tuple[int, int], work: tuple[int, int]
) -> None:
    sentences = told(quality, work, others=others)
    assert len(sentences) == 3 and all(sentence.endswith(".") for sentence in sentences)
    if min(quality[1], others[1]) < 30:
        assert "Sales has a point" not in sentences[-1] and "Both sides" not in sentences[-1]
    if work[1] < 30:
        assert "Marketing has a point" not in sentences[-1]
