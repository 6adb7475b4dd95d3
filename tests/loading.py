"""Loading rows in tests: values in, outcomes out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from funnel.ingest import Outcome, Row, write

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def day(number: float) -> datetime:
    """So many days after the first of January 2026."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def rows(*values: dict[str, Any]) -> list[Row]:
    """Rows numbered from 1; `attributes` among the values are the row's attributes."""
    return [
        Row(number, {name: value for name, value in row.items() if name != "attributes"}, row.get("attributes", {}))
        for number, row in enumerate(values, start=1)
    ]


def load(kind: str, *values: dict[str, Any], **options: Any) -> list[Outcome]:
    """Write one chunk of source crm at NOW, unless said otherwise."""
    return write(kind, rows(*values), **{"source": "crm", "now": NOW, **options})


def statuses(outcomes: list[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]


def load_well(kind: str, *values: dict[str, Any], **options: Any) -> list[str]:
    """Load rows that must land, without a warning; returns their statuses."""
    outcomes = load(kind, *values, **options)
    complaints = [(outcome.problem, outcome.warnings) for outcome in outcomes if outcome.problem or outcome.warnings]
    assert not complaints, complaints
    return statuses(outcomes)


def problem_of(kind: str, *values: dict[str, Any], **options: Any) -> str:
    """Load rows of which the last must fail; returns why."""
    outcome = load(kind, *values, **options)[-1]
    assert outcome.status == "error", outcome
    return outcome.problem
