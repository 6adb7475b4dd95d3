"""What sales thinks of the leads that it gets, for marketing to read by campaign."""

from datetime import datetime
from typing import Any

from django.db import transaction

from funnel.models import Lead
from funnel.notes import write_note
from routing.acts.doing import DEAL, REASSIGN, WORK, Done, Invalid, locked, require
from routing.models import Rating


@transaction.atomic
def rate(lead_id: int, *, stars: int, why: str, text: str = "", user: Any, now: datetime) -> Done:
    """Rate a lead that one sees, open or closed; a later rating of one's own takes the place of the earlier one.

    stars: 1 to 5. why: one of Rating.Why. text: kept as a note. Raises Invalid, NotAllowed, Refused.
    """
    require(user, WORK, REASSIGN, DEAL, deed="rate leads")
    if not 1 <= stars <= 5:
        raise Invalid("stars", "Say one to five.")
    if why not in Rating.Why.values:
        raise Invalid("why", "Pick what it is about.")
    lead = locked(lead_id)
    before = of_user(lead, user)
    if before is None or (before.stars, before.why) != (stars, why):
        Rating.objects.create(lead=lead, actor_id=user.pk, stars=stars, why=why, rated_at=now)
    if text.strip():
        write_note(lead=lead, author=user, text=text)
    said = Rating.Why(why).label.lower()
    return Done(lead_id=lead.pk, sentence=f"{lead.person} is rated {stars} of 5: {said}.", stays=True)


def of_user(lead: Lead, user: Any) -> Rating | None:
    """The user's rating that counts."""
    return Rating.objects.filter(lead=lead, actor=user.pk).order_by("-id").first()


def latest(lead: Lead) -> Rating | None:
    """The latest rating of anybody."""
    return Rating.objects.filter(lead=lead).select_related("actor").order_by("-id").first()
