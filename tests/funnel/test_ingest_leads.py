"""Loading leads: who they are, how they opened and moved, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from funnel.ingest import Row, write
from funnel.models import Lead, Person, StageEvent

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def load(*values: dict, kind: str = "leads", **options) -> list:
    rows = [Row(number, {k: v for k, v in v.items() if k != "attributes"}, v.get("attributes", {})) for number, v in enumerate(values, start=1)]
    return write(kind, rows, **{"source": "crm", "now": NOW} | options)


def test_a_new_lead_opens_with_its_person_and_milestones():
    (outcome,) = load({"external_id": "1", "email": "Ann@Example.com", "first_name": "Ann", "inquiry_at": day(1), "mql_at": day(3), "attributes": {"size": 5}})
    assert outcome.status == "created", outcome
    lead = Lead.objects.get()
    assert (lead.stage, lead.inquiry_at, lead.mql_at, lead.exit, lead.number) == ("mql", day(1), day(3), "", 1)
    assert lead.person.email == "ann@example.com"
    assert lead.person.attributes == {"size": 5}
    (again,) = load({"external_id": "1", "email": "Ann@Example.com", "first_name": "Ann", "inquiry_at": day(1), "mql_at": day(3), "attributes": {"size": 5}})
    assert again.status == "unchanged", again
    (third,) = load({"external_id": "1", "won_at": day(9), "first_name": "Anne"})
    assert third.status == "updated", third
    (other,) = load({"external_id": "1", "mql_at": day(9)})
    assert other.status == "error", other
    print(other)
    assert StageEvent.objects.count() == 3
