"""People in rows of every kind: found or made, given what the row says of them, and matched to their account."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from funnel import accounts, staging
from funnel.identity import Claim, identify, normal_email
from funnel.ingest import references
from funnel.ingest.chunk import Chunk, Entry
from funnel.ingest.upserts import columns_of, differs, merged, note_update
from funnel.models import Inbox, Person, PersonKey

SAID_BY_ANY_ROW = ("first_name", "last_name", "title", "company", "phone", "country")
SAID_BY_PEOPLE = (*SAID_BY_ANY_ROW, "city", "language", "opted_out", "do_not_call")
_DEFAULTS: dict[str, Any] = {
    column: known.get_default()
    for column, known in staging.fields_of(Person).items()
    if column not in ("id", "created_at", "account_id")
} | {"account_id": None}


class Say(Enum):
    """How much a row has to say about a person."""

    ALL = "all"  # it is about the person: what it leaves blank becomes blank
    MOST = "most"  # it is about the person's latest lead: what it says counts, its blanks say nothing
    LITTLE = "little"  # it is about something else: it fills in what is not known yet


@dataclass(slots=True, eq=False)
class About:
    """What an entry says about its person."""

    entry: Entry
    claim: Claim
    values: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    say: Say = Say.LITTLE

    @property
    def person_id(self) -> int:
        assert self.claim.person_id is not None, "people are identified first"
        return self.claim.person_id


class People:
    """The people that some entries are about. First `identify`, then say what counts, then `save`."""

    def __init__(self, chunk: Chunk, abouts: Sequence[About]) -> None:
        self.chunk, self.abouts = chunk, abouts
        self.before: dict[int, dict[str, Any]] = {}
        self.now: dict[int, dict[str, Any]] = {}
        self.new: dict[int, str] = {}
        self._keys: list[tuple[str, int]] = []

    def identify(self, *, change_email: bool, lock: bool) -> None:
        """Find or make everybody's id. lock: hold the people who are known, so that nobody else adds to them."""
        found = identify([about.claim for about in self.abouts], source=self.chunk.source, change_email=change_email)
        self.new, self._keys = found.new, found.keys
        known = {about.person_id for about in self.abouts} - found.new.keys()
        if lock or found.emails or any(about.values or about.attributes for about in self.abouts):
            self.before = staging.read(Person, known, tuple(_DEFAULTS), lock=True)
        self.now = {pk: dict(row) for pk, row in self.before.items()}
        self.now |= {pk: _DEFAULTS | {"email": email} for pk, email in self.new.items()}
        for pk, email in found.emails.items():
            self.now[pk]["email"] = email
        for about in self.abouts:
            about.entry.warnings += about.claim.warnings

    def account_of(self, person_id: int) -> int | None:
        """The person's account as it is after `save`."""
        return self.now[person_id]["account_id"]

    def save(self) -> None:
        """Write the people as the entries describe them, their keys and their accounts. At most ten statements."""
        for about in self.abouts:
            if about.person_id in self.now:
                _apply(about, self.now[about.person_id])
        self._match_accounts()
        # Changes first: somebody new may have the e-mail that somebody known gives up.
        changed = {pk for pk, row in self.before.items() if differs(row, self.now[pk])}
        staging.update(Person, {pk: self.now[pk] for pk in sorted(changed)})
        staging.insert(Person, [{"id": pk} | self.now[pk] for pk in self.new])
        staging.insert(
            PersonKey,
            [{"source": self.chunk.source, "external_id": key, "person_id": pk} for key, pk in self._keys],
        )
        self._tell(changed | {pk for _, pk in self._keys})
        self.chunk.tell(Inbox.Cause.PERSON, [(pk, pk) for pk in sorted(changed | set(self.new))])

    def _tell(self, changed: set[int]) -> None:
        for about in self.abouts:
            if about.person_id in changed and about.person_id not in self.new:
                note_update(about.entry)

    def _match_accounts(self) -> None:
        """The account of everybody who has none, or whose e-mail has moved: by e-mail domain, else by company name."""
        open_ = {
            pk: row
            for pk, row in self.now.items()
            if row["account_id"] is None or (row["account_match"] == "domain" and self._moved(pk))
        }
        domains = {pk: accounts.domain_of(row["email"]) for pk, row in open_.items() if row["email"]}
        by_domain = accounts.by_domain(set(domains.values()))
        companies = {pk: row["company"] for pk, row in open_.items() if row["company"]}
        named = {companies[pk] for pk in companies if domains.get(pk, "") not in by_domain}
        by_name = accounts.by_name(list(named), source="")
        for pk, row in open_.items():
            by_company = by_name.get(companies.get(pk, ""), [])
            row["account_id"], row["account_match"] = None, Person.Match.NONE.value
            if domains.get(pk, "") in by_domain:
                row["account_id"], row["account_match"] = by_domain[domains[pk]], Person.Match.DOMAIN.value
            elif len(by_company) == 1:
                row["account_id"], row["account_match"] = by_company[0], Person.Match.NAME.value

    def _moved(self, pk: int) -> bool:
        before = self.before.get(pk)
        return before is not None and before["email"] != self.now[pk]["email"]


def _apply(about: About, row: dict[str, Any]) -> None:
    """Change the person's row to what the entry says of it, as far as it has a say."""
    given = about.values
    if about.say is not Say.ALL:
        given = {column: value for column, value in given.items() if value not in ("", None)}
    if about.say is Say.LITTLE:
        given = {column: value for column, value in given.items() if row[column] in ("", None)}
    if "account_id" in given:
        if row["account_match"] == Person.Match.PERSON:
            given = {column: value for column, value in given.items() if column != "account_id"}
        else:
            match = Person.Match.NONE if given["account_id"] is None else Person.Match.GIVEN
            given = {**given, "account_match": match.value}
    row |= given
    attributes = about.attributes
    if about.say is Say.LITTLE:
        attributes = {name: value for name, value in attributes.items() if name not in row["attributes"]}
    if attributes:
        row["attributes"] = merged(row["attributes"], attributes)


def claims(chunk: Chunk, *, key: str) -> dict[Entry, Claim]:
    """Whom each entry speaks of, by its `email` and the field `key`; rows with an impossible address fail."""
    result = {}
    for entry in chunk.entries:
        try:
            email = normal_email(entry.values["email"]) if entry.values.get("email") else ""
        except ValueError as error:
            chunk.fail(entry, str(error), "email")
        else:
            result[entry] = Claim(email=email, key=entry.text(key))
    chunk.sift()
    return result


def said(entry: Entry, names: Iterable[str]) -> dict[str, Any]:
    """The columns of the person that an entry speaks of."""
    return columns_of(Person, entry, tuple(names))


def write(chunk: Chunk) -> None:
    """People by e-mail, else by (source, external id)."""
    for entry in chunk.entries:
        if not (entry.text("email") or entry.text("external_id")):
            chunk.fail(entry, "A person needs an e-mail or an external_id.", "email")
    chunk.sift()
    chunk.fold_repeats(lambda entry: entry.text("external_id") or entry.text("email").strip().lower())
    meant = claims(chunk, key="external_id")
    references.look_up(chunk, "account")
    abouts = [
        About(entry, meant[entry], said(entry, (*SAID_BY_PEOPLE, "account")), entry.attributes, Say.ALL)
        for entry in chunk.entries
    ]
    people = People(chunk, abouts)
    people.identify(change_email=True, lock=True)
    people.save()
    seen: set[int] = set()
    for about in abouts:
        is_new = about.person_id in people.new and about.person_id not in seen
        seen.add(about.person_id)
        about.entry.status = "created" if is_new else about.entry.status or "unchanged"
