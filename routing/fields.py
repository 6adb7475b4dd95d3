"""What routing may ask for: leads with their person and account, and the score under the version that decides.

Aliases: sc, scoring_score of the lead's person under the version that decides about the lead, if it has scored them;
ac, scoring_accountscore of the account, as it was scored last, which is before the touches of the batch in which a lead
is routed.
"""

from typing import Final

from funnel.conditions import Field
from funnel.fields import FIELDS_OF_LEADS
from scoring.scopes import scopes_now


def _score() -> str:
    return (
        f"LEFT JOIN scoring_score sc ON sc.person_id = l.person_id AND sc.model_id = {scopes_now().sql()}"
        " LEFT JOIN scoring_accountscore ac ON ac.account_id = a.id"
    )


FIELDS: Final = FIELDS_OF_LEADS.with_more(
    (
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
    joins={"score": _score},
)
