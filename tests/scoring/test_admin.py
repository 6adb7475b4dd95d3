"""Scoring in the admin: versions are drafted, edited, published, activated; what cannot be is told beside its field."""

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from funnel import counting
from funnel.access import Role
from funnel.models import Channel, Solution
from scoring import admin, forms, services
from scoring.account_terms import default_accounts
from scoring.forms import CategoryForm, RuleForm
from scoring.matrix_forms import MatrixField
from scoring.models import Gate, Score, ScoreCategory, ScoreRule, ScoringModel, Status
from tests import factories as make
from tests.form_data import form_data
from tests.scoring.models import Model

pytestmark = pytest.mark.django_db
LIST = "/admin/scoring/scoringmodel/"


@pytest.fixture
def marketing_ops(client):
    user = make.user(Role.MARKETING_OPS, is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def draft():
    """A small draft: one category of each kind, one rule."""
    model = ScoringModel.objects.create(version=90, name="Small")
    fit = ScoreCategory.objects.create(model=model, name="Company", axis="fit")
    web = ScoreCategory.objects.create(model=model, name="Web", axis="interest", half_life_days=30)
    ScoreCategory.objects.create(model=model, name="Recent", axis="interest")
    ScoreRule.objects.create(
        model=model, category=web, name="Form", kind="touch", points=20,
        condition={"field": "touch.type", "op": "is", "value": "form"},
    )  # fmt: skip
    ScoreRule.objects.create(
        model=model, category=fit, name="Large", kind="attribute", points=30,
        condition={"field": "account.employees", "op": "gte", "value": 500},
    )  # fmt: skip
    return model


def page(model, act="change") -> str:
    return f"{LIST}{model.pk}/{act}/"


def edited(client, model, **changes) -> dict[str, str]:
    """The form as it is shown, with changes."""
    return form_data(client.get(page(model)).content.decode()) | {
        name.replace("__", "-", 1): str(value) for name, value in changes.items()
    }


def problems(response) -> str:
    """Everything that the page says is wrong."""
    assert response.status_code == 200, response.headers
    context = response.context
    said = [str(context["adminform"].form.errors)]
    for inline in context["inline_admin_formsets"]:
        said += [str(inline.formset.non_form_errors()), *(str(form.errors) for form in inline.formset.forms)]
    return " ".join(said)


def test_what_is_shown_can_be_saved_as_it_is(client, marketing_ops, draft):
    before = list(ScoreRule.objects.order_by("pk").values())
    response = client.post(page(draft), edited(client, draft))
    assert response.status_code == 302, problems(response)
    assert list(ScoreRule.objects.order_by("pk").values()) == before


def test_a_draft_is_given_a_scope_and_decides_within_it(client, marketing_ops, draft):
    edge = Solution.objects.create(name="Edge")
    general = Model().active()
    response = client.post(page(draft), edited(client, draft, solution=edge.pk))
    assert response.status_code == 302, problems(response)
    draft.refresh_from_db()
    assert draft.scope == "Edge"
    services.publish(draft, user=None, now=timezone.now())
    asked = client.get(page(draft, "activate_version")).content.decode()
    assert f"{general} decides about Edge no longer; it goes on deciding about other leads." in asked
    client.post(page(draft, "activate_version"))
    client.post(page(general, "deactivate_version"))
    assert {*ScoringModel.objects.filter(active=True)} == {draft}
    listed = client.get(reverse("admin:scoring_scoringmodel_changelist")).content.decode()
    assert "No scoring model decides about all leads, only about Edge" in listed


def test_a_rule_is_added_at_the_end(client, marketing_ops, draft):
    web = draft.categories.get(name="Web")
    new = {
        "rules__TOTAL_FORMS": 3, "rules__2-name": "Webinar", "rules__2-kind": "touch", "rules__2-category": web.pk,
        "rules__2-points": "7.5", "rules__2-points_if_unknown": 0, "rules__2-model": draft.pk,
        "rules__2-condition": '{"field": "touch.type", "op": "is", "value": "webinar"}',
    }  # fmt: skip
    response = client.post(page(draft), edited(client, draft, **new))
    assert response.status_code == 302, problems(response)
    rule = draft.rules.get(name="Webinar")
    assert (rule.points, rule.category, rule.condition["value"]) == (7.5, web, "webinar")
    assert rule.position > max(row.position for row in draft.rules.exclude(pk=rule.pk))


def test_what_cannot_be_is_told_beside_its_field_and_nothing_typed_is_lost(client, marketing_ops, draft):
    # rules-0 is “Large” (fit comes first), rules-1 is “Form”.
    typed = {
        "name": "Changed", "threshold": "-1", "matrix_fit_0": "high", "matrix_letter_1": "a",
        "categories-1-half_life_days": "3", "categories-0-cap": "-5",
        "rules-0-condition": '{"field": "account.emploees", "op": "gt", "value": 5}',
        "rules-1-condition": '{"field": "touch.type", "op":', "rules-1-points": "many", "rules-1-name": "",
    }  # fmt: skip
    response = client.post(page(draft), edited(client, draft) | typed)
    said = problems(response)
    for problem in (
        "The threshold is 0 or more.",
        "takes a number within ±10,000, not “high”",
        "Two grades have the same letter.",
        "A half-life is a week or more (7 days).",
        "A cap is 0 or more",
        "Did you mean account.employees",
        "This is not JSON",
        "Enter a number",
        "This field is required",
    ):
        assert problem in said
    shown = form_data(response.content.decode())
    assert json.loads(shown.pop("rules-0-condition")) == json.loads(typed.pop("rules-0-condition"))
    assert {name: shown[name].strip() for name in typed} == typed | {"matrix_letter_1": "A"}


def refusal(form_class, instance, changes: dict, **options) -> str:
    """What a form says of the row with changes."""
    shown = form_class(instance=instance, **options)
    data = {name: shown[name].value() for name in shown.fields} | changes
    return str(form_class(data, instance=instance, **options).errors).replace("&quot;", '"')


@pytest.mark.parametrize(
    ("rule", "changes", "said"),
    [
        ("Form", {"condition": '{"field": "touch.type", "op": "gt", "value": 3}'}, "cannot be compared by “gt”"),
        ("Form", {"condition": "[" * 5000}, "too deep"),
        ("Form", {"condition": "9" * 9000}, "too long a number"),
        ("Form", {"condition": "[1]"}, "a list is no condition"),
        ("Large", {"condition": '{"field": "touch.type", "op": "is", "value": "form"}'}, "cannot ask for a touch"),
        ("Large", {"condition": '{"all": [{"field": "account.employees", "op": "gt", "value": 500},'
                                ' {"field": "account.employees", "op": "lt", "value": 100}]}'}, "can never hold"),
        ("Form", {"window_days": 10}, "A window needs a category without a half-life."),
        ("Form", {"after_days": 10}, "Only a rule about inactivity counts days"),
        ("Form", {"points_if_unknown": 3}, "Only a rule about a person or account knows"),
        ("Large", {"per_day": 3}, "Only a rule about touches counts a day"),
        ("Form", {"kind": "inactivity", "points": -3}, "Say after how many days"),
        ("Form", {"kind": "inactivity", "after_days": 9, "points": -3}, "has no condition"),
        ("Form", {"kind": "inactivity", "after_days": 9}, "the points are 0 or less"),
        ("Form", {"kind": "attribute"}, "choose a fit category"),
        ("Large", {"kind": "touch"}, "choose an interest category"),
        ("Form", {"points": 1e9}, "lie between"),
        ("Form", {"category": 0}, "Select a valid choice"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_told(draft, rule, changes, said):
    categories = list(draft.categories.all())
    assert said in refusal(RuleForm, draft.rules.get(name=rule), changes, categories=categories)
    assert refusal(RuleForm, draft.rules.get(name=rule), {}, categories=categories) == ""


@pytest.mark.parametrize(
    ("category", "changes", "said"),
    [
        ("Web", {"half_life_days": 6.9}, "A half-life is a week or more (7 days)."),
        ("Company", {"half_life_days": 30}, "Fit does not decay"),
        ("Web", {"axis": "fit", "half_life_days": ""}, "The category has rules, which belong to its axis."),
    ],
)
def test_a_category_that_cannot_be_is_told(draft, category, changes, said):
    assert said in refusal(CategoryForm, draft.categories.get(name=category), changes)


def test_a_category_with_rules_stays(client, marketing_ops, draft):
    refused = problems(client.post(page(draft), edited(client, draft, **{"categories__1-DELETE": "on"})))
    assert "The category “Web” has rules." in refused


# Grades A 65, B 45, C 25, D; bands 60, 40, 20, 0; place 4 is blank.
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"letter_1": "?"}, "not “?”"),
        ({"letter_1": "", "fit_1": "45"}, "A grade has its least fit but no letter."),
        ({"fit_1": "70"}, "Each grade starts at less fit"),
        ({"fit_0": ""}, "Grade A needs its least fit"),
        ({"fit_3": "5"}, "leave its least fit blank"),
        ({"fit_0": "inf"}, "takes a number within ±10,000, not “inf”"),
        ({"interest_1": "60"}, "Each band starts at less interest"),
        ({"interest_3": "5"}, "The last interest band starts at 0"),
        ({"interest_1": ""}, "An interest band is missing"),
        ({"cell_0_0": ""}, "Choose what is to be done in A1."),
        ({"cell_0_0": "dance"}, "Choose what is to be done in A1."),
        (dict.fromkeys(["cell_0_0", "cell_0_1", "cell_1_0", "cell_1_1"], "hold"), "No cell asks for an MQL"),
        ({f"letter_{place}": "" for place in range(4)}, "There is one grade at least."),
        ({f"interest_{place}": "" for place in range(4)}, "There is one interest band at least."),
    ],
)
def test_grades_and_bands_that_cannot_be_are_told(changes, said):
    model = ScoringModel()
    field = MatrixField()
    html = field.widget.render("m", {"grades": model.grades, "bands": model.bands, "grid": model.grid})
    data = form_data(html)
    assert field.clean(field.widget.value_from_datadict(data, {}, "m"))["grid"] == model.grid
    with pytest.raises(ValidationError) as refused:
        field.clean(
            field.widget.value_from_datadict(data | {f"m_{name}": text for name, text in changes.items()}, {}, "m")
        )
    assert any(said in problem for problem in refused.value.messages)


def test_grades_and_bands_are_edited_as_a_table(client, marketing_ops, draft):
    changes = {
        "matrix_letter_4": "e", "matrix_fit_3": 5, **{f"matrix_cell_4_{band}": "hold" for band in range(4)},
        "matrix_cell_3_0": "mql",
    }  # fmt: skip
    response = client.post(page(draft), edited(client, draft, **changes))
    assert response.status_code == 302, problems(response)
    draft.refresh_from_db()
    assert draft.grades[-2:] == [["D", 5], ["E", None]]
    assert draft.grid["D1"] == "mql" and draft.grid["E4"] == "hold" and len(draft.grid) == 20
    assert client.get(page(draft)).content.decode().count("matrix_letter_") == 6  # and one more


def test_too_many_rules_are_told(client, marketing_ops, draft, monkeypatch):
    monkeypatch.setattr(forms, "MOST_RULES", 1)
    refused = problems(client.post(page(draft), edited(client, draft)))
    assert "A version has at most 1 rules, and this would be 2." in refused


def test_hundreds_of_rules_are_edited_page_by_page(client, marketing_ops, draft, monkeypatch):
    monkeypatch.setattr(admin.RuleInline, "per_page", 1)
    monkeypatch.setattr(forms, "MOST_RULES", 3)
    second = f"{page(draft)}?rules-page=2"
    assert "Large" not in (data := form_data(client.get(second).content.decode())).values()
    new = {
        "rules-0-points": "21", "rules-TOTAL_FORMS": "2", "rules-1-name": "New", "rules-1-kind": "attribute",
        "rules-1-category": str(draft.categories.get(name="Company").pk), "rules-1-points": "1",
        "rules-1-points_if_unknown": "0", "rules-1-condition": "", "rules-1-model": str(draft.pk),
    }  # fmt: skip
    response = client.post(second, data | new)
    assert response.status_code == 302, problems(response)
    assert dict(draft.rules.values_list("name", "points")) == {"Form": 21, "Large": 30, "New": 1}
    data = form_data(client.get(second).content.decode())
    assert "this would be 4" in problems(client.post(second, data | new | {"rules-1-name": "One more"}))
    monkeypatch.setattr(forms, "MOST_RULES", 9)
    assert "There is a score rule “Large” on another page already." in problems(
        client.post(second, data | new | {"rules-1-name": "Large"})
    )


def test_a_draft_is_shown_by_the_same_queries_however_many_rules(client, marketing_ops, draft):
    """Saved it takes one more a rule, by which Django finds the row that a form is of."""

    def queries(number: int) -> tuple[int, int]:
        web = draft.categories.get(name="Web")
        for place in range(number):
            ScoreRule.objects.create(model=draft, category=web, name=f"Rule {number}.{place}", points=1)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page(draft)).status_code == 200
            shown = len(captured)
        data = edited(client, draft)
        with CaptureQueriesContext(connection) as captured:
            assert client.post(page(draft), data).status_code == 302
            saved = len(captured)
        return shown, saved

    queries(0)  # what Django remembers after a first look
    shown, saved = queries(1)
    assert queries(12) == (shown, saved + 12)


def test_a_gate_needs_a_condition_and_asks_for_a_touch_only_as_a_fast_track(client, marketing_ops, draft):
    gate = Gate.objects.create(model=draft, kind="exclude", name="Rival", condition={"field": "account.kind",
                               "op": "is", "value": "competitor"})  # fmt: skip
    assert "A condition is needed" in problems(
        client.post(page(draft), edited(client, draft, **{"gates__0-condition": ""}))
    )
    touch = '{"field": "touch.type", "op": "is", "value": "demo"}'
    changes = {"gates__0-condition": touch}
    assert "Only a fast track may ask for a touch" in problems(
        client.post(page(draft), edited(client, draft, **changes))
    )
    response = client.post(page(draft), edited(client, draft, **changes, **{"gates__0-kind": "fast_track"}))
    assert response.status_code == 302, problems(response)
    gate.refresh_from_db()
    assert gate.condition == json.loads(touch)


# --- The life of a version ------------------------------------------------------------------------


def test_a_draft_is_made_from_a_version(client, marketing_ops):
    shipped = services.ship(now=timezone.now())
    response = client.post(page(shipped, "new_draft"), {"name": "Mine", "from_model": shipped.pk, "why": "To try"})
    made = ScoringModel.objects.latest("version")
    assert response.headers["Location"] == page(made)
    assert (made.status, made.name, made.created_by) == (Status.DRAFT, "Mine", marketing_ops)
    assert made.rules.count() == shipped.rules.count() > 10
    added = client.post(f"{LIST}add/", {"name": "Another", "from_model": "", "why": ""})
    assert added.status_code == 302 and ScoringModel.objects.latest("version").name == "Another"


def test_publishing_takes_a_reason_and_tells_what_is_wrong(client, marketing_ops, draft):
    assert "Say what changes and why" in client.post(page(draft, "publish_version"), {"why": ""}).content.decode()
    ScoreRule.objects.filter(name="Form").update(condition={"field": "touch.tipe", "op": "is", "value": "form"})
    refused = client.post(page(draft, "publish_version"), {"why": "Because of spring"}).content.decode()
    assert "Rule “Form”: There is no field “touch.tipe” here." in refused and "Because of spring" in refused
    ScoreRule.objects.filter(name="Form").update(condition={})
    assert client.post(page(draft, "publish_version"), {"why": "Spring"}).status_code == 302
    draft.refresh_from_db()
    assert (draft.status, draft.why, draft.published_by) == (Status.PUBLISHED, "Spring", marketing_ops)


def test_a_published_version_is_looked_at_and_not_edited(client, marketing_ops, draft):
    services.publish(draft, user=None, why="x", now=timezone.now())
    shown = client.get(page(draft)).content.decode()
    assert "Employees is at least 500" in shown and "New draft from this version" in shown
    assert 'name="name"' not in shown and "matrix_letter_0" not in shown
    assert client.post(page(draft), {"name": "Other"}).status_code == 403
    assert client.post(page(draft, "delete"), {"post": "yes"}).status_code == 403
    assert client.get(page(draft, "publish_version")).status_code == 403


def test_a_draft_can_be_removed(client, marketing_ops, draft):
    assert client.post(page(draft, "delete"), {"post": "yes"}).status_code == 302
    assert not ScoringModel.objects.filter(pk=draft.pk).exists()


def test_a_version_is_activated_when_everybody_is_scored(client, marketing_ops, draft):
    services.publish(draft, user=None, why="x", now=timezone.now())
    ScoringModel.objects.filter(pk=draft.pk).update(filled_at=None)
    waiting = client.post(page(draft, "activate_version"), {"apply_to_open": "on"}).content.decode()
    assert "has not scored everybody yet" in waiting
    ScoringModel.objects.filter(pk=draft.pk).update(filled_at=timezone.now())
    assert client.post(page(draft, "activate_version"), {}).status_code == 302
    draft.refresh_from_db()
    assert draft.active and draft.activated_by == marketing_ops
    assert client.get(page(draft, "retire_version")).status_code == 403


def test_activating_shows_what_it_changes(client, marketing_ops, draft):
    now = timezone.now()
    other = services.draft(from_model=draft, user=None, name="Other")
    for model in (draft, other):
        services.publish(model, user=None, why="x", now=now)
    ScoringModel.objects.update(filled_at=now)
    services.activate(draft, user=None, now=now)
    for number, (before, after) in enumerate([("B", "A"), ("B", "C"), ("A", "A")]):
        person = make.person()
        for model, grade, qualified in ((draft, before, number == 2), (other, after, number == 0)):
            Score.objects.create(
                person=person, model=model, acc=[], base=[], fit=[], fit_total=0, grade=grade, band=2,
                eligible=qualified, allowed=True, scored_at=now,
            )  # fmt: skip
    shown = client.get(page(other, "activate_version")).content.decode()
    assert "What it changes for 3 people" in shown and "1 up, 1 down" in shown
    assert "1 → <strong>1</strong>" in shown and "Small, version 90 stops deciding" in shown


def test_a_version_is_retired(client, marketing_ops, draft):
    services.publish(draft, user=None, why="x", now=timezone.now())
    assert client.post(page(draft, "retire_version")).status_code == 302
    draft.refresh_from_db()
    assert draft.status == Status.RETIRED and "Retired" in client.get(page(draft)).content.decode()


@pytest.mark.parametrize("act", ["publish_version", "activate_version", "retire_version", "new_draft"])
def test_who_may_only_look_does_nothing(client, draft, act):
    client.force_login(make.user(Role.SDR_MANAGER, is_staff=True))
    assert client.get(page(draft)).status_code == 200
    assert client.post(page(draft), {"name": "Other"}).status_code == 403
    assert client.post(page(draft, act), {"why": "x", "name": "x"}).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403


def test_an_address_of_no_version_is_not_found(client, marketing_ops):
    for pk in ("0", "x", "9" * 30):
        assert client.get(f"{LIST}{pk}/new_draft/").status_code == 404


# --- What the builder asks ------------------------------------------------------------------------


def ask(client, tree, of="person") -> dict:
    text = tree if isinstance(tree, str) else json.dumps(tree)
    return client.post(reverse("scoring:condition-count", args=[of]), {"condition": text}).json()


def test_the_builder_is_told_fields_and_operators(client, marketing_ops):
    told = client.get(reverse("scoring:condition-fields", args=["touch"])).json()
    names = {field["name"]: field for field in told["fields"]}
    assert names["touch.direction"]["choices"] == [["in", "From them"], ["out", "From us"]]
    assert "gte" in names["account.employees"]["ops"] and "contains" not in names["account.employees"]["ops"]
    assert [named["prefix"] for named in told["named"]] == ["attribute", "account_attribute", "payload", "answer"]
    assert told["operators"]["between"]["takes"] == "bounds"
    of_people = client.get(reverse("scoring:condition-fields", args=["person"])).json()
    assert not any(field["name"].startswith("touch.") for field in of_people["fields"])


def test_people_are_counted_with_those_not_known(client, marketing_ops):
    for title in ("CEO", "Head of sales", ""):
        make.person(title=title)
    assert ask(client, {"field": "person.title", "op": "word", "value": "ceo"}) == {
        "sentence": "Job title has the word “ceo”.", "problems": [], "count": "1 of 3 people match, 1 unknown.",
    }  # fmt: skip
    assert ask(client, "") == {"sentence": "Always.", "problems": [], "count": "3 of 3 people match."}


def test_touches_of_the_last_days_are_counted_with_their_people(client, marketing_ops):
    person, now = make.person(), timezone.now()
    for days in (1, 2, 200):
        make.touch(person=person, type="form", occurred_at=now - timedelta(days=days))
    make.touch(person=make.person(), type="call", occurred_at=now)
    make.touch(person=person, type="form", occurred_at=now, voided_at=now)
    told = ask(client, {"field": "touch.type", "op": "is", "value": "form"}, "touch")
    assert told["count"] == "2 of 3 touches of the last 90 days match. They are of 1 person."


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"field": "account.emploees", "op": "gt", "value": 1}, "Did you mean account.employees"),
        ('{"field"', "This is not JSON"),
        ("[" * 100_000, "too deep"),
        ("[" * 100_001, "longer than 100,000 letters"),
        ({"field": "touch.type", "op": "is", "value": "form"}, "There is no field “touch.type” here."),
        ({"field": "person.title", "op": "is", "value": "a\u0000b"}, "not readable"),
    ],
)
def test_problems_are_told_instead_of_a_count(client, marketing_ops, tree, said):
    told = ask(client, tree)
    assert said in told["problems"][0] and told["count"] == ""


def test_a_count_that_takes_too_long_is_given_up(client, marketing_ops, monkeypatch):
    monkeypatch.setattr(counting, "MOST_SECONDS", 0.05)
    monkeypatch.setitem(counting._ROWS, "person", "(SELECT pg_sleep(5), p.* FROM funnel_person p) p {joins}")
    make.person()
    assert ask(client, {"field": "person.title", "op": "known"})["count"] == "More than can be counted quickly."
    assert Channel.objects.count() == 0  # and the connection goes on


def test_values_are_offered_with_a_search(client, marketing_ops):
    for industry in ("Chemicals", "Steel", "Steel", "steel wire", " "):
        make.account(industry=industry)
    make.person(attributes={"Lead Source": "Ads", "visits": 3})
    address = reverse("scoring:condition-choices", args=["person"])
    assert client.get(address, {"of": "industries"}).json()["values"] == ["Steel", "Chemicals", "steel wire"]
    assert client.get(address, {"of": "industries", "q": "STEEL"}).json()["values"] == ["Steel", "steel wire"]
    assert client.get(address, {"of": "attribute", "q": "lead\0"}).json()["values"] == ["Lead Source"]
    assert client.get(address, {"of": "passwords"}).json()["values"] == []


@pytest.mark.parametrize("source", sorted(counting._SOURCES))
def test_every_source_of_values_can_be_read(source):
    assert counting.choices(source) == []


def test_at_most_fifty_values_are_offered():
    for number in range(60):
        Channel.objects.create(name=f"Channel {number}")
    assert len(counting.choices("channels")) == counting.MOST_CHOICES


@pytest.mark.parametrize("role", [Role.SDR, Role.SDR_MANAGER, Role.EXECUTIVE])
def test_only_who_may_edit_scoring_asks(client, role):
    client.force_login(make.user(role))
    assert client.get(reverse("scoring:condition-fields", args=["touch"])).status_code == 403
    assert client.post(reverse("scoring:condition-count", args=["touch"])).status_code == 403
    assert client.get(reverse("scoring:condition-choices", args=["touch"]), {"of": "industries"}).status_code == 403


def test_nothing_else_can_be_asked_about(client, marketing_ops):
    assert client.get(reverse("scoring:condition-fields", args=["password"])).status_code == 404


# --- accounts ------------------------------------------------------------------------------------------------------


def test_how_accounts_are_scored_is_edited_in_lines(client, marketing_ops, draft):
    shown = edited(client, draft)
    assert "Champion: weight 1, at most 50" in shown["account_roles"] and "Tier 1: 30" in shown["account_thresholds"]
    changes = {
        "account_roles": shown["account_roles"].replace("Champion: weight 1,", "champion: weight 1.5,"),
        "account_titles": "Ratifier: legal\nDecision maker: boss, head",
        "account_thresholds": "Tier 3: 20\nOthers: 60\nA person is engaged from: 4",
    }
    assert client.post(page(draft), edited(client, draft, **changes)).status_code == 302
    draft.refresh_from_db()
    assert draft.accounts["roles"][0] == ["champion", 1.5, 50]
    assert draft.accounts["titles"] == [["ratifier", ["legal"]], ["decision_maker", ["boss", "head"]]]
    assert (draft.accounts["thresholds"], draft.accounts["threshold"]) == ([[3, 20]], 60)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("account_roles", "Champion: weight 1, at most 50", "The roles of accounts are champion, decision_maker"),
        ("account_roles", "Champion: 1 and 50", "“1 and 50” should read like: weight 1, at most 50"),
        ("account_titles", "Boss: chief", "“Boss” is no role. There are: Champion, Decision maker"),
        ("account_titles", "Champion", "“Champion” has no colon"),
        ("account_thresholds", "Tier 1: low\nOthers: 50\nA person is engaged from: 5", "for tier 1 must lie between"),
        ("account_thresholds", "Tier one: 30", "“Tier one” is not known here."),
    ],
)
def test_lines_about_accounts_that_make_no_sense_are_refused_in_words(client, marketing_ops, draft, field, text, said):
    response = client.post(page(draft), edited(client, draft, **{field: text}))
    assert said in problems(response)
    draft.refresh_from_db()
    assert draft.accounts == default_accounts()
