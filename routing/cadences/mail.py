"""A mail as a gateway passes it on: who wrote to whom, and whether a machine answered. Pure.

A machine's answer (RFC 3834, out of office) is kept as automatic: it is no answer of the person.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from email.utils import getaddresses
from typing import Any, Final

_OUT_OF_OFFICE: Final = re.compile(
    r"^(\s*(re|aw|sv|vs)\s*:)*\s*(out of (the )?office|automatic reply|auto(matic)?[- ]?(reply|response)|"
    r"automatische antwort|abwesenheit|abwesend|absence du bureau|réponse automatique|respuesta automática|"
    r"risposta automatica|frånvaro|autosvar|automatisch antwoord)",
    re.IGNORECASE,
)
_BULK: Final = frozenset({"bulk", "junk", "list", "auto_reply"})


@dataclass(frozen=True, slots=True)
class Said:
    """What a mail comes to for one person: they wrote to us, or one of us wrote to them."""

    email: str
    type: str
    direction: str
    automatic: bool


def read(
    *, sender: str, recipients: Sequence[str], subject: str, headers: Mapping[str, Any], ours: Collection[str]
) -> list[Said]:
    """What the mail says of whom; nothing where both ends are ours. ours: addresses of our people, in small letters.

    sender, recipients: as in a mail's header ("Lea <lea@example.com>"). headers: names in any letters.
    """
    automatic = is_automatic(subject, headers)
    wrote = next(iter(addresses([sender])), "")
    if wrote in ours:
        theirs = [email for email in addresses(recipients) if email not in ours]
        return [Said(email, "email_sent", "out", automatic) for email in theirs]
    return [Said(wrote, "email_reply", "in", automatic)] if wrote else []


def addresses(told: Sequence[str]) -> list[str]:
    """The addresses in header values, in small letters, each once."""
    found = [address.strip().lower() for _name, address in getaddresses(list(told))]
    return list(dict.fromkeys(address for address in found if re.fullmatch(r"[^@\s]+@[^@\s]+", address)))


def is_automatic(subject: str, headers: Mapping[str, Any]) -> bool:
    """Whether a machine wrote it: by what it says of itself, else by how out-of-office answers are headed."""
    told = {str(name).lower(): str(value).strip().lower() for name, value in headers.items()}
    submitted = told.get("auto-submitted", "no").partition(";")[0].strip()
    if submitted and submitted != "no":
        return True
    if "list-id" in told or "x-autorespond" in told or told.get("x-autoreply", "no") != "no":
        return True
    return told.get("precedence", "") in _BULK or bool(_OUT_OF_OFFICE.match(subject))
