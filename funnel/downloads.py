"""Rows as CSV that a spreadsheet opens safely, streamed so that a million rows take no memory."""

import csv
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

# A cell that begins with one of these is run as a formula by spreadsheets; a leading quote keeps it text.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
NUMBER = re.compile(r"[+-]?[\d.,]+(?:[eE][+-]?\d+)?", re.ASCII)
BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes UTF-8 for its own encoding


class _Echo:
    """A file that hands back what is written."""

    def write(self, text: str) -> str:
        return text


def inert(text: str) -> str:
    """The text as no spreadsheet runs it: a leading quote where it looks like a formula; plain numbers stay."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(text) else text


def cell(value: Any) -> Any:
    """A value as it goes into a cell: text that looks like a formula is quoted, times are ISO, None is empty."""
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="seconds")
    if value is None or value != value:  # NaN and NaT differ from themselves  # noqa: PLR0124
        return ""
    return value


def csv_lines(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of the file, heading first."""
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow(heading)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def csv_response(filename: str, heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """A download of these rows. rows may be a generator; it is read while the answer is being sent."""
    response = StreamingHttpResponse(csv_lines(heading, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
