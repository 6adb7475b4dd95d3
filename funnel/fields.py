"""What conditions may ask for: fields of touches, people, accounts and leads, and the joins that bring them in.

SQL aliases: t funnel_activity, p funnel_person, a funnel_account, l funnel_lead, and of reference data ch, ca, co, so,
re (channel, campaign, content, solution and region of the touch or lead), cs (the campaign's solution) and ar (the
account's region).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Literal

from funnel.accounts import FREE_MAIL
from funnel.conditions import Field
from funnel.conditions.language import Group, is_readable
from funnel.models import Account, Activity, BuyingStage, Function, Motion

Root = Literal["touch", "person", "lead"]

_LONGEST_NAME = 100
_REFERENCES = (
    "LEFT JOIN funnel_channel ch ON ch.id = {0}.channel_id",
    "LEFT JOIN funnel_campaign ca ON ca.id = {0}.campaign_id",
    "LEFT JOIN funnel_content co ON co.id = {0}.content_id",
    "LEFT JOIN funnel_solution so ON so.id = {0}.solution_id",
)
_CAMPAIGN_SOLUTION = "LEFT JOIN funnel_solution cs ON cs.id = ca.solution_id"
_ACCOUNT_REGION = "LEFT JOIN funnel_region ar ON ar.id = a.region_id"
_PERSON_OF: Mapping[Root, str] = {
    "touch": "LEFT JOIN funnel_person p ON p.id = t.person_id",
    "lead": "LEFT JOIN funnel_person p ON p.id = l.person_id",
}
_ACCOUNT_OF: Mapping[Root, str] = {
    "touch": "LEFT JOIN funnel_account a ON a.id = p.account_id",
    "person": "LEFT JOIN funnel_account a ON a.id = p.account_id",
    # The account that the lead was opened for; one found later serves where there was none.
    "lead": "LEFT JOIN funnel_account a ON a.id = COALESCE(l.account_id, p.account_id)",
}


class Fields(Mapping[str, Field]):
    """Fields by name. Besides those listed, `attribute.<name>` and the like are found by asking for them.

    Iteration and length are of the listed ones: custom attributes are as many as there are data.
    """

    def __init__(
        self,
        listed: Iterable[Field],
        *,
        dynamic: Mapping[str, Callable[[str], Field]],
        joins: Mapping[Group, Callable[[], str]] | None = None,
    ) -> None:
        self._listed = {field.name: field for field in listed}
        self._dynamic = dict(dynamic)
        self._joins = dict(joins or {})

    def __getitem__(self, name: str) -> Field:
        if name in self._listed:
            return self._listed[name]
        prefix, dot, rest = name.partition(".")
        if dot and prefix in self._dynamic and rest.strip() and len(rest) <= _LONGEST_NAME and is_readable(rest):
            return self._dynamic[prefix](rest)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)

    @property
    def dynamic(self) -> tuple[str, ...]:
        """The beginnings of names that stand for custom attributes: attribute, account_attribute, payload."""
        return tuple(self._dynamic)

    def with_more(self, listed: Iterable[Field], *, joins: Mapping[Group, Callable[[], str]] | None = None) -> "Fields":
        """These fields and others. joins: gives what the others' groups need; may name the aliases of the root, p, a.

        It is asked anew for every statement: what is joined may depend on what is in force.
        """
        return Fields([*self._listed.values(), *listed], dynamic=self._dynamic, joins=self._joins | dict(joins or {}))

    def joins(self, groups: Iterable[str], root: Root) -> str:
        """The joins that expressions of these groups need beside the root's own table: t, p or l.

        Every join is a left join by a key, so it neither adds nor drops a row, and PostgreSQL leaves out those that
        nothing refers to.
        """
        wanted = set(groups)
        made = []
        if root == "lead" or wanted & {"person", "account"}:
            made.append(_PERSON_OF.get(root, ""))
        if root == "lead" or "account" in wanted:
            made += [_ACCOUNT_OF[root], _ACCOUNT_REGION]
        if root == "touch" and "touch" in wanted:
            made += [*(line.format("t") for line in _REFERENCES), _CAMPAIGN_SOLUTION]
        if root == "lead" and "lead" in wanted:
            made += [line.format("l") for line in _REFERENCES]
            made.append("LEFT JOIN funnel_region re ON re.id = l.region_id")
        made += [join() for group, join in self._joins.items() if group in wanted]
        return "\n".join(line for line in made if line)


def _of_json(prefix: str, label: str, column: str, group: Group) -> Callable[[str], Field]:
    """Custom attributes by name, as text; numbers and yes or no too. Lists and objects count as not known."""

    def field(name: str) -> Field:
        return Field(
            name=f"{prefix}.{name}",
            label=f"{label} “{name}”",
            type="any",
            sql=f"CASE WHEN jsonb_typeof({column} -> %s::text) IN ('string', 'number', 'boolean')"
            f" THEN {column} ->> %s::text END",
            group=group,
            params=(name, name),
        )

    return field


_PERSON_ATTRIBUTE: Final = {
    "attribute": _of_json("attribute", "Attribute", "p.attributes", "person"),
    "account_attribute": _of_json("account_attribute", "Account attribute", "a.attributes", "account"),
}
_PAYLOAD: Final = {
    "payload": _of_json("payload", "Detail of the touch", "t.payload", "touch"),
    "answer": _of_json("answer", "Answer to", "t.payload -> 'answers'", "touch"),
}


def _choices(values: Iterable[tuple[str, str]]) -> dict[str, str]:
    return dict(values)


_TOUCHES: Final = (
    Field("touch.type", "Type of touch", "text", "t.type", "touch", suggests="touch_types"),
    Field("touch.channel", "Channel of the touch", "text", "ch.name", "touch", suggests="channels"),
    Field("touch.campaign", "Campaign of the touch", "text", "ca.name", "touch", suggests="campaigns"),
    Field("touch.content", "Content of the touch", "text", "co.name", "touch", suggests="content"),
    Field("touch.content_kind", "Kind of content", "text", "co.kind", "touch", suggests="content_kinds"),
    Field(
        "touch.buying_stage", "Buying stage of the content", "choice", "co.buying_stage", "touch",
        choices=_choices(BuyingStage.choices), help="How far whoever asks for such content is in buying.",
    ),
    Field("touch.solution", "Solution of the touch", "text", "so.name", "touch", suggests="solutions"),
    Field(
        "touch.about", "Solution that the touch is about", "text", "COALESCE(so.name, cs.name)", "touch",
        suggests="solutions", help="What the touch names, else what its campaign is for.",
    ),
    Field(
        "touch.direction", "Direction of the touch", "choice", "t.direction", "touch",
        choices=_choices(Activity.Direction.choices),
    ),
    Field("touch.automatic", "Touch made by a machine of ours", "boolean", "t.automatic", "touch"),
    Field("touch.response", "Touch counts as a response", "boolean", "t.counts_as_response", "touch"),
)  # fmt: skip

_PEOPLE: Final = (
    Field("person.title", "Job title", "text", "p.title", "person"),
    Field("person.country", "Country of the person", "text", "p.country", "person", suggests="person_countries"),
    Field("person.language", "Language", "text", "p.language", "person", suggests="languages"),
    Field("person.company", "Company as written", "text", "p.company", "person"),
    Field("person.email_domain", "E-mail domain", "text", "split_part(p.email, '@', 2)", "person"),
    Field(
        "person.free_mail", "Free mail address", "boolean",
        "CASE WHEN p.email <> '' THEN split_part(p.email, '@', 2) = ANY(%s::text[]) END", "person",
        params=(sorted(FREE_MAIL),), help="An address that anybody can have, such as gmail.com.",
    ),
    Field("person.opted_out", "Opted out of marketing mail", "boolean", "p.opted_out", "person"),
    Field("person.do_not_call", "Asked not to be called", "boolean", "p.do_not_call", "person"),
    Field("account.industry", "Industry", "text", "a.industry", "account", suggests="industries"),
    Field("account.employees", "Employees", "number", "a.employees", "account"),
    Field("account.revenue", "Revenue of the account", "number", "a.revenue", "account"),
    Field("account.country", "Country of the account", "text", "a.country", "account", suggests="account_countries"),
    Field("account.segment", "Segment of the account", "text", "a.segment", "account", suggests="segments"),
    Field("account.tier", "Tier", "number", "a.tier", "account", help="1 is the most wanted."),
    Field(
        "account.kind", "Kind of account", "choice", "a.kind", "account", choices=_choices(Account.Kind.choices)
    ),
    Field("account.region", "Region of the account", "text", "ar.name", "account", suggests="regions"),
    Field("account.matched", "Account found", "boolean", "(a.id IS NOT NULL)", "account"),
)  # fmt: skip

_LEADS: Final = (
    Field("lead.solution", "Solution", "text", "so.name", "lead", suggests="solutions"),
    Field("lead.region", "Region", "text", "re.name", "lead", suggests="regions"),
    Field("lead.segment", "Segment", "text", "l.segment", "lead", suggests="segments"),
    Field(
        "lead.source_function", "Found by", "choice", "l.function", "lead", choices=_choices(Function.choices)
    ),
    Field("lead.motion", "Motion", "choice", "l.motion", "lead", choices=_choices(Motion.choices)),
    Field("lead.channel", "Channel", "text", "ch.name", "lead", suggests="channels"),
    Field("lead.campaign", "Campaign", "text", "ca.name", "lead", suggests="campaigns"),
    Field(
        "lead.country", "Country", "text", "COALESCE(NULLIF(a.country, ''), p.country)", "lead",
        suggests="account_countries", help="The account's, else the person's.",
    ),
    Field(
        "lead.inquiry_on", "Inquiry", "date", "(l.inquiry_at AT TIME ZONE 'UTC')::date", "lead",
        help="The (UTC) day on which the lead was opened by a response.",
    ),
)  # fmt: skip

FIELDS_OF_PEOPLE: Final = Fields(_PEOPLE, dynamic=_PERSON_ATTRIBUTE)
FIELDS_OF_TOUCHES: Final = Fields((*_TOUCHES, *_PEOPLE), dynamic=_PERSON_ATTRIBUTE | _PAYLOAD)
FIELDS_OF_LEADS: Final = Fields((*_LEADS, *_PEOPLE), dynamic=_PERSON_ATTRIBUTE)
