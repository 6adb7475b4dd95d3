"""What routing may ask for: leads with their person and account, whose territory they are in, and the score under the
version that decides.

Aliases: ow and ot, the owner of the account and the owner's team; rp, the region above the lead's; sc, scoring_score of
the lead's person under the version that decides about the lead, if it has scored them; ac, scoring_accountscore of the
account, as it was scored last, which is before the touches of the batch in which a lead is routed.
"""

from typing import Final

from funnel.conditions import Field
from funnel.fields import FIELDS_OF_LEADS
from scoring.qualifying import FAST_TRACK
from scoring.scopes import scopes_now


def _score() -> str:
    return (
        f"LEFT JOIN scoring_score sc ON sc.person_id = l.person_id AND sc.model_id = {scopes_now().sql()}"
        " LEFT JOIN scoring_accountscore ac ON ac.account_id = a.id"
    )


def _territory() -> str:
    return (
        "LEFT JOIN funnel_rep ow ON ow.id = a.owner_id LEFT JOIN funnel_team ot ON ot.id = ow.team_id"
        " LEFT JOIN funnel_region rp ON rp.id = (SELECT parent_id FROM funnel_region WHERE id = l.region_id)"
    )


FIELDS: Final = FIELDS_OF_LEADS.with_more(
    (
        Field(
            "lead.hot",
            "Raised a hand",
            "boolean",
            "(EXISTS (SELECT FROM funnel_stageevent he WHERE he.lead_id = l.id AND he.to_stage = 'mql'"
            f" AND right(he.cause, {len(FAST_TRACK) + 1}) = ':{FAST_TRACK}'))",
            "lead",
            help="It became an MQL by asking for us.",
        ),
        Field("account.owned", "Account has an owner", "boolean", "(a.owner_id IS NOT NULL)", "account"),
        Field("account.owner", "Owner of the account", "text", "ow.name", "territory"),
        Field("account.owner_team", "Team of the account's owner", "text", "ot.name", "territory"),
        Field(
            "lead.region_above",
            "Region above",
            "text",
            "rp.name",
            "territory",
            suggests="regions",
            help="The region that the lead's region is a part of.",
        ),
        Field("score.grade", "Fit grade", "text", "sc.grade", "score", help="Like A; by the lead's scoring model."),
        Field("score.band", "Interest band", "number", "sc.band", "score", help="1 is the highest."),
        Field(
            "account.engagement",
            "Engagement of the account",
            "number",
            "ac.engagement",
            "score",
            help="0 to 100: what its people come to together.",
        ),
        Field(
            "account.engaged",
            "Account over its threshold",
            "boolean",
            "ac.over",
            "score",
            help="Whether its engagement reaches what an account of its tier needs.",
        ),
    ),
    joins={"score": _score, "territory": _territory},
)
