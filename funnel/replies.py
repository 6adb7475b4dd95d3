"""What of theirs is an answer to one of us: they wrote or called, or asked for one of us. Pure.

The one definition, by which cadences stop, clocks run on, answers wait on Today, and attempts count as answered. A
visit, a click or a form says something to marketing; what a machine sends is nobody's answer.
"""

import re
from typing import Final

# Read alike by Python and PostgreSQL, in any letters: words of a touch's type, as sources name them.
SAID: Final = (
    "(^|[^a-z])("
    "reply|replies|replied|answer|answered|chat|call(back)?(?![^a-z]+to[^a-z])|contact[^a-z]+sales|talk[^a-z]+to[^a-z]+sales"
    "|(demo|quote|trial|contact|meeting)[^a-z]+request(ed)?"
    ")([^a-z]|$)"
)
MACHINE: Final = "(^|[^a-z])(auto|automatic|automated|out[^a-z]+of[^a-z]+office|ooo|bounced?)([^a-z]|$)"

# The same of a touch `t`, as SQL.
REPLY: Final = f"""(t.direction = 'in' AND NOT t.automatic AND t.voided_at IS NULL
      AND t.type ~* '{SAID}' AND t.type !~* '{MACHINE}')"""
_SAID, _MACHINE = re.compile(SAID, re.IGNORECASE), re.compile(MACHINE, re.IGNORECASE)


def is_reply(type: str, *, direction: str, automatic: bool, voided: bool = False) -> bool:
    """Whether a touch is their answer. direction: in or out; automatic: a machine of theirs sent it."""
    from_them = direction == "in" and not automatic and not voided
    return from_them and bool(_SAID.search(type)) and not _MACHINE.search(type)
