"""The life of the agreement's versions: drafted, edited, signed by both sides, in force, retired by the next one.

There is one draft at a time. A signature is a signer's own and stands for the words that they had in front of them:
whoever signs or edits says which revision they saw, and is told where somebody was faster.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from funnel.access import name_of
from funnel.versions import PolicyProblem, next_number
from reporting.agreements import telling
from reporting.agreements.measures import COUNT, MEASURES, SHARE
from reporting.models import Agreement, Side, Target

Status = Agreement.Status
MOST_TARGETS: Final = 40
MOST_STARS: Final = 5
MAY_SIGN: Final = "reporting.sign_agreement"
_WITH: Final = ("marketing_signer", "sales_signer", "created_by", "changed_by")


class Overtaken(PolicyProblem):
    """Somebody else changed it first; nothing was written. `agreement` is what stands now."""

    def __init__(self, agreement: Agreement) -> None:
        self.agreement = agreement
        name = name_of(agreement.changed_by) if agreement.changed_by else "Somebody"
        super().__init__([f"{name} changed the draft {_at(agreement.changed_at)}."])


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A target as somebody gives it; see `Target`."""

    side: str
    measure: str
    direction: str
    value: float
    every: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything of a version that can be edited."""

    name: str
    why: str
    marketing_signer: User
    sales_signer: User
    promises: Sequence[Promise]


def in_force() -> Agreement | None:
    return Agreement.objects.select_related(*_WITH).filter(status=Status.IN_FORCE).first()


def the_draft() -> Agreement | None:
    return Agreement.objects.select_related(*_WITH).filter(status=Status.DRAFT).first()


def signers() -> QuerySet[User]:
    """Who can be named as a signer."""
    found = User.objects.with_perm(MAY_SIGN, backend="django.contrib.auth.backends.ModelBackend")
    return found.filter(is_active=True).order_by("first_name", "last_name", "username")


@transaction.atomic
def draft(terms: Terms, *, user: User | None, now: datetime) -> Agreement:
    """A new draft. Raises PolicyProblem for terms that make no sense, or where there is a draft already."""
    number = next_number(Agreement)  # of two at once the second waits here, and finds the first one's draft
    if (other := the_draft()) is not None:
        raise PolicyProblem([f"Version {other.version} is a draft already. Change that one, or discard it."])
    _expect_sense(terms)
    made = Agreement.objects.create(
        version=number, created_at=now, created_by=user, changed_at=now, changed_by=user, **_columns(terms)
    )
    _write(made, terms.promises)
    telling.ask_to_sign(made, by=user, now=now)
    return made


@transaction.atomic
def edit(agreement: Agreement, terms: Terms, *, revision: int, user: User | None, now: datetime) -> Agreement:
    """Give a draft other terms; signatures on it are taken back. revision: the one that the editor saw.

    Raises Overtaken where the draft is another one by now, PolicyProblem where it cannot be.
    """
    held = _hold(agreement, revision)
    _expect_sense(terms)
    signatures = (held.marketing_signer_id, held.marketing_signed_at), (held.sales_signer_id, held.sales_signed_at)
    had_signed = {signer for signer, at in signatures if at is not None}
    for column, value in _columns(terms).items():
        setattr(held, column, value)
    held.revision += 1
    held.marketing_signed_at = held.sales_signed_at = None
    held.changed_at, held.changed_by = now, user
    held.save()
    held.targets.all().delete()
    _write(held, terms.promises)
    telling.ask_to_sign(held, by=user, now=now, had_signed=had_signed)
    return held


@transaction.atomic
def sign(agreement: Agreement, *, user: User, revision: int, now: datetime) -> Agreement:
    """Sign for the side whose signer the user is. The second signature puts the version in force, retiring the other.

    Raises Overtaken where the draft is not what the signer saw, PolicyProblem for anybody but its signers.
    """
    held = _hold(agreement, revision)
    side = side_of(held, user)
    if side is None:
        raise PolicyProblem([f"{name_of(held.marketing_signer)} and {name_of(held.sales_signer)} sign this version."])
    if getattr(held, f"{side}_signed_at") is not None:
        raise PolicyProblem([f"You have signed version {held.version} for {side.label.lower()} already."])
    setattr(held, f"{side}_signed_at", now)
    if held.marketing_signed_at and held.sales_signed_at:
        Agreement.objects.filter(status=Status.IN_FORCE).update(status=Status.RETIRED, retired_at=now)
        held.status, held.in_force_at = Status.IN_FORCE, now
    held.save()
    telling.signed(held, by=user, now=now)
    return held


@transaction.atomic
def take_back(agreement: Agreement, *, user: User, revision: int) -> Agreement:
    """Take one's own signature back while the other one is missing. Raises as `sign` does."""
    held = _hold(agreement, revision)
    side = side_of(held, user)
    if side is None or getattr(held, f"{side}_signed_at") is None:
        raise PolicyProblem([f"Your signature is not on version {held.version}."])
    setattr(held, f"{side}_signed_at", None)
    held.save()
    return held


@transaction.atomic
def discard(agreement: Agreement, *, revision: int, now: datetime) -> None:
    """Delete a draft. Raises as `edit` does."""
    held = _hold(agreement, revision)
    telling.withdraw(held, now=now)
    held.delete()


def side_of(agreement: Agreement, user: User) -> Side | None:
    """For which side the user signs this version."""
    if user.pk == agreement.marketing_signer_id:
        return Side.MARKETING
    return Side.SALES if user.pk == agreement.sales_signer_id else None


def problems_of(terms: Terms) -> Iterator[str]:
    """What is wrong with the terms, a sentence each."""
    if terms.marketing_signer == terms.sales_signer:
        yield "Two people sign: whoever promises for marketing cannot promise for sales too."
    sides = {promise.side for promise in terms.promises}
    for side in Side:
        if side not in sides:
            yield f"{side.label} promises nothing. An agreement has promises of both sides."
    if len(terms.promises) > MOST_TARGETS:
        yield f"{len(terms.promises)} promises are more than anybody keeps in sight; at most {MOST_TARGETS}."
    seen: set[tuple[str, str]] = set()
    for promise in terms.promises:
        yield from _problems_with(promise)
        if (promise.measure, promise.every) in seen:
            each = Target.Every(promise.every).label.lower()
            yield f"“{MEASURES[promise.measure].title}” is promised twice each {each}. Leave one of them out."
        seen.add((promise.measure, promise.every))


def _problems_with(promise: Promise) -> Iterator[str]:
    measure = MEASURES[promise.measure]
    if measure.unit == COUNT and (promise.value < 1 or promise.value % 1):
        yield f"“{measure.title}” is a number of leads: promise 1 or more, without a fraction."
    elif measure.unit == SHARE and not 0 < promise.value <= 1:
        yield f"“{measure.title}” is a share: promise more than 0 % and at most 100 %."
    elif measure.unit not in (COUNT, SHARE) and not 1 <= promise.value <= MOST_STARS:
        yield f"“{measure.title}” is given in stars: promise 1 to {MOST_STARS}."


def _expect_sense(terms: Terms) -> None:
    if problems := list(problems_of(terms)):
        raise PolicyProblem(problems)


def _hold(agreement: Agreement, revision: int) -> Agreement:
    """The draft, locked, as it was seen."""
    held = Agreement.objects.select_for_update(of=("self",)).select_related(*_WITH).filter(pk=agreement.pk).first()
    if held is None:
        raise PolicyProblem(["The draft was discarded in the meantime."])
    if held.status != Status.DRAFT:
        raise PolicyProblem([f"Version {held.version} is signed by both sides and cannot be changed; make a new one."])
    if held.revision != revision:
        raise Overtaken(held)
    return held


def _columns(terms: Terms) -> dict[str, object]:
    return {
        "name": terms.name,
        "why": terms.why,
        "marketing_signer": terms.marketing_signer,
        "sales_signer": terms.sales_signer,
    }


def _write(agreement: Agreement, promises: Sequence[Promise]) -> None:
    Target.objects.bulk_create(
        Target(
            agreement=agreement,
            position=position,
            side=promise.side,
            measure=promise.measure,
            direction=promise.direction,
            value=promise.value,
            every=promise.every,
        )
        for position, promise in enumerate(promises)
    )


def _at(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"on {local.day} {local:%b at %H:%M}"
