"""Who sees and may do what: six roles, kept as Django groups, and one queryset filter for pages and API alike.

What a role may *do* is its permissions. What it *sees* is `visible_to`: everything, or the leads of one's own team
(and, for SDRs, those that nobody owns yet and those they handed on as SQLs; for account executives, those of their own
deals and accounts).
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from django.apps.config import AppConfig
from django.contrib.auth.models import Group, Permission
from django.db.models import Exists, Model, OuterRef, Q, QuerySet, TextChoices

from funnel.models import Account, Activity, Lead, Opportunity, Person, Rep

M = TypeVar("M", bound=Model)
NO_ROLE = "No role yet"


class Role(TextChoices):
    """A role is the group of this name."""

    MARKETING_OPS = "Marketing operations"
    SDR = "SDR"
    SDR_MANAGER = "SDR manager"
    AE = "Account executive"
    EXECUTIVE = "Executive"
    ADMINISTRATOR = "Administrator"


_OWN_WORDS = ("region", "solution", "channel", "content", "campaign", "campaignstatus", "costline", "glossaryterm")

_AGREED = ("reporting.view_agreement", "reporting.view_review")
# Both sides write down what they promise each other; whoever may sign is named as a signer.
_AGREEING = (
    *(f"reporting.{deed}_{model}" for model in ("agreement", "review") for deed in ("view", "add", "change")),
    "reporting.sign_agreement",
)

# role -> its permissions as "app.codename"; * stands for anything.
ROLES: dict[str, tuple[str, ...]] = {
    Role.MARKETING_OPS: (
        "funnel.view_*",
        *(f"funnel.*_{model}" for model in (*_OWN_WORDS, "reason", "importrun")),
        "funnel.add_activity",
        "funnel.add_lead",
        "funnel.add_note",
        "funnel.change_inbox",
        "funnel.export_lead",
        "scoring.*",
        "routing.view_*",
        *_AGREEING,
    ),
    Role.SDR: ("funnel.view_*", "scoring.view_*", "routing.view_*", *_AGREED, "funnel.add_note", "routing.work_lead"),
    Role.SDR_MANAGER: (
        "funnel.view_*",
        *(f"funnel.{deed}_{model}" for model in ("team", "rep", "reason") for deed in ("add", "change")),
        "funnel.add_note",
        "funnel.export_lead",
        "scoring.view_*",
        "routing.*",
        *_AGREEING,
    ),
    Role.AE: ("funnel.view_*", "scoring.view_*", "routing.view_*", *_AGREED, "funnel.add_note", "routing.work_deal"),
    Role.EXECUTIVE: (
        "funnel.view_*",
        "scoring.view_*",
        "routing.view_*",
        "funnel.export_lead",
        *_AGREED,
        "reporting.sign_agreement",
    ),
    Role.ADMINISTRATOR: ("funnel.*", "scoring.*", "routing.*", "reporting.*", "auth.*_user", "auth.*_group"),
}
SEES_EVERYTHING = frozenset({Role.MARKETING_OPS, Role.SDR_MANAGER, Role.EXECUTIVE, Role.ADMINISTRATOR})
STAFF = frozenset({Role.MARKETING_OPS, Role.SDR_MANAGER, Role.ADMINISTRATOR})  # use the admin, if so marked


def give_permissions(app_config: AppConfig, **_: Any) -> None:
    """Give every role its permissions on one app's models; runs after each migrate, like Django's own permissions.

    The six groups are the product's: what somebody changes in them by hand is put back. A company that wants another
    set of permissions adds a group of its own.
    """
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission.pk
        for permission in Permission.objects.filter(content_type__app_label=app_config.label).select_related(
            "content_type"
        )
    }
    if not known:
        return
    for role, patterns in ROLES.items():
        group, _created = Group.objects.get_or_create(name=role)
        wanted = {pk for name, pk in known.items() if any(fnmatchcase(name, pattern) for pattern in patterns)}
        held = set(group.permissions.filter(pk__in=known.values()).values_list("pk", flat=True))
        group.permissions.add(*wanted - held)
        group.permissions.remove(*held - wanted)


def roles_of(user: Any) -> frozenset[str]:
    """The roles of a user, read once a request."""
    if not hasattr(user, "_roles"):
        names = user.groups.filter(name__in=Role.values).values_list("name", flat=True) if user.pk else ()
        user._roles = frozenset(names)
    return user._roles


def name_of(user: Any) -> str:
    """What a user is called to others."""
    return user.get_full_name() or user.get_username()


def role_of(user: Any) -> str:
    """The user's role in words; several in the order of `Role`."""
    held = roles_of(user)
    return ", ".join(role for role in Role.values if role in held) or (
        Role.ADMINISTRATOR.value if user.is_superuser else NO_ROLE
    )


@dataclass(frozen=True, slots=True)
class Sight:
    """How far a user sees. reps: the user's own team; rep: the user as an owner, when they are one."""

    everything: bool = False
    rep: int | None = None
    reps: tuple[int, ...] = ()
    unowned: bool = False
    own_business: bool = False


def sight_of(user: Any) -> Sight:
    """How far this user sees, read once a request.

    The team's reps are a plain list rather than a subquery: PostgreSQL then knows how many leads they own.
    """
    if not hasattr(user, "_sight"):
        user._sight = _read_sight(user)
    return user._sight


def _read_sight(user: Any) -> Sight:
    if not user.is_active:
        return Sight()
    held = roles_of(user)
    if user.is_superuser or held & SEES_EVERYTHING:
        return Sight(everything=True)
    if not held:
        return Sight()
    me = Rep.objects.filter(user=user).values("pk", "team_id").first()
    if me is None:
        return Sight(unowned=Role.SDR in held)
    reps = [me["pk"]]
    if me["team_id"]:
        reps = list(Rep.objects.filter(team=me["team_id"]).order_by("pk").values_list("pk", flat=True))
    return Sight(rep=me["pk"], reps=tuple(reps), unowned=Role.SDR in held, own_business=Role.AE in held)


def visible_to(queryset: QuerySet[M], user: Any) -> QuerySet[M]:
    """Narrow a queryset of leads, people, accounts, opportunities or touches to what the user may see.

    Without a role nothing is seen. Adds conditions only: no join that could repeat a row, no work a row in Python.
    """
    condition_for = _CONDITIONS[queryset.model]
    sight = sight_of(user)
    if sight.everything:
        return queryset
    if not (sight.reps or sight.unowned):
        return queryset.none()
    return queryset.filter(condition_for(sight))


class _EachRow(Exists):
    """EXISTS that PostgreSQL answers row by row from an index.

    Lists are read a page at a time; without OFFSET, PostgreSQL may hash the whole inner table for fifty rows.
    """

    template = "EXISTS(%(subquery)s OFFSET 0)"


def _leads(sight: Sight) -> Q:
    condition = _owned(sight)
    if sight.unowned:  # what SDRs have handed on they follow to its end
        condition |= Q(developed_by__in=sight.reps)
    if sight.own_business:
        condition |= Q(account__in=Account.objects.filter(owner=sight.rep))
        condition |= Q(pk__in=Opportunity.objects.filter(owner=sight.rep, lead__isnull=False).values("lead"))
    return condition


def _owned(sight: Sight) -> Q:
    condition = Q(owner__in=sight.reps)
    return condition | Q(owner=None) if sight.unowned else condition


def _people(sight: Sight) -> Q:
    """People with a lead one may see, people whom nobody has a lead of (for SDRs), people of one's own accounts."""
    theirs = Lead.objects.filter(person=OuterRef("pk"))
    condition = Q(_EachRow(theirs.filter(_leads(sight))))
    if sight.unowned:
        condition |= ~Q(_EachRow(theirs))
    if sight.own_business:
        condition |= Q(account__in=Account.objects.filter(owner=sight.rep))
    return condition


def _accounts(sight: Sight) -> Q:
    condition = _owned(sight) | Q(_EachRow(Lead.objects.filter(account=OuterRef("pk")).filter(_leads(sight))))
    if sight.own_business:
        condition |= Q(_EachRow(Opportunity.objects.filter(account=OuterRef("pk"), owner=sight.rep)))
    return condition


def _opportunities(sight: Sight) -> Q:
    condition = _owned(sight) | Q(_EachRow(Lead.objects.filter(pk=OuterRef("lead")).filter(_leads(sight))))
    if sight.own_business:
        condition |= Q(account__in=Account.objects.filter(owner=sight.rep))
    return condition


def _activities(sight: Sight) -> Q:
    """A person's touch with the person; a touch that names only an account with the account."""
    person = Person.objects.filter(pk=OuterRef("person")).filter(_people(sight))
    account = Account.objects.filter(pk=OuterRef("account")).filter(_accounts(sight))
    return Q(_EachRow(person)) | Q(person=None) & Q(_EachRow(account))


_CONDITIONS: dict[type[Model], Any] = {
    Lead: _leads,
    Person: _people,
    Account: _accounts,
    Opportunity: _opportunities,
    Activity: _activities,
}
