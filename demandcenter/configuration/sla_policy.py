"""The SLA policy as one document: promises in order, of each kind of clock the first that holds decides."""

from datetime import datetime
from typing import Any

from demandcenter.configuration.documents import Content, Facts, facts_of
from demandcenter.configuration.shapes import Shape, number, one_of, positive, text, tree, untouched
from funnel.versions import Status
from routing.models import SlaPolicy, SlaPromise
from routing.sla import versions as sla

Expiry, Absence = SlaPolicy.Expiry, SlaPolicy.Absence


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false.")
    return value


PROMISE = Shape(
    "promise",
    {
        "name": text(120),
        "kind": one_of(*SlaPromise.Kind.values),
        "amount": positive,
        "unit": one_of(*SlaPromise.Unit.values),
        "warn_at": number,
        "reassign": _yes_or_no,
        "condition": tree,
    },
    {"unit": SlaPromise.Unit.BUSINESS_DAYS.value, "warn_at": 0.8, "reassign": False, "condition": {}},
)
POLICY = Shape(
    "policy",
    {
        "name": text(120),
        "why": text(10_000, blank=True),
        "expiry": one_of(*Expiry.values),
        "expires_at": number,
        "absence": one_of(*Absence.values),
        "promises": untouched,
    },
    {
        "why": "",
        "expiry": Expiry.ESCALATE.value,
        "expires_at": 3.0,
        "absence": Absence.UNCOVERED.value,
        "promises": None,
    },
)
_SETTINGS = ("expiry", "expires_at", "absence")


class SlaDocument:
    """What is promised about leads, as of the published version."""

    name = "sla_policy"

    def stored(self) -> Content | None:
        policy = SlaPolicy.objects.filter(status=Status.PUBLISHED).first()
        if policy is None:
            return None
        promises = policy.promises.order_by("position", "id").values(*PROMISE.fields)
        settings = {name: getattr(policy, name) for name in _SETTINGS}
        return {"name": policy.name, "why": policy.why, **settings, "promises": list(promises)}

    def read(self, told: Any, problems: list[str]) -> Content:
        content = POLICY.read(told, self.name, problems)
        content["promises"] = PROMISE.read_all(content.get("promises"), self.name, problems)
        names = [promise.get("name") for promise in content["promises"]]
        for name in sorted({name for name in names if name and names.count(name) > 1}):
            problems.append(f"{self.name}: there are two promises “{name}”; give each a name of its own.")
        if not 1.5 <= content.get("expires_at", 3) <= 20:
            problems.append(f"{self.name}: expires_at is so many times the promised time, from 1.5 to 20.")
        return content

    def show(self, content: Content) -> Content:
        return POLICY.write(content) | {"promises": [PROMISE.write(promise) for promise in content["promises"]]}

    def facts(self, content: Content) -> Facts:
        found = facts_of("", {name: content[name] for name in ("name", *_SETTINGS)})
        for place, promise in enumerate(content["promises"], start=1):
            found |= facts_of(f"promise “{promise['name']}”", promise | {"place": place})
        return found

    def write(self, content: Content, *, now: datetime) -> str:
        policy = sla.draft(user=None, name=content["name"], why=content["why"])
        for name in _SETTINGS:
            setattr(policy, name, content[name])
        policy.save(update_fields=_SETTINGS)
        SlaPromise.objects.bulk_create(
            SlaPromise(sla_policy=policy, position=place, **promise)
            for place, promise in enumerate(content["promises"])
        )
        sla.publish(policy, user=None, now=now)
        return "Clocks that run keep their times; the admin puts them under the new version."
