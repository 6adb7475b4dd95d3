"""The library of templates: found by persona and industry, and filled for a lead."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlencode

from funnel.models import Lead
from routing.cadences.templating import fill, mail_address, missing, values_of
from routing.models import Medium, MessageTemplate, Task


@dataclass(frozen=True, slots=True)
class Text:
    """A template, filled for a lead where there is one. address: mailto:, for an e-mail to somebody with an address.

    send: where it is sent through one's own mail server, likewise.
    """

    template: MessageTemplate
    subject: str
    body: str
    missing: list[str]
    address: str
    send: str = ""


def text_of(template: MessageTemplate, lead: Lead | None, *, task: Task | None = None) -> Text:
    """lead: with person, account, solution and owner. task: whose step it is for."""
    if lead is None:
        return Text(template, template.subject, template.body, [], "")
    values = values_of(lead)
    subject, body = fill(template.subject, values), fill(template.body, values)
    written = template.medium == Medium.EMAIL and lead.person.email
    address = mail_address(lead.person.email, subject, body) if written else ""
    send = _send_address(template, lead, task) if written and lead.closed_at is None else ""
    return Text(template, subject, body, missing(f"{template.subject} {template.body}", values), address, send)


def _send_address(template: MessageTemplate, lead: Lead, task: Task | None) -> str:
    asked = {"template": template.pk} | ({"task": task.pk} if task else {})
    return f"{reverse('routing:write', args=[lead.pk])}?{urlencode(asked)}"


def next_text(tasks: Sequence[Task], lead: Lead) -> Text | None:
    """What to say or write for the first step of these tasks that has a template. The tasks come with their steps."""
    task = next((task for task in tasks if task.step and task.step.template), None)
    return text_of(task.step.template, lead, task=task) if task and task.step and task.step.template else None


def found(*, persona: str = "", industry: str = "", medium: str = "") -> list[MessageTemplate]:
    """Templates for this persona and industry: those that name them first, then those for everybody. One query."""
    templates = MessageTemplate.objects.filter(active=True).select_related("content")
    if persona:
        templates = templates.filter(Q(persona__iexact=persona) | Q(persona=""))
    if industry:
        templates = templates.filter(Q(industry__iexact=industry) | Q(industry=""))
    if medium:
        templates = templates.filter(medium=medium)
    return sorted(templates, key=lambda one: (not one.persona, not one.industry, one.name))


def suits(template: MessageTemplate, *, persona: str = "", solution: str = "") -> bool:
    """Whether the text or its asset is for this persona, or names this solution. It comes with its content."""
    asset = template.content
    if persona:
        return persona.casefold() in {template.persona.casefold(), asset.persona.casefold() if asset else ""}
    told = [template.name, template.subject, template.body, template.guidance]
    told += [asset.name, asset.topic] if asset else []
    named = re.compile(rf"(?<!\w){re.escape(solution)}(?!\w)", re.IGNORECASE)
    return bool(solution) and any(named.search(text) for text in told)


def labels() -> dict[str, list[str]]:
    """The personas and industries that the library knows. One query."""
    rows: Any = MessageTemplate.objects.filter(active=True).values_list("persona", "industry")
    known = list(rows)
    return {
        "persona": sorted({persona for persona, _industry in known if persona}),
        "industry": sorted({industry for _persona, industry in known if industry}),
    }
