"""A CSV that a spreadsheet opens as text, never as a formula."""

import csv
import datetime as dt

import pytest

from funnel.downloads import csv_lines, csv_response


@pytest.mark.parametrize("text", ["=1+1", "+49 30 1234", "-2+3", "@cmd", "\t=1", "\r=1"])
def test_text_that_looks_like_a_formula_stays_text(text: str) -> None:
    _, line = csv_lines(["name"], [[text]])
    assert next(csv.reader([line], strict=True)) == [f"'{text}"]


@pytest.mark.parametrize("text", ["-2", "+49", "-1,234.5", "-1e6"])
def test_a_plain_number_is_no_formula(text: str) -> None:
    _, line = csv_lines(["name"], [[text]])
    assert next(csv.reader([line], strict=True)) == [text]


def test_numbers_times_and_nothing_are_written_plainly() -> None:
    at = dt.datetime(2026, 11, 17, 10, 41, tzinfo=dt.UTC)
    _, line = csv_lines(["a"], [[-2.5, at, None, float("nan"), 'say "hi", twice']])
    assert line == '-2.5,2026-11-17T10:41:00+00:00,,,"say ""hi"", twice"\r\n'


def test_a_download_is_streamed_with_its_name() -> None:
    asked: list[int] = []

    def rows():
        for number in range(3):
            asked.append(number)
            yield [number]

    response = csv_response("weeks.csv", ["n"], rows())
    assert response["Content-Disposition"] == 'attachment; filename="weeks.csv"'
    parts = iter(response)
    assert next(parts).decode() == "\ufeffn\r\n"
    assert asked == []  # nothing is read before it is sent
    assert b"".join(parts) == b"0\r\n1\r\n2\r\n"
