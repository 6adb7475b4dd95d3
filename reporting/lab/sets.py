"""The people behind each number of the lab: a name, what is true of them as SQL, and words. Pure.

Counts and lists are made from the same conditions, so a number always equals the rows that it opens.

Columns that a condition may ask for, by where the set is looked for (`queries.py` writes them):

    made      live_at, draft_at (when each version made an MQL of the lead, null for not within the history),
              live_before, draft_before (it made one of it before the history), live_state, draft_state, good, real_at
    inquiry   came_at, good
    real      made_at
    open      stage, live_at, draft_at
    peak      peak, hand (it raised a hand and is an MQL at any threshold), state, good; without those whom another
              lead of the same person held back, whatever their interest

A state is known (old enough, and it really was an MQL, so that somebody decided about it), unknown (old enough, but it
never really was one), young, or none.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import QueryDict

LIVE, DRAFT = "live", "draft"
SIDES = (LIVE, DRAFT)
PARTS = {"all": "", "before": "before the holdout", "after": "in the holdout"}


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """A set. at: the column by which it is told apart into weeks and parts. words: with {live}, {draft} and {good}."""

    name: str
    source: str
    test: str
    words: str
    at: str = ""
    side: str = DRAFT


def _sided(make: Callable[[str], list[People]]) -> list[People]:
    return [people for side in SIDES for people in make(side)]


def _made(side: str) -> list[People]:
    would = f"{{{side}}} makes MQL"
    kinds = {
        "": (f"{side}_at IS NOT NULL", would),
        "-known": (f"{side}_state = 'known'", f"{would} and whose outcome is known"),
        "-good": (f"{side}_state = 'known' AND good", f"{would} and who came to {{good}}"),
        "-bad": (f"{side}_state = 'known' AND NOT good", f"{would} and who did not come to {{good}}"),
        "-unknown": (f"{side}_state = 'unknown'", f"{would} and who never really were MQL, so nobody knows"),
        "-young": (f"{side}_state = 'young'", f"{would} and who are too young to tell"),
    }
    return [
        People(name=f"{side}{kind}", source="made", side=side, at=f"{side}_at", test=test, words=words)
        for kind, (test, words) in kinds.items()
    ]


def _flips() -> list[People]:
    found = []
    for name, side, other, would in (
        ("leave", LIVE, DRAFT, "{live} makes MQL and {draft} does not"),
        ("enter", DRAFT, LIVE, "{draft} makes MQL and {live} does not"),
    ):
        flips = f"{side}_at IS NOT NULL AND {other}_at IS NULL AND NOT {other}_before"
        known = f"{flips} AND {side}_state = 'known'"
        for kind, test, words in (
            ("", flips, would),
            ("-known", known, f"{would}, and whose outcome is known"),
            ("-good", f"{known} AND good", f"{would}, and who came to {{good}}"),
        ):
            found.append(People(name=name + kind, source="made", side=side, at=f"{side}_at", test=test, words=words))
    return found


def _peaks(side: str) -> list[People]:
    at = "(hand OR peak >= $points)"
    would = f"{{{side}}} would make MQL with a threshold of {{points}}"
    known = f"{at} AND state = 'known'"
    return [
        People(name=f"{side}-at", source=f"peak-{side}", side=side, test=at, words=would),
        People(name=f"{side}-at-known", source=f"peak-{side}", side=side, test=known, words=f"{would}, outcome known"),
        People(
            name=f"{side}-at-good",
            source=f"peak-{side}",
            side=side,
            test=f"{known} AND good",
            words=f"{would} and who came to {{good}}",
        ),
    ]


_KNOWN_LIVE = "live_state = 'known' AND good"
_DRAFT_EVER = "(draft_at IS NOT NULL OR draft_before)"

ALL: dict[str, People] = {
    people.name: people
    for people in [
        *_sided(_made),
        *_flips(),
        *_sided(_peaks),
        People(
            name="kept", source="made", at="live_at", side=LIVE, test=f"{_KNOWN_LIVE} AND {_DRAFT_EVER}",
            words="{live} makes MQL, who came to {good}, and whom {draft} makes MQL too",
        ),
        People(
            name="lost", source="made", at="live_at", side=LIVE, test=f"{_KNOWN_LIVE} AND NOT {_DRAFT_EVER}",
            words="{live} makes MQL, who came to {good}, and whom {draft} would have missed",
        ),
        People(
            name="earlier", source="made", at="live_at", side=LIVE, test="live_at IS NOT NULL AND draft_before",
            words="{live} makes MQL and {draft} made it before the history",
        ),
        People(
            name="later", source="made", at="draft_at", test="draft_at IS NOT NULL AND live_before",
            words="{draft} makes MQL and {live} made it before the history",
        ),
        People(name="inquiries", source="inquiry", at="came_at", test="true", words="came in as an inquiry"),
        People(
            name="inquiries-good", source="inquiry", at="came_at", test="good",
            words="came in as an inquiry and came to {good}",
        ),
        People(name="real", source="real", at="made_at", side=LIVE, test="true", words="really became MQL"),
        People(
            name="open-kept", source="open", test="stage = 'mql' AND draft_at IS NULL",
            words="are MQL now, undecided, and whom {draft} would not have made one",
        ),
        People(
            name="open-soon", source="open", test="stage = 'inquiry' AND draft_at IS NOT NULL AND live_at IS NULL",
            words="are an inquiry now and whom {draft} would have made MQL and {live} would not",
        ),
    ]
}  # fmt: skip


class BadSet(ValueError):
    """The address names nobody; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A set, or a part of it: before or after the holdout, of one week (0 is the first), at a threshold of points."""

    people: People
    part: str = "all"
    week: int | None = None
    points: float | None = None

    def pairs(self) -> dict[str, str]:
        found = {"of": self.people.name}
        if self.part != "all":
            found["part"] = self.part
        if self.week is not None:
            found["week"] = str(self.week)
        if self.points is not None:
            found["points"] = f"{self.points:g}"
        return found


def read_drill(parameters: QueryDict, *, weeks: int) -> Drill:
    """What the address asks for. weeks: how many the history has, a partial one included. Raises BadSet."""
    people = ALL.get(parameters.get("of", ""))
    if people is None:
        raise BadSet(f"The address does not say whom to show (of={parameters.get('of', '')[:40]}).")
    part = parameters.get("part", "") or "all"
    if part not in PARTS or (part != "all" and not people.at):
        raise BadSet(f"There is no part “{part[:40]}” of these people; leave it out.")
    week, points = parameters.get("week", ""), parameters.get("points", "")
    if week and not (people.at and week.isascii() and week.isdigit() and len(week) < 5 and int(week) < weeks):
        raise BadSet(f"There is no week “{week[:40]}” in this history; it has weeks 0 to {weeks - 1}.")
    return Drill(
        people=people,
        part=part,
        week=int(week) if week else None,
        points=_points(points) if people.source.startswith("peak") else None,
    )


def _points(asked: str) -> float:
    try:
        points = float(asked)
    except ValueError:
        points = -1.0
    if not 0 <= points <= 1_000_000:
        raise BadSet(f"The threshold “{asked[:40]}” is no number of points from 0 on.")
    return points
