"""The leads behind a number: what is shown, as an address and as a sentence. Pure."""

import datetime as dt
from dataclasses import dataclass

from django.http import QueryDict
from django.urls import reverse

from funnel.models import Exit, Stage
from reporting.filters import View, read

# What the leads of a stage did, in words that fit "leads that ...".
DID = {
    Stage.INQUIRY: "came in as an inquiry",
    Stage.MQL: "became marketing qualified (MQL)",
    Stage.SAL: "were accepted by sales (SAL)",
    Stage.SQL: "were qualified by sales (SQL)",
    Stage.OPPORTUNITY: "became an opportunity",
    Stage.WON: "were won",
}
DID_NOT = {
    Stage.MQL: "did not become marketing qualified (MQL)",
    Stage.SAL: "were not accepted by sales (SAL)",
    Stage.SQL: "were not qualified by sales (SQL)",
    Stage.OPPORTUNITY: "did not become an opportunity",
    Stage.WON: "were not won",
}
STEP_PARTS = ("all", "yes", "no")
FUNNEL_PARTS = ("reached", "on", "open", "left")
OPENED_PARTS = ("all", "reached")
NO_REASON = "no reason given"
LONGEST_WINDOW = 3650


class BadDrill(ValueError):
    """The address names no number; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """The leads behind one number.

    show: `reached` (a stage; `since`: only by those that came in there or before), `step` (from stage to `to` within
    window days), `funnel` (a part of a cohort's stage), `opened` (in the period, or those of them that reached the
    stage by now) or `left` (from stage by exit, with reason). The period of the view is that of the number, not of the
    page.
    """

    view: View
    show: str
    stage: Stage
    to: Stage | None = None
    window: int | None = None
    part: str = ""
    exit: str = ""
    reason: str | None = None
    since: Stage | None = None

    def pairs(self) -> dict[str, str | int]:
        """Its own part of the address."""
        found: dict[str, str | int] = {"show": self.show, "stage": self.stage.value}
        if self.to:
            found["into"] = self.to.value
        if self.window is not None:
            found["window"] = self.window
        if self.since:
            found["since"] = self.since.value
        if self.part:
            found["part"] = self.part
        if self.exit:
            found |= {"exit": self.exit, "reason": self.reason or ""}
        return found

    def url(self, name: str = "reporting:drill") -> str:
        return reverse(name) + self.view.query(**self.pairs())

    def sentence(self) -> str:
        """What is shown, as one sentence."""
        when = self.view.period.when
        where = f"; only {self.view.filter_words()}" if self.view.is_narrowed else ""
        return f"Leads that {self._said(when)}{where}."

    def _said(self, when: str) -> str:
        did = DID[self.stage]
        if self.show == "left":
            reason = f"({self.reason or NO_REASON})"
            return f"left at {self.stage.label} as {Exit(self.exit).label.lower()} {reason} {when}"
        if self.show == "opened":
            return f"were opened {when}" + (f" and {did} by now" if self.part == "reached" else "")
        if self.show == "funnel":
            came = f"came in {when}"
            tails = {
                "reached": "",
                "on": " and went on",
                "open": ", no further, and are open",
                "left": " and left there",
            }
            reached = "" if self.stage == Stage.INQUIRY else f", {did}"
            return f"{came}{reached}{tails[self.part]}"
        if self.show == "step" and self.to and self.part != "all":
            within = f" within {self.window} days" if self.window is not None else ""
            return f"{did} {when} and {(DID if self.part == 'yes' else DID_NOT)[self.to]}{within}"
        came = f", of those that came in as {self.since.label} or before" if self.since else ""
        return f"{did} {when}{came}"


def read_drill(parameters: QueryDict, *, today: dt.date) -> Drill:
    """The drill that an address asks for. Raises BadDrill."""
    view = read(parameters, today=today)
    if view.problems:
        raise BadDrill(view.problems[0])
    show = parameters.get("show", "")
    stage = _stage(parameters, "stage")
    if show == "reached":
        since = _stage(parameters, "since") if parameters.get("since") else None
        return Drill(view=view, show=show, stage=stage, since=since)
    if show == "step":
        part, window = _one_of(parameters, "part", STEP_PARTS), _window(parameters)
        return Drill(view=view, show=show, stage=stage, to=_later(parameters, stage), window=window, part=part)
    if show == "funnel":
        return Drill(view=view, show=show, stage=stage, part=_one_of(parameters, "part", FUNNEL_PARTS))
    if show == "opened":
        return Drill(view=view, show=show, stage=stage, part=_one_of(parameters, "part", OPENED_PARTS))
    if show == "left":
        exit_ = _one_of(parameters, "exit", [name for name in Exit.values if name not in (Exit.WON, Exit.VOID)])
        return Drill(view=view, show=show, stage=stage, exit=exit_, reason=parameters.get("reason") or None)
    raise BadDrill(f"The address does not say which leads to show (show={show}).")


def _one_of(parameters: QueryDict, name: str, known: tuple[str, ...] | list[str]) -> str:
    asked = parameters.get(name, "")
    if asked not in known:
        raise BadDrill(f"In the address {name} is “{asked}”; it may be {', '.join(known)}.")
    return asked


def _stage(parameters: QueryDict, name: str) -> Stage:
    return Stage(_one_of(parameters, name, Stage.values))


def _later(parameters: QueryDict, stage: Stage) -> Stage:
    to = _stage(parameters, "into")
    if to not in DID_NOT or Stage.values.index(to) <= Stage.values.index(stage):
        raise BadDrill(f"{to.label} does not come after {stage.label}.")
    return to


def _window(parameters: QueryDict) -> int | None:
    asked = parameters.get("window", "")
    if not asked:
        return None
    if not asked.isascii() or not asked.isdigit() or int(asked[:9]) > LONGEST_WINDOW:
        raise BadDrill(f"In the address window is “{asked}”; it is a number of days up to {LONGEST_WINDOW}.")
    return int(asked)
