"""Success by how often and by which media people were tried, for each persona: tables of what outreach.py counts. Pure.

Leads that were tried before their outcome, each in one row and one cell of its persona, so that every sum reconciles.
Requirement: R109.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.utils.http import urlencode

from reporting.cadences.figures import Share
from reporting.cadences.outreach import OFTEN, PARTS, Cell, Group, mask_of, media_of
from routing.models import Medium

MOST: Final = 12  # personas by name; the rest is one row
NONE: Final = "none"  # persona=none: those of whom it is not known, as in the list of leads


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One persona. persona: None for all those that are not named. open, young: see Cell."""

    persona: str | None
    share: Share
    open: int
    young: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """One mix of media. media: None for all of them. shares: by OFTEN; all: of the whole row."""

    media: int | None
    shares: Sequence[Share]
    all: Share


def by_persona(cells: Iterable[Cell]) -> list[Row]:
    """Those with most leads first, those without a persona after them, and the others together at the end."""
    found: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.often is not None:
            found[cell.persona].append(cell)
    named = sorted((name for name in found if name), key=lambda name: (-sum(one.n for one in found[name]), name))
    rows = [_row(name, name, found[name]) for name in named[:MOST]]
    if "" in found:
        rows.append(_row("", "Not known", found[""]))
    if rest := [cell for name in named[MOST:] for cell in found[name]]:
        rows.append(_row(None, f"{len(named) - MOST} others", rest))
    return rows


def total(cells: Iterable[Cell]) -> Row:
    """Everybody who was tried before the outcome."""
    return _row(None, "Everybody", [cell for cell in cells if cell.often is not None])


def by_mix(cells: Iterable[Cell], persona: str | None) -> list[Mix]:
    """The mixes of media, single ones first, and all of them together; None: of everybody. Empty without a lead."""
    found: dict[int, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.often is not None and cell.n and persona in (None, cell.persona):
            found[cell.media].append(cell)
    mixes = [
        _mix(mask, mix_words(mask), found[mask]) for mask in sorted(found, key=lambda mask: (mask.bit_count(), mask))
    ]
    if len(mixes) > 1:
        mixes.append(_mix(None, "Any of these", [cell for one in found.values() for cell in one]))
    return mixes


def merged(cells: Iterable[Cell]) -> list[Cell]:
    """A cell for each persona, mix and number of attempts, whenever their leads were first tried."""
    found: dict[tuple[str, int, int], Cell] = {}
    for cell in cells:
        if cell.often is not None:
            key = cell.persona, cell.media, cell.often
            one = found.setdefault(key, replace(cell, n=0, won=0, open=0, young=0))
            sums = {name: getattr(one, name) + getattr(cell, name) for name in ("n", "won", "open", "young")}
            found[key] = replace(one, **sums)
    return [found[key] for key in sorted(found)]


def untried(cells: Iterable[Cell]) -> int:
    """Leads that had come to something, or to nothing, before anybody tried."""
    return sum(cell.n for cell in cells if cell.often is None)


def mix_words(mask: int) -> str:
    """The media in words: "Call", "Call and e-mail"."""
    *first, last = [Medium(medium).label.lower() for medium in media_of(mask)]
    return (f"{', '.join(first)} and {last}" if first else last).capitalize()


def _row(persona: str | None, name: str, cells: Sequence[Cell]) -> Row:
    return Row(
        persona=persona,
        share=_share(name, cells),
        open=sum(cell.open for cell in cells),
        young=sum(cell.young for cell in cells),
    )


def _mix(media: int | None, name: str, cells: Sequence[Cell]) -> Mix:
    shares = [_share(words, [cell for cell in cells if cell.often == place]) for place, words in enumerate(OFTEN)]
    return Mix(media=media, shares=shares, all=_share(name, cells))


def _share(name: str, cells: Iterable[Cell]) -> Share:
    counts = [(cell.won, cell.n) for cell in cells]
    return Share(name, sum(won for won, _n in counts), sum(n for _won, n in counts))


# --- Addresses ------------------------------------------------------------------------------------


def query_of(group: Group, **changes: Any) -> str:
    """The address of a group, with other parts; what says nothing is left out."""
    group = replace(group, **changes)
    said: dict[str, str | int] = {}
    if group.persona is not None:
        said["persona"] = group.persona or NONE
    if group.media is not None:
        said["media"] = ",".join(media_of(group.media))
    if group.often is not None:
        said["often"] = group.often
    if group.part != "all":
        said["part"] = group.part
    return f"?{urlencode(said)}" if said else ""


def read(query: Mapping[str, Any]) -> Group:
    """The group that an address asks for; what makes no sense is left out."""
    persona, media = query.get("persona", "").replace("\x00", "")[:300], query.get("media", "").split(",")
    often, part = query.get("often", ""), query.get("part", "")
    return Group(
        persona="" if persona == NONE else persona or None,
        media=mask_of(media) if set(media) <= {*Medium.values} else None,
        often=int(often) if often in [str(place) for place in range(len(OFTEN))] else None,
        part=part if part in PARTS else "all",
    )


_DID: Final[Mapping[str, str]] = {
    "all": "have had their time",
    "won": "were an SQL in time",
    "open": "were no SQL in time and are still open",
    "young": "have not had their time yet",
}


def sentence(group: Group) -> str:
    """The group in words."""
    said = "Leads" if group.persona is None else f"Leads of {group.persona or 'no known persona'}"
    said += " that were tried before their outcome"
    if group.often is not None:
        said += f", {OFTEN[group.often].lower().removesuffix(' attempt')} time{'s' if group.often else ''}"
    if group.media is not None:
        said += f", by {mix_words(group.media).lower()}"
    return f"{said}, and that {_DID[group.part]}."
