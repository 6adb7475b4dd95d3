"""Cost lines written by other connections, as other processes do it, and what the copy has of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg2
from django.db import connection

from funnel.models import CostLine
from reporting.facts import Copy

_COST = """
INSERT INTO funnel_costline (payer, nature, shadow, amount, currency, incurred_on, source, external_id)
VALUES ('marketing', 'program', false, %s, 'EUR', '2026-01-01', %s, '')
"""


@contextmanager
def session() -> Iterator[Any]:
    """Another connection, as another process has it."""
    given = connection.settings_dict
    other = psycopg2.connect(
        host=given["HOST"], port=given["PORT"], user=given["USER"], password=given["PASSWORD"], dbname=given["NAME"]
    )
    try:
        yield other
    finally:
        other.close()


def spend(amount: int, other: Any, *, source: str = "") -> None:
    """Write a cost line by another connection, without a commit."""
    with other.cursor() as cursor:
        cursor.execute(_COST, [amount, source])


def amounts(copy: Copy) -> list[int]:
    copy.refresh()
    return [int(amount) for (amount,) in copy.rows("SELECT amount FROM cost ORDER BY amount").rows]


def line(amount: int) -> CostLine:
    return CostLine.objects.create(amount=Decimal(amount), currency="EUR", incurred_on=date(2026, 1, 1))
