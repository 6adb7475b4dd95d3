"""Who sees what, role by role, and what the roles may do."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from funnel.access import NO_ROLE, ROLES, Role, role_of, visible_to
from funnel.models import Account, Activity, Lead, Opportunity, Person
from tests import factories as make

pytestmark = pytest.mark.django_db
MODELS = (Lead, Person, Account, Opportunity, Activity)


@pytest.fixture
def world():
    """North and South are SDR teams, West sells. A lead each of North, South and nobody, and West's business."""
    north, south, west = make.team(name="North"), make.team(name="South"), make.team("ae", name="West")
    made = {"north_sdr": make.user(Role.SDR, team=north), "south_sdr": make.user(Role.SDR, team=south)}
    made["ae"] = make.user(Role.AE, team=west)
    made["other_ae"] = make.user(Role.AE, team=make.team("ae", name="East"))
    accounts = {
        name: make.account(name=name, owner=owner)
        for name, owner in [("n", made["north_sdr"].rep), ("s", made["south_sdr"].rep), ("a", made["ae"].rep)]
    }
    free = make.account(name="free")
    leads = {
        "north": make.lead(owner=made["north_sdr"].rep, account=accounts["n"]),
        "south": make.lead(owner=made["south_sdr"].rep, account=accounts["s"]),
        "nobody": make.lead(account=free),
        "west": make.lead(owner=make.rep(team=west), account=None),
        "on_west_account": make.lead(owner=made["south_sdr"].rep, account=accounts["a"]),
        "of_west_deal": make.lead(owner=made["south_sdr"].rep, account=None),
    }
    made["deal"] = make.opportunity(owner=made["ae"].rep, lead=leads["of_west_deal"], account=free)
    made["free_deal"] = make.opportunity(account=free)
    for lead in leads.values():
        make.touch(person=lead.person)
    make.touch(account=accounts["n"])
    return made | {"leads": leads, "accounts": accounts | {"free": free}}


def seen(world, user) -> set[str]:
    ids = set(visible_to(Lead.objects.all(), user).values_list("pk", flat=True))
    return {name for name, lead in world["leads"].items() if lead.pk in ids}


def test_an_sdr_sees_the_own_team_and_what_nobody_owns(world):
    assert seen(world, world["north_sdr"]) == {"north", "nobody"}
    assert seen(world, world["south_sdr"]) == {"south", "nobody", "on_west_account", "of_west_deal"}


def test_an_account_executive_sees_the_own_team_deals_and_accounts(world):
    assert seen(world, world["ae"]) == {"west", "on_west_account", "of_west_deal"}
    assert seen(world, world["other_ae"]) == set()


@pytest.mark.parametrize("role", [Role.MARKETING_OPS, Role.SDR_MANAGER, Role.EXECUTIVE, Role.ADMINISTRATOR])
def test_these_roles_see_everything(world, role):
    user = make.user(role)
    for model in MODELS:
        assert visible_to(model.objects.all(), user).count() == model.objects.count()


def test_a_superuser_sees_everything_and_nobody_else_without_a_role_anything(world):
    assert len(seen(world, make.user(is_superuser=True))) == 6
    for user in (make.user(), make.user(is_superuser=True, is_active=False), AnonymousUser()):
        for model in MODELS:
            assert not visible_to(model.objects.all(), user).exists()


def test_a_role_without_a_rep_sees_only_what_nobody_owns(world):
    assert seen(world, make.user(Role.SDR)) == {"nobody"}
    assert seen(world, make.user(Role.AE)) == set()


def test_people_touches_accounts_and_deals_follow_the_leads(world):
    leads, accounts = world["leads"], world["accounts"]
    alone = make.person(last_name="Alone")

    def ids(model, user):
        return set(visible_to(model.objects.all(), user).values_list("pk", flat=True))

    people = ids(Person, world["north_sdr"])
    assert people == {leads["north"].person_id, leads["nobody"].person_id, alone.pk}
    touches = Activity.objects.filter(pk__in=ids(Activity, world["north_sdr"]))
    assert set(touches.values_list("person_id", "account_id")) == {
        (leads["north"].person_id, None),
        (leads["nobody"].person_id, None),
        (None, accounts["n"].pk),
    }
    assert ids(Account, world["north_sdr"]) == {accounts["n"].pk, accounts["free"].pk}
    assert ids(Account, world["ae"]) == {accounts["a"].pk, accounts["free"].pk}
    assert ids(Opportunity, world["ae"]) == {world["deal"].pk}
    assert ids(Opportunity, world["south_sdr"]) == {world["deal"].pk, world["free_deal"].pk}
    assert ids(Opportunity, world["other_ae"]) == set()


def test_the_filter_repeats_no_row_and_asks_once_a_request(world):
    make.opportunity(owner=world["ae"].rep, lead=world["leads"]["of_west_deal"])
    user = type(world["ae"]).objects.get(pk=world["ae"].pk)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for model in MODELS:
            rows = list(visible_to(model.objects.all(), user).values_list("pk", flat=True))
            assert len(rows) == len(set(rows))
    assert len(queries) == 3 + len(MODELS)  # roles, the rep, the team


def test_roles_in_words():
    both = make.user(Role.AE)
    both.groups.add(Group.objects.get(name=Role.SDR))
    assert role_of(both) == "SDR, Account executive"
    assert role_of(make.user(is_superuser=True)) == "Administrator"
    assert role_of(make.user()) == NO_ROLE


def test_the_roles_stand_after_migrate_with_their_permissions():
    assert set(ROLES) == set(Role.values)
    permitted = {role: make.user(role).get_all_permissions() for role in Role.values}
    assert "funnel.export_lead" in permitted[Role.MARKETING_OPS] and "funnel.export_lead" not in permitted[Role.SDR]
    assert "funnel.change_campaign" in permitted[Role.MARKETING_OPS]
    assert "funnel.change_campaign" not in permitted[Role.SDR_MANAGER]
    assert "funnel.change_team" in permitted[Role.SDR_MANAGER]
    assert "auth.add_user" in permitted[Role.ADMINISTRATOR]
    assert not any(name.startswith("auth.") for name in permitted[Role.MARKETING_OPS])
    assert all("funnel.view_lead" in names for names in permitted.values())
