"""Which MQLs a number of the quality pages is about: as an address, as a sentence, and as SQL for `queries`. Pure."""

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from reporting.drill import NO_REASON, BadDrill
from reporting.filters import View, read
from reporting.quality.tallies import DECIDED_AFTER, SQL_WITHIN, WON_WITHIN

CARRIES = 0.25  # of the points of its axis that a rule gives to an MQL that it is said to have carried
USUAL = "52w"  # as far back as the nightly replay goes
HOWS = {"": "All", "score": "By score", "hand": "Raised hand"}
HOW_HINTS = {
    "": "Every MQL but those only passed through",
    "score": "Interest came to the threshold",
    "hand": "A request for a demo, a quote or a call made the MQL",
}
SIDES = {"": "", "in": "inside the slice", "out": "outside the slice"}

# What MQLs came to, in words that fit "MQLs that ...".
OUTCOMES: Mapping[str, str] = {
    "made": "",
    "decided": f"are {DECIDED_AFTER} days old or more and were accepted or rejected",
    "accepted": f"are {DECIDED_AFTER} days old or more and were accepted by sales (SAL)",
    "rejected": f"are {DECIDED_AFTER} days old or more and were rejected",
    "undecided": f"are {DECIDED_AFTER} days old or more and were neither accepted nor rejected",
    "sql_of": f"are {SQL_WITHIN} days old or more",
    "sql": f"were qualified by sales (SQL) within {SQL_WITHIN} days",
    "not_sql": f"were not qualified by sales (SQL) within {SQL_WITHIN} days",
    "won_of": f"are {WON_WITHIN} days old or more",
    "won": f"were won within {WON_WITHIN} days",
    "not_won": f"were not won within {WON_WITHIN} days",
    "known": "have a known score at the moment they were made",
    "due": "had to be decided on by now",
    "kept": "were decided on in time",
    "late": "were decided on after the time that was promised",
    "waiting": "nobody has decided on although the time that was promised is over",
}
CLOCKED = frozenset({"due", "kept", "late", "waiting"})  # outcomes that ask for clocks
_CELL = re.compile(r"([A-Z][A-Z]?)(\d{1,2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A set of MQLs, by when they became one. Those only passed through are none: nobody judged them.

    model: the version that decides about them, by its replay. how: by score or by hand. cell: grade and band at that
    moment. above, upto: interest then. rule: carried by it, or (carried=False) made by score and not carried by it.
    reason: why they were rejected; a tuple of one, () for any. side: of the filters and the cell, inside or outside
    them. at: a cell on either side.
    """

    view: View
    model: int | None = None
    how: str = ""
    cell: str = ""
    above: float | None = None
    upto: float | None = None
    rule: int | None = None
    carried: bool = True
    reason: tuple[str | None, ...] = ()
    side: str = ""
    at: str = ""
    outcome: str = "made"
    names: Mapping[int, str] = field(default_factory=dict, compare=False)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.view.where or self.cell)

    def but(self, **changes: object) -> "Slice":
        return replace(self, **changes)  # type: ignore[arg-type]

    def pairs(self) -> list[tuple[str, str]]:
        """Its own part of the address."""
        pairs = [("how", self.how), ("cell", self.cell), ("side", self.side), ("at", self.at)]
        pairs += [
            (name, repr(value)) for name, value in (("above", self.above), ("upto", self.upto)) if value is not None
        ]
        pairs += [("model", str(self.model))] if self.model is not None else []
        if self.rule is not None:
            pairs += [("rule", str(self.rule)), ("carried", "" if self.carried else "no")]
        pairs = [(name, value) for name, value in pairs if value]
        pairs += [("reason", one or "") for one in self.reason]
        return pairs + ([("outcome", self.outcome)] if self.outcome != "made" else [])

    def query(self, **extra: str) -> str:
        """Its address as a query string, "?" included."""
        own = [*self.view.pairs(), *self.pairs(), *extra.items()]
        return f"?{urlencode(own)}" if own else ""

    def url(self, name: str = "reporting:quality-leads") -> str:
        return reverse(name) + self.query()

    def sentence(self) -> str:
        """What is shown, as one sentence."""
        did = OUTCOMES[self.outcome]
        said = f"Leads that became MQL {self.view.period.when}" + (f" and {did}" if did else "")
        for part in (self._how(), self._interest(), self._rule(), self._reason(), self._at(), self._where()):
            said += f"; {part}" if part else ""
        return f"{said}."

    def where_words(self) -> str:
        """The filters and the cell as part of a sentence."""
        parts = [self.view.filter_words()] if self.view.where else []
        return ", ".join([*parts, *([f"grade and band {self.cell}"] if self.cell else [])])

    def _how(self) -> str:
        return {"": "", "score": "made by score", "hand": "made by a raised hand"}[self.how]

    def _interest(self) -> str:
        parts = [f"above {self.above:g}"] if self.above is not None else []
        parts += [f"up to {self.upto:g}"] if self.upto is not None else []
        return f"interest {' and '.join(parts)} points then" if parts else ""

    def _rule(self) -> str:
        if self.rule is None:
            return ""
        name = self.names.get(self.rule, f"rule {self.rule}")
        part = f"“{name}” gave at least {CARRIES:.0%} of the points of its kind"
        return f"made by score, and {part}" if self.carried else f"made by score, and not: {part}"

    def _reason(self) -> str:
        return f"reason: {', '.join(one or NO_REASON for one in self.reason)}" if self.reason else ""

    def _at(self) -> str:
        return f"grade and band {self.at} then" if self.at else ""

    def _where(self) -> str:
        if not self.is_narrowed:
            return ""
        return f"all but {self.where_words()}" if self.side == "out" else f"only {self.where_words()}"


def read_slice(parameters: QueryDict, *, today: dt.date) -> tuple[Slice, list[str]]:
    """The slice that a page's address asks for, and what of it could not be read, in sentences."""
    view = read(parameters, today=today, usual=USUAL)
    problems = list(view.problems)
    how, cell = parameters.get("how", ""), parameters.get("cell", "")
    if how not in HOWS:
        problems.append(f"There is no way “{how}” to become an MQL; shown are all.")
        how = ""
    if cell and not _CELL.fullmatch(cell):
        problems.append(f"“{cell}” is no grade and band like A1; shown are all.")
        cell = ""
    return Slice(view=view, how=how, cell=cell), problems


def read_leads(parameters: QueryDict, *, today: dt.date) -> Slice:
    """The leads behind a number, as its address names them. Raises BadDrill."""
    piece, problems = read_slice(parameters, today=today)
    if problems:
        raise BadDrill(problems[0])
    outcome, side = parameters.get("outcome", "made"), parameters.get("side", "")
    for name, asked, known in (("outcome", outcome, OUTCOMES), ("side", side, SIDES)):
        if asked not in known:
            raise BadDrill(f"In the address {name} is “{asked}”; it may be {', '.join(filter(None, known))}.")
    at = parameters.get("at", "")
    if at and not _CELL.fullmatch(at):
        raise BadDrill(f"In the address at is “{at}”; it is a grade and band like A1.")
    return piece.but(
        at=at,
        outcome=outcome,
        side=side,
        rule=_whole(parameters, "rule"),
        carried=parameters.get("carried", "") != "no",
        model=_whole(parameters, "model"),
        above=_number(parameters, "above"),
        upto=_number(parameters, "upto"),
        reason=tuple(one or None for one in parameters.getlist("reason")),
    )


def cell_parts(cell: str) -> tuple[str, int]:
    """A1 -> A, 1."""
    found = _CELL.fullmatch(cell)
    if found is None:
        raise ValueError(cell)
    return found[1], int(found[2])


def _whole(parameters: QueryDict, name: str) -> int | None:
    asked = parameters.get(name, "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 19):
        raise BadDrill(f"In the address {name} is “{asked}”; it is a number.")
    return int(asked) if asked else None


def _number(parameters: QueryDict, name: str) -> float | None:
    asked = parameters.get(name, "")
    try:
        number = float(asked) if asked else None
    except ValueError:
        number = math.nan
    if number is not None and not math.isfinite(number):
        raise BadDrill(f"In the address {name} is “{asked}”; it is a number of points.")
    return number
