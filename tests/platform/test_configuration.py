"""Reference data as one file: it comes back as it went, changes what it says and nothing else, and refuses nonsense."""

import io
from datetime import date
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from demandcenter.configuration import SECTIONS, ConfigurationError, apply, compare, export
from funnel.models import (
    Campaign,
    CampaignStatus,
    Channel,
    Content,
    GlossaryTerm,
    Reason,
    Region,
    Rep,
    Solution,
    Team,
)
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def full():
    """Every section filled, with parents that come later in the alphabet, and values that YAML could mistake."""
    world = Region.objects.create(name="World")
    dach = Region.objects.create(name="DACH", parent=world)
    Region.objects.create(name="no", parent=dach)  # Norway, not false
    edge, channel = Solution.objects.create(name="Edge"), Channel.objects.create(name="2024", direction="outbound")
    Content.objects.create(name="Guide: “Edge”, part 1", kind="guide", url="https://example.com/a")
    team = Team.objects.create(name="North", kind="sdr", region=dach, reports_to_marketing=True)
    Rep.objects.create(name="Ana", team=team, email="ana@example.com", hired_on=date(2024, 1, 31))
    Rep.objects.create(name="Ana", source="crm", external_id="007", active=False)
    parent = Campaign.objects.create(name="Year", budget=Decimal("12000.50"))
    spring = Campaign.objects.create(
        name="Spring", parent=parent, channel=channel, region=dach, solution=edge, motion="upsell", budget=5000,
        starts_on=date(2026, 3, 1), ends_on=date(2026, 5, 31), source="crm", external_id="K1",
    )  # fmt: skip
    CampaignStatus.objects.create(campaign=spring, name="Attended", counts_as_response=True)
    Reason.objects.create(kind="recycle", name="Very own", revisit_days=12, needs_text=True, active=False)
    GlossaryTerm.objects.create(slug="own", term="Own", definition="Two\nlines: “yes”.\n\nAnd a third", owner="Ops")


def rows() -> dict[str, list]:
    return {section.name: list(section.model._default_manager.order_by("pk").values()) for section in SECTIONS}


def problems(text: str, **options) -> list[str]:
    """What forbids the file; the database must not have changed."""
    before = rows()
    with pytest.raises(ConfigurationError) as caught:
        apply(text, **options)
    assert rows() == before
    return caught.value.problems


def test_an_export_applied_to_an_empty_database_brings_everything_back(full):
    text = export()
    apply("\n".join(f"{section.name}: []" for section in SECTIONS), prune=True)
    assert not any(section.model._default_manager.exists() for section in SECTIONS)
    plan = apply(text)
    assert {change.deed for change in plan.changes} == {"create"}
    assert export() == text
    spring = Campaign.objects.get(name="Spring")
    assert (spring.parent.name, spring.budget, spring.ends_on) == ("Year", Decimal("5000"), date(2026, 5, 31))
    assert Region.objects.get(name="no").parent.parent.name == "World"
    assert GlossaryTerm.objects.get(slug="own").definition == "Two\nlines: “yes”.\n\nAnd a third"
    assert sorted(Rep.objects.values_list("name", "external_id")) == [("Ana", ""), ("Ana", "007")]


def test_an_export_applied_to_its_own_database_changes_nothing(full):
    text, before = export(), rows()
    assert compare(text).changes == [] and apply(text).changes == []
    assert rows() == before
    assert export() == text


def test_applying_twice_changes_nothing_the_second_time(full):
    text = "regions: [{name: EMEA, parent: World}]\ncampaigns: [{name: Spring, budget: 7}]"
    assert len(apply(text).changes) == 2
    before = rows()
    assert apply(text).changes == [] and rows() == before


def test_the_plan_says_what_would_change_and_changes_nothing(full):
    before = rows()
    text = """
        regions: [{name: EMEA, parent: World}, {name: DACH, parent: EMEA}]
        channels: [{name: "2024", direction: inbound}]
        reps: [{name: Anna, source: crm, external_id: "007", active: true}]
        campaigns: [{name: Spring, ends_on: null, budget: 5000.00}]
    """
    assert list(compare(text).lines()) == [
        "regions", "  + EMEA", "  ~ DACH: parent World → EMEA",
        "channels", "  ~ 2024: direction outbound → inbound",
        "reps", "  ~ Ana: name Ana → Anna, active false → true",
        "campaigns", "  ~ Spring: ends_on 2026-05-31 → –",
        "1 to create, 4 to change, 0 to delete; 4 only in the database stay.",
    ]  # fmt: skip
    assert rows() == before


def test_what_the_file_leaves_out_stays(full):
    apply("campaigns: [{name: Spring, topic: Pumps}]")
    spring = Campaign.objects.get(name="Spring")
    assert (spring.topic, spring.motion, spring.channel.name) == ("Pumps", "upsell", "2024")
    assert Campaign.objects.filter(name="Year").exists()


def test_parents_may_stand_after_their_children():
    apply("regions: [{name: Vienna, parent: Austria}, {name: Austria, parent: World}, {name: World}]")
    assert Region.objects.get(name="Vienna").parent.parent.name == "World"


def test_pruning_deletes_what_the_sections_of_the_file_do_not_name(full):
    apply("solutions: []\ncampaigns: [{name: Year}]\ncontent:", prune=True)
    assert list(Campaign.objects.values_list("name", flat=True)) == ["Year"]
    assert not Solution.objects.exists() and not Content.objects.exists() and not CampaignStatus.objects.exists()
    assert Region.objects.count() == 3  # a section that the file does not have is left alone


def test_what_is_referred_to_is_not_deleted(full):
    lead = make.lead(region=Region.objects.get(name="no"))
    assert problems("regions: [{name: World}, {name: DACH}]", prune=True) == [
        "regions, “no” cannot be deleted: leads refer to it."
    ]
    assert lead.region


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("regions: [", "This is not YAML"),
        ("regions:\n  - name: A\n    name: B", "“name” stands there twice"),
        ("[1]", "mapping of sections"),
        ("regoins: []", "There is no section “regoins”"),
        ("regions: {name: A}", "a list of rows is expected"),
        ("regions: [A]", "regions, row 1: fields are expected"),
        ("regions: [{name: A, colour: red}]", "there is no field colour. There are: name, parent."),
        ("regions: [{parent: World}]", "name is missing"),
        ("regions: [{name: 2024}]", "must be text; put it in quotes: '2024'"),
        ("regions: [{name: no}]", "must be text"),
        ("regions: [{name: A}, {name: A}]", "regions, row 2: “A” stands there twice."),
        ("regions: [{name: A, parent: Nowhere}]", "regions, “A”: parent “Nowhere” is no region of the file or"),
        ("regions: [{name: A, parent: B}, {name: B, parent: A}]", "A → B → A goes round in a circle"),
        ("regions: [{name: A, parent: A}]", "A → A goes round in a circle"),
        ("regions: [{name: World, parent: 'no'}]", "goes round in a circle"),
        ("channels: [{name: A, direction: sideways}]", "direction must be one of inbound, outbound."),
        ("teams: [{name: A, reports_to_marketing: maybe}]", "reports_to_marketing must be true or false."),
        ("teams: [{name: A, region: Nowhere}]", "region “Nowhere” is no region"),
        ("reasons: [{kind: recycle, name: A, revisit_days: soon}]", "revisit_days must be a whole number."),
        ("reasons: [{kind: recycle, name: A, revisit_days: -3}]", "revisit_days “-3” is refused"),
        ("reasons: [{kind: recycle, name: A, revisit_days: true}]", "must be a whole number."),
        ("reasons: [{kind: disqualify, name: A, revisit_days: 3}]", "reason_revisit_only_where_one_may_return"),
        ("campaigns: [{name: A, budget: much}]", "budget must be a number."),
        ("campaigns: [{name: A, budget: .nan}]", "budget must be a number."),
        ("campaigns: [{name: A, budget: 1.005}]", "budget “1.005” is refused"),
        ("campaigns: [{name: A, starts_on: soon}]", "starts_on must be a day"),
        ("campaigns: [{name: A, starts_on: 2026-02-30}]", "This is not YAML"),
        ("campaigns: [{name: A, starts_on: 2026-02-02, ends_on: 2026-02-01}]", "campaign_ends_after_it_starts"),
        ("campaigns: [{name: A, motion: null}]", "motion must not be empty."),
        ("campaigns: [{name: Year, source: crm, external_id: K1}]", "campaign_key"),
        ("campaign_statuses: [{campaign: Nothing, name: A}]", "campaign “Nothing” is no campaign"),
        ("content: [{name: A, url: nowhere}]", "url “nowhere” is refused"),
        ("glossary: [{slug: a b, term: A, definition: B}]", "slug “a b” is refused"),
        ("glossary: [{slug: a}]", "definition"),
        (f"regions: [{{name: {'x' * 121}}}]", "must have at most 120 characters"),
        ('regions: [{name: "a\\0b"}]', "NUL"),
        ("!!python/object/apply:os.getcwd []", "This is not YAML"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_and_nothing_changes(full, text, said):
    found = problems(f"solutions: [{{name: New}}]\n{text}" if text[0].isalpha() and "solutions" not in text else text)
    assert any(said in problem for problem in found), found


def test_all_problems_are_told_at_once(full):
    found = problems("regions: [{name: 1}, {colour: red}]\nchannels: [{name: A, direction: up}]")
    assert len(found) == 3


def test_two_reps_of_one_name_cannot_be_told_apart(full):
    Rep.objects.create(name="Ana")
    with pytest.raises(ConfigurationError, match="There are two reps “Ana”; rename one of them first."):
        export()
    assert problems("regions: []") == ["There are two reps “Ana”; rename one of them first."]


def test_comparing_costs_one_query_a_section(full):
    text = export()
    with CaptureQueriesContext(connection) as captured:
        compare(text)
    # The models by solution and region, and the cadences, of which there are none; the SLA policy with its promises.
    assert len(captured) == len(SECTIONS) + 2 + 2


def test_a_section_comes_after_those_it_refers_to():
    """What apply relies on, also for sections that are added later."""
    done = []
    for section in SECTIONS:
        for name in section.relations:
            assert section.column(name).related_model in (*done, section.model), f"{section.name}.{name}"
        done.append(section.model)


# --- The command ----------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("config", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_exports_compares_and_applies(full, tmp_path):
    file = tmp_path / "config.yaml"
    assert run("export", str(file)) == f"Written to {file}.\n"
    assert run("diff", str(file)).startswith("Nothing differs")
    assert run("export", "-") == file.read_text()

    file.write_text("regions: [{name: EMEA}]\n")
    with pytest.raises(SystemExit) as ended:
        run("diff", str(file))
    assert ended.value.code == 1 and not Region.objects.filter(name="EMEA").exists()
    assert "  + EMEA" in run("apply", str(file)) and Region.objects.filter(name="EMEA").exists()
    assert "Applied" not in run("apply", str(file))


def test_the_command_says_what_is_wrong_with_a_file(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("regoins: []")
    with pytest.raises(CommandError, match=r"Nothing was changed.\n  There is no section") as caught:
        run("apply", str(bad))
    assert caught.value.returncode == 2
    bad.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(CommandError, match="is not UTF-8"):
        run("apply", str(bad))
    with pytest.raises(CommandError, match="could not be read"):
        run("diff", str(tmp_path / "missing.yaml"))
    with pytest.raises(CommandError, match="could not be written"):
        run("export", str(tmp_path / "missing" / "a.yaml"))
