"""The product's brief, told once from end to end: a stranger's first touch becomes a customer, and every step is there
to be asked about. Everything goes through the API and the pages, as other systems and people use them.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from demandcenter.pipeline import drain, sweep
from funnel.access import Role
from funnel.ingest import write
from funnel.models import Account, Lead, StageEvent
from funnel.tokens import create_token
from reporting import facts
from routing.models import Clock, Notice
from scoring.services import ship
from tests import factories as make
from tests.loading import rows
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
STAGES = ("inquiry", "mql", "sal", "sql", "opportunity", "won")


class Somebody:
    """A person or a system that uses the product over HTTP."""

    def __init__(self, user: Any, *, token: str = "") -> None:
        self.user = user
        self.client = Client(headers={"Authorization": f"Bearer {token}"} if token else None)
        if not token:
            self.client.force_login(user)

    def gets(self, address: str, **query: Any) -> Any:
        answer = self.client.get(f"/api/{address}/", query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def posts(self, address: str, body: Any = None) -> Any:
        answer = self.client.post(f"/api/{address}/", {} if body is None else body, content_type="application/json")
        assert answer.status_code in (200, 201), answer.content
        return answer.json()

    def reads(self, address: str) -> str:
        answer = self.client.get(address)
        assert answer.status_code == 200
        return answer.content.decode()


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> dict[str, Somebody]:
    """A company that has set the product up: the shipped scoring model, two SDRs in a team, a manager, a seller."""
    monkeypatch.setattr(facts, "_shared", None, raising=False)
    now = timezone.now()
    ship(now=now - timedelta(days=1))
    team = make.team(name="Inbound")
    mia, ben = (
        make.user(Role.SDR, team=team, username=name.lower(), first_name=name, last_name="Huber")
        for name in ("Mia", "Ben")
    )
    for sdr in (mia, ben):
        make.seat(sdr.rep, calendar=make.calendar())
    make.routing_policy({"name": "Everybody", "team": team})
    for kind in ("accept", "hot"):
        make.promise(kind)
    write("accounts", rows({"name": "Acme Chemicals", "domains": "acme.example", "tier": 1, "employees": 1200,
                            "industry": "Chemicals"}), source="crm", now=now)  # fmt: skip
    seller = make.user(Role.AE, team=make.team("ae"), username="olaf")
    Account.objects.update(owner=seller.rep)
    website = make.user(Role.MARKETING_OPS, username="website")
    return {
        "website": Somebody(website, token=create_token(user=website, name="website", now=now).secret),
        "mia": Somebody(mia),
        "ben": Somebody(ben),
        "seller": Somebody(seller),
        "chief": Somebody(make.user(Role.EXECUTIVE, username="chief")),
    }


def touch(key: str, type_: str, **more: Any) -> dict[str, Any]:
    """What Anna of Acme Chemicals does on the website."""
    anna = {"email": "anna.berger@acme.example", "first_name": "Anna", "last_name": "Berger"}
    at = timezone.now() - timedelta(minutes=1)
    return anna | {"external_id": key, "type": type_, "occurred_at": at.isoformat()} | more


def reached(chief: Somebody) -> list[int]:
    """How many leads entered each stage, as the Overview counts them."""
    counted = {row["stage"]: row["count"] for row in chief.gets("metrics/volume", by="stage")["rows"]}
    return [counted.get(stage, 0) for stage in STAGES]


def show(chief: Somebody, *counts: int) -> bool:
    return wait_until(lambda: reached(chief) == [*counts, *[0] * (len(STAGES) - len(counts))])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_stranger_becomes_a_customer(company: dict[str, Somebody]) -> None:
    website, chief = company["website"], company["chief"]

    # Anna downloads a paper. It counts as a response, so that she is an inquiry; interest is too low for more.
    paper = touch("1", "whitepaper_download", counts_as_response=True, title="Head of Operations")
    assert website.posts("activities", paper)["status"] == "created"
    assert website.posts("activities", paper)["status"] == "unchanged", "the website may send it again"
    drain()
    lead = Lead.objects.get()
    assert (lead.stage, lead.account.name, lead.owner) == ("inquiry", "Acme Chemicals", None)
    why = chief.gets(f"people/{lead.person_id}/why-score")
    assert (why["grade"], round(why["interest"])) == ("A", 10)
    assert "Inquiry" in chief.reads(f"/leads/{lead.pk}/")
    assert show(chief, 1)

    # Over the next days she comes back. Nothing of it is a response, but together it is interest: an MQL by score.
    website.posts("activities", [touch("2", "webinar_attended"), touch("3", "price_calculator")])
    drain()
    assert Lead.objects.get().stage == "inquiry", "37 points are below the Active Interest Threshold of 40"
    website.posts("activities", touch("4", "pricing_visit"))
    drain()
    lead.refresh_from_db()
    event = StageEvent.objects.get(lead=lead, to_stage="mql")
    assert (lead.stage, event.policy) == ("mql", "scoring:1")
    assert 44 < event.score <= 45, "what counts once a day has faded since midnight"
    assert event.cause.startswith("mql:activity:"), "the touch that tipped the balance"
    why = chief.gets(f"leads/{lead.pk}/why-score")
    assert sum(category["counted"] for category in why["categories"] if category["axis"] == "interest") == (
        pytest.approx(why["interest"])
    )
    assert all(check["holds"] for check in why["mql"]), "every condition of the rule is shown to hold"

    # Routing deals the MQL to an SDR, says why, tells them, and starts a clock of one business day.
    sdr = company["mia"] if lead.owner == company["mia"].user.rep else company["ben"]
    other = company["ben"] if sdr is company["mia"] else company["mia"]
    route = chief.gets(f"leads/{lead.pk}/why-route")
    assert route["rule"] == "Everybody" and len(route["candidates"]) == 2
    assert Notice.objects.get(kind="assigned").user == sdr.user
    clock = Clock.objects.get(lead=lead)
    assert (clock.kind, clock.started_at, clock.stopped_at) == ("accept", event.occurred_at, None)
    assert clock.due_at - clock.started_at >= timedelta(hours=9), "a business day of nine hours at the least"
    assert "Anna Berger" in sdr.reads("/queue/")
    assert show(chief, 1, 1)

    # A colleague cannot take it; the SDR accepts in time, and the clock stops.
    refused = other.client.post(f"/api/leads/{lead.pk}/accept/", {}, content_type="application/json")
    assert refused.status_code == 409
    accepted = sdr.posts(f"leads/{lead.pk}/accept")
    assert moment(accepted["undo_until"]) > timezone.now()
    drain()
    sweep()
    lead.refresh_from_db()
    clock.refresh_from_db()
    assert lead.stage == "sal" and clock.stopped_at == lead.sal_at <= clock.due_at
    assert show(chief, 1, 1, 1)

    # A meeting is booked and held: an SQL.
    booked = sdr.posts(f"leads/{lead.pk}/meetings", {"starts_at": timezone.now().isoformat()})
    sdr.posts(f"meetings/{booked['meeting']}/outcome", {"outcome": "held"})
    assert Lead.objects.get().stage == "sql"
    assert show(chief, 1, 1, 1, 1)

    # The account's executive makes it an opportunity with an amount and wins it; the lead follows to the end.
    seller = company["seller"]
    opened = seller.posts(f"leads/{lead.pk}/opportunity", {"name": "Acme pumps", "amount": "48000.00"})
    assert Lead.objects.get().stage == "opportunity"
    assert show(chief, 1, 1, 1, 1, 1)
    seller.posts(f"opportunities/{opened['opportunity']}/close", {"state": "won", "amount": "45000.00"})
    drain()
    lead.refresh_from_db()
    assert (lead.stage, lead.exit) == ("won", "won") and lead.closed_at
    assert show(chief, 1, 1, 1, 1, 1, 1)

    # The whole trip is on record, step by step, each with its moment and its cause.
    steps = chief.gets(f"leads/{lead.pk}")["events"]
    assert [step["to_stage"] for step in steps] == list(STAGES)
    moments = [moment(step["occurred_at"]) for step in steps]
    assert moments == sorted(moments)
    assert len({step["cause"] for step in steps}) == len(STAGES)

    # When the customer asks for us again, that is a second trip, with an owner and clocks of its own.
    website.posts("activities", touch("5", "contact_sales"))
    drain()
    again = Lead.objects.get(number=2)
    assert (again.stage, again.person_id) == ("mql", lead.person_id) and again.owner
    assert sorted(Clock.objects.filter(lead=again).values_list("kind", flat=True)) == ["accept", "hot"]
    assert show(chief, 2, 2, 1, 1, 1, 1)
