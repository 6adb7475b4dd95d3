"""The ten kinds of rows that can be loaded, and what a row of each can say."""

from funnel.ingest.rows import Field, Kind
from funnel.models import Account, Activity, BuyingStage, CostLine, DealState, Function, Motion, Stage
from funnel.path import MILESTONES, Exit
from funnel.path import Kind as EventKind

LEAVING = (Exit.RECYCLED, Exit.DISQUALIFIED, Exit.EXPIRED, Exit.LOST, Exit.NO_DECISION)
EVENT_KINDS = (EventKind.ADVANCE, EventKind.PASSTHROUGH, EventKind.REGRESS, EventKind.REOPEN, EventKind.CORRECTION)


def _kind(name: str, title: str, *fields: Field, key: tuple[str, ...] = ("external_id",), attributes="") -> Kind:
    return Kind(name, title, {field.name: field for field in fields}, key, attributes)


def _key(what: str, *, required: bool = True) -> Field:
    default = "" if required else " Without it, the name is the key."
    return Field("external_id", required=required, limit=200, help=f"What the source calls the {what}.{default}")


def _reference(name: str, what: str, *, limit: int = 200, refers_to: str = "") -> Field:
    return Field(name, help=what, limit=limit, refers_to=refers_to or name)


CHANNEL = _reference("channel", "The way it came in, by its exact name.")
CONTENT = _reference("content", "The content offer, by its exact name.", limit=300)
CAMPAIGN = _reference("campaign", "The campaign: its key in this source, or its exact name.", limit=300)
REGION = _reference("region", "The region, by its exact name.", limit=120)
SOLUTION = _reference("solution", "What is sold, by its exact name.")
OWNER = _reference("owner", "The rep: key in this source, e-mail or exact name.", limit=120, refers_to="rep")
REASON = _reference("reason", "Why it left, by the reason's exact name.")
ACCOUNT = _reference("account", "The account: its key in this source, or its name.")
MOTION = Field("motion", choices=tuple(Motion.values), help="The kind of business: new business unless said.")
SEGMENT = Field("segment", limit=80, help="Market segment.")
COUNTRY = Field("country", limit=80)
CITY = Field("city", limit=120)
PHONE = Field("phone", limit=60)
CURRENCY = Field("currency", limit=3, help="Three letters, such as EUR.")

PERSON = (
    Field("email", limit=254, help="The person is found by it, whatever its case."),
    Field("first_name", limit=120),
    Field("last_name", limit=120),
    Field("title", limit=200, help="Job title."),
    Field("company", limit=300, help="The company as the person wrote it."),
    PHONE,
    COUNTRY,
)
PERSON_KEY = Field("person_id", limit=200, help="What the source calls the person.")

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind(
            "accounts",
            "Accounts",
            _key("account", required=False),
            Field("name", limit=300, help="Needed for a new account."),
            Field("parent", limit=300, help="The account above it: its key in this source, or its name."),
            Field("domains", limit=2000, help="E-mail domains, separated by commas or spaces."),
            Field("kind", choices=tuple(Account.Kind.values), help="Prospect unless said."),
            Field("tier", "integer", help="1 is the most wanted, 9 the least."),
            Field("industry", limit=120),
            Field("employees", "integer"),
            Field("revenue", "number", help="Yearly revenue."),
            COUNTRY,
            CITY,
            PHONE,
            REGION,
            SEGMENT,
            OWNER,
            key=("external_id", "name"),
            attributes="account",
        ),
        _kind(
            "people",
            "People",
            Field("external_id", limit=200, help="What the source calls the person."),
            *PERSON,
            CITY,
            Field("language", limit=20),
            ACCOUNT,
            Field("opted_out", "boolean", help="Wants no marketing mail."),
            Field("do_not_call", "boolean"),
            key=("external_id", "email"),
            attributes="person",
        ),
        _kind(
            "leads",
            "Leads",
            _key("lead"),
            Field(
                "person_id", limit=200, help="What the source calls the person; the lead's key if no e-mail is known."
            ),
            *PERSON,
            *(
                Field(column, "datetime", help=f"When it first reached {Stage(stage).label}.")
                for stage, column in MILESTONES.items()
            ),
            Field("exit", choices=tuple(LEAVING), help="How it left, if it left without being won."),
            Field("closed_at", "datetime", help="When it left."),
            REASON,
            Field("function", choices=tuple(Function.values), help="Who found it; marketing unless said."),
            MOTION,
            CHANNEL,
            CONTENT,
            CAMPAIGN,
            REGION,
            SEGMENT,
            SOLUTION,
            ACCOUNT,
            OWNER,
            Field("entry_stage", choices=tuple(Stage.values), help="Where it came in; Inquiry unless said."),
            Field("revisit_on", "date", help="When to look at it again."),
            attributes="person",
        ),
        _kind(
            "activities",
            "Touches",
            _key("touch"),
            *PERSON,
            PERSON_KEY,
            ACCOUNT,
            Field("type", required=True, limit=60, help="What happened: form, webinar_attended, email_click, call."),
            Field(
                "direction", choices=tuple(Activity.Direction.values), help="in: from them (the default), out: from us."
            ),
            Field("automatic", "boolean", help="Sent or done by a machine of ours."),
            Field("counts_as_response", "boolean", help="Opens a lead when none is open."),
            CHANNEL,
            CAMPAIGN,
            CONTENT,
            SOLUTION,
            Field("occurred_at", "datetime", required=True, help="When it happened."),
            attributes="payload",
        ),
        _kind(
            "stage-events",
            "Stage events",
            _key("event"),
            Field("lead", required=True, limit=200, help="What the source calls the lead."),
            Field("lead_source", limit=60, help="The lead's source, where it is another one."),
            Field(
                "stage",
                required=True,
                choices=(*Stage.values, *LEAVING),
                help="The stage it entered, or how it left.",
            ),
            Field("occurred_at", "datetime", required=True, help="When it happened."),
            REASON,
            Field("kind", choices=tuple(EVENT_KINDS), help="Where it is not simply the next stage."),
            Field("actor", limit=200, help="Who did it at the source; read past."),
        ),
        _kind(
            "opportunities",
            "Opportunities",
            _key("deal"),
            Field("name", limit=300),
            ACCOUNT,
            OWNER,
            SOLUTION,
            Field("region", limit=120, refers_to="region", help="The region; the owner's unless said."),
            MOTION,
            Field("deal_stage", limit=80, help="The stage's name in the CRM."),
            Field("state", choices=tuple(DealState.values), help="Open unless said."),
            Field("amount", "number"),
            CURRENCY,
            Field("opened_at", "datetime"),
            Field("closed_at", "datetime", help="When it was won or lost."),
            Field("expected_close_on", "date"),
            REASON,
            Field("lead", limit=200, help="What the source calls the lead that led to it."),
        ),
        _kind(
            "campaigns",
            "Campaigns",
            _key("campaign", required=False),
            Field("name", limit=300, help="Needed for a new campaign."),
            CHANNEL,
            REGION,
            SOLUTION,
            Field("parent", limit=300, help="The campaign above it: its key in this source, or its name."),
            MOTION,
            Field("topic", limit=120),
            Field("persona", limit=120),
            Field("starts_on", "date"),
            Field("ends_on", "date", help="Blank for an always-on program."),
            Field("budget", "number"),
            key=("external_id", "name"),
        ),
        _kind(
            "content",
            "Content",
            Field("name", required=True, limit=300, help="The offer's name is its key."),
            Field("kind", limit=60, help="Guide, webinar, landing page, calculator."),
            Field("topic", limit=120),
            Field("persona", limit=120),
            Field("buying_stage", choices=tuple(BuyingStage.values), help="How far whoever asks for it is in buying."),
            Field("url", limit=200),
            key=("name",),
        ),
        _kind(
            "costs",
            "Costs",
            _key("cost line"),
            CAMPAIGN,
            CHANNEL,
            CONTENT,
            REGION,
            Field("payer", choices=tuple(CostLine.Payer.values), help="Marketing unless said."),
            Field("nature", choices=tuple(CostLine.Nature.values), help="Program unless said."),
            Field("shadow", "boolean", help="Marketing paid for out of sales money."),
            Field("amount", "number", help="Needed for a new line."),
            CURRENCY,
            Field("incurred_on", "date", help="The day it is attributed to; needed for a new line."),
        ),
        _kind(
            "reps",
            "Reps",
            _key("rep", required=False),
            Field("name", limit=120, help="Needed for a new rep."),
            Field("email", limit=254),
            _reference("team", "The team, by its exact name.", limit=120),
            REGION,
            Field("active", "boolean", help="Yes unless said."),
            Field("hired_on", "date"),
            key=("external_id", "name"),
        ),
    )
}
