"""Offers of SQLs whose lead is given to somebody else meanwhile: they follow it, or end."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from funnel.models import Rep, Team
from routing.models import HandOff, HandOffNote

PENDING: Final = {"accepted_at": None, "returned_at": None, "withdrawn_at": None}


def follow_hands(given: Mapping[int, Rep], *, user: Any, now: datetime) -> list[int]:
    """Offers of these leads follow to the rep who has just been given each; where that is no account executive, they
    end. given: by lead, with the rep's team. user: who gave them; None: routing did. The caller holds the locks, and
    starts the clocks of the new offers, whose ids are returned. Four statements, however many.
    """
    found = HandOff.objects.filter(lead__in=given, **PENDING).select_related("note").order_by("pk")
    pending = [one for one in found if one.to_rep_id != given[one.lead_id].pk]
    if not pending:
        return []
    HandOff.objects.filter(pk__in=[one.pk for one in pending]).update(withdrawn_at=now, withdrawn_by=user)
    moving = [one for one in pending if (team := given[one.lead_id].team) is not None and team.kind == Team.Kind.AE]
    again = HandOff.objects.bulk_create(
        HandOff(
            lead_id=one.lead_id, from_rep_id=one.from_rep_id, to_rep=given[one.lead_id], offered_at=now,
            offered_by=user, cause=f"hand_off:{one.pk}:moved",
        )
        for one in moving
    )  # fmt: skip
    HandOffNote.objects.bulk_create(
        HandOffNote(
            hand_off=new, person_id=one.note.person_id, need=one.note.need, next_step=one.note.next_step,
            answered=one.note.answered, unanswered=one.note.unanswered, consumed=one.note.consumed,
        )
        for new, one in zip(again, moving, strict=True)
    )  # fmt: skip
    return [one.pk for one in again]
