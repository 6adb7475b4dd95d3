"""What a draft changes, each change alone and all together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scoring import simulation
from scoring.models import ScoringModel, Simulation
from scoring.words import number

_LEVELS: Final = {
    "threshold": ("Entry threshold", "{}"),
    "exit_ratio": ("Exit level, share of the threshold", "{}"),
    "cooldown_days": ("Cool-down", "{} d"),
}
_FIELDS: Final = {
    "points": ("{}", "{}"),
    "half_life_days": ("Half-life of {}", "{} d"),
    "cap": ("Cap of {}", "{}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of the draft. name: what it is about; before, after: its value, blank where words say it all.

    simulation: that of the version compared with, with this change alone; None while there is none that is done.
    """

    name: str
    before: str = ""
    after: str = ""
    simulation: int | None = None

    @property
    def words(self) -> str:
        return f"{self.name} {self.before} → {self.after}" if self.after else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A change and what it alone does to MQLs a week; left and width: its bar around the middle of 100, in per cent."""

    change: Change
    delta: float | None
    left: float = 50.0
    width: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """All changes, in MQLs a week. overlap: what they do together beyond the sum of each alone, None if one is open."""

    rows: Sequence[Effect]
    together: float
    overlap: float | None


def changes_of(draft: Simulation, *, against: ScoringModel, stale: bool) -> list[Change]:
    """What the draft said otherwise than `against` when it was simulated, each with the simulation of it alone.

    stale: the draft was edited since, and is told by what was simulated of it.
    """
    parts = [
        (part.change["words"], part.change["data"], part.pk if part.status == Simulation.Status.DONE else None)
        for part in draft.parts.order_by("id")
        if part.change and part.change["against"] == against.pk
    ]
    done = {words: made for words, _data, made in parts if made}
    if not stale:
        told = [(change.words, change.data) for change in simulation.changes(draft.model, against)]
    else:
        told = [(words, data) for words, data, _made in parts]
    old = _values(against)
    return [_change(words, data, old, done.get(words)) for words, data in told]


def _values(model: ScoringModel) -> dict[tuple[str, str], Any]:
    """The numbers of a version by (name of the row or level, field). Two queries."""
    found: dict[tuple[str, str], Any] = {("", name): getattr(model, name) for name in _LEVELS}
    found |= {(name, "points"): points for name, points in model.rules.values_list("name", "points")}
    for name, cap, half_life in model.categories.values_list("name", "cap", "half_life_days"):
        found |= {(name, "cap"): cap, (name, "half_life_days"): half_life}
    return found


def _change(words: str, data: Mapping[str, Any], old: Mapping[tuple[str, str], Any], made: int | None) -> Change:
    """As name, before and after where one number became another, else as its sentence."""
    fields = data.get("set") or {}
    if data["do"] == "change" and len(fields) == 1 and "category" not in data:
        ((field, value),) = fields.items()
        name = data.get("name", "")
        label, unit = _LEVELS.get(field, ("", "")) if data["what"] == "model" else _FIELDS.get(field, ("", ""))
        if label and (name, field) in old:
            before, after = (_said(one, unit) for one in (old[name, field], value))
            return Change(name=label.format(name), before=before, after=after, simulation=made)
    return Change(name=words, simulation=made)


def _said(value: Any, unit: str) -> str:
    return "none" if value is None else unit.format(number(value).replace("-", "−"))


def effects(changes: Sequence[Change], made: Mapping[int, int], *, live: int, draft: int, weeks: float) -> Effects:
    """What each change does alone. made: MQLs by simulation; live, draft: those of the two versions."""
    deltas = [None if change.simulation is None else (made[change.simulation] - live) / weeks for change in changes]
    most = max((abs(delta) for delta in deltas if delta is not None), default=0.0) or 1.0
    together = (draft - live) / weeks
    rows = [
        Effect(change=change, delta=delta, **_bar(delta, most)) for change, delta in zip(changes, deltas, strict=True)
    ]
    known = [delta for delta in deltas if delta is not None]
    overlap = together - sum(known) if changes and len(known) == len(changes) else None
    return Effects(rows=rows, together=together, overlap=overlap)


def _bar(delta: float | None, most: float) -> dict[str, float]:
    if delta is None:
        return {}
    width = round(abs(delta) / most * 45, 1)
    return {"left": round(50 - width, 1) if delta < 0 else 50.0, "width": width}
