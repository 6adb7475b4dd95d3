"""What routing may ask for: leads with their person and account, and the score under the active model.

Alias sc: scoring_score of the lead's person, if the active model has scored them.
"""

from typing import Final

from funnel.conditions import Field
from funnel.fields import FIELDS_OF_LEADS

FIELDS: Final = FIELDS_OF_LEADS.with_more(
    (
        Field("score.grade", "Fit grade", "text", "sc.grade", "score", help="Like A; under the active scoring model."),
        Field("score.band", "Interest band", "number", "sc.band", "score", help="1 is the highest."),
    ),
    joins={
        "score": "LEFT JOIN scoring_score sc ON sc.person_id = l.person_id"
        " AND sc.model_id = (SELECT id FROM scoring_scoringmodel WHERE active)"
    },
)
