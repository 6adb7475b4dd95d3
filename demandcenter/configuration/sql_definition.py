"""What makes an SQL as one document: which event, and why. Another one counts from the moment it is applied."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from demandcenter.configuration.documents import Content, Facts, facts_of
from demandcenter.configuration.shapes import Shape, one_of, text
from routing.models import SqlDefinition
from routing.sales import sql_definitions

DEFINITION = Shape("definition", {"event": one_of(*SqlDefinition.Event.values), "why": text(10_000)})
_NAME = "What makes an SQL"


class SqlDocument:
    """The definition in force."""

    name = "sql_definition"

    def stored(self) -> Content | None:
        found = sql_definitions.in_force(timezone.now())
        return {"name": _NAME, "event": found.event, "why": found.why} if found else None

    def read(self, told: Any, problems: list[str]) -> Content:
        return {"name": _NAME} | DEFINITION.read(told, self.name, problems)

    def show(self, content: Content) -> Content:
        return DEFINITION.write(content)

    def facts(self, content: Content) -> Facts:
        return facts_of("", {"event": content["event"]})

    def write(self, content: Content, *, now: datetime) -> str:
        sql_definitions.decide(event=content["event"], why=content["why"], user=None, now=now)
        return "What is an SQL already stays one."
