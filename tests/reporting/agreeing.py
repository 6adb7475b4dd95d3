"""Agreements of tests: promises, terms, and versions that are signed."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User

from reporting.agreements import versions
from reporting.agreements.measures import MEASURES
from reporting.agreements.versions import Promise, Terms
from reporting.models import Agreement

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def promise(measure: str = "volume:mql", value: float = 2, every: str = "month", **more: Any) -> Promise:
    return Promise(
        **{"side": MEASURES[measure].side, "direction": "least"} | more, measure=measure, value=value, every=every
    )


BOTH = (promise(), promise("kept:accept", 0.8))


def terms(elif_: User, hanna: User, *promises: Promise, **more: Any) -> Terms:
    given = {"name": "Marketing and sales", "why": "", "marketing_signer": elif_, "sales_signer": hanna}
    return Terms(**given | more, promises=promises or BOTH)


def signed(elif_: User, hanna: User, *promises: Promise, at: datetime = NOW) -> Agreement:
    made = versions.draft(terms(elif_, hanna, *promises), user=elif_, now=at)
    versions.sign(made, user=hanna, revision=1, now=at)
    return versions.sign(made, user=elif_, revision=1, now=at)
