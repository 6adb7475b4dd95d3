"""Numbers and moments as sentences write them."""

from datetime import datetime

from django.utils import timezone


def number(value: float) -> str:
    """At most one digit after the point, and none where it is zero: 52.3, 1,040, 0."""
    text = f"{value:,.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def when(at: datetime) -> str:
    """A moment to the minute in the reader's zone, which a page has activated: Thu 26 Nov 14:05; UTC says so."""
    here = timezone.localtime(at)
    zone = "" if here.utcoffset() else " UTC"
    return f"{here:%a} {here.day} {here:%b %H:%M}{zone}"
