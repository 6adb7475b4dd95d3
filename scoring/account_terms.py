"""How a version scores accounts: roles with weight and cap, which titles mean which role, thresholds by tier. Pure.

Kept with the version as JSON (ScoringModel.accounts), so that it is drafted, compared, published and exported with it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any, Final

from funnel.models.reference import BuyingRole
from scoring.engagement import MOST, RoleTerms, Weights

TIERS: Final = range(1, 10)
HEAVIEST: Final = 10.0
LARGEST: Final = 10_000.0  # points
MOST_WORDS: Final = 200  # of one role
LONGEST_WORD: Final = 60
Json = dict[str, Any]

_RATIFIERS = ("legal", "counsel", "lawyer", "procurement", "purchasing", "buyer", "compliance", "finance", "controller")
_CHIEFS = (
    "chief", "ceo", "cio", "cto", "coo", "cfo", "ciso", "cdo", "owner", "founder", "president", "managing director",
    "general manager", "vp", "head", "director",
)  # fmt: skip
_CHAMPIONS = ("manager", "lead", "leader", "supervisor", "product owner", "project")
_INFLUENCERS = ("engineer", "architect", "analyst", "developer", "scientist", "security", "expert", "principal")
_USERS = (
    "planner", "operator", "technician", "specialist", "coordinator", "administrator", "assistant", "clerk",
    "associate", "representative",
)  # fmt: skip


def default_accounts() -> Json:
    """The terms that ship. Roles: name, weight, most points; titles: role and words, the first that matches decides;
    thresholds: tier and least engagement, and `threshold` for everybody else; engaged_from: points of a person.
    """
    return {
        "roles": [
            ["champion", 1.0, 50.0],
            ["decision_maker", 1.0, 50.0],
            ["influencer", 0.7, 40.0],
            ["ratifier", 0.6, 30.0],
            ["user", 0.5, 30.0],
            ["other", 0.4, 20.0],
        ],
        "titles": [
            ["ratifier", [*_RATIFIERS]],
            ["decision_maker", [*_CHIEFS]],
            ["champion", [*_CHAMPIONS]],
            ["influencer", [*_INFLUENCERS]],
            ["user", [*_USERS]],
        ],
        "thresholds": [[1, 30.0], [2, 40.0]],
        "threshold": 50.0,
        "engaged_from": 5.0,
    }


@dataclass(frozen=True, eq=False)
class AccountTerms:
    """The terms as they are used. thresholds: by tier; threshold: of every other account."""

    weights: Weights
    titles: tuple[tuple[str, tuple[str, ...]], ...]
    thresholds: Mapping[int, float]
    threshold: float
    _roles_of_titles: dict[str, str] = field(default_factory=dict, repr=False)

    def threshold_of(self, tier: int | None) -> float:
        return self.threshold if tier is None else self.thresholds.get(tier, self.threshold)

    def role_of(self, title: str) -> str:
        """The role that a job title suggests: of the first line with a word that stands in it as a whole."""
        known = self._roles_of_titles.get(title)
        if known is None:
            if len(self._roles_of_titles) > _REMEMBERED:
                self._roles_of_titles.clear()
            found = (role for role, pattern in self._patterns if pattern.search(title.casefold()))
            known = self._roles_of_titles[title] = next(found, BuyingRole.OTHER.value)
        return known

    def place_of(self, title: str) -> int:
        """The place among the roles of the one that a title suggests."""
        return self._places[self.role_of(title)]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {terms.role: place for place, terms in enumerate(self.weights.roles)}

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        return [
            (role, re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(word.casefold()) for word in words)})(?!\w)"))
            for role, words in self.titles
            if words
        ]


_REMEMBERED: Final = 20_000  # titles


def read(accounts: Json) -> AccountTerms:
    """The terms of a version; they have passed `check`."""
    return AccountTerms(
        weights=Weights(
            roles=tuple(
                RoleTerms(role, float(weight), float(cap), counts_as_breadth=role != BuyingRole.OTHER)
                for role, weight, cap in accounts["roles"]
            ),
            engaged_from=float(accounts["engaged_from"]),
        ),
        titles=tuple((role, tuple(words)) for role, words in accounts["titles"]),
        thresholds={int(tier): float(least) for tier, least in accounts["thresholds"]},
        threshold=float(accounts["threshold"]),
    )


# --- what cannot be ----------------------------------------------------------------------------------------------


def check(accounts: Any) -> Iterator[str]:
    """Why these terms cannot be used, a sentence each."""
    default = default_accounts()
    if not isinstance(accounts, dict) or accounts.keys() != default.keys():
        yield f"The terms of accounts say {', '.join(default)}, and nothing else."
        return
    shapes = {"roles": 3, "titles": 2, "thresholds": 2}
    for name, width in shapes.items():
        rows = accounts[name]
        if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == width for row in rows):
            yield f"The {name} of accounts are a list of rows with {width} values each."
            return
    yield from _roles(accounts["roles"])
    yield from _titles(accounts["titles"])
    yield from _thresholds(accounts)


def _roles(rows: list[list[Any]]) -> Iterator[str]:
    named = Counter(str(role) for role, _weight, _cap in rows)
    missing = [role for role in BuyingRole.values if role not in named]
    if missing or named.keys() - set(BuyingRole.values) or named.total() > len(named):
        yield f"The roles of accounts are {', '.join(BuyingRole.values)}, each once."
    for role, weight, cap in rows:
        if not _within(weight, 0, HEAVIEST):
            yield f"The weight of the role {role} must lie between 0 and {HEAVIEST:g}."
        if not _within(cap, 0, LARGEST):
            yield f"The most points of the role {role} must lie between 0 and {LARGEST:,.0f}."


def _titles(rows: list[list[Any]]) -> Iterator[str]:
    for role, words in rows:
        if role not in BuyingRole.values:
            yield f"There is no role “{role}” for titles; there are {', '.join(BuyingRole.values)}."
        if not isinstance(words, list) or not all(
            isinstance(word, str) and 0 < len(word.strip()) <= LONGEST_WORD for word in words
        ):
            yield f"The words of the role {role} are texts of at most {LONGEST_WORD} characters."
        elif len(words) > MOST_WORDS:
            yield f"The role {role} has {len(words):,} words; at most {MOST_WORDS} are possible."


def _thresholds(accounts: Json) -> Iterator[str]:
    tiers = [tier for tier, _least in accounts["thresholds"]]
    if any(isinstance(tier, bool) or tier not in TIERS for tier in tiers) or len(set(tiers)) < len(tiers):
        yield f"A tier is a number from {TIERS[0]} to {TIERS[-1]}, and has one threshold."
    told = [("others", accounts["threshold"]), *((f"tier {tier}", least) for tier, least in accounts["thresholds"])]
    for whose, least in told:
        if not _within(least, 0.01, MOST):
            yield f"The threshold of accounts for {whose} must lie between 0.01 and {MOST:g}."
    if not _within(accounts["engaged_from"], 0.01, LARGEST):
        yield f"A person counts as engaged from some interest on: between 0.01 and {LARGEST:,.0f} points."


def _within(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and low <= value <= high
