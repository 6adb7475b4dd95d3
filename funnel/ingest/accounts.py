"""Loading accounts: keys, domains and parents."""

import re
from collections.abc import Collection, Mapping, Sequence

from django.db import connection

from funnel import accounts, inbox, staging
from funnel.ingest import parents, references
from funnel.ingest.chunk import Chunk, Entry
from funnel.ingest.rows import Outcome
from funnel.ingest.upserts import Draft, columns_of, note_update, save
from funnel.models import Account, AccountDomain, AccountKey, Inbox

_COLUMNS = (
    "name",
    "kind",
    "tier",
    "industry",
    "employees",
    "revenue",
    "country",
    "city",
    "phone",
    "region",
    "segment",
    "owner",
)


def write(chunk: Chunk) -> None:
    """Accounts by (source, external id); one that something else has named before is taken up, not doubled."""
    _prepare(chunk)
    references.look_up(chunk, "region", "owner")
    domains = {entry.place: _domains(entry) for entry in chunk.entries}
    known = staging.find(
        "funnel_accountkey",
        "external_id",
        {entry.key for entry in chunk.entries},
        "account_id",
        source=chunk.source,
    )
    adopted = _adopt(chunk, [entry for entry in chunk.entries if entry.key not in known], domains)
    drafts = []
    for entry in sorted(chunk.entries, key=lambda entry: entry.key):
        pk = known.get(entry.key) or adopted.get(entry.key)
        if pk is None and not entry.text("name"):
            chunk.fail(entry, "A new account needs a name.", "name")
            continue
        values = columns_of(Account, entry, _COLUMNS)
        if "name" in values:
            values["name_key"] = accounts.name_key(values["name"])
        drafts.append(Draft(entry, pk, values, entry.attributes))
    save(Account, drafts)
    ids = {draft.entry.key: draft.id for draft in drafts if draft.id is not None}
    staging.insert(
        AccountKey,
        [{"source": chunk.source, "external_id": key, "account_id": pk} for key, pk in ids.items() if key not in known],
    )
    _give_domains(drafts, domains)
    changed = [draft.id for draft in drafts if draft.id is not None and draft.entry.status == "updated"]
    chunk.tell(Inbox.Cause.PERSON, [(pk, pk) for pk in accounts.people_of(changed)])
    parents.attach(
        chunk,
        Account,
        [(draft.entry, ids[draft.entry.key]) for draft in drafts],
        find=lambda names: accounts.by_name(list(names), source=chunk.source),
    )


def finish(*, source: str, live: bool) -> list[Outcome]:
    """After the last chunk: parents that came after their children, and people whose company is known by now."""
    outcomes = parents.settle(
        "accounts", Account, source=source, find=lambda names: accounts.by_name(list(names), source=source)
    )
    matched = accounts.match_people()
    if live:
        inbox.add(Inbox.Cause.PERSON, [(pk, pk) for pk in matched], rank=Inbox.Rank.BULK)
    else:
        inbox.add(Inbox.Cause.LOADED, [(pk, None) for pk in matched], rank=Inbox.Rank.BULK)
    return outcomes


def _prepare(chunk: Chunk) -> None:
    for entry in chunk.entries:
        entry.values["external_id"] = entry.values.get("external_id") or entry.values.get("name")
        if not entry.key:
            chunk.fail(entry, "An account needs a name or an external_id.", "name")
        elif len(entry.key) > 200:
            chunk.fail(entry, "The name is longer than 200 characters; give the account an external_id.", "name")
        if "name" in entry.values and entry.values["name"] is None:
            chunk.fail(entry, "An account's name cannot be blank.", "name")
        tier = entry.values.get("tier")
        if tier is not None and not 1 <= tier <= 9:
            chunk.fail(entry, f"A tier is a number from 1 to 9, not {tier}.", "tier")
    chunk.sift()
    chunk.fold_repeats(lambda entry: entry.key)


def _domains(entry: Entry) -> list[str]:
    """The domains a row brings, as they are compared; what is none, or is free mail, is warned of and left out."""
    kept = []
    for text in re.split(r"[\s,;|]+", entry.text("domains")):
        domain = accounts.normal_domain(text)
        if domain in accounts.FREE_MAIL:
            entry.warnings.append(f"{domain} is free mail and belongs to no account.")
        elif domain:
            kept.append(domain)
        elif text:
            entry.warnings.append(f"“{text:.60}” is no domain.")
    return list(dict.fromkeys(kept))


def _adopt(chunk: Chunk, entries: Sequence[Entry], domains: Mapping[int, list[str]]) -> dict[str, int]:
    """Known accounts for keys that are new, if this source has no other key for them.

    By exact name, where only one has it; or by domain, where the name is the same as compared. Anything less might
    make one of two companies.
    """
    same_key = _alike({entry.text("name") for entry in entries} - {""})
    by_domain = staging.find(
        "funnel_accountdomain", "domain", {d for entry in entries for d in domains[entry.place]}, "account_id"
    )
    free = {pk for names in same_key.values() for pk in names}
    free -= _keyed(free, source=chunk.source)
    adopted: dict[str, int] = {}
    for entry in entries:
        name = entry.text("name")
        alike = same_key.get(accounts.name_key(name), {})
        same_name = [pk for pk, other in alike.items() if other == name]
        same_domain = [by_domain[d] for d in domains[entry.place] if by_domain.get(d) in alike]
        pk = next((pk for pk in same_domain or (same_name if len(same_name) == 1 else []) if pk in free), None)
        if pk is not None:
            free.discard(pk)
            adopted[entry.key] = pk
            note_update(entry)
    return adopted


def _alike(names: Collection[str]) -> dict[str, dict[int, str]]:
    """The accounts (id: name) of each name as compared."""
    if not names:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name_key, id, name FROM funnel_account WHERE name_key = ANY(%s)",
            [[accounts.name_key(name) for name in names]],
        )
        alike: dict[str, dict[int, str]] = {}
        for key, pk, name in cursor.fetchall():
            alike.setdefault(key, {})[pk] = name
        return alike


def _keyed(ids: Collection[int], *, source: str) -> set[int]:
    """Those that this source has given a key of its own, more than the name it was first mentioned by."""
    if not ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT k.account_id FROM funnel_accountkey k JOIN funnel_account a ON a.id = k.account_id
            WHERE k.account_id = ANY(%s) AND k.source = %s AND k.external_id <> a.name
            """,
            [list(ids), source],
        )
        return {row[0] for row in cursor.fetchall()}


def _give_domains(drafts: Sequence[Draft], domains: Mapping[int, list[str]]) -> None:
    """Add the domains that are new; one that belongs to another account stays there."""
    wanted = [(domain, draft) for draft in drafts for domain in domains[draft.entry.place]]
    known = staging.find("funnel_accountdomain", "domain", {domain for domain, _ in wanted}, "account_id")
    new: dict[str, int | None] = {}
    for domain, draft in wanted:
        owner = known.get(domain) or new.setdefault(domain, draft.id)
        if owner != draft.id:
            draft.entry.warnings.append(f"{domain} belongs to another account already and stays there.")
        elif domain in new:
            note_update(draft.entry)
    staging.insert(AccountDomain, [{"domain": domain, "account_id": pk} for domain, pk in sorted(new.items())])
