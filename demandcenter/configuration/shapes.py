"""Reading nested documents: which fields a part has, of which type, and what is wrong with one, with its place."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

Reader = Callable[[Any], Any]  # gives the value as compared; raises ValueError with the rest of a sentence: "must be …"


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of one kind of part, in the order of the file.

    noun: what it is called, beside its name. defaults: of fields that may be left out.
    """

    noun: str
    fields: Mapping[str, Reader]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def read(self, told: Any, place: str, problems: list[str]) -> dict[str, Any]:
        """The part with all its fields; those that are wrong are left out, and said in `problems`."""
        if not isinstance(told, dict):
            problems.append(f"{place}: fields are expected, like `name: …`.")
            return {}
        problems += (f"{place}: {told}" for told in self._unknown(told))
        found = {}
        for name, reader in self.fields.items():
            if name not in told and name in self.defaults:
                found[name] = self.defaults[name]
            elif name not in told:
                problems.append(f"{place}: {name} is missing.")
            else:
                try:
                    found[name] = reader(told[name])
                except ValueError as error:
                    problems.append(f"{place}: {name} {error}")
        return found

    def read_all(self, told: Any, place: str, problems: list[str]) -> list[dict[str, Any]]:
        """A list of such parts, each told by its name."""
        if told is None:
            return []
        if not isinstance(told, list):
            problems.append(f"{place}: a list is expected, each {self.noun} beginning with a dash.")
            return []
        return [self.read(one, self._place(one, number, place), problems) for number, one in enumerate(told, start=1)]

    def write(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """The part as the file shows it: without what stands for itself."""
        kept = {name: part[name] for name in self.fields if name in part}
        return {
            name: plain(value)
            for name, value in kept.items()
            if name not in self.defaults or value != self.defaults[name]
        }

    def _place(self, told: Any, number: int, place: str) -> str:
        name = told.get("name") if isinstance(told, dict) else None
        return f"{place}, {self.noun} “{name}”" if isinstance(name, str) and name else f"{place}, {self.noun} {number}"

    def _unknown(self, told: Mapping[Any, Any]) -> Iterator[str]:
        for name in told:
            if name not in self.fields:
                near = difflib.get_close_matches(str(name), self.fields, n=1)
                also = f"did you mean {near[0]}?" if near else f"there are: {', '.join(self.fields)}."
                yield f"there is no field {name}; {also}"


def plain(value: Any) -> Any:
    """A number without a fraction that says nothing."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# --- readers -----------------------------------------------------------------------------------------------------


def text(longest: int, *, blank: bool = False) -> Reader:
    def read(value: Any) -> str:
        if value is None and blank:
            return ""
        if not isinstance(value, str):
            raise ValueError(f"must be text; put it in quotes: '{value}'.")
        if not value.strip() and not blank:
            raise ValueError("must not be empty.")
        if len(value) > longest or "\x00" in value:
            raise ValueError(f"must have at most {longest} readable characters.")
        return value

    return read


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError("must be a number.")
    return float(value)


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 32_767:
        raise ValueError("must be a whole number, 0 or more.")
    return value


def positive(value: Any) -> int:
    if whole(value) < 1:
        raise ValueError("must be a whole number, 1 or more.")
    return int(value)


def or_none(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false.")
    return value


def mapping(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a mapping.")
    return value


def tree(value: Any) -> dict[str, Any]:
    """A condition; what it says is checked against the fields it may ask for, later."""
    return {} if value is None else mapping(value)


def one_of(*choices: str) -> Reader:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}.")
        return str(value)

    return read


def untouched(value: Any) -> Any:
    """A part with a shape of its own, read afterwards."""
    return value
