"""The demo: its people, becoming one by a click, and leaving it for an installation of one's own."""

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection, connections

from demandcenter import demo
from funnel.access import Role, role_of
from funnel.models import Account, Campaign, GlossaryTerm, ImportRun, Lead, Note, Reason, Rep, StageEvent
from routing.models import Calendar, SlaPromise
from scoring.models import Score, ScoringModel
from tests import factories as make

pytestmark = pytest.mark.django_db
FORM = {"username": "petra", "password1": "pinetree-92-lake", "password2": "pinetree-92-lake"}


@pytest.fixture
def a_demo(settings):
    settings.DEMO = True
    return demo.create_logins()


def test_there_is_a_log_in_for_each_role(a_demo):
    assert {login.username: role_of(a_demo[login.username]) for login in demo.logins()} == {
        "elif": Role.MARKETING_OPS, "mara": Role.SDR, "hanna": Role.SDR_MANAGER, "magnus": Role.AE,
        "ana": Role.EXECUTIVE, "tomasz": Role.ADMINISTRATOR,
    }  # fmt: skip
    assert {name for name, user in a_demo.items() if user.is_staff} == {"elif", "hanna", "tomasz"}
    assert not any(user.is_superuser for user in a_demo.values())


def test_creating_them_again_puts_them_back(a_demo):
    User.objects.filter(username="mara").update(is_active=False, first_name="X")
    demo.create_logins()
    mara = User.objects.get(username="mara")
    assert (mara.is_active, mara.get_full_name(), User.objects.count()) == (True, "Mara Lindqvist", 6)
    assert mara.check_password(demo.PASSWORD)


def test_somebody_elses_username_is_not_taken_over(settings):
    make.user(username="mara", email="mara@example.com")
    with pytest.raises(ValueError, match="taken"):
        demo.create_logins()
    assert User.objects.count() == 1


def test_the_log_in_page_offers_them_on_a_demo_only(client, a_demo, settings):
    assert "Elif Aydın" in client.get("/login/").content.decode()
    settings.DEMO = False
    assert "Elif Aydın" not in client.get("/login/").content.decode()


def test_one_click_logs_in(client, a_demo):
    response = client.post("/demo/login/", {"username": "mara", "next": "/leads/?stage=mql"})
    assert response.headers["Location"] == "/leads/?stage=mql"
    assert client.get("/leads/").status_code == 200
    assert role_of(User.objects.get(pk=client.session["_auth_user_id"])) == Role.SDR


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_one_click_leads_nowhere_else(client, a_demo, wanted):
    assert client.post("/demo/login/", {"username": "mara", "next": wanted}).headers["Location"] == "/"


def test_one_click_works_for_the_demos_people_and_on_a_demo_only(client, a_demo, settings):
    make.user(Role.ADMINISTRATOR, username="boss", is_superuser=True)
    assert client.post("/demo/login/", {"username": "boss"}).status_code == 404
    User.objects.filter(username="mara").update(is_active=False)
    assert client.post("/demo/login/", {"username": "mara"}).status_code == 404
    settings.DEMO = False
    assert client.post("/demo/login/", {"username": "elif"}).status_code == 404
    assert "_auth_user_id" not in client.session


# --- Removing it ----------------------------------------------------------------------------------


@pytest.fixture
def full_demo(a_demo, settings, tmp_path):
    """A demo with something in many tables, an uploaded file, and the mark of `manage.py up`."""
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path
    (tmp_path / demo.MARK).write_text("ready\n")
    team = make.team()
    rep = make.rep(team=team, user=a_demo["mara"])
    lead = make.lead(owner=rep, account=make.account(owner=rep))
    make.touch(person=lead.person)
    Account.objects.update(city="Bern")  # leaves a row of history
    Note.objects.create(person=lead.person, lead=lead, author=a_demo["mara"], text="Hello")
    Campaign.objects.create(name="Spring")
    Reason.objects.get_or_create(kind="recycle", name="Timing")
    GlossaryTerm.objects.get_or_create(slug="mql", defaults={"term": "MQL", "definition": "…"})
    run = ImportRun(kind="leads", source="crm", filename="leads.csv", started_by=a_demo["elif"])
    run.file.save("leads.csv", ContentFile(b"a,b"))
    connection.check_constraints()  # what a commit does; a table with checks pending cannot be truncated
    return run


def rows() -> dict[str, int]:
    models = [model for label in demo.BUSINESS_APPS for model in apps.get_app_config(label).get_models()]
    return {model._meta.label: model._default_manager.count() for model in models}


def test_removing_the_demo_leaves_an_empty_installation_and_its_administrator(client, full_demo, tmp_path):
    client.post("/demo/login/", {"username": "tomasz"})
    page = client.get("/demo/remove/").content.decode()
    assert "Leads" in page and "Demo log-ins" in page and "username" in page
    response = client.post("/demo/remove/", FORM)
    assert response.headers["Location"] == "/"

    left = {name for name, count in rows().items() if count}
    delivered = {"funnel.Reason", "funnel.GlossaryTerm", "routing.Calendar", "routing.SlaPolicy", "routing.SlaPromise"}
    model = {f"scoring.{name}" for name in ("ScoringModel", "ScoreCategory", "ScoreRule", "Gate")}
    assert delivered | model <= left <= delivered | model | {"reporting.Change"}
    (petra,) = User.objects.all()
    assert (petra.username, petra.is_superuser, role_of(petra)) == ("petra", True, Role.ADMINISTRATOR)
    assert petra.check_password(FORM["password1"])
    assert client.session["_auth_user_id"] == str(petra.pk)
    assert "No leads yet" in client.get("/leads/").content.decode()
    assert not full_demo.file.storage.exists(full_demo.file.name)
    assert not (tmp_path / demo.MARK).exists()
    assert not demo.is_demo() and demo.logins() == []
    assert client.get("/demo/remove/").status_code == 404


@pytest.mark.parametrize(
    "change",
    [{"username": ""}, {"password2": "another"}, {"password1": "short", "password2": "short"}, {"username": "a b"}],
)
def test_without_a_good_administrator_nothing_is_removed(client, full_demo, change):
    client.post("/demo/login/", {"username": "tomasz"})
    before = rows()
    response = client.post("/demo/remove/", FORM | change)
    assert response.status_code == 422 and "errorlist" in response.content.decode()
    assert rows() == before and User.objects.count() == 6


def test_an_installation_with_an_administrator_asks_for_none(client, full_demo):
    boss = make.user(username="boss", is_superuser=True)
    client.force_login(boss)
    assert 'name="password1"' not in client.get("/demo/remove/").content.decode()
    assert client.post("/demo/remove/").headers["Location"] == "/"
    assert list(User.objects.all()) == [boss] and not Lead.objects.exists()


def test_only_an_administrator_removes_it_and_only_a_demo(client, full_demo, settings):
    client.post("/demo/login/", {"username": "elif"})
    assert client.get("/demo/remove/").status_code == 403
    assert client.post("/demo/remove/", FORM).status_code == 403
    client.force_login(User.objects.get(username="tomasz"))
    settings.DEMO = False
    assert client.post("/demo/remove/", FORM).status_code == 404
    assert Lead.objects.exists()


def test_the_command_does_the_same(full_demo, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "short")
    with pytest.raises(CommandError, match="too short"):
        call_command("remove_demo", "--yes", "--administrator", "petra")
    with pytest.raises(CommandError, match="--administrator"):
        call_command("remove_demo", "--yes")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", FORM["password1"])
    monkeypatch.setattr("builtins.input", lambda _question: "no")
    with pytest.raises(CommandError, match="Nothing was removed"):
        call_command("remove_demo", "--administrator", "petra")
    assert Lead.objects.exists()
    call_command("remove_demo", "--yes", "--administrator", "petra")
    assert not StageEvent.objects.exists() and not Rep.objects.exists()
    assert list(Calendar.objects.values_list("name", flat=True)) == ["Office hours"]
    promises = dict(SlaPromise.objects.values_list("kind", "amount"))
    assert promises == {
        "accept": 1, "hot": 5, "follow_up": 2, "working": 21, "outcome": 1, "decision": 5, "take_over": 1,
    }  # fmt: skip
    assert ScoringModel.objects.get().active and not Score.objects.exists()
    assert list(User.objects.values_list("username", flat=True)) == ["petra"]
    with pytest.raises(CommandError, match="no demo"):
        call_command("remove_demo", "--yes", "--administrator", "petra")


@pytest.mark.django_db(transaction=True)
def test_a_writer_in_the_way_means_that_nothing_is_removed(client, full_demo, monkeypatch):
    monkeypatch.setattr(demo, "LOCK_PATIENCE", "200ms")
    client.post("/demo/login/", {"username": "tomasz"})
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE funnel_lead IN ROW EXCLUSIVE MODE")
        response = client.post("/demo/remove/", FORM)
        other.rollback()
    finally:
        other.close()
    assert response.status_code == 422 and "Nothing was removed" in response.content.decode()
    assert Lead.objects.exists() and demo.demo_users().count() == 6


def test_what_is_kept_points_to_nothing_that_goes():
    """A foreign key from a kept table would make TRUNCATE fail."""
    tables = {model._meta.db_table for model in demo._business_models()} | {"pghistory_context"}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
               WHERE contype = 'f' AND connamespace = 'public'::regnamespace"""
        )
        assert [pair for pair in cursor.fetchall() if pair[1] in tables and pair[0] not in tables] == []
