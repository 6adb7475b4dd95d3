"""Small builders of rows for tests. Every argument has a sensible value; a test names only what it is about."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import Group, User

from funnel.access import Role
from funnel.models import Account, Activity, Kind, Lead, Opportunity, Person, Rep, Stage, Team
from funnel.sealing import seal
from funnel.stages import Move, move
from funnel.versions import Status
from routing.models import (
    Absence,
    Cadence,
    CadenceStep,
    Calendar,
    Desk,
    RoutingPolicy,
    RoutingRule,
    Seat,
    SlaPolicy,
    SlaPromise,
    Webhook,
)
from routing.sla import versions as sla

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_numbers = count(1)


def user(role: str | None = None, *, team: Team | None = None, **fields: Any) -> User:
    """A log-in with a role; with a team it is a rep of that team, as `user.rep`."""
    name = fields.pop("username", f"user{next(_numbers)}")
    made = User.objects.create_user(name, password=fields.pop("password", None), **fields)
    if role:
        made.groups.add(Group.objects.get_or_create(name=Role(role))[0])
    if team:
        rep(team=team, user=made, name=name)
    return made


def team(kind: str = "sdr", **fields: Any) -> Team:
    return Team.objects.create(name=fields.pop("name", f"Team {next(_numbers)}"), kind=kind, **fields)


def rep(**fields: Any) -> Rep:
    return Rep.objects.create(name=fields.pop("name", f"Rep {next(_numbers)}"), **fields)


def account(**fields: Any) -> Account:
    name = fields.pop("name", f"Company {next(_numbers)}")
    return Account.objects.create(name=name, name_key=name.lower(), **fields)


def person(**fields: Any) -> Person:
    number = next(_numbers)
    fields.setdefault("email", f"person{number}@example.com")
    fields.setdefault("first_name", "Pat")
    fields.setdefault("last_name", f"Doe {number}")
    return Person.objects.create(**fields)


def lead(*, stages: dict[str, datetime] | None = None, at: datetime = NOW, **fields: Any) -> Lead:
    """A lead whose stages were entered as given, by default an inquiry at `at`."""
    fields.setdefault("person", None)
    owner_of = fields["person"] or person(account=fields.get("account"))
    fields["person"] = owner_of
    fields.setdefault("number", Lead.objects.filter(person=owner_of).count() + 1)
    made = Lead.objects.create(stage_since=at, closed_at=at, exit="void", **fields)
    wishes = [
        Move(lead_id=made.pk, kind=Kind.WON if stage == Stage.WON else Kind.ADVANCE, to_stage=stage,
             occurred_at=moment, cause=f"test:{stage}")
        for stage, moment in (stages or {Stage.INQUIRY: at}).items()
    ]  # fmt: skip
    problems = [moved.problem for moved in move(wishes, now=at + timedelta(days=1000), history=True) if moved.problem]
    assert not problems, problems
    made.refresh_from_db()
    return made


def leave(lead: Lead, kind: str, *, at: datetime, reason_id: int | None = None) -> Lead:
    """Close the lead by an exit."""
    wish = Move(lead_id=lead.pk, kind=kind, occurred_at=at, cause=f"test:{kind}", reason_id=reason_id)
    (moved,) = move([wish], now=at, history=True)
    assert not moved.problem, moved.problem
    lead.refresh_from_db()
    return lead


def touch(**fields: Any) -> Activity:
    number = next(_numbers)
    fields.setdefault("type", "form")
    fields.setdefault("occurred_at", NOW)
    return Activity.objects.create(source="test", external_id=str(number), digest=f"{number:032x}", **fields)


def opportunity(**fields: Any) -> Opportunity:
    return Opportunity.objects.create(name=fields.pop("name", f"Deal {next(_numbers)}"), **fields)


# --- Routing: who may take what, and when


def calendar(
    *blocks: Sequence[str], days: Sequence[str] = ("mon", "tue", "wed", "thu", "fri"), **fields: Any
) -> Calendar:
    """Weekly hours, by default Monday to Friday from nine to six UTC."""
    hours = {day: [list(block) for block in blocks or [("09:00", "18:00")]] for day in days}
    return Calendar.objects.create(name=fields.pop("name", f"Calendar {next(_numbers)}"), hours=hours, **fields)


def desk(team: Team, **fields: Any) -> Desk:
    return Desk.objects.create(team=team, calendar=fields.pop("calendar", None) or calendar(), **fields)


def seat(rep: Rep | None = None, *, team: Team | None = None, **fields: Any) -> Seat:
    """A rep who receives leads, by default a new one of the team."""
    return Seat.objects.create(rep=rep or globals()["rep"](team=team), **fields)


def absence(rep: Rep, first: date, last: date | None = None, **fields: Any) -> Absence:
    return Absence.objects.create(rep=rep, starts_on=first, ends_on=last or first, **fields)


def routing_policy(*rules: dict[str, Any], published: bool = True) -> RoutingPolicy:
    """A policy of these rules in order, in force unless told otherwise. A rule needs its team."""
    made = RoutingPolicy.objects.create(version=next(_numbers), name="Policy")
    for position, fields in enumerate(rules):
        RoutingRule.objects.create(
            routing_policy=made, position=position, name=fields.pop("name", f"Rule {position + 1}"), **fields
        )
    if published:
        RoutingPolicy.objects.filter(status=Status.PUBLISHED).update(status=Status.RETIRED)
        RoutingPolicy.objects.filter(pk=made.pk).update(status=Status.PUBLISHED, published_at=NOW)
        made.refresh_from_db()
    return made


def promises(*kinds: str, **settings: Any) -> SlaPolicy:
    """A version in force that promises what a new installation does, of these kinds only; no lead changes hands by it.

    settings: of the version, like expiry="recycle".
    """
    made = sla.draft(user=None, name="Promises")
    SlaPolicy.objects.filter(pk=made.pk).update(**settings)
    standard = {kind: sla.STANDARD[SlaPromise.Kind(kind)][:3] for kind in kinds}
    sla.add_promises(made, {kind: (*terms, False) for kind, terms in standard.items()})
    return _in_force(made)


def webhook(url: str, *, secret: str = "", **fields: Any) -> Webhook:
    """A webhook that posts there. secret: what signs, if anything does."""
    kept = {"host": urlsplit(url).hostname or "", "sealed_url": seal(url), "sealed": seal(secret)}
    return Webhook.objects.create(**kept | fields)


def promise(kind: str = SlaPromise.Kind.ACCEPT, *, active: bool = True, **fields: Any) -> SlaPromise | None:
    """A version in force like the one before, with this promise of a kind of clock instead: by default as shipped.

    active: False leaves the kind out.
    """
    before = SlaPolicy.objects.filter(status=Status.PUBLISHED).first()
    draft = sla.draft(from_policy=before, user=None, name="Promises")
    draft.promises.filter(kind=kind).delete()
    made = None
    if active:
        name, amount, unit, _reassign = sla.STANDARD[SlaPromise.Kind(kind)]
        values = {"name": name, "amount": amount, "unit": unit} | fields
        made = SlaPromise.objects.create(sla_policy=draft, kind=kind, **values)
    _in_force(draft)
    return made


def _in_force(draft: SlaPolicy) -> SlaPolicy:
    SlaPolicy.objects.filter(status=Status.PUBLISHED).update(status=Status.RETIRED)
    SlaPolicy.objects.filter(pk=draft.pk).update(status=Status.PUBLISHED, published_at=NOW)
    draft.refresh_from_db()
    return draft


def mql(*, at: datetime = NOW, **fields: Any) -> Lead:
    """A lead that has become an MQL live, so that the pipeline hears of it."""
    made = lead(at=at, **fields)
    advance(made, Stage.MQL, at=at)
    return made


def advance(lead: Lead, to_stage: str, *, at: datetime, **fields: Any) -> int:
    """Move a lead on to the next stage, live. Returns the id of the event."""
    cause = fields.pop("cause", f"test:{to_stage}:{next(_numbers)}")
    kind = fields.pop("kind", Kind.ADVANCE)
    wish = Move(lead_id=lead.pk, kind=kind, to_stage=to_stage, occurred_at=at, cause=cause, **fields)
    (moved,) = move([wish], now=at)
    assert moved.event_id, moved
    lead.refresh_from_db()
    return moved.event_id


def cadence(*steps: tuple[int, str], published: bool = True, **fields: Any) -> Cadence:
    """A cadence of steps (day, medium), in force unless told otherwise."""
    made = Cadence.objects.create(name=fields.pop("name", f"Cadence {next(_numbers)}"), version=1, **fields)
    for position, (day, medium) in enumerate(steps or [(0, "call")], start=1):
        CadenceStep.objects.create(cadence=made, position=position, day=day, medium=medium)
    if published:
        Cadence.objects.filter(pk=made.pk).update(status=Status.PUBLISHED, published_at=NOW)
        made.refresh_from_db()
    return made
