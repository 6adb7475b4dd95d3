"""Who a row is about: e-mail addresses as they are compared, and people found by e-mail or by a source's key."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from funnel import staging
from funnel.models import Person

# What nearly every address looks like; the validator, which takes 30 µs, sees only the others. A test compares both.
_PLAIN = re.compile(
    r"(?=[^@]{1,64}@)(?=.{1,254}$)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*"
    r"@(?:[a-z0-9](?:(?![a-z0-9]-{2})[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
_SPECIAL = frozenset(SPECIAL_USE_DOMAIN_NAMES)


@lru_cache(maxsize=20_000)
def normal_email(text: str) -> str:
    """An e-mail address as people are compared by it: trimmed, lower case, letters composed one way.

    Dots and tags ("+news") are kept: another spelling may be another mailbox. Raises ValueError with a sentence.
    """
    address = text.strip().lower()
    if _PLAIN.fullmatch(address) and address.rpartition(".")[2] not in _SPECIAL:
        return address
    try:
        return validate_email(address, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ValueError(f"“{text.strip()[:100]}” is not an e-mail address: {error}") from error


@dataclass(slots=True)
class Claim:
    """Whom one row speaks of: by normalised e-mail, by the source's key, or for certain by `person_id`.

    `identify` sets `person_id`, and adds to `warnings` what was not taken over.
    """

    email: str = ""
    key: str = ""
    person_id: int | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Identified:
    """What the claims come to. Nothing of it is written yet.

    new: people to insert, by the id they will have, with their e-mail. emails: people whose e-mail changes.
    keys: keys to attach, as (external id, person id).
    """

    new: dict[int, str]
    emails: dict[int, str]
    keys: list[tuple[str, int]]


@dataclass(slots=True)
class _Human:
    id: int | None
    email: str
    before: str = ""


def identify(claims: Sequence[Claim], *, source: str, change_email: bool) -> Identified:
    """Find whom each claim means, or somebody new: by certainty, e-mail, key, in this order. Four queries at most.

    A claim with e-mail and key attaches the key. Later claims see what earlier ones said. change_email: whether a
    person found by key takes the claim's other e-mail (a source that speaks of people) or keeps the one we know
    (a touch, which is a fact of its day).
    """
    humans = _Humans(claims, source=source)
    meant = [humans.meant_by(claim, change_email=change_email) for claim in claims]
    # In the order of their keys, so that two loads of the same people wait for each other and do not deadlock.
    humans.new.sort(key=lambda human: human.email)
    for human, pk in zip(humans.new, staging.new_ids(Person, len(humans.new)), strict=True):
        human.id = pk
    for claim, human in zip(claims, meant, strict=True):
        claim.person_id = human.id
    return Identified(
        new={_id(human): human.email for human in humans.new},
        emails={pk: human.email for pk, human in humans.by_id.items() if human.email != human.before},
        keys=sorted((key, _id(human)) for key, human in humans.new_keys.items()),
    )


class _Humans:
    """Everybody the claims may mean, read at once."""

    def __init__(self, claims: Sequence[Claim], *, source: str) -> None:
        by_email = staging.find("funnel_person", "email", {claim.email for claim in claims if claim.email})
        by_key = staging.find(
            "funnel_personkey", "external_id", {claim.key for claim in claims if claim.key}, "person_id", source=source
        )
        certain = {claim.person_id for claim in claims if claim.person_id is not None}
        emails = {pk: email for email, pk in by_email.items()}
        rest = (set(by_key.values()) | certain) - set(emails)
        emails |= {pk: row["email"] for pk, row in staging.read(Person, rest, ["email"]).items()}
        self.by_id = {pk: _Human(pk, email, email) for pk, email in emails.items()}
        self.by_email = {human.email: human for human in self.by_id.values() if human.email}
        self.by_key = {key: self.by_id[pk] for key, pk in by_key.items()}
        self.new: list[_Human] = []
        self.new_keys: dict[str, _Human] = {}

    def meant_by(self, claim: Claim, *, change_email: bool) -> _Human:
        by_email = self.by_email.get(claim.email) if claim.email else None
        by_key = self.by_key.get(claim.key) if claim.key else None
        certain = self.by_id[claim.person_id] if claim.person_id is not None else None
        human = certain or by_email or by_key or self._somebody_new()
        if claim.email and by_email is None and (change_email or not human.email):
            self._give_email(human, claim.email)
        elif by_email is not None and by_email is not human:
            claim.warnings.append(f"{claim.email} is the e-mail of another person; it was not taken over.")
        if claim.key and by_key is None:
            self.by_key[claim.key] = self.new_keys[claim.key] = human
        elif by_key is not None and by_key is not human:
            claim.warnings.append(f"“{claim.key}” is the key of another person; it was not taken over.")
        return human

    def _somebody_new(self) -> _Human:
        self.new.append(_Human(None, ""))
        return self.new[-1]

    def _give_email(self, human: _Human, email: str) -> None:
        self.by_email.pop(human.email, None)
        human.email = email
        self.by_email[email] = human


def _id(human: _Human) -> int:
    assert human.id is not None, "everybody has an id by now"
    return human.id
