"""Promises and what they came to as a page and a closed review hold them: plain words and numbers.

`told` makes them of an attainment; `dressed` gives each figure its popover with definition, k / n, interval and the
leads behind it. A closed review keeps the first and gets the second anew, so its links show the leads of today.
"""

import datetime as dt
from typing import Any, Final

from reporting import numbers
from reporting.agreements import stretches
from reporting.agreements.attainment import Cell, Half, Row
from reporting.agreements.judging import Verdict
from reporting.agreements.measures import COUNT, MEASURES, SHARE, Measure
from reporting.agreements.source import Source
from reporting.numbers import Number
from reporting.periods import day_words

# The sign beside a figure: its icon, and its colour where the version judges the period.
MARKS: Final = {
    Verdict.MET: ("circle-check", "good"),
    Verdict.MISSED: ("circle-x", "warn"),
    Verdict.SO_FAR: ("hourglass", ""),
    Verdict.FEW: ("question-mark", ""),
    Verdict.NO_DATA: ("circle-dashed", ""),
}
NOT_JUDGED: Final = "this version did not apply"


def told(half: Half) -> dict[str, Any]:
    """One side's promises, to be shown or stored. The latest period is the last."""
    return {
        "side": half.side.value,
        "words": half.side.label,
        "met": half.met,
        "decided": half.decided,
        "rows": [_row(row) for row in half.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "measure": row.measure.key,
        "title": row.measure.title,
        "promise": row.promise,
        "every": row.target.every,
        "each": row.each,
        "cells": [_cell(cell) for cell in reversed(row.cells)],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    actual = cell.actual
    return {
        "words": cell.words,
        "starts_on": str(cell.period.start),
        "value": actual.value,
        "k": actual.k,
        "n": actual.n,
        "low": actual.low,
        "high": actual.high,
        "verdict": cell.verdict.value,
        "said": cell.said,
        "final_on": str(cell.final_on) if cell.final_on else "",
        "judged": cell.judged,
    }


def dressed(halves: list[dict[str, Any]], source: Source) -> list[dict[str, Any]]:
    """The same with `number` and `mark` in each cell. source: of any periods; nothing is counted again."""
    for half in halves:
        for row in half["rows"]:
            for cell in row["cells"]:
                cell["number"] = _number(row, cell, source)
                icon, colour = MARKS[Verdict(cell["verdict"])]
                said = cell["said"] if cell["judged"] else f"{cell['said']}; {NOT_JUDGED}"
                cell["mark"] = (icon, colour if cell["judged"] else "", said)
    return halves


def _number(row: dict[str, Any], cell: dict[str, Any], source: Source) -> Number:
    measure: Measure = MEASURES[row["measure"]]
    starts_on = dt.date.fromisoformat(cell["starts_on"])
    drill = measure.drill if cell["value"] or cell["n"] else None
    url = drill(source, stretches.stretch(row["every"], starts_on)) if drill else ""
    about: dict[str, Any] = {
        "id": f"{row['measure']}-{row['every']}-{starts_on}".replace(":", "-"),
        "title": f"{measure.title}, {cell['words']}",
        "definition": measure.sentence,
        "cohort": cell["words"],
        "rows": _rows(row, cell),
    }
    if measure.unit == SHARE:
        # Until a step's days are over its leads are more than those that are counted.
        links = [("Open the leads" if cell["final_on"] else f"Open {cell['n']:,}", url)] if url else []
        return numbers.rate(
            **about, k=cell["k"] or 0, n=cell["n"] or 0, low=cell["low"], high=cell["high"], links=links
        )
    if measure.unit == COUNT:
        links = [(f"Open {cell['value']:,}", url)] if url else []
        return numbers.amount(**about, count=cell["value"], links=links)
    return numbers.mean(**about, mean=cell["value"], n=cell["n"] or 0)


def _rows(row: dict[str, Any], cell: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("Promised", f"{row['promise']} {row['each']}"), ("Verdict", cell["said"])]
    if cell["final_on"]:
        rows.append(("Final", f"from {day_words(dt.date.fromisoformat(cell['final_on']))}"))
    return rows if cell["judged"] else [*rows, ("Judged", NOT_JUDGED)]
