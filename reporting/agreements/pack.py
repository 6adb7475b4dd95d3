"""The performance pack of a review: how promises were kept, what sales says of the leads, what was changed.

It is one dictionary of words and numbers, which is shown as it is while the review is open and stored when it closes,
so that an open and a closed review read alike. Moments are ISO 8601 in UTC.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from funnel.access import name_of
from reporting import ratings
from reporting.agreements.attainment import attainment_of
from reporting.agreements.changes import Change, changes
from reporting.agreements.shown import told
from reporting.facts import Copy
from reporting.filters import View
from reporting.models import Agreement, Review, ReviewAction
from reporting.periods import DAY, Period
from reporting.quality import queries
from reporting.quality.slices import Slice

MOST_REASONS: Final = 8
MOST_CAMPAIGNS: Final = 6


def pack_of(review: Review, carried: Iterable[ReviewAction], *, copy: Copy, now: dt.datetime) -> dict[str, Any]:
    """Everything that is looked at, as of now. carried: what earlier reviews left to be done."""
    period = Period("custom", review.starts_on, review.ends_on + DAY)
    since, until = period.bounds(settings.REPORTING_ZONE)
    assert since is not None and until is not None  # a review's period has both ends
    agreement = judging(until, now=now)
    halves = (
        attainment_of(agreement, agreement.targets.all(), copy, first=review.starts_on, last=review.ends_on, now=now)
        if agreement
        else []
    )
    return {
        "as_of": now.astimezone(dt.UTC).isoformat(),
        "attendees": sorted(name_of(one) for one in review.attendees.all()),
        "agreement": str(agreement) if agreement else "",
        "halves": [told(half) for half in halves],
        "ratings": _ratings(since, until),
        "reasons": _reasons(period, copy),
        "changes": [_change(one) for one in changes(since=since, until=min(until, now))],
        "carried": [_carried(one, today=timezone.localdate(now)) for one in carried],
    }


def judging(ends: dt.datetime, *, now: dt.datetime) -> Agreement | None:
    """The version that judges a period that ends then: the one in force at that moment, or now while it runs."""
    at = min(ends, now)
    found = Agreement.objects.filter(in_force_at__lte=at).order_by("-in_force_at", "-version").first()
    return found or Agreement.objects.filter(status=Agreement.Status.IN_FORCE).first()


def revived(part: Any, name: str = "") -> Any:
    """A pack for a page: its days and moments as such again, but for the figures (shown.py reads those)."""
    if name == "halves":
        return part
    if isinstance(part, dict):
        return {key: revived(value, key) for key, value in part.items()}
    if isinstance(part, list):
        return [revived(one) for one in part]
    if isinstance(part, str) and part and (name == "on" or name.endswith("_on")):
        return dt.date.fromisoformat(part)
    return dt.datetime.fromisoformat(part) if name == "as_of" else part


def _ratings(since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
    """What sales says: all ratings together, and by campaign those with most."""
    everything = ratings.overall(since=since, until=until)
    by_campaign = ratings.by("campaign", since=since, until=until)[:MOST_CAMPAIGNS]
    return {
        "all": _opinion(everything) if everything else None,
        "by_campaign": [_opinion(one) for one in by_campaign],
    }


def _opinion(one: ratings.Opinion) -> dict[str, Any]:
    return {"name": one.name, "ratings": one.ratings, "mean": one.mean, "poor": one.poor, "why": one.why}


def _reasons(period: Period, copy: Copy) -> dict[str, Any]:
    """Why MQLs of the period were rejected, the most frequent reason first; decided: all that were judged."""
    facts, piece = queries.Facts(copy, settings.REPORTING_ZONE), Slice(view=View(period=period))
    tally, rows = queries.overall(facts, piece), queries.reasons(facts, piece)
    return {
        "decided": tally.decided,
        "rejected": tally.rejected,
        "rows": [{"reason": reason or "", "leads": leads} for reason, _worded, leads, _known in rows[:MOST_REASONS]],
        "others": sum(leads for _reason, _worded, leads, _known in rows[MOST_REASONS:]),
    }


def _change(one: Change) -> dict[str, str]:
    at = one.at.astimezone(ZoneInfo(settings.REPORTING_ZONE))
    return {"what": one.what, "name": one.name, "on": str(at.date()), "by": one.by, "why": one.why}


def _carried(action: ReviewAction, *, today: dt.date) -> dict[str, Any]:
    return {
        "id": action.pk,
        "text": action.text,
        "owner": name_of(action.owner),
        "settled_on": str(action.review.held_on),
        "due_on": str(action.due_on),
        "is_done": action.done_at is not None,
        "is_overdue": action.done_at is None and action.due_on < today,
    }
