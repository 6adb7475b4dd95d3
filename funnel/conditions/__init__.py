"""The condition language: a JSON tree over named fields, checked, compiled to SQL, evaluated, and said in words.

    {}                                                            always
    {"all": [...]}   {"any": [...]}   {"not": tree}               groups
    {"field": "account.industry", "op": "is", "value": "Chemicals"}

Three-valued throughout: what is not known is neither yes nor no, and a comparison with it is unknown. Blank text is
not known. Text compares without case and without blanks around it. All of this package is pure.
"""

from funnel.conditions.checking import check
from funnel.conditions.evaluating import evaluate
from funnel.conditions.language import OPERATORS, ConditionError, Field, fields_of, operators_of
from funnel.conditions.sentences import full_sentence, sentence
from funnel.conditions.sql import Compiled, compile

__all__ = [
    "OPERATORS",
    "Compiled",
    "ConditionError",
    "Field",
    "check",
    "compile",
    "evaluate",
    "fields_of",
    "full_sentence",
    "operators_of",
    "sentence",
]
