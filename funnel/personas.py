"""Which persona somebody is: what their attribute `persona` says, else what `function` says; blank says nothing.

The one definition, as SQL and as an expression: lists filter by it, reports group by it.
"""

from typing import Final

from django.db.models import TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, NullIf

# Of a person `p`; null where it is not known.
PERSONA: Final = "coalesce(nullif(p.attributes ->> 'persona', ''), nullif(p.attributes ->> 'function', ''))"
UNKNOWN: Final = "Not known"


def persona_of(person: str = "") -> Coalesce:
    """The same as an expression. person: the way to the person, such as `person`; blank: the row itself."""
    attributes = f"{person}__attributes" if person else "attributes"
    said = (NullIf(KeyTextTransform(name, attributes), Value("", TextField())) for name in ("persona", "function"))
    return Coalesce(*said)
