"""Random MQLs, as the oracle's records and as rows of the database."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import strategies as st

from funnel.models import Channel, Lead, Person, Reason
from scoring.models import ScoreRule, ScoringModel, SimulatedLead
from scoring.qualifying import COOLED
from tests.reporting.quality.oracle import Case
from tests.reporting.quality.simulated import replay

RULES = ("Webinar", "Price", "Paper", "Career")
REASONS = ("Wrong profile", "No phone")
CHANNELS = ("email", "Google", None)
WRONG_ROUTE = "Wrong route"  # the lead went to the wrong person, which says nothing about the lead
EXITS = {
    "rejected": "disqualified", "recycled": "recycled", "cooled": "recycled", "expired": "expired",
    "misrouted": "disqualified",
}  # fmt: skip


@st.composite
def cases(draw: st.DrawFn, *, until: datetime) -> Case:
    """One MQL of the last year, by score mostly, of whatever fate."""
    fate = draw(st.sampled_from(["accepted", "rejected", "recycled", "cooled", "misrouted", "expired", "open"]))
    far = fate == "accepted"
    sql_after = draw(st.sampled_from([None, 1, 59, 60])) if far else None
    won_after = draw(st.sampled_from([None, 59, 120, 209, 210])) if far else None
    return Case(
        mql_at=until - timedelta(days=draw(st.sampled_from([1, 13, 14, 15, 58, 59, 60, 208, 209, 300]))),
        fate=fate,
        reason=draw(st.sampled_from(REASONS)) if fate in ("rejected", "recycled") else "",
        sql_after=sql_after,
        won_after=won_after if won_after is None or sql_after is None or won_after >= sql_after else None,
        passthrough=draw(st.integers(0, 9)) == 0,
        known=draw(st.integers(0, 5)) > 0,
        by=draw(st.sampled_from(["score", "score", "score", "hand"])),
        grade=draw(st.sampled_from("AB")),
        band=draw(st.integers(1, 2)),
        channel=draw(st.sampled_from(CHANNELS)),
        points=draw(st.dictionaries(st.sampled_from(RULES), st.sampled_from([-10.0, 0.0, 5.0, 15.0, 40.0]))),
    )


def store(many: Sequence[Case], model: ScoringModel) -> list[int]:
    """Write them as leads of as many people, with a replay of the model; the leads' ids in order."""
    channels = {name: Channel.objects.get_or_create(name=name)[0] for name in {case.channel for case in many} if name}
    names = {case.reason for case in many} - {""} | {COOLED, WRONG_ROUTE}
    reasons = {
        name: Reason.objects.get_or_create(kind="reject", stage="", name=name, reroutes=name == WRONG_ROUTE)[0]
        for name in names
    }
    people = Person.objects.bulk_create(Person() for _ in many)
    leads = Lead.objects.bulk_create(
        _lead(case, person, channels, reasons) for case, person in zip(many, people, strict=True)
    )
    rules = dict(ScoreRule.objects.filter(model=model).values_list("name", "pk"))
    simulation = replay(model)
    SimulatedLead.objects.bulk_create(
        SimulatedLead(
            simulation=simulation, lead=lead, person=lead.person, mql_at=case.mql_at, by=case.by, grade=case.grade,
            band=case.band, interest=case.interest, fit=0, rule_ids=[rules[name] for name in case.points],
            points=list(case.points.values()),
        )
        for case, lead in zip(many, leads, strict=True)
        if case.known
    )  # fmt: skip
    return [lead.pk for lead in leads]


def _lead(case: Case, person: Person, channels: dict[str, Channel], reasons: dict[str, Reason]) -> Lead:
    moments = {"mql_at": case.mql_at}
    if case.fate == "accepted":
        moments["sal_at"] = case.mql_at
    for stage, after in (("sql", case.sql_after), ("won", case.won_after)):
        if after is not None:
            moments[f"{stage}_at"] = case.mql_at + timedelta(days=after)
    stage = list(moments)[-1].removesuffix("_at")
    way = "won" if stage == "won" else EXITS.get(case.fate, "")
    reason = reasons.get({"cooled": COOLED, "misrouted": WRONG_ROUTE}.get(case.fate, case.reason))
    return Lead(
        person=person, number=1, stage=stage, stage_since=moments[f"{stage}_at"], exit=way,
        closed_at=moments["won_at"] if way == "won" else case.mql_at if way else None, reason=reason if way else None,
        passthrough=case.passthrough, channel=channels.get(case.channel or ""), entry_stage="inquiry", **moments,
    )  # fmt: skip
