"""The terms of accounts as lines that people edit: roles, titles, thresholds."""

import re
from collections.abc import Iterator
from typing import Any, Final

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from funnel.models import BuyingRole
from scoring.account_terms import Json, check

_LABELS: Final = {label.casefold(): role for role, label in BuyingRole.choices}
_ROLE: Final = re.compile(r"weight\s+(?P<weight>[\d.]+)\s*,\s*at most\s+(?P<cap>[\d.]+)", re.IGNORECASE)
_TIER: Final = re.compile(r"tier\s+(?P<tier>\d+)", re.IGNORECASE)
_OTHERS, _ENGAGED = "others", "a person is engaged from"
NAMES: Final = ("account_roles", "account_titles", "account_thresholds")


class _LinesField(forms.CharField):
    """A few lines of text, each with its own meaning."""

    def __init__(self, *, rows: int, label: str, help_text: str) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": rows})
        super().__init__(widget=widget, label=label, help_text=help_text, max_length=20_000)


def roles_field() -> forms.CharField:
    told = "One a line: how much a point of theirs is worth, and how many points count at most."
    return _LinesField(rows=6, label="Roles", help_text=told)


def titles_field() -> forms.CharField:
    told = "A role and words, of which each counts as a whole word; the first line that matches decides."
    return _LinesField(rows=7, label="Job titles", help_text=told)


def thresholds_field() -> forms.CharField:
    told = "The least engagement (0 to 100) by tier, and of all others."
    return _LinesField(rows=4, label="Thresholds", help_text=told)


def as_lines(accounts: Json) -> dict[str, str]:
    """What stands in the fields for these terms."""
    labels = dict(BuyingRole.choices)
    thresholds = [f"Tier {tier}: {least:g}" for tier, least in accounts["thresholds"]]
    thresholds += [f"Others: {accounts['threshold']:g}", f"A person is engaged from: {accounts['engaged_from']:g}"]
    lines = (
        [f"{labels[role]}: weight {weight:g}, at most {cap:g}" for role, weight, cap in accounts["roles"]],
        [f"{labels[role]}: {', '.join(words)}" for role, words in accounts["titles"]],
        thresholds,
    )
    return {name: "\n".join(text) for name, text in zip(NAMES, lines, strict=True)}


def from_lines(told: dict[str, str]) -> tuple[Json, dict[str, list[str]]]:
    """The terms that the lines say, and by field what is wrong with them; with problems the terms are not complete."""
    problems: dict[str, list[str]] = {name: [] for name in NAMES}
    roles, titles, thresholds = NAMES
    accounts: Json = {"roles": [], "titles": [], "thresholds": [], "threshold": None, "engaged_from": None}
    for role, said in _of_roles(told[roles], problems[roles]):
        if found := _ROLE.fullmatch(said):
            accounts["roles"].append([role, _number(found["weight"]), _number(found["cap"])])
        else:
            problems[roles].append(f"“{said}” should read like: weight 1, at most 50")
    for role, said in _of_roles(told[titles], problems[titles]):
        accounts["titles"].append([role, [word.strip() for word in said.split(",") if word.strip()]])
    for name, said in _lines(told[thresholds], problems[thresholds]):
        _threshold(accounts, name, said, problems[thresholds])
    if not any(problems.values()):
        for problem in check(accounts):
            about = titles if "words" in problem else thresholds if "hreshold" in problem else roles
            problems[about].append(problem)
    return accounts, {name: said for name, said in problems.items() if said}


def _threshold(accounts: Json, name: str, said: str, problems: list[str]) -> None:
    least = _number(said)
    if found := _TIER.fullmatch(name):
        accounts["thresholds"].append([int(found["tier"]), least])
    elif name.casefold() in (_OTHERS, _ENGAGED):
        accounts["threshold" if name.casefold() == _OTHERS else "engaged_from"] = least
    else:
        problems.append(f"“{name}” is not known here. There are: Tier 1, Tier 2 …, Others, A person is engaged from.")


def _of_roles(text: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    for name, said in _lines(text, problems):
        role = _LABELS.get(name.casefold())
        if role is None:
            problems.append(f"“{name}” is no role. There are: {', '.join(BuyingRole.labels)}.")
        else:
            yield role, said


def _lines(text: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, said = line.partition(":")
        if colon:
            yield name.strip(), said.strip()
        else:
            problems.append(f"“{line}” has no colon; write a name, a colon and what holds of it.")


def _number(text: str) -> Any:
    """The number, or the text where it is none: `check` says what is wrong with it."""
    try:
        return float(text)
    except ValueError:
        return text
