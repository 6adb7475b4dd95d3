"""Templates filled from a lead: {first_name} becomes Lea. Pure.

What is not known stays to be seen as [company?], so that nobody sends "Dear ,"; braces that name nothing stay as typed.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from funnel.models import Lead

PLACES: Final = ("first_name", "last_name", "title", "company", "industry", "solution", "rep")
_PLACE: Final = re.compile(r"\{(" + "|".join(PLACES) + r")\}")
_LEFT: Final = re.compile(r"\[(?:" + "|".join(place.replace("_", " ") for place in PLACES) + r")\?\]")


def values_of(lead: Lead) -> dict[str, str]:
    """What the places stand for. The lead comes with person, account, solution and owner."""
    person, account = lead.person, lead.account
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "title": person.title,
        "company": account.name if account else person.company,
        "industry": account.industry if account else "",
        "solution": lead.solution.name if lead.solution else "",
        "rep": lead.owner.name if lead.owner else "",
    }


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its places filled."""
    return _PLACE.sub(lambda place: values.get(place[1]) or f"[{place[1].replace('_', ' ')}?]", text)


def missing(text: str, values: Mapping[str, str]) -> list[str]:
    """The places of the text that nothing is known for, in order."""
    return list(dict.fromkeys(name for name in _PLACE.findall(text) if not values.get(name)))


def unfilled(text: str) -> list[str]:
    """What still stands to be filled in, as it stands: [company?]."""
    return list(dict.fromkeys(_LEFT.findall(text)))


def unknown_places(text: str) -> list[str]:
    """What stands in braces like a place and is none: {firstname}."""
    return [name for name in re.findall(r"\{(\w+)\}", text) if name not in PLACES]


def mail_address(email: str, subject: str, body: str) -> str:
    """A mailto: address with subject and body, as RFC 6068 writes them."""
    parts = [f"{name}={quote(value, safe='')}" for name, value in (("subject", subject), ("body", body)) if value]
    text = "&".join(parts).replace("%0A", "%0D%0A")
    return f"mailto:{quote(email, safe='@+')}{'?' if text else ''}{text}"
