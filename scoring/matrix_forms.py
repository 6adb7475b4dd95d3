"""Grades, bands and what each of their cells asks for, edited as one table."""

import math
import re
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from scoring.checks import LARGEST, MOST_STEPS
from scoring.models import Action, ScoringModel

_LETTER: Final = re.compile(r"[A-Z][A-Z0-9+-]?")

Matrix = dict[str, Any]  # grades, bands, grid: as ScoringModel has them
Typed = dict[str, list]  # letters, fits, interests, actions (rows of cells): as somebody typed them


def _typed(matrix: Matrix | None) -> Typed:
    """What stands in the inputs for a matrix, with a blank grade and a blank band for one more of each."""
    matrix = matrix or {"grades": [], "bands": [], "grid": {}}
    letters = [str(letter) for letter, _ in matrix["grades"]]
    numbers = [str(number) for number, _ in matrix["bands"]]
    rows, columns = _with_one_more(letters), _with_one_more(numbers)
    return {
        "letters": rows,
        "fits": _with_one_more([_shown(least) for _, least in matrix["grades"]]),
        "interests": _with_one_more([_shown(least or 0) for _, least in matrix["bands"]]),
        "actions": [[matrix["grid"].get(f"{row}{column}", "") for column in columns] for row in rows],
    }


def _with_one_more(values: list[str]) -> list[str]:
    return values if len(values) >= MOST_STEPS else [*values, ""]


def _shown(least: float | None) -> str:
    return "" if least is None else f"{least:.12g}"


class MatrixWidget(forms.Widget):
    """A table of inputs: a row a grade, a column a band."""

    class Media:
        css = {"all": ["css/policies.css"]}

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        typed: Typed = value if value and "letters" in value else _typed(value)
        context = {
            "name": name,
            "bands": [{"place": place, "number": place + 1, "least": least}
                      for place, least in enumerate(typed["interests"])],
            "rows": [
                {"place": place, "letter": letter, "least": least, "cells": list(enumerate(cells))}
                for place, (letter, least, cells) in enumerate(
                    zip(typed["letters"], typed["fits"], typed["actions"], strict=True)
                )
            ],
            "actions": Action.choices,
        }  # fmt: skip
        return SafeString(render_to_string("admin/scoring/matrix.html", context))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Typed:
        rows = [place for place in range(MOST_STEPS) if f"{name}_letter_{place}" in data]
        columns = [place for place in range(MOST_STEPS) if f"{name}_interest_{place}" in data]
        return {
            "letters": [data[f"{name}_letter_{row}"].strip().upper() for row in rows],
            "fits": [data.get(f"{name}_fit_{row}", "").strip() for row in rows],
            "interests": [data[f"{name}_interest_{column}"].strip() for column in columns],
            "actions": [[data.get(f"{name}_cell_{row}_{column}", "") for column in columns] for row in rows],
        }

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}_letter_0" not in data

    def id_for_label(self, id_: str) -> str:
        return ""  # a table has no one input


class MatrixField(forms.Field):
    """The table read as grades, bands and grid; says what does not fit together."""

    widget = MatrixWidget

    def clean(self, value: Typed) -> Matrix:
        problems: list[str] = []
        grades = _grades(value, problems)
        bands = _bands(value, problems)
        grid = {} if problems else _grid(value, grades, bands, problems)
        if problems:
            raise ValidationError(problems)
        return {"grades": grades, "bands": bands, "grid": grid}

    def has_changed(self, initial: Any, data: Any) -> bool:
        return data != _typed(initial)


def _number(text: str, what: str, problems: list[str]) -> float | None:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number) and abs(number) <= LARGEST:
        return int(number) if number.is_integer() else number
    problems.append(f"{what} takes a number within ±{LARGEST:,.0f}, not “{text[:30]}”.")
    return None


def _grades(value: Typed, problems: list[str]) -> list[list]:
    """Rows with a letter: best first, strictly descending; the last takes everybody else."""
    rows = [(place, letter) for place, letter in enumerate(value["letters"]) if letter]
    if any(fit and not letter for letter, fit in zip(value["letters"], value["fits"], strict=True)):
        problems.append("A grade has its least fit but no letter.")
    letters = [letter for _, letter in rows]
    if not letters:
        problems.append("There is one grade at least.")
    if wrong := [letter for letter in letters if not _LETTER.fullmatch(letter)]:
        problems.append(f"A grade is a letter, or a letter and one more like A+, not “{wrong[0][:30]}”.")
    if len(set(letters)) < len(letters):
        problems.append("Two grades have the same letter.")
    grades: list[list] = []
    for place, letter in rows:
        last = place == rows[-1][0]
        fit = value["fits"][place]
        if last and fit:
            problems.append(f"Grade {letter} is the last and takes everybody else: leave its least fit blank.")
        elif not last and not fit:
            problems.append(f"Grade {letter} needs its least fit; only the last grade has none.")
        grades.append([letter, _number(fit, f"The least fit of grade {letter}", problems) if fit else None])
    _check_descending([fit for _, fit in grades], "grade", "fit", problems)
    return grades


def _bands(value: Typed, problems: list[str]) -> list[list]:
    """Columns with a least interest: highest first, strictly descending, down to 0. Numbered from 1."""
    leasts = [least for least in value["interests"] if least]
    if value["interests"][: len(leasts)] != leasts:
        problems.append("An interest band is missing between two others.")
    if not leasts:
        problems.append("There is one interest band at least.")
    bands = [
        [number, _number(least, f"The least interest of band {number}", problems)]
        for number, least in enumerate(leasts, start=1)
    ]
    _check_descending([least for _, least in bands], "band", "interest", problems)
    if bands and bands[-1][1] not in (0, None):
        problems.append("The last interest band starts at 0, so that everybody has one.")
    return bands


def _check_descending(leasts: list, step: str, of: str, problems: list[str]) -> None:
    known = [least for least in leasts if least is not None]
    if any(below >= above for above, below in zip(known, known[1:], strict=False)):
        problems.append(f"Each {step} starts at less {of} than the one before it; the best comes first.")


def _grid(value: Typed, grades: list[list], bands: list[list], problems: list[str]) -> dict[str, str]:
    places = {letter: place for place, letter in enumerate(value["letters"]) if letter}
    grid = {
        f"{letter}{number}": value["actions"][places[letter]][number - 1] for letter, _ in grades for number, _ in bands
    }
    if missing := [cell for cell, action in grid.items() if action not in Action.values]:
        problems.append(f"Choose what is to be done in {', '.join(missing)}.")
    elif Action.MQL not in grid.values():
        problems.append("No cell asks for an MQL, so that only a fast track could make one. Choose one cell at least.")
    return grid


def matrix_table(model: ScoringModel) -> SafeString:
    """The table of a version that cannot be edited any more."""
    labels = dict(Action.choices)
    rows = [
        {"letter": letter, "least": _shown(least) or "less",
         "cells": [labels.get(model.grid.get(f"{letter}{number}", ""), "") for number, _ in model.bands]}
        for letter, least in model.grades
    ]  # fmt: skip
    bands = [{"number": number, "least": _shown(least or 0)} for number, least in model.bands]
    return SafeString(render_to_string("admin/scoring/matrix_shown.html", {"rows": rows, "bands": bands}))
