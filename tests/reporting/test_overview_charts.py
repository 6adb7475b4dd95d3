"""Figures from hand-made frames: what is drawn, in which colours, and what is refused."""

import datetime as dt
import json

import pandas as pd

from funnel.models import Stage
from reporting.charts import stage_times, trend

WEEKS = [dt.date(2026, 11, 2), dt.date(2026, 11, 9)]


def weeks(**columns: list) -> pd.DataFrame:
    counts = {"mql": [128, 131], "sal": [100, 103], "sql": [44, 48]} | columns
    urls = {f"{stage}_url": [f"/drill/?stage={stage}"] * 2 for stage in ("mql", "sal", "sql")}
    return pd.DataFrame({"bucket": WEEKS, "whole": [True, True]} | counts | urls)


STAGES = [Stage.MQL, Stage.SAL, Stage.SQL]


def test_a_trend_has_a_line_a_stage_and_the_period_before_dotted() -> None:
    before = pd.DataFrame({"bucket": WEEKS, "mql": [124, 127]})
    figure = json.loads(trend(weeks(), before, stages=STAGES, lead=Stage.MQL).to_json())
    assert [trace["name"] for trace in figure["data"]] == ["MQL before", "MQL", "SAL", "SQL"]
    assert figure["data"][0]["line"]["dash"] == "dot"
    assert figure["data"][1]["line"]["color"] == "var(--dc-mql)"
    assert figure["data"][1]["customdata"] == ["/drill/?stage=mql"] * 2
    assert figure["layout"]["yaxis"]["range"][0] == 0


def test_lines_that_end_together_keep_their_labels_apart() -> None:
    figure = trend(weeks(sal=[100, 131], sql=[44, 130]), None, stages=STAGES, lead=Stage.MQL)
    heights = sorted(note.y for note in figure.layout.annotations)
    assert min(b - a for a, b in zip(heights, heights[1:], strict=False)) >= 10


def test_a_week_that_lies_only_partly_in_the_period_is_hollow() -> None:
    figure = trend(weeks(whole=[True, False]), None, stages=STAGES, lead=Stage.MQL)
    assert list(figure.data[0].marker.symbol) == ["circle", "circle-open"]
    assert list(figure.data[0].marker.size) == [0, 7]


def times(**columns: list) -> pd.DataFrame:
    steps = {
        "label": ["Inquiry → MQL", "MQL → SAL"],
        "stage": ["inquiry", "mql"],
        "said": ["9.4 d", "7.2 h"],
        "p10": [0.9, 0.0],
        "p25": [3.1, 0.08],
        "median": [9.4, 0.3],
        "p75": [24.0, 1.1],
        "p90": [49.0, 2.9],
    }
    return pd.DataFrame(steps | columns)


def test_stage_times_are_boxes_on_a_log_axis_that_bear_a_stay_of_nothing() -> None:
    figure = stage_times(times())
    assert figure is not None
    assert [trace.type for trace in figure.data] == ["box", "box"]
    assert figure.layout.xaxis.type == "log"
    assert figure.data[0].lowerfence[0] > 0  # MQL → SAL, drawn from the bottom up, began at 0 days
    assert {note.text for note in figure.layout.annotations} == {"<b>9.4 d</b>", "<b>7.2 h</b>"}


def test_a_step_nobody_took_is_left_out_and_no_step_is_no_figure() -> None:
    nothing = float("nan")
    one = stage_times(times(median=[9.4, nothing]))
    assert one is not None and [trace.y[0] for trace in one.data] == ["Inquiry → MQL"]
    assert stage_times(times(median=[nothing, nothing])) is None
