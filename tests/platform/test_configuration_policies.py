"""Policies in the file: a changed one is a new version, the same one none, and nonsense is refused with its place."""

import io
import itertools
from textwrap import dedent

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command

from demandcenter.configuration import ConfigurationError, Plan, apply, compare, export, rehearse
from funnel import inbox
from funnel.models import Team
from routing.models import Calendar, CalendarDay, Desk, RoutingPolicy, Seat, Served, SlaPolicy, SqlDefinition
from scoring import services
from scoring.engine import apply as score
from scoring.models import ScoringModel
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db

SMALL = """
scoring_model:
  name: Small
  threshold: 30
  grades: {A: 10, B: null}
  bands: {1: 30, 2: 0}
  grid: {A: {1: mql, 2: nurture}, B: {1: review, 2: hold}}
  interest:
    - name: Website
      half_life_days: 21
      cap: 50
      rules:
        - {name: Pricing page, points: 8, per_day: 2, condition: {field: touch.type, op: is, value: pricing_visit}}
        - {name: Silence, points: -5, after_days: 30}
    - name: Events
      rules:
        - {name: Webinar, points: 10, window_days: 60, condition: {field: touch.type, op: is, value: webinar}}
  fit:
    - name: Company
      rules:
        - {name: Chemicals, points: 20, points_if_unknown: 5,
           condition: {field: account.industry, op: is, value: Chemicals}}
  gates:
    require:
      - {name: Industry known, condition: {field: account.industry, op: known}}
    fast_track:
      - {name: Demo, condition: {field: touch.type, op: is, value: demo_request}}
"""
ROUTING = """
teams: [{name: North, kind: sdr}]
desks: [{team: North, calendar: Office hours}]
routing_policy:
  name: By region
  rules:
    - {name: Own pool, team: North, method: pool, condition: {field: account.matched, op: is, value: false}}
    - {name: Everybody else, team: North}
"""


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def problems(text: str) -> list[str]:
    """What forbids the file, for diff and apply alike; no version is left behind."""
    before = list(ScoringModel.objects.values()), list(RoutingPolicy.objects.values())
    found = []
    for attempt in (rehearse, apply):
        with pytest.raises(ConfigurationError) as refused:
            attempt(text)
        found.append(refused.value.problems)
    assert found[0] == found[1]
    assert (list(ScoringModel.objects.values()), list(RoutingPolicy.objects.values())) == before
    return found[0]


# --- the scoring model -----------------------------------------------------------------------------------------


def test_a_model_from_a_file_decides_at_once_where_there_is_nobody_to_score():
    plan = apply(SMALL, now=NOW)
    assert list(plan.lines()) == ["scoring_model", "  + Small", "1 to create, 0 to change, 0 to delete."]
    model = ScoringModel.objects.get(active=True)
    assert (model.name, model.threshold, model.exit_ratio, model.published_at) == ("Small", 30, 0.8, NOW)
    assert (model.grades, model.grid["B1"]) == ([["A", 10], ["B", None]], "review")
    assert dict(model.rules.values_list("name", "kind")) == {
        "Pricing page": "touch", "Silence": "inactivity", "Webinar": "touch", "Chemicals": "attribute",
    }  # fmt: skip
    assert set(model.gates.values_list("kind", "name")) == {("require", "Industry known"), ("fast_track", "Demo")}


def test_the_same_model_again_changes_nothing_in_whatever_order():
    apply(SMALL)
    told = yaml.safe_load(SMALL)
    told["scoring_model"]["interest"].reverse()
    told["scoring_model"]["why"] = "The same once more"
    for text in (SMALL, export(), yaml.safe_dump(told)):
        assert not compare(text) and not apply(text)
    assert ScoringModel.objects.count() == 1


def test_the_shipped_model_comes_back_as_it_went():
    services.ship(now=NOW)
    text = export()
    assert not apply(text)
    file = yaml.safe_load(text)["scoring_model"]
    assert file["grades"] == {"A": 65, "B": 45, "C": 25, "D": None}
    assert file["grid"]["A"] == {1: "mql", 2: "mql", 3: "priority", 4: "nurture"}
    assert {rule["name"] for category in file["interest"] for rule in category["rules"]} >= {"Looked at prices"}
    assert file["accounts"]["thresholds"] == {1: 30, 2: 40} and list(file["accounts"]["titles"])[0] == "ratifier"
    assert "None" not in text and "points_if_unknown: 0\n" not in text


def test_how_accounts_are_scored_is_part_of_the_file():
    services.ship(now=NOW)
    text = changed(export(), "      1: 30", "      1: 25")
    assert "    ~ accounts, threshold of tier: 1 30 → 25" in list(rehearse(text).lines())
    apply(text)
    model = ScoringModel.objects.get(active=True)
    assert (model.version, model.accounts["thresholds"]) == (2, [[1, 25], [2, 40]])
    assert problems(changed(text, "      1: 25", "      1: 250")) == [
        "scoring_model: accounts cannot be: The threshold of accounts for tier 1 must lie between 0.01 and 100."
    ]
    assert problems(changed(text, "      champion:\n", "      hero:\n"))[0].startswith(
        "scoring_model: accounts cannot be: The roles of accounts are champion"
    )


def test_a_changed_model_is_a_new_version_and_the_plan_says_what_differs():
    apply(SMALL)
    text = changed(SMALL, "points: 8", "points: 10")
    text = changed(text, "threshold: 30", "threshold: 35")
    text = changed(text, "        - {name: Silence, points: -5, after_days: 30}\n", "")
    text = changed(
        text,
        "  gates:\n",
        "  gates:\n    exclude:\n      - {name: Rival, condition: {field: account.kind, op: is, value: competitor}}\n",
    )
    assert list(rehearse(text).lines()) == [
        "scoring_model", "  ~ Small", "    threshold 30 → 35", "    ~ rule “Pricing page”: points 8 → 10",
        "    - rule “Silence”", "    + gate “Rival”", "0 to create, 1 to change, 0 to delete.",
    ]  # fmt: skip
    assert ScoringModel.objects.count() == 1
    apply(text)
    assert list(ScoringModel.objects.order_by("version").values_list("status", "active")) == [
        ("published", False), ("published", True),
    ]  # fmt: skip


def fill_and_drain() -> None:
    for _ in range(3):
        for model in ScoringModel.objects.filter(status="published"):
            services.fill(model)
        while taken := inbox.take(limit=100, now=NOW):
            score(taken, now=NOW)


def test_where_there_are_people_a_new_version_decides_once_it_is_filled():
    apply(SMALL)
    make.person()
    plan = apply(changed(SMALL, "threshold: 30", "threshold: 35"))
    old, new = ScoringModel.objects.order_by("version")
    assert (old.active, new.active) == (True, False)
    assert plan.notes == ["Version 2 of the scoring model decides as soon as it has scored everybody."]
    assert not apply(changed(SMALL, "threshold: 30", "threshold: 35"))  # it is on its way
    fill_and_drain()
    assert ScoringModel.objects.get(active=True) == new


def test_a_version_that_is_overtaken_before_it_is_filled_never_decides():
    apply(SMALL)
    make.person()
    for threshold in (35, 36):
        apply(changed(SMALL, "threshold: 30", f"threshold: {threshold}"))
    fill_and_drain()
    assert ScoringModel.objects.get(active=True).threshold == 36
    assert ScoringModel.objects.get(threshold=35).status == "retired"


# --- models by solution and region ------------------------------------------------------------------------------


def scoped(text: str = SMALL, **scope: str) -> dict:
    """The small model for some leads, as an entry of the list."""
    return {"name": "Small", **scope, **yaml.safe_load(text)["scoring_model"]}


def by_scope(*models: dict, general: str = SMALL) -> str:
    names = {"solutions": [{"name": "Edge"}], "regions": [{"name": "Alps"}]}
    return yaml.safe_dump(yaml.safe_load(general) | names | {"scoped_scoring_models": list(models)})


def test_models_by_scope_go_into_force_come_back_and_change_one_by_one():
    text = by_scope(scoped(solution="Edge"), scoped(changed(SMALL, "30", "25"), solution="Edge", region="Alps"))
    apply(text)
    active = ScoringModel.objects.filter(active=True).order_by("version")
    assert [model.scope for model in active] == ["", "Edge", "Edge in Alps"]
    for same in (text, export()):
        assert not compare(same) and not apply(same)
    shown = yaml.safe_load(export())["scoped_scoring_models"]
    assert [(model["solution"], model.get("region"), model["threshold"]) for model in shown] == [
        ("Edge", None, 30), ("Edge", "Alps", 25),
    ]  # fmt: skip
    text = by_scope(scoped(changed(SMALL, "points: 8", "points: 9"), solution="Edge"))
    plan = apply(text)
    assert list(plan.lines())[:3] == [
        "scoped_scoring_models", "  ~ by solution and region", "    ~ Edge, rule “Pricing page”: points 8 → 9",
    ]  # fmt: skip
    assert plan.notes == ["No scoring model of its own decides about Edge in Alps any more."]
    assert [(model.version, model.scope) for model in active.all()] == [(1, ""), (4, "Edge")]


def test_models_by_scope_without_one_for_all_are_warned_of():
    told = yaml.safe_load(by_scope(scoped(solution="Edge")))
    del told["scoring_model"]
    assert apply(yaml.safe_dump(told)).notes == [
        "No scoring model decides about all leads, only about Edge: others become MQLs by hand alone."
    ]


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ([{}], "it needs a solution or a region; the model for all is `scoring_model`"),
        ([{"solution": "Edge"}, {"solution": "Edge"}], "there are 2 models for Edge; one decides"),
        ([{"solution": "Egde"}], "for Egde: There is no solution “Egde”"),
        ([{"region": 7}], "region must be text"),
    ],
)
def test_a_scope_that_cannot_be_is_said(models, said):
    found = problems(by_scope(*({**scoped(), **model} for model in models)))
    assert any(said in problem for problem in found), found
    assert all(problem.startswith("scoped_scoring_models") for problem in found)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("threshold: 30", "threshold: high", "scoring_model: threshold must be a number."),
        ("threshold: 30", "treshold: 30", "scoring_model: there is no field treshold; did you mean threshold?"),
        ("name: Small", "colour: red", "scoring_model: name is missing."),
        ("{1: 30, 2: 0}", "[[1, 30]]", "scoring_model: bands must be a mapping."),
        ("1: mql", "1: MQL", "scoring_model: grid A1 must be one of mql, priority"),
        ("{1: review, 2: hold}", "{1: review}", "scoring_model, the grid does not say what B2 ask for."),
        ("points: 8", "points: many", "scoring_model, rule “Pricing page”: points must be a number."),
        ("points: 8, ", "", "scoring_model, rule “Pricing page”: points is missing."),
        ("per_day: 2", "per_day: 0", "scoring_model, rule “Pricing page”: per_day must be a whole number, 1 or more."),
        ("touch.type, op: is, value: pricing", "touch.typ, op: is, value: pricing",
         "scoring_model, rule “Pricing page”: There is no field “touch.typ” here. Did you mean touch.type"),
        ("half_life_days: 21", "half_life_days: 5", "scoring_model, category “Website” has a half-life of 5 days"),
        ("cap: 50", "cap: -1", "scoring_model, category “Website” needs a cap between 0 and"),
        ("name: Webinar", "name: Silence", "scoring_model: there are 2 rules “Silence”"),
        ("name: Events", "name: Company", "scoring_model: there are 2 categories “Company”"),
        ("points: -5", "points: 5", "scoring_model, rule “Silence”: it takes points off"),
        ("after_days: 30", "every_days: 30", "scoring_model, rule “Silence”: every_days needs after_days."),
        ("after_days: 30", "after_days: 30, per_day: 1", "rule “Silence”: after_days is about silence"),
        ("    require:", "    requires:", "scoring_model, gates: there is no field requires; did you mean require?"),
        ("op: known", "op: knwon", "scoring_model, gate “Industry known”: Industry cannot be compared by “knwon”"),
        ("threshold: 30", "exit_ratio: 2", "scoring_model, the exit ratio must lie between 0 and 1"),
        ("    - name: Company", "    - Company\n    - name: Company", "scoring_model, fit, category 1: fields are"),
        ("  interest:\n", "  interest: {}\n  interests:\n", "scoring_model, interest: a list is expected"),
    ],
)  # fmt: skip
def test_a_model_that_makes_no_sense_is_refused_with_its_place(old, new, said):
    found = problems(changed(SMALL, old, new))
    assert any(said in problem for problem in found), found


def test_no_document_is_no_mapping():
    assert problems("scoring_model: [1]") == ["scoring_model: fields are expected, like `name: …`."]


# --- routing ---------------------------------------------------------------------------------------------------


def test_a_routing_policy_names_teams_of_the_same_file_and_decides_at_once():
    apply(ROUTING, now=NOW)
    policy = RoutingPolicy.objects.get(status="published")
    assert list(policy.rules.values_list("name", "method", "team__name")) == [
        ("Own pool", "pool", "North"), ("Everybody else", "round_robin", "North"),
    ]  # fmt: skip
    assert not apply(ROUTING) and not apply(export())


def test_the_order_of_routing_rules_is_part_of_the_policy():
    apply(ROUTING)
    told = yaml.safe_load(ROUTING)
    told["routing_policy"]["rules"][1]["condition"] = {"field": "lead.segment", "op": "known"}
    apply(yaml.safe_dump(told))
    told["routing_policy"]["rules"].reverse()
    plan = apply(yaml.safe_dump(told))
    assert "    ~ rule “Own pool”: place 1 → 2" in plan.lines()
    assert list(RoutingPolicy.objects.order_by("version").values_list("status", flat=True)) == [
        "retired", "retired", "published",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{name: Everybody else, team: North}", "{name: Everybody else, team: South}",
         "routing_policy, rule “Everybody else”: team “South” is no team of the file or the database."),
        ("account.matched", "account.machted", "routing_policy, rule “Own pool”: There is no field “account.machted”"),
        ("method: pool", "method: lottery", "“Own pool”: method must be one of round_robin, least_open, score, owner"),
        ("Everybody else", "Own pool", "routing_policy: there are two rules “Own pool”"),
        ("desks: [{team: North, calendar: Office hours}]", "", "routing_policy, the team “North” has no desk"),
    ],
)  # fmt: skip
def test_a_routing_policy_that_makes_no_sense_is_refused_with_its_place(old, new, said):
    found = problems(changed(ROUTING, old, new))
    assert any(said in problem for problem in found), found


def test_rules_for_sqls_are_told_from_those_for_mqls():
    text = ROUTING.replace("{name: North, kind: sdr}", "{name: North, kind: sdr}, {name: Sales, kind: ae}")
    text = text.replace("Office hours}]", "Office hours}, {team: Sales, calendar: Office hours}]")
    apply(f"{text}    - {{name: To sell, team: Sales, stage: sql}}\n", now=NOW)
    policy = RoutingPolicy.objects.get(status="published")
    assert dict(policy.rules.values_list("name", "stage"))["To sell"] == "sql"
    assert not apply(export()) and "stage: sql" in export() and "stage: mql" not in export()


# --- what makes an SQL -----------------------------------------------------------------------------------------

BOOKED = "sql_definition: {event: booked, why: Agreed in March}"


def test_what_makes_an_sql_is_decided_by_applying_and_the_past_stays():
    lines = apply(BOOKED).lines()
    assert any("What makes an SQL" in line for line in lines)
    (definition,) = SqlDefinition.objects.all()
    assert (definition.event, definition.why) == ("booked", "Agreed in March")
    assert not apply(BOOKED) and not apply(export())
    assert "event booked → held" in "".join(apply(changed(BOOKED, "booked", "held")).lines())
    assert SqlDefinition.objects.count() == 2


def test_an_sql_definition_that_makes_no_sense_is_refused():
    assert problems(changed(BOOKED, "booked", "signed")) == ["sql_definition: event must be one of booked, held."]
    assert problems("sql_definition: {event: booked}") == ["sql_definition: why is missing."]


def example(name: str) -> str:
    """The document of this name as docs/configuration.md shows it."""
    lines = (settings.BASE_DIR / "docs" / "configuration.md").read_text(encoding="utf-8").splitlines()
    start = lines.index(f"    {name}:")
    return dedent("\n".join(itertools.takewhile(lambda line: line.startswith("    "), lines[start:])))


FITTING = """
teams: [{name: North, kind: sdr}]
reps: [{name: Mara, team: North}]
desks: [{team: North, calendar: Office hours}]
solutions: [{name: Edge}]
seats: [{rep: Mara, quota: 2.5, quota_per: day}]
served: [{rep: Mara, solution: Edge}, {rep: Mara, language: de}]
routing_policy:
  name: By fit
  weights: {ownership: 50, tenure: 0}
  rules:
    - {name: Owned, team: North, method: owner, otherwise: next, demands: []}
    - {name: Fit, team: North, method: score, at_work: always, demands: [language], otherwise: pool}
"""


def test_methods_weights_and_profiles_go_out_as_they_came_in():
    apply(FITTING)
    policy = RoutingPolicy.objects.get(status="published")
    assert (policy.weights["ownership"], policy.weights["tenure"], policy.weights["meeting"]) == (50, 0, 20)
    rules = policy.rules.values_list("method", "otherwise", "at_work", "demands")
    assert list(rules) == [("owner", "next", "hot", []), ("score", "pool", "always", ["language"])]
    assert {str(one) for one in Served.objects.all()} == {"Edge", "de"}
    written = yaml.safe_load(export())
    assert written["routing_policy"]["rules"] == yaml.safe_load(FITTING)["routing_policy"]["rules"]
    assert written["routing_policy"]["weights"]["tenure"] == 0
    assert not compare(export()).changes and not compare(export()).revisions
    apply(FITTING.replace("tenure: 0", "tenure: 1"))
    assert RoutingPolicy.objects.get(status="published").version == policy.version + 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tenure: 0", "luck: 3", "weights names no factor by luck"),
        ("tenure: 0", "tenure: -1", "weights cannot be: The weight of tenure must lie between 0 and"),
        ("demands: [language]", "demands: [mood]", "demands must be a list of some of region"),
        ("otherwise: pool", "otherwise: next", "leaves leads to the next rule, and is the last"),
        ("otherwise: pool", "otherwise: score", "is the same once more"),
    ],
)
def test_methods_that_cannot_be_are_refused(old, new, said):
    found = problems(changed(FITTING, old, new))
    assert any(said in problem for problem in found), found


def test_an_empty_pool_is_told_and_possible():
    plan = apply(ROUTING)
    assert "The team “North” has nobody active, so that nobody could claim from its pool." in plan.notes[0]


def test_the_examples_of_the_documentation_can_be_applied():
    apply(example("scoring_model"))
    assert ScoringModel.objects.get(active=True).rules.count() == 3
    teams = ("SDR Central", "Sales")
    desks = {"teams": [{"name": name} for name in teams],
             "desks": [{"team": name, "calendar": "Office hours"} for name in teams]}  # fmt: skip
    apply(yaml.safe_dump(desks) + example("routing_policy"))
    assert RoutingPolicy.objects.get(status="published").rules.count() == 4
    apply(example("sql_definition"))
    assert SqlDefinition.objects.get().event == "booked"
    apply(example("sla_policy"))
    assert SlaPolicy.objects.get(status="published").promises.count() == 3


# --- calendars, desks, seats, promises -------------------------------------------------------------------------

DESK = """
teams: [{name: North, kind: sdr}]
reps: [{name: Ann, team: North}]
calendars: [{name: Vienna, zone: Europe/Vienna, country: AT, hours: {mon: [["09:00", "12:00"], ["13:00", "18:00"]]}}]
calendar_days: [{calendar: Vienna, day: 2026-12-24, name: Christmas Eve, hours: [["09:00", "12:00"]]}]
desks: [{team: North, calendar: Vienna}]
seats: [{rep: Ann, weight: 0.5, capacity: 20, weekly: 12}]
sla_policy:
  name: Ours
  expiry: recycle
  promises:
    - {name: Big ones, kind: accept, amount: 4, unit: business_minutes,
       condition: {field: account.employees, op: gte, value: 1000}}
    - {name: Others, kind: accept, amount: 2, reassign: true}
"""


def test_a_desk_with_its_hours_and_promises_comes_from_a_file():
    apply(DESK)
    assert Desk.objects.get(team__name="North").calendar == Calendar.objects.get(name="Vienna")
    seat = Seat.objects.get()
    assert (seat.weight, seat.capacity, seat.weekly, seat.receiving) == (0.5, 20, 12, True)
    assert CalendarDay.objects.get().hours == [["09:00", "12:00"]]
    policy = SlaPolicy.objects.get(status="published")
    assert (policy.name, policy.expiry, policy.expires_at, policy.absence) == ("Ours", "recycle", 3, "uncovered")
    first, second = policy.promises.all()
    assert (first.amount, first.unit, first.reassign, first.condition["field"]) == (
        4, "business_minutes", False, "account.employees",
    )  # fmt: skip
    assert (second.amount, second.unit, second.warn_at, second.reassign) == (2, "business_days", 0.8, True)
    assert not apply(DESK) and not apply(export())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["13:00", "18:00"]', '["11:00", "18:00"]', "calendars, “Vienna”: mon: two blocks overlap."),
        ("Europe/Vienna", "Europe/Wien", "calendars, “Vienna”: There is no time zone “Europe/Wien”"),
        ('hours: [["09:00", "12:00"]]}', 'hours: [["09:00"]]}', "“Vienna, 2026-12-24”: 24 Dec 2026: a block"),
        ('{mon: [["09:00", "12:00"], ["13:00", "18:00"]]}', "[]", "calendars, row 1: hours must be a mapping."),
        (", calendar: Vienna}", "}", "desks, “North”: calendar is missing."),
        ("rep: Ann", "rep: Bob", "seats, “Bob”: rep “Bob” is no rep of the file or the database."),
        ("weight: 0.5", "weight: 0", "seats, row 1: weight “0.0” is refused"),
        ("kind: accept, amount: 2", "kind: accpet, amount: 2", "promise “Others”: kind must be one of accept"),
        ("amount: 2", "amount: 0", "sla_policy, promise “Others”: amount must be a whole number, 1 or more."),
        ("unit: business_minutes", "unit: hours", "promise “Big ones”: unit must be one of business_days"),
        ("expiry: recycle", "expires_at: 0.5", "sla_policy: expires_at is so many times the promised time"),
        ("Big ones", "Others", "sla_policy: there are two promises “Others”"),
        ("account.employees", "account.employes", "sla_policy, promise “Big ones”: There is no field"),
        ("{field: account.employees, op: gte, value: 1000}", "{}", "“Others” is never reached: “Big ones”"),
    ],
)  # fmt: skip
def test_a_desk_that_makes_no_sense_is_refused(old, new, said):
    with pytest.raises(ConfigurationError) as refused:
        apply(changed(DESK, old, new))
    assert any(said in problem for problem in refused.value.problems), refused.value.problems
    assert not Team.objects.filter(name="North").exists()


def test_a_seat_cannot_name_one_of_two_reps_of_a_name():
    make.rep(name="Ann", source="crm", external_id="1")
    make.rep(name="Ann", source="crm", external_id="2")
    with pytest.raises(ConfigurationError, match="seats, “Ann”: there are two reps “Ann”; rename one of them first."):
        apply("seats: [{rep: Ann}]")


# --- the command -----------------------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("config", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_rehearses_applies_and_tells(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(SMALL)
    with pytest.raises(SystemExit) as ended:
        run("diff", str(file))
    assert ended.value.code == 1 and not ScoringModel.objects.exists()
    make.person()
    assert run("apply", str(file)).endswith(
        "Applied. Version 1 of the scoring model decides as soon as it has scored everybody.\n"
    )
    assert run("diff", str(file)) == "Nothing differs.\n"
    file.write_text(changed(SMALL, "points: 8", "points: .inf"))
    with pytest.raises(CommandError, match="points must be a number"):
        run("diff", str(file))


def test_a_plan_knows_whether_anything_differs():
    assert not Plan([], {}) and compare(SMALL)
