"""Stored simulations for tests of the lab, written as a worker leaves them, and what a plain reading of them says."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from funnel.models import Kind, Lead, Person, Region
from funnel.stages import Move, move
from reporting.models import Comparison
from scoring.models import ScoringModel, SimulatedLead, Simulation
from scoring.simulation import digest_of
from tests import factories as make
from tests.scoring.models import Model, touch_rule

DAY = timedelta(days=1)
FIRST, END = date(2026, 3, 2), date(2026, 8, 31)  # 26 weeks
START, STOP = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (FIRST, END))
NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
HISTORY = f"from={FIRST}&to={END - DAY}"


def version(*, threshold: float = 40, webinar: float = 15) -> Model:
    """A version of two rules, still a draft."""
    made = Model(threshold=threshold).interest("Web", half_life=30, cap=100).fit("Firm")
    made.rule(touch_rule("Web", "webinar", webinar, name="Webinar attended"))
    return made.rule(touch_rule("Web", "form", 25, name="Form"))


def simulation(model: ScoringModel, **fields: Any) -> Simulation:
    """A simulation of the present text, by default done."""
    fields = {"starts_at": START, "ends_at": STOP, "digest": digest_of(model), "status": "done"} | fields
    return Simulation.objects.create(model=model, people=10, people_in_all=10, **fields)


def comparison(live: ScoringModel, draft: ScoringModel, **fields: Any) -> Comparison:
    return Comparison.objects.create(live=simulation(live), draft=simulation(draft), **fields)


def part(of: Simulation, against: ScoringModel, words: str, data: dict[str, Any]) -> Simulation:
    """The simulation of one change alone."""
    change = {"against": against.pk, "words": words, "data": data}
    return simulation(of.model, part_of=of, change=change, digest="a part's")


def saw(simulation: Simulation, lead: Lead, *, at: datetime | None = None, **fields: Any) -> SimulatedLead:
    """What a simulation made of a lead: an MQL at a moment, or none."""
    fields = {
        "interest": 41.0 if at else 12.0,
        "fit": 50,
        "grade": "B",
        "band": 2,
        "by": "score" if at else "",
    } | fields
    return SimulatedLead.objects.create(
        simulation=simulation, lead=lead, person_id=lead.person_id, mql_at=at, **{"peak": fields["interest"]} | fields
    )


def inquiry(person: Person, *, at: datetime, touches: Iterable[str] = ()) -> Lead:
    """A lead that was known when it came in, and touches of these types in the minutes after, known at once."""
    made = Lead.objects.create(
        person=person, account=person.account, number=1, stage_since=at, closed_at=at, exit="void"
    )
    (moved,) = move(
        [Move(lead_id=made.pk, kind=Kind.ADVANCE, to_stage="inquiry", occurred_at=at, cause="test:inquiry")],
        now=at, history=True,
    )  # fmt: skip
    assert not moved.problem, moved.problem
    for minute, type_ in enumerate(touches, start=1):
        moment = at + timedelta(minutes=minute)
        make.touch(person=person, type=type_, occurred_at=moment, recorded_at=moment)
    return made


# --- Many at a time ------------------------------------------------------------------------------------------------


def many_leads(count: int, *, seed: int, regions: Iterable[Region] = ()) -> list[Lead]:
    """Leads of all kinds of fates, written as rows alone: inquiries, MQLs, accepted, SQL, won, left, void."""
    dice = random.Random(seed)
    people = Person.objects.bulk_create(Person(first_name="Pat", last_name=f"Doe {number}") for number in range(count))
    places = [None, *regions]
    return Lead.objects.bulk_create(_lead(person, dice, dice.choice(places)) for person in people)


def _lead(person: Person, dice: random.Random, region: Region | None) -> Lead:
    at = START - 20 * DAY + dice.random() * 205 * DAY
    made = Lead(person=person, number=1, region=region, inquiry_at=at, stage_since=at, stage="inquiry")
    for stage, chance in (("mql", 0.6), ("sal", 0.7), ("sql", 0.7), ("opportunity", 0.5)):
        if dice.random() > chance:
            break
        at += dice.random() * 50 * DAY
        if at > NOW:
            break
        if dice.random() < 0.9:  # else the stage was skipped
            setattr(made, f"{stage}_at", at)
        made.stage = stage
    if dice.random() < 0.4:
        made.closed_at, made.exit = NOW, dice.choice(["recycled", "disqualified", "expired", "void"])
    made.passthrough = made.mql_at is not None and dice.random() < 0.1
    return made


def many_seen(simulation: Simulation, leads: Iterable[Lead], *, seed: int, threshold: float) -> list[SimulatedLead]:
    """What a simulation made of most of these leads: by score above the threshold, some by hand, some before it."""
    dice, rows = random.Random(seed), []
    for lead in leads:
        if dice.random() < 0.1:
            continue
        peak = None if dice.random() < 0.2 else round(dice.uniform(0, 90), 3)
        by = "hand" if dice.random() < 0.1 else "score" if peak is not None and peak >= threshold else ""
        at = START - 15 * DAY + dice.random() * 197 * DAY if by else None
        if at and at >= STOP:
            at, by, peak = None, "", None
        rows.append(
            SimulatedLead(
                simulation=simulation, lead=lead, person_id=lead.person_id, mql_at=at, by=by, peak=peak,
                interest=peak or 0, fit=50, grade="B", band=2,
            )
        )  # fmt: skip
    return SimulatedLead.objects.bulk_create(rows)


# --- A plain reading -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Oracle:
    """Counts the sets of the lab lead by lead, as docs/scoring.md tells them."""

    leads: list[Lead]
    seen: dict[str, dict[int, SimulatedLead]]
    until: datetime
    split: datetime
    stage: str
    within: int

    def real(self, lead: Lead) -> datetime | None:
        own, *later = (getattr(lead, f"{stage}_at") for stage in ("mql", "sal", "sql", "opportunity", "won"))
        return own or min(filter(None, later), default=None)

    def good(self, lead: Lead) -> bool:
        stages = ("mql", "sal", "sql", "opportunity", "won")
        own, *later = (getattr(lead, f"{stage}_at") for stage in stages[stages.index(self.stage) :])
        came, real = own or min(filter(None, later), default=None), self.real(lead)
        return bool(came and real and came <= real + self.within * DAY)

    def made(self, side: str, lead: Lead) -> datetime | None:
        row = self.seen[side].get(lead.pk)
        return row.mql_at if row and row.mql_at and START <= row.mql_at < STOP else None

    def ever(self, side: str, lead: Lead) -> bool:
        row = self.seen[side].get(lead.pk)
        return bool(row and row.mql_at)

    def state(self, side: str, lead: Lead) -> str:
        at, real = self.made(side, lead), self.real(lead)
        if at is None:
            return "none"
        if at > self.until or (real and real > self.until):
            return "young"
        return "known" if real else "unknown"

    def of(self, name: str, part: str) -> set[int]:
        """The leads of a set, by its name and part."""
        side = "draft" if name.startswith(("draft", "enter", "later")) else "live"
        return {
            lead.pk
            for lead in self.leads
            if lead.exit != "void" and self._is(name, lead) and self._falls(part, self._at(name, side, lead))
        }

    def _at(self, name: str, side: str, lead: Lead) -> datetime | None:
        return lead.inquiry_at if name.startswith("inquiries") else self.made(side, lead)

    def _falls(self, part: str, at: datetime | None) -> bool:
        return part == "all" or at is not None and (at < self.split) == (part == "before")

    def _is(self, name: str, lead: Lead) -> bool:
        head, _dash, kind = name.partition("-")
        good, real = self.good(lead), self.real(lead)
        if head == "inquiries":
            old = START <= lead.inquiry_at <= self.until and (real is None or real <= self.until)
            return old and (kind != "good" or good)
        if head in ("kept", "lost"):
            return self.state("live", lead) == "known" and good and self.ever("draft", lead) == (head == "kept")
        if head in ("earlier", "later"):
            mine, other = ("live", "draft") if head == "earlier" else ("draft", "live")
            return self.made(mine, lead) is not None and self.ever(other, lead) and self.made(other, lead) is None
        if head in ("leave", "enter"):
            mine, other = ("live", "draft") if head == "leave" else ("draft", "live")
            if self.made(mine, lead) is None or self.ever(other, lead):
                return False
            head = mine
        state = self.state(head, lead)
        tests = {"": state != "none", "known": state == "known", "good": state == "known" and good}
        tests |= {"bad": state == "known" and not good, "unknown": state == "unknown", "young": state == "young"}
        return tests[kind]
