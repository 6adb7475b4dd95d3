"""The rules of the path, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from funnel.path import EXITS, Exit, Kind, Stage, State, Step, disorder, fold, refusal

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def steps(*entries: tuple[str, str, float]) -> list[Step]:
    """Steps from (kind, stage, day), numbered in the order given."""
    return [Step(kind, stage, day(at), id=number) for number, (kind, stage, at) in enumerate(entries, start=1)]


def at(stage: str, exit: str = "") -> State:
    return State(
        stage=stage, stage_since=START, exit=exit, closed_at=START if exit else None, milestones={stage: START}
    )


@pytest.mark.parametrize(
    ("here", "kind", "there"),
    [
        (Stage.INQUIRY, Kind.ADVANCE, Stage.MQL),
        (Stage.MQL, Kind.ADVANCE, Stage.SAL),
        (Stage.SAL, Kind.ADVANCE, Stage.SQL),
        (Stage.SQL, Kind.ADVANCE, Stage.OPPORTUNITY),
        (Stage.OPPORTUNITY, Kind.WON, Stage.WON),
        (Stage.INQUIRY, Kind.PASSTHROUGH, Stage.SQL),
        (Stage.SAL, Kind.REGRESS, Stage.MQL),
        (Stage.SQL, Kind.CORRECTION, Stage.INQUIRY),
        (Stage.MQL, Kind.RECYCLE, ""),
        (Stage.MQL, Kind.DISQUALIFY, ""),
        (Stage.MQL, Kind.EXPIRE, ""),
        (Stage.OPPORTUNITY, Kind.LOST, ""),
        (Stage.OPPORTUNITY, Kind.NO_DECISION, ""),
        (Stage.SAL, Kind.MERGED, ""),
    ],
)
def test_live_work_goes_along_the_path(here, kind, there):
    assert refusal(at(here), kind, there) == ""


@pytest.mark.parametrize(
    ("state", "kind", "there", "sentence"),
    [
        (at(Stage.INQUIRY), Kind.ADVANCE, Stage.SAL, "From Inquiry the next stage is MQL, not SAL."),
        (at(Stage.SQL), Kind.ADVANCE, Stage.MQL, "MQL lies behind SQL; use a move back or a correction."),
        (at(Stage.MQL), Kind.REGRESS, Stage.SAL, "SAL is not behind MQL."),
        (at(Stage.MQL), Kind.CORRECTION, Stage.SQL, "A correction cannot move forward to sql."),
        (at(Stage.INQUIRY), Kind.LOST, "", "A lead at Inquiry does not leave as “Lost”."),
        (at(Stage.MQL), Kind.REOPEN, Stage.MQL, "The lead is open already."),
        (at(Stage.MQL, Exit.MERGED), Kind.REOPEN, Stage.MQL, "A lead that is merged cannot be reopened."),
        (at(Stage.MQL, Exit.LOST), Kind.REOPEN, Stage.WON, "A lead is reopened at a stage before Won."),
        (
            at(Stage.MQL, Exit.RECYCLED),
            Kind.ADVANCE,
            Stage.SAL,
            "The lead is closed (recycled), so it cannot be moved; reopen it first.",
        ),
        (State(), Kind.RECYCLE, "", "The lead was never opened."),
    ],
)
def test_a_refusal_says_why(state, kind, there, sentence):
    assert refusal(state, kind, there) == sentence


@pytest.mark.parametrize("kind", sorted(set(EXITS) - {Kind.WON}))
@pytest.mark.parametrize("stage", [stage for stage in Stage if stage != Stage.WON])
def test_loaded_history_may_leave_from_any_open_stage_by_any_exit(stage, kind):
    assert refusal(at(stage), kind, "", history=True) == ""


def test_loaded_history_may_skip_forward_and_enter_again():
    assert refusal(at(Stage.INQUIRY), Kind.ADVANCE, Stage.OPPORTUNITY, history=True) == ""
    assert refusal(at(Stage.MQL), Kind.ADVANCE, Stage.MQL, history=True) == ""


def test_a_skipped_stage_has_no_milestone_and_the_lead_stands_at_the_furthest():
    state = fold(steps((Kind.ADVANCE, Stage.INQUIRY, 0), (Kind.ADVANCE, Stage.SAL, 2)))
    assert state.stage == Stage.SAL
    assert state.milestones == {Stage.INQUIRY: day(0), Stage.SAL: day(2)}
    assert state.is_open


def test_a_second_entry_keeps_the_first_reach_and_renews_the_stay():
    state = fold(steps((Kind.ADVANCE, Stage.INQUIRY, 0), (Kind.ADVANCE, Stage.MQL, 1), (Kind.ADVANCE, Stage.MQL, 5)))
    assert state.milestones[Stage.MQL] == day(1)
    assert state.stage_since == day(5)


def test_a_move_back_keeps_what_was_reached():
    state = fold(steps((Kind.ADVANCE, Stage.INQUIRY, 0), (Kind.ADVANCE, Stage.MQL, 1), (Kind.ADVANCE, Stage.SAL, 2),
                       (Kind.REGRESS, Stage.MQL, 3)))  # fmt: skip
    assert state.stage == Stage.MQL
    assert state.stage_since == day(3)
    assert state.milestones[Stage.SAL] == day(2)


def test_a_correction_makes_the_mistake_never_happen():
    state = fold(steps((Kind.ADVANCE, Stage.INQUIRY, 0), (Kind.ADVANCE, Stage.MQL, 1), (Kind.ADVANCE, Stage.SAL, 2),
                       (Kind.RECYCLE, "", 3), (Kind.CORRECTION, Stage.MQL, 4)))  # fmt: skip
    assert (state.stage, state.exit) == (Stage.MQL, "")
    assert state.milestones == {Stage.INQUIRY: day(0), Stage.MQL: day(1)}


def test_a_void_takes_one_event_back_and_nothing_else():
    events = [*steps((Kind.ADVANCE, Stage.INQUIRY, 0), (Kind.ADVANCE, Stage.MQL, 1), (Kind.DISQUALIFY, "", 2)),
              Step(Kind.VOID, "", day(3), id=4, supersedes=3)]  # fmt: skip
    state = fold(events)
    assert state.is_open
    assert state.stage == Stage.MQL


def test_a_lead_whose_every_event_is_void_never_was():
    state = fold([*steps((Kind.ADVANCE, Stage.INQUIRY, 0)), Step(Kind.VOID, "", day(1), id=2, supersedes=1)])
    assert state.exit == Exit.VOID
    assert state.milestones == {}


def test_stages_of_one_date_follow_the_path_in_whatever_order_the_rows_came():
    rows = [
        (Kind.LOST, "", 0),
        (Kind.ADVANCE, Stage.SAL, 0),
        (Kind.ADVANCE, Stage.INQUIRY, 0),
        (Kind.ADVANCE, Stage.MQL, 0),
    ]
    state = fold(steps(*rows))
    assert (state.stage, state.exit) == (Stage.SAL, Exit.LOST)


def test_a_deal_dated_before_the_first_contact_is_won_all_the_same():
    state = fold(steps((Kind.ADVANCE, Stage.INQUIRY, 5), (Kind.WON, Stage.WON, 3)))
    assert (state.stage, state.exit, state.closed_at) == (Stage.WON, Exit.WON, day(3))


def test_milestones_the_wrong_way_round_are_told():
    assert "the wrong way round" in disorder({Stage.SAL: day(3)}, Stage.MQL, day(5))
    assert "the wrong way round" in disorder({Stage.MQL: day(5)}, Stage.SAL, day(3))
    assert disorder({Stage.MQL: day(1)}, Stage.SAL, day(1)) == ""
