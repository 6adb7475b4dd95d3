"""Levels moved by hand: a rep is credited leads back, with the reason on record."""

from datetime import datetime
from typing import Any, Final

from django.db import transaction

from routing.acts.doing import REASSIGN, Invalid, require
from routing.models import LevelChange, Seat

MOST: Final = 100  # leads at a time


@transaction.atomic
def credit(seat_id: int, *, leads: float, reason: str, user: Any, now: datetime) -> LevelChange:
    """Count so many leads less as received by the seat, so that it is next sooner; fewer than 0 counts more.

    As for leads that were duplicates, or went back. Raises Invalid, NotAllowed.
    """
    require(user, REASSIGN, deed="credit leads back")
    if not reason.strip():
        raise Invalid("reason", "Say why: the others will ask.")
    if not leads or abs(leads) > MOST:
        raise Invalid("leads", f"Credit between 1 and {MOST} leads, or as many less than 0.")
    seat = Seat.objects.select_for_update(no_key=True).filter(pk=seat_id).first()
    if seat is None:
        raise Invalid("seat", "There is no such seat.")
    return _credit(seat, leads=leads, reason=reason, user=user, now=now)


def give_turn_back(rep_id: int, *, reason: str, user: Any, now: datetime) -> None:
    """Count a lead less that the rep was dealt and did not keep, as where a wrong route was taken back."""
    seat = Seat.objects.select_for_update(no_key=True).filter(rep=rep_id).first()
    if seat is not None:
        _credit(seat, leads=1, reason=reason, user=user, now=now)


def _credit(seat: Seat, *, leads: float, reason: str, user: Any, now: datetime) -> LevelChange:
    before = seat.level
    seat.calibration -= leads
    seat.save(update_fields=["calibration"])
    return LevelChange.objects.create(
        seat=seat,
        kind=LevelChange.Kind.CREDITED,
        before=round(before, 3),
        after=round(seat.level, 3),
        occurred_at=now,
        actor=user,
        reason=reason.strip()[:300],
    )
