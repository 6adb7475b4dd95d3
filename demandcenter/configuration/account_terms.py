"""The terms of accounts in the file: roles, titles and thresholds by name, as they are kept with the scoring model."""

from typing import Any

from demandcenter.configuration.documents import Facts, facts_of
from demandcenter.configuration.shapes import mapping, plain
from scoring.account_terms import Json, check


def read(value: Any) -> Json:
    """The terms as they are kept. Raises ValueError with the rest of a sentence."""
    told = mapping(value)
    accounts: Json = {
        "roles": [[role, *_pair(terms)] for role, terms in mapping(told.get("roles")).items()],
        "titles": [[role, words] for role, words in mapping(told.get("titles")).items()],
        "thresholds": [[tier, _real(least)] for tier, least in mapping(told.get("thresholds")).items()],
        "threshold": _real(told.get("threshold")),
        "engaged_from": _real(told.get("engaged_from")),
    }
    if unknown := told.keys() - accounts.keys():
        raise ValueError(f"has no field {', '.join(sorted(map(str, unknown)))}.")
    if problems := list(check(accounts)):
        raise ValueError(f"cannot be: {' '.join(problems)}")
    return accounts


def show(accounts: Json) -> dict[str, Any]:
    """The terms as the file says them."""
    return {
        "engaged_from": plain(accounts["engaged_from"]),
        "threshold": plain(accounts["threshold"]),
        "thresholds": {tier: plain(least) for tier, least in accounts["thresholds"]},
        "roles": {role: {"weight": plain(weight), "most": plain(cap)} for role, weight, cap in accounts["roles"]},
        "titles": {role: list(words) for role, words in accounts["titles"]},
    }


def facts(accounts: Json) -> Facts:
    """What is compared, a fact a value. The order of the titles counts, so it is one of them."""
    found = facts_of("accounts", {name: accounts[name] for name in ("engaged_from", "threshold")})
    found |= facts_of("accounts, threshold of tier", {str(tier): least for tier, least in accounts["thresholds"]})
    for role, weight, cap in accounts["roles"]:
        found |= facts_of(f"accounts, role {role}", {"weight": weight, "most": cap})
    titles = {role: ", ".join(words) for role, words in accounts["titles"]}
    return found | facts_of("accounts, titles", titles | {"order": ", ".join(titles)})


def _pair(terms: Any) -> tuple[Any, Any]:
    if not isinstance(terms, dict) or terms.keys() != {"weight", "most"}:
        raise ValueError("needs weight and most for each role.")
    return _real(terms["weight"]), _real(terms["most"])


def _real(value: Any) -> Any:
    """25 and 25.0 are the same; what is no number is told by `check`."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
