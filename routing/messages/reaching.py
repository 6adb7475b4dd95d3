"""How users want to be told things outside the product, and what their browsers are to say."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from routing.messages import words
from routing.messages.envelopes import quiet_until
from routing.models import Notice, Reach, Wish

MOST_SHOWN = 5  # by the browser at a time; the bell has them all


def reach_of(user: Any, *, zone: str = "") -> Reach:
    """How the user is reached; as shipped in `zone` where they never said."""
    return Reach.objects.filter(user=user.pk).first() or Reach(user=user, zone=zone or "UTC")


def wishes_of(user: Any) -> set[tuple[str, str]]:
    """What the user wants to be told and how, as (kind, way)."""
    return set(Wish.objects.filter(user=user.pk).values_list("kind", "way"))


@transaction.atomic
def set_reach(
    user: Any,
    *,
    zone: str,
    quiet_from: time | None,
    quiet_until: time | None,
    hot_passes: bool,
    digest_at: time,
    wishes: Collection[tuple[str, str]],
) -> None:
    """Keep how the user wants to be told. What is on its way already goes as it was asked for then."""
    hours = {"zone": zone, "quiet_from": quiet_from, "quiet_until": quiet_until}
    Reach.objects.update_or_create(user=user, defaults=hours | {"hot_passes": hot_passes, "digest_at": digest_at})
    before = wishes_of(user)
    for kind, way in before - set(wishes):
        Wish.objects.filter(user=user, kind=kind, way=way).delete()
    Wish.objects.bulk_create(
        (Wish(user=user, kind=kind, way=way) for kind, way in sorted(set(wishes) - before)), ignore_conflicts=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A notice for the browser to show."""

    id: int
    title: str
    sentence: str
    url: str


def to_show(user: Any, *, after: int, now: datetime) -> list[Shown]:
    """Unread notices newer than `after` that the user wants their browser to show, the oldest first.

    In quiet hours none but raised hands, where those pass.
    """
    wanted = Wish.objects.filter(user=user.pk, way=Wish.Way.BROWSER).values("kind")
    found = Notice.objects.filter(user=user.pk, read_at=None, pk__gt=after, kind__in=wanted)
    reach = reach_of(user)
    if quiet_until(now, zone=reach.zone, since=reach.quiet_from, until=reach.quiet_until):
        found = found.filter(kind=Notice.Kind.HOT) if reach.hot_passes else found.none()
    ids = list(found.order_by("-pk").values_list("pk", flat=True)[:MOST_SHOWN])
    with timezone.override(reach.zone):
        said = words.words_of(ids)
    return [
        Shown(
            id=pk,
            title=said[pk].title,
            sentence=said[pk].sentence,
            url=reverse("routing:lead", args=[said[pk].lead_id]) if said[pk].lead_id else reverse("routing:queue"),
        )
        for pk in sorted(ids)
    ]
