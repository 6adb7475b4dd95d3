"""What only the Import page's templates need."""

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone

from funnel.forms import COLUMN, field_label, format_in_words
from funnel.ingest import KINDS
from funnel.models import ImportRun

register = template.Library()
COUNT_WORDS = {"skipped": "left out"}

register.filter("format_words", format_in_words)
register.filter("field_label", field_label)


@register.filter
def kind_title(run: ImportRun) -> str:
    """Leads, Touches, Stage events."""
    return KINDS[run.kind].title if run.kind in KINDS else run.kind


@register.filter
def rows_said(run: ImportRun) -> int:
    """How many rows the file has: about, until it has been read to its end."""
    return max(run.rows, run.position)


@register.filter
def count_word(name: str) -> str:
    return COUNT_WORDS.get(name, name)


@register.filter
def is_column(origin: str, column: str) -> bool:
    return origin == COLUMN + column


@register.filter
def is_listed(value: str, choices: Iterable[tuple[str, str]]) -> bool:
    return any(value == known for known, _words in choices)


@register.filter
def unlocalised(value: int) -> str:
    """A number as HTML attributes want it, without separators."""
    return str(value)


@register.filter
def took(run: ImportRun) -> str:
    """How long the run lasted, from its first start to its end."""
    if not run.started_at or not run.finished_at:
        return ""
    seconds = round((run.finished_at - run.started_at).total_seconds())
    if seconds < 60:
        return f"{max(seconds, 1)} s"
    return f"{seconds // 60} min {seconds % 60} s"


@register.filter
def stored(value: Any) -> str:
    """A typed value as the preview shows it: moments in UTC and to the second, blanks as a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(timezone.get_current_timezone()):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)
