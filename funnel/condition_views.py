"""What the condition builder asks while somebody edits: the fields, values to choose from, and how many rows match.

Apps bind these to their own fields, addresses and permissions.
"""

import json
from typing import Any, Final

from django.http import HttpRequest, JsonResponse

from funnel import counting
from funnel.conditions import OPERATORS, Field, check, full_sentence, operators_of
from funnel.fields import Fields, Root

MOST_TEXT: Final = 100_000  # letters of a condition as JSON
TOO_MANY: Final = "More than can be counted quickly."
_GROUPS: Final = {
    "touch": "Touch", "person": "Person", "account": "Account", "lead": "Lead", "score": "Score",
    "territory": "Territory",
}  # fmt: skip
_NAMED: Final = {
    "attribute": "Attribute of the person …",
    "account_attribute": "Attribute of the account …",
    "payload": "Detail of the touch …",
    "answer": "Answer to …",
}


def read_condition(text: str) -> Any:
    """The tree that the text is in JSON; blank text is {}. Raises ValueError with a sentence."""
    if not text.strip():
        return {}
    if len(text) > MOST_TEXT:
        raise ValueError(f"The condition is longer than {MOST_TEXT:,} letters.")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"This is not JSON: {error.msg} in line {error.lineno}, letter {error.colno}.") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise ValueError("This JSON is too deep or holds too long a number.") from error


def describe(fields: Fields) -> JsonResponse:
    """The fields with their operators, as the builder offers them."""
    return JsonResponse(
        {
            "fields": [_described(field) for field in fields.values()],
            "named": [
                {"prefix": prefix, "label": _NAMED[prefix], "ops": operators_of("any"), "group": _GROUPS[group]}
                for prefix, group in ((prefix, fields[f"{prefix}.x"].group) for prefix in fields.dynamic)
            ],
            "operators": {
                name: {"words": operator.words, "takes": operator.takes} for name, operator in OPERATORS.items()
            },
        }
    )


def _described(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "group": _GROUPS[field.group],
        "choices": list((field.choices or {}).items()),
        "help": field.help,
        "suggests": field.suggests,
        "ops": operators_of(field.type),
    }


def tell(request: HttpRequest, fields: Fields, root: Root) -> JsonResponse:
    """What the posted condition says, what is wrong with it, and how many rows it matches."""
    try:
        tree = read_condition(request.POST.get("condition", ""))
    except ValueError as error:
        return JsonResponse({"sentence": "", "problems": [str(error)], "count": ""})
    said = {"sentence": full_sentence(tree, fields), "problems": check(tree, fields), "count": ""}
    if not said["problems"]:
        counted = counting.count(tree, fields, root)
        said["count"] = counted.said(root) if counted else TOO_MANY
    return JsonResponse(said)


def suggest(request: HttpRequest) -> JsonResponse:
    """Values of ?of= that contain ?q=."""
    return JsonResponse({"values": counting.choices(request.GET.get("of", ""), request.GET.get("q", "")[:100])})
