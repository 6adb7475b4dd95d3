"""Who becomes an MQL under one version only: how either saw them, what tipped it, and what really became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from funnel.models import Exit, Lead, Stage
from funnel.path import MILESTONES, RANK
from reporting.facts import Reading
from reporting.lab import queries
from reporting.lab.changes import Change
from reporting.lab.queries import Question
from reporting.lab.sets import DRAFT, LIVE, SIDES
from routing.leads.grades import Grade
from scoring.models import SimulatedLead

PAGE = 12
TOGETHER = "Only all changes together"

# What became of a lead, as SQL over the copy, on a lead l and on x, the row of its set. In this order; each takes what
# the ones before it left.
BECAME: dict[str, tuple[str, str]] = {
    "good": ("{good}", "x.good"),
    "rejected": ("Rejected", "NOT x.good AND l.exit = 'disqualified'"),
    "recycled": ("Recycled or expired", "NOT x.good AND l.exit IN ('recycled', 'expired')"),
    "never": ("Still an inquiry", "NOT x.good AND l.exit IS NULL AND l.stage = 'inquiry'"),
    "open": ("Still in work", "NOT x.good AND l.exit IS NULL AND l.stage <> 'inquiry'"),
    "other": ("Other", "NOT x.good AND l.exit NOT IN ('disqualified', 'recycled', 'expired')"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How one version saw a lead when it made it an MQL, or at its best moment."""

    grade: Grade
    interest: float
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A line of the table. seen: by side, None where a version never looked at the lead. tone: good, bad, warn, ""."""

    lead: Lead
    company: str
    seen: Mapping[str, Seen | None]
    decisive: str
    became: str
    tone: str
    since: datetime | None

    @property
    def live(self) -> Seen | None:
        return self.seen[LIVE]

    @property
    def draft(self) -> Seen | None:
        return self.seen[DRAFT]


def flips(
    facts: Reading, leads: Sequence[Lead], question: Question, *, leaving: bool, changes: Sequence[Change]
) -> list[Flip]:
    """The lines of these leads. Two queries."""
    ids = [lead.pk for lead in leads]
    seen = _seen(ids, question)
    parts = [change.simulation for change in changes if change.simulation]
    alone = queries.made_alone(ids, parts)
    good = queries.good_ones(facts, question, ids)
    return [
        Flip(
            lead=lead,
            company=lead.account.name if lead.account else lead.person.company,
            seen={side: seen.get((getattr(question, side), lead.pk)) for side in SIDES},
            decisive=_decisive(lead.pk, alone, changes, leaving=leaving),
            **_became(lead, good=lead.pk in good, leaving=leaving),
        )
        for lead in leads
    ]


def _seen(ids: Sequence[int], question: Question) -> dict[tuple[int, int], Seen]:
    rows = SimulatedLead.objects.filter(lead__in=ids, simulation__in=(question.live, question.draft))
    return {
        (simulation, lead): Seen(grade=Grade(grade, band), interest=interest, at=at)
        for simulation, lead, grade, band, interest, at in rows.values_list(
            "simulation_id", "lead_id", "grade", "band", "interest", "mql_at"
        )
    }


def _decisive(lead: int, alone: set[tuple[int, int]], changes: Sequence[Change], *, leaving: bool) -> str:
    """The changes each of which alone would have flipped this lead; the first by name, the others counted."""
    found = [
        change.words for change in changes if change.simulation and ((lead, change.simulation) in alone) != leaving
    ]
    if not changes:
        return ""
    if not found:
        return TOGETHER
    return found[0] + (f", or {len(found) - 1} other" + ("s" if len(found) > 2 else "") if len(found) > 1 else "")


def _became(lead: Lead, *, good: bool, leaving: bool) -> dict[str, Any]:
    """What became of a lead in words, from when, and how good that is."""
    reached = max((stage for stage in Stage.values if getattr(lead, MILESTONES[stage])), key=RANK.get, default="")  # type: ignore[arg-type]
    label = Stage(reached).label if reached else "nothing"
    reason = f": {lead.reason.name[0].lower()}{lead.reason.name[1:]}" if lead.reason else ""
    if good:
        at = getattr(lead, MILESTONES[reached])
        said = f"{label} on {timezone.localtime(at):%-d %b}"
        return {
            "became": f"{said}, would be lost" if leaving else said,
            "tone": "warn" if leaving else "good",
            "since": at,
        }
    if lead.exit == Exit.DISQUALIFIED:
        return {"became": f"Rejected{reason}", "tone": "bad", "since": lead.closed_at}
    if lead.exit:
        words = Exit(lead.exit).label + (reason or (f" at {label}" if lead.exit != Exit.WON else ""))
        return {"became": words, "tone": "", "since": lead.closed_at}
    if lead.stage == Stage.INQUIRY:
        return {"became": "Still an inquiry", "tone": "", "since": lead.stage_since}
    return {"became": f"Still open in {Stage(lead.stage).label}", "tone": "", "since": lead.stage_since}
