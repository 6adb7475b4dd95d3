"""Who looks at leads: as which rep, and what they are offered to do. What can be done is the services' to say."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from funnel.access import sight_of
from funnel.models import Rep
from routing.hours.covering import covered_by

TAB_TITLES = {"mine": "Mine", "pool": "Pool", "team": "Team", "unrouted": "Unrouted"}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at the queue: as which rep, into which pools, and what they may do. covers: the reps who are away now
    and whose leads this one looks after; may_close: make and close deals.
    """

    user_id: int
    rep_id: int | None
    team_id: int | None
    everything: bool
    may_work: bool
    may_reassign: bool
    may_close: bool
    tabs: tuple[str, ...]
    covers: tuple[int, ...] = ()

    @property
    def hands(self) -> tuple[int, ...]:
        """Whose leads are theirs to work: their own, and those of whom they cover for."""
        return (self.rep_id, *self.covers) if self.rep_id is not None else ()

    def may_act_on(self, owner_id: int | None) -> bool:
        """Whether accept, reject and recycle are offered for a lead of this owner."""
        return self.may_work and owner_id is not None and (owner_id in self.hands or self.may_reassign)

    def may_log(self, owner_id: int | None) -> bool:
        """Whether calls, dates and snoozes are offered for a lead of this owner."""
        mine = owner_id in self.hands and (self.may_work or self.may_close)
        return owner_id is not None and (mine or self.may_reassign)

    def may_claim(self, pool_id: int | None) -> bool:
        return self.may_work and self.rep_id is not None and pool_id is not None


def viewer_of(user: Any) -> Viewer:
    """What of this user the queue goes by. Two queries for the rep beside those of `sight_of`."""
    sight = sight_of(user)
    rep = Rep.objects.filter(user=user, active=True).values("pk", "team_id").first()
    offered = [("mine", rep is not None), ("pool", sight.everything or (sight.unowned and rep is not None))]
    offered += [("team", sight.everything), ("unrouted", sight.everything)]
    return Viewer(
        user_id=user.pk,
        rep_id=rep["pk"] if rep else None,
        team_id=rep["team_id"] if rep else None,
        everything=sight.everything,
        may_work=user.has_perm("routing.work_lead"),
        may_reassign=user.has_perm("routing.reassign_lead"),
        may_close=user.has_perm("routing.work_deal"),
        tabs=tuple(tab for tab, there in offered if there),
        covers=tuple(covered_by(rep["pk"], now=timezone.now())) if rep else (),
    )
