"""The tables of the funnel: reference data, identity, facts, and the states cached from them."""

from funnel.models.accounts import Account, AccountDomain, AccountKey
from funnel.models.activities import Activity
from funnel.models.campaigns import Campaign, CampaignStatus, CostLine
from funnel.models.inbox import Inbox
from funnel.models.leads import Lead, Note, StageEvent
from funnel.models.opportunities import DealState, Opportunity, OpportunityContact, OpportunityEvent
from funnel.models.pending import PendingParent
from funnel.models.people import Person, PersonKey
from funnel.models.reference import (
    BuyingRole,
    BuyingStage,
    Channel,
    Content,
    Function,
    GlossaryTerm,
    Motion,
    Reason,
    Solution,
)
from funnel.models.regions import Region
from funnel.models.runs import ImportRun
from funnel.models.team import Rep, Team
from funnel.models.tokens import ApiToken
from funnel.path import Exit, Kind, Stage

__all__ = [
    "Account",
    "AccountDomain",
    "AccountKey",
    "Activity",
    "ApiToken",
    "BuyingRole",
    "BuyingStage",
    "Campaign",
    "CampaignStatus",
    "Channel",
    "Content",
    "CostLine",
    "DealState",
    "Exit",
    "Function",
    "GlossaryTerm",
    "ImportRun",
    "Inbox",
    "Kind",
    "Lead",
    "Motion",
    "Note",
    "Opportunity",
    "OpportunityContact",
    "OpportunityEvent",
    "PendingParent",
    "Person",
    "PersonKey",
    "Reason",
    "Region",
    "Rep",
    "Solution",
    "Stage",
    "StageEvent",
    "Team",
]
