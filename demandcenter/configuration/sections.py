"""The sections of the file: which table, which fields, and what names a row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Field, Model

from funnel.models import (
    Campaign,
    CampaignStatus,
    Channel,
    Content,
    GlossaryTerm,
    Reason,
    Region,
    Rep,
    Solution,
    Team,
)
from routing.models import Calendar, CalendarDay, ContactCap, Desk, MessageTemplate, Quota, Seat, Served

Row = dict[str, Any]
Identity = tuple[Any, ...]


class ConfigurationError(Exception):
    """The file cannot be applied; `problems` says why, a sentence each. Nothing was changed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the file.

    noun: one row, in sentences. key: the fields that name a row. elsewhere: the fields under which another system
    knows it; where the last of them is filled, they name the row instead, so that it can be renamed. either: fields of
    the key of which a row has one; by default the last of the key.
    """

    name: str
    noun: str
    model: type[Model]
    key: tuple[str, ...]
    fields: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    either: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.key, *self.fields)

    @property
    def relations(self) -> list[str]:
        return [name for name in self.columns if self.column(name).is_relation]

    def column(self, name: str) -> Field:
        return self.model._meta.get_field(name)  # type: ignore[return-value]

    def identity(self, row: Mapping[str, Any]) -> Identity:
        if self.elsewhere and row.get(self.elsewhere[-1]):
            return ("elsewhere", *(row.get(name) or "" for name in self.elsewhere))
        return tuple(row.get(name) or "" for name in self.key)

    def title(self, row: Mapping[str, Any]) -> str:
        """What to call a row in a sentence: recycle, No budget now."""
        return ", ".join(str(row[name]) for name in self.key if row.get(name))


SECTIONS: list[Section] = [
    Section("regions", "region", Region, ("name",), ("parent",)),
    Section("solutions", "solution", Solution, ("name",)),
    Section("channels", "channel", Channel, ("name",), ("direction",)),
    Section("content", "content", Content, ("name",), ("kind", "topic", "persona", "buying_stage", "url")),
    Section("teams", "team", Team, ("name",), ("kind", "region", "reports_to_marketing")),
    Section(
        "reps",
        "rep",
        Rep,
        ("name",),
        ("email", "team", "region", "hired_on", "active", "source", "external_id"),
        elsewhere=("source", "external_id"),
    ),
    Section(
        "campaigns",
        "campaign",
        Campaign,
        ("name",),
        (
            "channel", "region", "solution", "parent", "motion", "topic", "persona", "starts_on", "ends_on", "budget",
            "source", "external_id",
        ),
    ),
    Section("campaign_statuses", "campaign status", CampaignStatus, ("campaign", "name"), ("counts_as_response",)),
    Section(
        "reasons",
        "reason",
        Reason,
        ("kind", "stage", "name"),
        ("revisit_days", "needs_text", "reroutes", "active"),
    ),
    Section("glossary", "glossary term", GlossaryTerm, ("slug",), ("term", "definition", "owner")),
    Section("calendars", "calendar", Calendar, ("name",), ("zone", "hours", "country", "subdivision")),
    Section("calendar_days", "day", CalendarDay, ("calendar", "day"), ("name", "hours")),
    Section("desks", "desk", Desk, ("team",), ("calendar",)),
    Section(
        "seats",
        "seat",
        Seat,
        ("rep",),
        ("receiving", "weight", "capacity", "weekly", "quota", "quota_per", "calendar"),
    ),
    Section(
        "served",
        "thing served",
        Served,
        ("rep", "solution", "region", "segment", "language"),
        either=("solution", "region", "segment", "language"),
    ),
    Section("quotas", "quota", Quota, ("rep", "measure", "starts_on"), ("ends_on", "amount")),
    Section("contact_caps", "contact cap", ContactCap, ("name",), ("most", "days", "active")),
    Section(
        "templates",
        "template",
        MessageTemplate,
        ("name",),
        ("medium", "persona", "industry", "subject", "body", "guidance", "content", "active"),
    ),
]  # fmt: skip


# --- What stands in the database ------------------------------------------------------------------


@dataclass(slots=True)
class Known:
    """The rows of one section as they are: values by identity, and their ids."""

    rows: dict[Identity, Row] = field(default_factory=dict)
    ids: dict[Identity, Any] = field(default_factory=dict)


def read_known(section: Section) -> Known:
    """One query. Raises ConfigurationError where two rows have one name: the file could not tell them apart."""
    known = Known()
    sources = [f"{name}__name" if section.column(name).is_relation else name for name in section.columns]
    twice = []
    for pk, *values in section.model._default_manager.order_by(*sources, "pk").values_list("pk", *sources):
        row = dict(zip(section.columns, values, strict=True))
        identity = section.identity(row)
        if identity in known.rows:
            twice.append(f"There are two {section.name} “{section.title(row)}”; rename one of them first.")
        known.rows[identity], known.ids[identity] = row, pk
    if twice:
        raise ConfigurationError(twice)
    return known


def section_of(model: Any) -> Section:
    """The section whose rows are of this model."""
    return next(section for section in SECTIONS if section.model is model)
