"""People in the lab: the table of who flips, and the list behind a number."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from funnel.models import Lead
from reporting.facts import Reading
from reporting.lab import queries
from reporting.lab.bench import Bench, question
from reporting.lab.flips import BECAME, PAGE, flips
from reporting.lab.page import Board, drills, split
from reporting.lab.queries import Question
from reporting.lab.sets import ALL, PARTS, BadSet, Drill
from reporting.lab.view import View
from reporting.models import Comparison
from reporting.periods import DAY, day_range
from routing.leads.listing import rows_of, with_row

LIST_PAGE = 50
FLIPS = ("leave", "enter")


def cursor(parameters: Mapping[str, str], name: str) -> int | None:
    """A lead's id in the address. Raises BadSet."""
    given = parameters.get(name, "")
    if given and not (given.isascii() and given.isdigit() and len(given) < 19):
        raise BadSet(f"In the address {name} is “{given[:40]}”; it is a number.")
    return int(given) if given else None


def page_of(
    facts: Reading, asked: Question, drill: Drill, *, size: int, below: int | None, above: int | None, became: str = ""
) -> tuple[list[int], int | None, int | None]:
    """Leads of a page, highest id first, and the cursors above and below it, None at either end."""
    if above is not None:
        ids = queries.ids(facts, asked, drill, above=above, limit=size + 1, became=became)
        if len(ids) <= size:  # the newest end: a full page rather than its beginning
            return page_of(facts, asked, drill, size=size, below=None, above=None, became=became)
        found = ids[:size][::-1]
        return found, found[0], found[-1]
    ids = queries.ids(facts, asked, drill, below=below, limit=size + 1, became=became)
    found = ids[:size]
    newer = found[0] if found and below is not None else None
    return found, newer, found[-1] if len(ids) > size else None


def _leads(ids: list[int]) -> list[Lead]:
    return list(with_row(Lead.objects.filter(pk__in=ids)).select_related("person", "account", "reason").order_by("-pk"))


# --- Who flips -----------------------------------------------------------------------------------------------------


def flip_table(facts: Reading, parameters: QueryDict, found: Bench, board: Board) -> dict[str, Any]:
    """One page of those who leave or enter, narrowed to an outcome. Three queries."""
    way = parameters.get("flip", "")
    way = way if way in FLIPS else FLIPS[0]
    became = parameters.get("became", "")
    became = became if became in BECAME else ""
    asked, drill = board.question, Drill(people=ALL[way])
    counts = queries.became(facts, asked, drill, {name: test for name, (_words, test) in BECAME.items()})
    try:
        below, above = (cursor(parameters, name) for name in ("below", "above"))
    except BadSet:
        below = above = None
    test = BECAME[became][1] if became else ""
    ids, newer, older = page_of(facts, asked, drill, size=PAGE, below=below, above=above, became=test)
    leads = _leads(ids)
    here = reverse("reporting:lab")

    def address(**more: Any) -> str:
        return here + found.view.query(**({"flip": way, "became": became} | more)) + "#flips"

    return {
        "way": way,
        "earlier_url": drills(found)(of="earlier"),
        "later_url": drills(found)(of="later"),
        "ways": [(name, address(flip=name, became="")) for name in FLIPS],
        "flip_rows": flips(facts, leads, asked, leaving=way == "leave", changes=board.changes),
        "became": became,
        "became_words": _words(found, became),
        "became_options": [
            ("any", address(became=""), not became, f"{sum(counts.values()):,}"),
            *((_words(found, name), address(became=name), name == became, f"{counts[name]:,}") for name in BECAME),
        ],
        "flip_newer": address(above=newer) if newer else "",
        "flip_older": address(below=older) if older else "",
        "flip_total": counts[became] if became else sum(counts.values()),
    }


def _words(found: Bench, name: str) -> str:
    return BECAME[name][0].format(good=found.view.outcome_words) if name else "any"


# --- Behind a number -----------------------------------------------------------------------------------------------


def listed(
    facts: Reading,
    found: Bench,
    comparison: Comparison,
    drill: Drill,
    *,
    below: int | None,
    above: int | None,
    zone: str,
) -> dict[str, Any]:
    """One page of the people of a set, how many there are, and who they are in a sentence. One query."""
    asked = split(question(facts, found, comparison, zone=zone, now=timezone.now()), found)
    ids, newer, older = page_of(facts, asked, drill, size=LIST_PAGE, below=below, above=above)
    here = reverse("reporting:lab-people") + found.view.query(**drill.pairs())
    return {
        "sentence": sentence(found, drill, asked),
        "total": queries.count(facts, asked, drill),
        "rows": rows_of(_leads(ids)),
        "newer_url": f"{here}&above={newer}" if newer else "",
        "older_url": f"{here}&below={older}" if older else "",
    }


def sentence(found: Bench, drill: Drill, asked: Question) -> str:
    """Leads that live v13 makes MQL, 18 May – 15 Nov, in the holdout; only region DACH."""
    names, view = found.names, found.view
    words = drill.people.words.format(
        live=names.live, draft=names.draft, good=names.outcome, points=f"{drill.points:g}" if drill.points else "0"
    )
    when = "" if drill.people.source == "open" else f", {_when(view, drill)}"
    part = f", {PARTS[drill.part]}" if drill.part != "all" else ""
    only = [view.filter_words()] if view.where else []
    only += [found.draft.scope] if found.draft and found.scope else []
    where = f"; only {', '.join(only)}" if only else ""
    return f"Leads that {words}{when}{part}{where}."


def _when(view: View, drill: Drill) -> str:
    if drill.week is None:
        return view.words
    first = view.first + 7 * drill.week * DAY
    return day_range(first, min(first + 6 * DAY, view.end - DAY), year=False)
