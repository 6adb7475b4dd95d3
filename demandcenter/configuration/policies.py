"""The documents of the file, in the order in which they are written: after the sections that they name rows of."""

from demandcenter.configuration.cadences import CadencesDocument
from demandcenter.configuration.documents import Document
from demandcenter.configuration.routing_policy import RoutingDocument
from demandcenter.configuration.scoped_models import ScopedScoringDocument
from demandcenter.configuration.scoring_model import ScoringDocument
from demandcenter.configuration.sla_policy import SlaDocument
from demandcenter.configuration.sql_definition import SqlDocument

DOCUMENTS: list[Document] = [
    ScoringDocument(),
    ScopedScoringDocument(),
    RoutingDocument(),
    SqlDocument(),
    SlaDocument(),
    CadencesDocument(),
]
