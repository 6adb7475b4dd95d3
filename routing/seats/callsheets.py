"""Whom reps are to meet: their calendars (.ics) and call sheets (CSV) read in, for the meeting factor.

What is read replaces what was known of the rep's coming weeks. Kept is that a rep meets an account at a time; titles
and people stay in the calendar. A rep of whom nothing was read does not share, which is neither good nor bad for them.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction

from funnel.accounts import FREE_MAIL, name_key
from funnel.models import Account, AccountDomain, Rep
from routing.factors import LATER
from routing.models import CallSheet, PlannedMeeting
from routing.seats import ics
from routing.seats.profiles import FRESH

AHEAD: Final = FRESH + timedelta(days=LATER + 1)  # as far as a sheet may matter before it is read again
LARGEST: Final = 10_000_000  # characters
MOST_PROBLEMS: Final = 20
COLUMNS: Final = ("rep", "account", "starts_at")
_APART: Final = re.compile(r"\s(?:-|–|—|/|\||<>|x|with|mit|@)\s|[:|/,]")


class SheetProblem(ValueError):
    """The file cannot be used; the sentence says why. Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What was read. reps: whose weeks are known now; meetings, accounts: how many; unmatched: meetings with nobody
    that we know as an account; problems: what could not be read, a sentence each.
    """

    reps: int
    meetings: int
    accounts: int
    unmatched: int
    problems: tuple[str, ...] = ()

    def sentence(self) -> str:
        said = f"{self.meetings:,} {'meeting' if self.meetings == 1 else 'meetings'} with {self.accounts:,} "
        said += f"{'account' if self.accounts == 1 else 'accounts'} in the coming weeks."
        return f"{said} {self.unmatched:,} with nobody we know as an account." if self.unmatched else said


def read_calendar(rep: Rep, text: str, *, zone: ZoneInfo, origin: str = "", now: datetime) -> Sheet:
    """Take over the rep's calendar. An account is found by the e-mail domain of somebody asked, else by its name in
    the title. zone: where the calendar is. Raises SheetProblem.
    """
    _refuse_large(text)
    try:
        feed = ics.read(text, zone=zone, start=now, end=now + AHEAD)
    except ValueError as error:
        raise SheetProblem(str(error)) from error
    domains = _domains(address.rpartition("@")[2] for one in feed.meetings for address in one.people)
    names = _names(part for one in feed.meetings for part in _parts(one.summary))
    met: set[tuple[int, datetime]] = set()
    unmatched = 0
    for one in feed.meetings:
        accounts = {domains[found] for address in one.people if (found := address.rpartition("@")[2]) in domains}
        accounts = accounts or {names[key] for part in _parts(one.summary) if (key := name_key(part)) in names}
        met |= {(account, one.starts_at) for account in accounts}
        unmatched += not accounts
    _keep({rep.pk: met}, origin=origin, now=now)
    return Sheet(
        reps=1,
        meetings=len(met),
        accounts=len({account for account, _at in met}),
        unmatched=unmatched,
        problems=feed.problems[:MOST_PROBLEMS],
    )


def read_call_sheet(text: str, *, zone: ZoneInfo, origin: str = "", now: datetime) -> Sheet:
    """Take over a call sheet: CSV with the columns rep (e-mail or name), account (name or domain) and starts_at (a day
    or moment; without a zone it is local in `zone`). Every rep it names shares from now on.

    Raises SheetProblem; rows that cannot be read are told, and the others count.
    """
    _refuse_large(text)
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    lacking = [name for name in COLUMNS if not rows or name not in rows[0]]
    if lacking:
        raise SheetProblem(
            f"A call sheet has the columns {', '.join(COLUMNS)} and a row at least; "
            f"{', '.join(lacking) if rows else 'rows'} {'is' if len(lacking) == 1 else 'are'} missing."
        )
    values = [tuple((row.get(name) or "").strip() for name in COLUMNS) for row in rows]
    reps = _reps(rep for rep, _account, _at in values)
    domains = _domains(account.lower() for _rep, account, _at in values)
    names = _names(account for _rep, account, _at in values)
    problems, unmatched = [], 0
    met: dict[int, set[tuple[int, datetime]]] = {}
    for number, (rep, account, starts) in enumerate(values, start=2):
        if rep.lower() not in reps:
            problems.append(f"Row {number}: there is no active rep “{rep[:80]}”, or more than one.")
            continue
        kept = met.setdefault(reps[rep.lower()], set())
        at = _moment(starts, zone)
        if at is None:
            problems.append(f"Row {number}: “{starts[:40]}” is no day or moment; write it like 2026-06-12 14:00.")
            continue
        account_id = domains.get(account.lower()) or names.get(name_key(account))
        if account_id is None:
            unmatched += 1
            problems.append(f"Row {number}: no account is called “{account[:80]}”, or several are.")
        elif now - timedelta(days=1) <= at < now + AHEAD:
            kept.add((account_id, at))
    if not met:
        raise SheetProblem(" ".join(["No row names a rep.", *problems[:3]]))
    _keep(met, origin=origin, now=now)
    pairs = {pair for one in met.values() for pair in one}
    return Sheet(
        reps=len(met),
        meetings=sum(map(len, met.values())),
        accounts=len({account for account, _at in pairs}),
        unmatched=unmatched,
        problems=tuple(problems[:MOST_PROBLEMS]),
    )


@transaction.atomic
def forget(rep: Rep) -> None:
    """The rep shares no longer: nothing is known of whom they meet."""
    CallSheet.objects.filter(rep=rep).delete()
    PlannedMeeting.objects.filter(rep=rep).delete()


@transaction.atomic
def _keep(met: Mapping[int, Collection[tuple[int, datetime]]], *, origin: str, now: datetime) -> None:
    """Replace what was known of these reps. Past meetings go: they say nothing about who is to meet whom."""
    for rep_id in sorted(met):  # the sheet is what two readings of one rep wait for each other by
        CallSheet.objects.update_or_create(rep_id=rep_id, defaults={"read_at": now, "origin": origin[:120]})
    PlannedMeeting.objects.filter(rep__in=list(met)).delete()
    PlannedMeeting.objects.bulk_create(
        PlannedMeeting(rep_id=rep_id, account_id=account_id, starts_at=at)
        for rep_id, pairs in sorted(met.items())
        for account_id, at in sorted(pairs)
    )


# --- who is meant ----------------------------------------------------------------------------------------------------


def _domains(wanted: Iterable[str]) -> dict[str, int]:
    """The account of each e-mail domain."""
    return dict(AccountDomain.objects.filter(domain__in=set(wanted) - FREE_MAIL).values_list("domain", "account"))


def _names(wanted: Iterable[str]) -> dict[str, int]:
    """The account of each name as compared, where it is one."""
    found: dict[str, list[int]] = defaultdict(list)
    keys = {name_key(name) for name in wanted} - {""}
    for key, pk in Account.objects.filter(name_key__in=keys).values_list("name_key", "pk"):
        found[key].append(pk)
    return {key: pks[0] for key, pks in found.items() if len(pks) == 1}


def _reps(wanted: Iterable[str]) -> dict[str, int]:
    """The active rep of each e-mail or name, in small letters, where it is one."""
    asked = {text.lower() for text in wanted}
    found: dict[str, set[int]] = defaultdict(set)
    for pk, name, email in Rep.objects.active().values_list("pk", "name", "email"):
        for word in {name.lower(), email.lower()} & asked - {""}:
            found[word].add(pk)
    return {word: next(iter(pks)) for word, pks in found.items() if len(pks) == 1}


def _parts(summary: str) -> Sequence[str]:
    """What a title may call an account: "Brunner Chemicals / pricing" or "Call with Brunner Chemicals"."""
    return [part.strip() for part in [summary, *_APART.split(summary)] if part.strip()]


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time(), zone).astimezone(UTC)
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _refuse_large(text: str) -> None:
    if len(text) > LARGEST:
        raise SheetProblem(f"The file has more than {LARGEST:,} characters; export the coming weeks only.")
