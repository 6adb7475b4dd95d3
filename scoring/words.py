"""Numbers and moments as sentences write them."""

from datetime import UTC, datetime


def number(value: float) -> str:
    """At most one digit after the point, and none where it is zero: 52.3, 1,040, 0."""
    text = f"{value:,.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def when(at: datetime) -> str:
    """A moment in UTC, to the minute: Thu 26 Nov 14:05 UTC. Pages that know a viewer's zone show their own."""
    at = at.astimezone(UTC)
    return f"{at:%a} {at.day} {at:%b %H:%M} UTC"
