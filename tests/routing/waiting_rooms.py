"""A queue to look at: people who wait with clocks, scores, accounts and pasts, written straight into the tables."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from funnel.access import Role
from funnel.models import Account, Lead, Reason, Region, Solution
from routing.models import Clock
from scoring.models import Score, ScoringModel
from tests import factories as make

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def scoring_model(**fields: Any) -> ScoringModel:
    """The active version, without rules of its own."""
    known = ScoringModel.objects.filter(active=True).first()
    if known:
        return known
    at = make.NOW - 90 * DAY
    fields = {"version": 9001, "name": "Standard", "status": "published", "landmark": at, "filled_at": at} | fields
    return ScoringModel.objects.create(active=True, **fields)


def score(person: Any, cell: str = "B2", *, last_at: datetime | None = None, **fields: Any) -> Score:
    """Grade and band of a person under the active model."""
    values = {"acc": [], "base": [], "fit": [], "fit_total": 50, "eligible": True, "allowed": True} | fields
    return Score.objects.create(
        person=person, model=scoring_model(), grade=cell[0], band=int(cell[1]), last_at=last_at,
        scored_at=make.NOW, **values,
    )  # fmt: skip


def clock(lead: Lead, *, due: datetime, kind: str = "accept", lasts: timedelta = 9 * HOUR) -> Clock:
    """A running clock that is due then and warns after four fifths; begun by the lead's MQL, or by a raised hand."""
    started = due - lasts
    if kind == "accept":
        cause = f"stage_event:{lead.events.filter(to_stage='mql').latest('occurred_at').pk}"
    else:
        cause = f"activity:{make.touch(person=lead.person, type='demo_request', occurred_at=started).pk}"
    return Clock.objects.create(
        lead=lead, kind=kind, cause=cause, started_at=started, warn_at=started + lasts * 0.8, due_at=due,
    )  # fmt: skip


@dataclass
class Room:
    """An SDR with a team, a colleague and a manager, and the leads that wait."""

    sdr: Any
    colleague: Any
    manager: Any
    now: datetime
    leads: list[Lead] = field(default_factory=list)

    def wait(self, name: str = "", *, due: timedelta | None = HOUR, cell: str = "B2", hot: timedelta | None = None,
             **fields: Any) -> Lead:  # fmt: skip
        """An MQL of the SDR's, with an accept clock that is due so long from now, and perhaps a hot one."""
        first, _blank, last = (name or f"Pat Doe {len(self.leads)}").partition(" ")
        about = {key: fields.pop(key) for key in ("title", "company", "phone", "country", "city") if key in fields}
        account = fields.get("account")
        person = fields.pop("person", None) or make.person(first_name=first, last_name=last, account=account, **about)
        if "owner" not in fields and "pool" not in fields:
            fields["owner"] = self.sdr.rep
        at = self.now - 2 * HOUR
        lead = make.lead(person=person, stages={"inquiry": at - DAY, "mql": at}, **fields)
        if cell:
            score(person, cell)
        if due is not None:
            clock(lead, due=self.now + due)
        if hot is not None:
            clock(lead, due=self.now + hot, kind="hot", lasts=5 * MINUTE)
        self.leads.append(lead)
        return lead


def room(now: datetime, **names: str) -> Room:
    """People without leads yet. names: user names for sdr, colleague and manager."""
    team = make.team(name="DACH")
    sdr = make.user(Role.SDR, team=team, first_name="Mara", last_name="Lindqvist", username=names.get("sdr", "mara2"))
    colleague = make.user(Role.SDR, team=team, first_name="Jonas", last_name="Petersen", username="jonas")
    manager = make.user(Role.SDR_MANAGER, first_name="Hanna", last_name="Solberg", username="hanna2")
    for user in (sdr, colleague):
        user.rep.name = user.get_full_name()
        user.rep.save()
    return Room(sdr=sdr, colleague=colleague, manager=manager, now=now)


def busy(now: datetime) -> Room:
    """The queue of a day: hot, late, nearly due and in time, with accounts, deals and pasts."""
    here = room(now)
    ae = make.rep(name="Magnus Lind", team=make.team("ae"))
    region, solution = Region.objects.create(name="Nordics"), Solution.objects.create(name="Edge monitoring")
    halvard = make.account(name="Halvard Marine Systems", industry="Shipbuilding", employees=2400, tier=2, owner=ae,
                           country="NO", city="Bergen", region=region)  # fmt: skip
    make.opportunity(account=halvard, owner=ae, amount=64000, deal_stage="Discovery", opened_at=now - 9 * DAY)
    colleague = make.person(first_name="Ole", last_name="Brekke", title="Maintenance", account=halvard)
    score(colleague, "C3", last_at=now - 3 * DAY)
    ingrid = here.wait("Ingrid Solheim-Dahl", due=7 * HOUR, hot=2 * MINUTE, cell="B3", account=halvard, region=region,
                       solution=solution, title="Head of Plant IT", phone="+47 55 00 01 42")  # fmt: skip
    make.touch(person=ingrid.person, type="demo_form", occurred_at=now - 3 * MINUTE, counts_as_response=True,
               payload={"message": "We run 9 yards and lose about two hours a week per crane."})  # fmt: skip
    make.touch(person=ingrid.person, type="pricing_page", occurred_at=now - 11 * MINUTE)
    kestrel = make.account(name="Kestrel Foods Polska", tier=2, country="PL")
    here.wait("Tomasz Wierzbicki", due=-3 * HOUR - 22 * MINUTE, cell="B1", account=kestrel, title="OT Security Manager")
    brunner = make.account(name="Brunner Automation AG", tier=1, country="CH", owner=here.sdr.rep)
    here.wait("Lea Vontobel", due=38 * MINUTE, cell="A2", account=brunner, title="VP Operations")
    alpina = make.account(name="Alpina Verpackung GmbH", tier=1, country="AT", kind=Account.Kind.CUSTOMER)
    here.wait("Dr. Katharina Seidl", due=2 * HOUR + 13 * MINUTE, cell="A1", account=alpina, title="Director Production")
    reason, _known = Reason.objects.get_or_create(
        kind="recycle", stage="", name="Timing: project later", defaults={"revisit_days": 90}
    )
    Reason.objects.get_or_create(kind="reject", stage="mql", name="Not in the ideal profile")
    elena = make.person(first_name="Elena", last_name="Popescu", title="Plant Manager", company="Carpatia Glass SA",
                        country="RO")  # fmt: skip
    make.leave(make.lead(person=elena, at=now - 200 * DAY), "recycle", at=now - 150 * DAY, reason_id=reason.pk)
    here.wait(person=elena, due=7 * HOUR + 42 * MINUTE, cell="B2")
    for number, name in enumerate(("Sabine Reuter", "Mikko Laaksonen", "Henrik Aalto", "Marta Kowalczyk")):
        here.wait(name, due=(4 + number) * HOUR + 33 * MINUTE, cell="B2", title="Head of Automation",
                  company="Saarela Paper Oy", country="FI")  # fmt: skip
    here.wait("Florian Egger", due=None, cell="", title="Digitalisation Lead", company="Tauern Logistik AG")
    here.wait("Nora Bakke", pool=here.sdr.rep.team, owner=None, due=5 * HOUR, cell="A2", company="Fjordlys Energi")
    here.wait("Ivan Horvat", owner=None, due=None, cell="C1", company="Adria Steel")
    here.wait("Sofia Rinaldi", owner=here.colleague.rep, due=3 * HOUR, cell="B1", company="Rinaldi SpA")
    for lead in here.leads:
        make.touch(person=lead.person, type="webinar_attended", occurred_at=now - 5 * HOUR)
    return here
