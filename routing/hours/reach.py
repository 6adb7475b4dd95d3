"""Who can be called now, as a condition on leads `l` (zones.py says the same of one person)."""

from datetime import datetime
from typing import Any, Final

from routing.hours.zones import callable_now

# A value of each lead rather than EXISTS: the planner could turn that into one pass over everybody there is.
CALLABLE: Final = """(SELECT p.phone <> '' AND NOT p.do_not_call AND (
    lower(btrim(p.country)) = ANY(%(countries)s)
    OR btrim(p.country) = '' AND regexp_replace(p.phone, '[^0-9+]', '', 'g') ~ %(prefixes)s)
    FROM funnel_person p WHERE p.id = l.person_id)"""


def callable_values(now: datetime) -> dict[str, Any]:
    """The values that CALLABLE names."""
    names, prefixes = callable_now(now)
    return {"countries": names, "prefixes": rf"^(\+|00)({'|'.join(prefixes)})" if prefixes else "^nobody"}
