"""What the signers of an agreement and the owners of actions are told, and when it is out of date. Requirements: R101,
R103. Whoever does something is not told of it.
"""

from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone

from reporting.models import Agreement, ReviewAction
from routing.messages.notices import Tell, outdate, tell
from routing.models import Notice

_AGREEMENT, _ACTION = Notice.Kind.AGREEMENT, Notice.Kind.ACTION


def ask_to_sign(draft: Agreement, *, by: User | None, now: datetime, had_signed: Collection[int] = ()) -> None:
    """Ask its signers. had_signed: the ids of those whose signature a change has taken back, who are told so."""
    withdraw(draft, now=now)
    signers = {draft.marketing_signer_id, draft.sales_signer_id} - {by.pk if by else None}
    events = {user_id: "changed" if user_id in had_signed else "sign" for user_id in signers}
    tell([_of(draft, user_id, event) for user_id, event in events.items()], now=now)


def signed(agreement: Agreement, *, by: User, now: datetime) -> None:
    """The user has signed, so need not be asked; once it is in force, the others who made it are told."""
    outdate(_AGREEMENT, _cause(agreement), now=now, user_id=by.pk)
    if agreement.status == Agreement.Status.IN_FORCE:
        made = {agreement.marketing_signer_id, agreement.sales_signer_id, agreement.created_by_id} - {by.pk, None}
        tell([_of(agreement, user_id, "in_force") for user_id in made if user_id], now=now)


def withdraw(draft: Agreement, *, now: datetime) -> None:
    """What was told of this draft is so no longer."""
    outdate(_AGREEMENT, _cause(draft), now=now)


def action_settled(action: ReviewAction, *, by: User | None, now: datetime) -> None:
    """Tell the owner that a review gave them something to do."""
    if by is None or action.owner_id != by.pk:
        tell([_to_do(action, "settled")], now=now)


def action_over(action: ReviewAction, *, now: datetime) -> None:
    """It is done or dropped: nobody need be reminded."""
    outdate(_ACTION, _cause(action), now=now)


def remind(*, now: datetime) -> int:
    """Tell the owners of actions whose day has come and that are not done, once an action. Returns how many are new."""
    due = ReviewAction.objects.filter(done_at=None, due_on__lte=timezone.localdate(now))
    return tell([_to_do(action, "due") for action in due], now=now)


def _of(agreement: Agreement, user_id: int, event: str) -> Tell:
    data = {"id": agreement.pk, "version": agreement.version, "event": event}
    cause = f"{_cause(agreement)}{agreement.revision}:{event}"
    return Tell(user_id=user_id, kind=_AGREEMENT, cause=cause, data=data)


def _to_do(action: ReviewAction, event: str) -> Tell:
    data = {"review": action.review_id, "due": str(action.due_on), "event": event}
    return Tell(user_id=action.owner_id, kind=_ACTION, cause=f"{_cause(action)}{event}", data=data)


def _cause(told: Agreement | ReviewAction) -> str:
    return f"{told._meta.model_name}:{told.pk}:"
