"""Loading leads: the person, the lead as it opened, and its milestones as stage events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from funnel import stages, staging
from funnel.ingest import references
from funnel.ingest.chunk import Chunk, Entry, Overtaken, Refused
from funnel.ingest.people import SAID_BY_ANY_ROW, About, People, Say, claims, said
from funnel.ingest.upserts import Draft, columns_of, note_update, save
from funnel.leads import Opening, last_numbers
from funnel.models import Inbox, Kind, Lead, Stage
from funnel.path import EXITS, MILESTONES, Exit

_FROZEN = (
    "function",
    "motion",
    "channel",
    "content",
    "campaign",
    "region",
    "segment",
    "solution",
    "account",
    "owner",
    "entry_stage",
    "revisit_on",
)
_KIND_OF_EXIT: dict[str, str] = {name: kind for kind, name in EXITS.items()}
_KEPT = frozenset((*MILESTONES.values(), "exit", "closed_at", "reason"))


@dataclass(frozen=True, slots=True)
class Known:
    """A lead of an earlier load: its person, number, state and what this loader has said of it before."""

    id: int
    person_id: int
    number: int
    exit: str
    closed_at: datetime | None
    milestones: Mapping[str, datetime | None]
    loaded: Mapping[str, datetime]  # by stage or exit


@dataclass(slots=True, eq=False)
class Trip:
    """One row on its way: whom it is about, the lead it is, and what has happened to it, by stage or exit."""

    entry: Entry
    about: About
    known: Known | None
    happened: dict[str, datetime]
    lead_id: int = 0
    moves: list[stages.Move] = field(default_factory=list)

    @property
    def ends_open(self) -> bool:
        return not any(name == Stage.WON or name in _KIND_OF_EXIT for name in self.happened)


def write(chunk: Chunk) -> None:
    """Leads by (source, external id): a new one opens and moves through its milestones, a known one gets the news."""
    chunk.fold_repeats(lambda entry: entry.key, kept=_KEPT)
    for entry in chunk.entries:
        _check(chunk, entry)
    chunk.sift()
    references.look_up(chunk, "channel", "content", "campaign", "region", "solution", "account", "owner")
    references.look_up_reasons(chunk, [(entry, _leaving(entry)) for entry in chunk.entries if _leaving(entry)])
    trips = _trips(chunk)
    people = People(chunk, [trip.about for trip in trips])
    people.identify(change_email=True, lock=True)
    _say_who_speaks(trips, new_people=people.new.keys())
    _refuse_second_open_leads(trips, source=chunk.source, new_people=people.new.keys())
    people.save()
    _update(trips)
    _move(chunk, trips, opening=_openings(trips, people))


def _check(chunk: Chunk, entry: Entry) -> None:
    """What a row says has to be possible by itself."""
    for name in (*MILESTONES.values(), "closed_at"):
        chunk.refuse_future(entry, name)
    leaving, closed_at = entry.values.get("exit"), entry.values.get("closed_at")
    won_at = entry.values.get("won_at")
    if leaving and won_at:
        chunk.fail(entry, f"It cannot be won and {Exit(leaving).label.lower()}.", "exit")
    elif leaving and not closed_at:
        chunk.fail(entry, "A lead that left needs “closed_at”, the moment it left.", "closed_at")
    elif closed_at and not leaving and not won_at:
        chunk.fail(entry, "“closed_at” needs “exit”: how the lead left.", "exit")
    elif leaving and closed_at:
        for stage, column in MILESTONES.items():
            if (reached := entry.values.get(column)) and reached > closed_at:
                problem = f"It left {_moment(closed_at)}, before it reached {Stage(stage).label} {_moment(reached)}."
                chunk.fail(entry, problem, "closed_at")
    if entry.values.get("reason") and not _leaving(entry):
        entry.warnings.append("A reason belongs to an exit; without one it was left out.")


def _leaving(entry: Entry) -> str:
    """The kind of event by which the row says the lead left; empty when it does not."""
    if entry.values.get("won_at"):
        return Kind.WON.value
    return _KIND_OF_EXIT.get(entry.text("exit"), "")


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _trips(chunk: Chunk) -> list[Trip]:
    known = _known(chunk)
    meant = claims(chunk, key="person_id")
    trips = []
    for entry in chunk.entries:
        lead, claim = known.get(entry.key), meant[entry]
        happened = {stage: at for stage, column in MILESTONES.items() if (at := entry.values.get(column))}
        if lead is None and not happened and chunk.live:  # it comes in now
            happened = {entry.text("entry_stage") or Stage.INQUIRY.value: chunk.now}
        if lead is None and not happened:
            chunk.fail(entry, "A new lead needs the date of at least one stage, such as “inquiry_at”.", "inquiry_at")
            continue
        if entry.values.get("exit"):
            happened[entry.values["exit"]] = entry.values["closed_at"]
        if lead is not None:
            claim.person_id = lead.person_id
            happened = _news(chunk, entry, lead, happened)
        elif not claim.email and not claim.key:
            claim.key = entry.key
        about = About(entry, claim, said(entry, (*SAID_BY_ANY_ROW, "account")), entry.attributes)
        trips.append(Trip(entry, about, lead, happened, lead.id if lead else 0))
    chunk.sift()
    return [trip for trip in trips if not trip.entry.problem]


def _known(chunk: Chunk) -> dict[str, Known]:
    """The leads of these keys that are there already. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT external_id, id, person_id, number, exit, closed_at, {', '.join(MILESTONES.values())} "
            f"FROM funnel_lead WHERE source = %s AND external_id = ANY(%s) AND {staging.HAS_KEY}",
            [chunk.source, [entry.key for entry in chunk.entries]],
        )
        rows = cursor.fetchall()
    loaded = _loaded([row[1] for row in rows], source=chunk.source)
    known = {}
    for key, pk, person_id, number, left, closed_at, *reached in rows:
        milestones = dict(zip(MILESTONES, reached, strict=True))
        known[key] = Known(pk, person_id, number, left, closed_at, milestones, loaded[pk])
    return known


def _loaded(lead_ids: Sequence[int], *, source: str) -> dict[int, dict[str, datetime]]:
    """By lead, the dates that earlier loads of this source gave its stages and exits."""
    loaded: dict[int, dict[str, datetime]] = {pk: {} for pk in lead_ids}
    if lead_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT e.lead_id, e.cause, e.occurred_at "
                "FROM funnel_stageevent e JOIN funnel_lead l ON l.id = e.lead_id "
                "WHERE l.id = ANY(%s) AND starts_with(e.cause, %s || l.external_id || '/')",
                [list(lead_ids), f"load:lead/{source}/"],
            )
            for lead_id, cause, occurred_at in cursor.fetchall():
                loaded[lead_id][cause.rpartition("/")[2]] = occurred_at
    return loaded


def _news(chunk: Chunk, entry: Entry, lead: Known, happened: Mapping[str, datetime]) -> dict[str, datetime]:
    """What of this is not known of the lead yet. Another date than the one this loader gave before fails the row."""
    news = {}
    for name, at in happened.items():
        label = Stage(name).label if name in MILESTONES else Exit(name).label
        before = lead.loaded.get(name)
        reached = lead.milestones.get(name)
        if before is not None and before != at:
            problem = (
                f"{label} was loaded before as {_moment(before)}, not {_moment(at)}; correct it on the lead's page."
            )
            chunk.fail(entry, problem, MILESTONES.get(name, "closed_at"))
        elif before is not None or reached == at or (lead.exit == name and lead.closed_at == at):
            continue
        elif reached is not None and reached < at:
            entry.warnings.append(
                f"{label} was reached {_moment(reached)} already, before {_moment(at)}; the first counts."
            )
        else:
            news[name] = at
    return news


def _say_who_speaks(trips: Sequence[Trip], *, new_people: Iterable[int]) -> None:
    """A person is described by their latest lead; older ones fill in what is not known."""
    last = last_numbers({trip.about.person_id for trip in trips} - set(new_people))
    speaker: dict[int, Trip] = {}
    for trip in _by_opening(trips):
        pk = trip.about.person_id
        if trip.known is None or (pk not in speaker and trip.known.number == last.get(pk)):
            speaker[pk] = trip
    for trip in speaker.values():
        trip.about.say = Say.MOST


def _by_opening(trips: Iterable[Trip]) -> list[Trip]:
    """Known leads first, then new ones as they opened."""
    known = [trip for trip in trips if trip.known is not None]
    new = [trip for trip in trips if trip.known is None]
    return known + sorted(new, key=lambda trip: (min(trip.happened.values()), trip.entry.place))


def _refuse_second_open_leads(trips: Sequence[Trip], *, source: str, new_people: Iterable[int]) -> None:
    """A person has one open lead a solution; a new row that would be a second one is refused. One query.

    The people are locked by now. An open lead of a row's own key was not there when the rows were looked up, so another
    load has landed it meanwhile: that is no second lead. Raises Overtaken then.
    """
    opening = [trip for trip in trips if trip.known is None and trip.ends_open]
    closing = {trip.lead_id for trip in trips if trip.known is not None and not trip.ends_open}
    found = _open_leads({trip.about.person_id for trip in opening} - set(new_people), but=closing)
    taken = {place: label for place, (label, _key) in found.items()}
    if {key for _label, key in found.values()} & {(source, trip.entry.key) for trip in opening}:
        raise Overtaken
    problems = {}
    for trip in opening:
        place = (trip.about.person_id, trip.entry.ids.get("solution"))
        if place in taken:
            problems[trip.entry.place] = (
                "external_id",
                f"The person has an open lead of the same solution already (“{taken[place]}”). "
                "Say how one of the two left, or leave this one out.",
            )
        else:
            taken[place] = trip.entry.key
    if problems:
        raise Refused(problems)


def _open_leads(person_ids: set[int], *, but: set[int]) -> dict[tuple[int, int | None], tuple[str, tuple[str, str]]]:
    """What to call the open lead of each person and solution, and its key."""
    if not person_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person_id, solution_id, id, source, external_id "
            "FROM funnel_lead WHERE person_id = ANY(%s) AND closed_at IS NULL AND id <> ALL(%s)",
            [list(person_ids), list(but)],
        )
        return {
            (person_id, solution_id): (external_id or str(pk), (source, external_id))
            for person_id, solution_id, pk, source, external_id in cursor.fetchall()
        }


def _openings(trips: Sequence[Trip], people: People) -> dict[int, Opening]:
    """The leads to open, by the ids they take, in the order in which their people are to have them."""
    new = [trip for trip in _by_opening(trips) if trip.known is None]
    openings = {}
    for trip, pk in zip(new, staging.new_ids(Lead, len(new)), strict=True):
        columns = columns_of(Lead, trip.entry, _FROZEN)
        account_id = columns.pop("account_id", None) or people.account_of(trip.about.person_id)
        openings[pk] = Opening(
            person_id=trip.about.person_id,
            source=people.chunk.source,
            external_id=trip.entry.key,
            account_id=account_id,
            of_somebody_new=trip.about.person_id in people.new,
            **columns,
        )
        trip.lead_id = trip.entry.pk = pk
        trip.entry.status = "created"
    return openings


def _update(trips: Sequence[Trip]) -> None:
    """What a known lead's row says of its origin and owner. Its source may mend it; a blank account says nothing."""
    drafts = []
    for trip in trips:
        if trip.known is not None:
            columns = columns_of(Lead, trip.entry, _FROZEN)
            if columns.get("account_id", 0) is None:
                del columns["account_id"]
            drafts.append(Draft(trip.entry, trip.known.id, columns))
    save(Lead, drafts)
    for draft in drafts:
        draft.entry.status = draft.entry.status or "unchanged"


def _move(chunk: Chunk, trips: Sequence[Trip], *, opening: Mapping[int, Opening]) -> None:
    """Make the milestones stage events, with which new leads open. A refused one takes its whole row back."""
    wishes: list[stages.Move] = []
    owners: list[Trip] = []
    for trip in trips:
        for name, at in trip.happened.items():
            wishes.append(_wish(chunk, trip, name, at))
            owners.append(trip)
    problems: dict[int, tuple[str, str]] = {}
    answers = stages.move(wishes, now=chunk.now, history=not chunk.live, quiet=True, opening=opening)
    for trip, moved in zip(owners, answers, strict=True):
        if moved.problem:
            name = moved.cause.rpartition("/")[2]
            problems.setdefault(trip.entry.place, (MILESTONES.get(name, "exit"), moved.problem))
        if moved.warning:
            trip.entry.warnings.append(moved.warning)
        if moved.done:
            note_update(trip.entry)
    if problems:
        raise Refused(problems)
    if chunk.live:
        done = [(trip, moved.event_id) for trip, moved in zip(owners, answers, strict=True) if moved.done]
        chunk.tell(Inbox.Cause.STAGE_EVENT, [(trip.about.person_id, event_id) for trip, event_id in done])
    else:
        reset = [trip for trip, wish in zip(owners, wishes, strict=True) if wish.kind in stages.RESET_SCORES]
        chunk.tell(Inbox.Cause.LOADED, [(trip.about.person_id, None) for trip in reset])


def _wish(chunk: Chunk, trip: Trip, name: str, at: datetime) -> stages.Move:
    is_stage = name in MILESTONES
    kind: Any = Kind.WON.value if name == Stage.WON else Kind.ADVANCE.value if is_stage else _KIND_OF_EXIT[name]
    return stages.Move(
        lead_id=trip.lead_id,
        kind=kind,
        to_stage=name if is_stage else "",
        occurred_at=at,
        cause=f"load:lead/{chunk.source}/{trip.entry.key}/{name}",
        reason_id=trip.entry.ids.get("reason") if kind in EXITS else None,
    )
