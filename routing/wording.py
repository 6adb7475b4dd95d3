"""Stage events and touches as sentences and icons. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from funnel.models import Exit, Kind, Stage
from funnel.path import EXITS


def event_sentence(kind: str, from_stage: str, to_stage: str) -> str:
    """A stage event as a person would say it."""
    there = Stage(to_stage).label if to_stage else ""
    here = Stage(from_stage).label if from_stage else ""
    if kind == Kind.ADVANCE:
        if not from_stage:
            return "Inquiry opened" if to_stage == Stage.INQUIRY else f"Came in as {there}"
        return f"Entered {there} again" if from_stage == to_stage else f"Became {there}"
    sentences = {
        Kind.PASSTHROUGH: f"Passed through {there}",
        Kind.WON: "Won",
        Kind.REGRESS: f"Moved back from {here} to {there}" if here else f"Moved back to {there}",
        Kind.REOPEN: f"Reopened at {there}",
        Kind.CORRECTION: f"Corrected to {there}",
        Kind.VOID: "Taken back",
        Kind.MERGED: "Merged into another lead",
    }
    if kind in sentences:
        return sentences[Kind(kind)]
    left = Exit(EXITS[kind]).label
    return f"{left} at {here}" if here else left


def score_sentence(before: str, after: str, *, eligible: bool, was: bool) -> str:
    """A change of grade or band, or of being eligible: "Score B2 → A2, MQL by score"."""
    if eligible != was:
        reached = "enough for MQL" if eligible else "no longer enough for MQL"
        return f"Score {after}, {reached}" if before in ("", after) else f"Score {before} → {after}, {reached}"
    return f"Score {before} → {after}" if before and before != after else f"Score {after}"


def assignment_sentence(kind: str, *, rep: str, team: str, kept: bool = False) -> str:
    """A change of hands, or that there was none."""
    if kept:
        return f"Stays with {rep}"
    pool = f"the pool of {team}" if team else "nobody"
    return {
        "assigned": f"Assigned to {rep}",
        "claimed": f"{rep} claimed it",
        "reassigned": f"Given to {rep}",
        "pooled": f"Put into {pool}",
        "unrouted": "Nobody could take it",
        "released": f"Given back to {pool}",
    }.get(kind, kind)


_CLOCKS = {
    "accept": "Time to accept or reject",
    "hot": "Time to first contact",
    "follow_up": "Time to the first follow-up",
    "working": "Time to work the lead",
    "outcome": "Time to say how the meeting went",
    "decision": "Time to decide on an opportunity",
    "take_over": "Time to take over the SQL",
}
_CLOCK_EVENTS = {
    "started": ("player-play", "starts"),
    "warned": ("bell", "nearly over, owner reminded"),
    "breached": ("alert-octagon", "ran out"),
    "stopped": ("check", "stopped"),
    "resumed": ("player-play", "runs again"),
    "paused": ("player-pause", "stands still"),
    "reassigned": ("users", "ran out long ago; the lead went to a colleague"),
    "expired": ("alert-octagon", "ran out without a decision"),
    "reapplied": ("repeat", "was put under another promise"),
}


def clock_sentence(clock: str, event: str) -> str:
    """What happened to a promise: "Time to accept or reject ran out"."""
    return f"{_CLOCKS.get(clock, clock)} {_CLOCK_EVENTS.get(event, ('', event))[1]}"


def clock_icon(event: str) -> str:
    return _CLOCK_EVENTS.get(event, ("clock", ""))[0]


# How causes are written (the part before the first colon) and how they are said.
_CAUSES = {
    "activity": "by a touch",
    "touch": "by a touch",
    "mql": "by score",
    "rule": "by a rule",
    "clock": "by a clock that ran out",
    "user": "by hand",
    "api": "through the API",
    "undo": "by an undo",
    "merge": "by merging two people",
    "opportunity": "by its opportunity",
}


def cause_sentence(cause: str, source: str = "") -> str:
    """What made it happen: "load:event/crm/42" -> "loaded from crm"; an unknown cause as it is written."""
    head, _colon, rest = cause.partition(":")
    if head == "mql" and rest.endswith(":fast_track"):
        return "by a raised hand"
    if head == "mql" and rest.startswith("revisit:"):
        return "by its day to look again"
    if head == "load":
        parts = rest.split("/")
        origin = parts[1] if len(parts) > 2 else source
        return f"loaded from {origin}" if origin else "loaded from a file"
    return _CAUSES.get(head, cause.replace("_", " "))


# The first pattern that is found in the type names the icon.
_ICONS = [
    (r"call|phone|voicemail", "phone"),
    (r"meeting|appointment|demo", "calendar-event"),
    (r"mail.*(click|open)|(click|open).*mail", "mail-opened"),
    (r"mail|newsletter", "mail"),
    (r"webinar|video", "video"),
    (r"present|workshop|seminar", "presentation"),
    (r"event|fair|booth|badge|conference", "ticket"),
    (r"download|whitepaper|guide|asset", "download"),
    (r"chat|sms|message|whatsapp", "message"),
    (r"search|ad_|ads?$|paid", "search"),
    (r"social|linkedin|share", "share-2"),
    (r"price|calculator|quote", "calculator"),
    (r"form|request|contact|sign|subscri|inquiry|application", "file-text"),
    (r"visit|page|web|site", "world"),
    (r"click", "click"),
]


def touch_icon(type_: str) -> str:
    """The icon of a touch by what its type is called."""
    return next((icon for pattern, icon in _ICONS if re.search(pattern, type_.lower())), "bolt")


_SPELLED = {"email": "e-mail", "linkedin": "LinkedIn", "sms": "SMS", "roi": "ROI"}


def touch_words(type_: str) -> str:
    """webinar_attended -> Webinar attended, email_open -> E-mail open; capitals and blanks stay as they are."""
    words = " ".join(_SPELLED.get(word, word) for word in type_.replace("_", " ").split())
    return words[:1].upper() + words[1:]


def event_icon(kind: str) -> str:
    """The icon of a stage event."""
    if kind == Kind.WON:
        return "trophy"
    if kind in (Kind.REGRESS, Kind.CORRECTION, Kind.VOID):
        return "arrow-back-up"
    if kind in EXITS:
        return "git-merge" if kind == Kind.MERGED else "logout"
    return "repeat" if kind == Kind.REOPEN else "arrow-up-right"


# Why a lead has nobody, by the code in its explanation; notices say the same of one or many.
NOBODY: Final[Mapping[str, str]] = {
    "no_policy": "There is no routing policy.",
    "no_rule": "No rule of the routing policy applies.",
    "broken_rule": "A rule of the routing policy can no longer be read.",
    "no_seats": "Its team has nobody with a seat.",
    "nobody_available": "Nobody in its team can take a lead now.",
    "no_owner": "Its account has no owner.",
    "owner_without_seat": "The owner of its account has no seat.",
    "owner_unavailable": "The owner of its account cannot take a lead now.",
    "empty_pool": "It waits in a pool from which nobody can claim it: its team has nobody active.",
}
