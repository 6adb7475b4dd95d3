"""Who can be called now, as a condition on people `p` (zones.py says the same of one of them)."""

from datetime import datetime
from typing import Any, Final

from routing.hours.zones import callable_now

CALLABLE: Final = """(p.phone <> '' AND NOT p.do_not_call AND (
    lower(btrim(p.country)) = ANY(%(countries)s)
    OR btrim(p.country) = '' AND regexp_replace(p.phone, '[^0-9+]', '', 'g') ~ %(prefixes)s))"""


def callable_values(now: datetime) -> dict[str, Any]:
    """The values that CALLABLE names."""
    names, prefixes = callable_now(now)
    return {"countries": names, "prefixes": rf"^(\+|00)({'|'.join(prefixes)})" if prefixes else "^nobody"}
