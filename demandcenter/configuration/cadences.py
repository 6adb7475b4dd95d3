"""The cadences in force as one document: by name, with their steps. What it leaves out takes no more leads."""

from datetime import datetime
from typing import Any

from demandcenter.configuration.documents import Content, Facts, facts_of
from demandcenter.configuration.shapes import Shape, boolean, one_of, text, tree, untouched, whole
from funnel.versions import PolicyProblem, Status
from routing.cadences import versions as cadence_versions
from routing.models import Cadence, CadenceStep, Medium, MessageTemplate

_TERMS = ("position", "condition", "on_acceptance", "stop_on_reply", "stop_on_meeting")

CADENCE = Shape(
    "cadence",
    {
        "name": text(120), "why": text(10_000, blank=True), "position": whole, "condition": tree,
        "on_acceptance": boolean, "stop_on_reply": boolean, "stop_on_meeting": boolean, "steps": untouched,
    },
    {
        "why": "", "position": 0, "condition": {}, "on_acceptance": False, "stop_on_reply": True,
        "stop_on_meeting": True, "steps": None,
    },
)  # fmt: skip
STEP = Shape(
    "step", {"day": whole, "medium": one_of(*Medium.values), "template": text(120, blank=True)}, {"template": ""}
)


class CadencesDocument:
    """Content: `cadences`, each with its steps in order, templates by name."""

    name = "cadences"

    def stored(self) -> Content:
        found = Cadence.objects.filter(status=Status.PUBLISHED).prefetch_related("steps__template")
        return _content(_stored(cadence) for cadence in found)

    def read(self, told: Any, problems: list[str]) -> Content:
        cadences = CADENCE.read_all(told, self.name, problems)
        for cadence in cadences:
            place = f"{self.name}, cadence “{cadence.get('name', '')}”"
            cadence["steps"] = STEP.read_all(cadence.get("steps"), place, problems)
        names = [cadence.get("name") for cadence in cadences]
        for name in sorted({name for name in names if name and names.count(name) > 1}):
            problems.append(f"{self.name}: there are two cadences “{name}”; give each a name of its own.")
        return _content(cadences)

    def show(self, content: Content) -> Any:
        return [
            CADENCE.write(cadence) | {"steps": [STEP.write(step) for step in cadence["steps"]]}
            for cadence in content["cadences"]
        ]

    def facts(self, content: Content) -> Facts:
        found: Facts = {}
        for cadence in content["cadences"]:
            name = cadence["name"]
            found |= facts_of(f"cadence “{name}”", {term: cadence[term] for term in _TERMS})
            for place, step in enumerate(cadence["steps"], start=1):
                found |= facts_of(f"cadence “{name}”, step {place}", step)
        return found

    def write(self, content: Content, *, now: datetime) -> str:
        before = {cadence["name"]: self.facts(_content([cadence])) for cadence in self.stored()["cadences"]}
        kept = {cadence["name"] for cadence in content["cadences"]}
        for gone in Cadence.objects.filter(status=Status.PUBLISHED).exclude(name__in=kept):
            cadence_versions.retire(gone)
        problems: list[str] = []
        for cadence in content["cadences"]:
            if before.get(cadence["name"]) != self.facts(_content([cadence])):
                problems += [f"cadence “{cadence['name']}”: {problem}" for problem in _write(cadence, now=now)]
        if problems:
            raise PolicyProblem(problems)
        return ""


def _content(cadences: Any) -> Content:
    """Content in an order of its own, with a name for the plan."""
    return {"name": "cadences", "cadences": sorted(cadences, key=lambda one: one.get("name", ""))}


def _stored(cadence: Cadence) -> Content:
    steps = [
        {"day": step.day, "medium": step.medium, "template": step.template.name if step.template else ""}
        for step in cadence.steps.all()
    ]
    return {"name": cadence.name, "why": cadence.why, "steps": steps} | {
        term: getattr(cadence, term) for term in _TERMS
    }


def _write(cadence: Content, *, now: datetime) -> list[str]:
    """Draft and publish one; what keeps it from being published, a sentence each."""
    templates = dict(MessageTemplate.objects.values_list("name", "pk"))
    names = [step["template"] for step in cadence["steps"] if step["template"]]
    if missing := [f"there is no template “{name}”." for name in names if name not in templates]:
        return missing
    made = cadence_versions.draft(name=cadence["name"], why=cadence["why"])
    Cadence.objects.filter(pk=made.pk).update(**{term: cadence[term] for term in _TERMS})
    CadenceStep.objects.bulk_create(
        CadenceStep(
            cadence=made, position=place, day=step["day"], medium=step["medium"],
            template_id=templates.get(step["template"]),
        )
        for place, step in enumerate(cadence["steps"], start=1)
    )  # fmt: skip
    try:
        cadence_versions.publish(made, now=now)
    except PolicyProblem as refused:
        return refused.problems
    return []
