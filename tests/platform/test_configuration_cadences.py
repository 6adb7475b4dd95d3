"""Cadences with their steps and templates in the file: out and in again, compared, in new versions, and refused."""

import pytest
import yaml
from django.db import connection

from demandcenter.configuration import ConfigurationError, apply, compare, export, rehearse
from routing.cadences import enrolments, versions
from routing.models import Cadence, CadenceStep, ContactCap, MessageTemplate
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db

FILE = """
contact_caps: [{name: A week, most: 3, days: 7}]
templates:
  - {name: Hello, medium: email, persona: Finance, subject: "For {company}", body: "Hello {first_name}"}
  - {name: First minute, medium: call, body: "This is {rep}."}
cadences:
  - name: Finance
    position: 1
    condition: {field: person.title, op: contains, value: Finance}
    on_acceptance: true
    stop_on_meeting: false
    steps:
      - {day: 0, medium: email, template: Hello}
      - {day: 0, medium: call, template: First minute}
      - {day: 3, medium: social}
  - name: Everybody
    position: 2
    on_acceptance: true
    steps:
      - {day: 1, medium: call}
"""


def content() -> dict:
    told = yaml.safe_load(export())
    return {name: told[name] for name in ("contact_caps", "templates", "cadences")}


def steps(name: str) -> list[tuple]:
    found = CadenceStep.objects.filter(cadence__name=name, cadence__status="published")
    return list(found.values_list("position", "day", "medium", "template__name"))


def problems(text: str) -> list[str]:
    """What forbids the file, for diff and apply alike; nothing of it stays."""
    before = list(Cadence.objects.values()), list(CadenceStep.objects.values())
    found = []
    for attempt in (rehearse, apply):
        with pytest.raises(ConfigurationError) as refused:
            attempt(text)
        found.append(refused.value.problems)
    assert found[0] == found[1]
    assert (list(Cadence.objects.values()), list(CadenceStep.objects.values())) == before
    return found[0]


def test_cadences_come_with_their_steps_and_templates_and_take_leads():
    apply(FILE, now=NOW)
    assert steps("Finance") == [
        (1, 0, "email", "Hello"), (2, 0, "call", "First minute"), (3, 3, "social", None),
    ]  # fmt: skip
    finance = Cadence.objects.get(name="Finance")
    assert (finance.version, finance.published_at, finance.stop_on_reply, finance.stop_on_meeting) == (
        1, NOW, True, False,
    )  # fmt: skip
    owner = make.rep(team=make.team())
    lead = make.lead(at=NOW, owner=owner, person=make.person(title="Head of Finance"))
    make.advance(lead, "mql", at=NOW)
    event = make.advance(lead, "sal", at=NOW)
    assert enrolments.enrol_accepted([event], now=NOW) == [lead.pk]
    assert lead.enrolments.get().cadence == finance


def test_an_export_brings_them_back_to_an_empty_database():
    apply(FILE, now=NOW)
    before, text = content(), export()
    assert not compare(text)
    with connection.cursor() as cursor:
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE;"
            "TRUNCATE routing_cadence, routing_messagetemplate, routing_contactcap CASCADE"
        )
    assert not MessageTemplate.objects.exists() and not ContactCap.objects.exists()
    assert {"  + Hello", "    + cadence “Finance”, step 3"} <= set(compare(text).lines())
    apply(text, now=NOW)
    assert content() == before and export() == text
    assert not apply(text, now=NOW) and Cadence.objects.count() == 2


def test_the_cadence_that_ships_goes_out_as_it_came_in():
    versions.publish(versions.draft_of_preset(), now=NOW)
    before = steps("21 days: five mails and five calls")
    assert len(before) == 10 and not compare(export())
    text = export()
    versions.retire(Cadence.objects.get())
    apply(text, now=NOW)
    assert steps("21 days: five mails and five calls") == before


def test_a_changed_step_is_a_new_version_and_the_plan_says_what_differs():
    apply(FILE, now=NOW)
    lead = make.lead(at=NOW, stages=dict.fromkeys(("inquiry", "mql", "sal"), NOW), owner=make.rep())
    enrolments.enrol(
        lead.pk,
        cadence_id=Cadence.objects.get(name="Everybody").pk,
        user=make.user(is_superuser=True),
        now=NOW,
    )
    text = FILE.replace("{day: 3, medium: social}", "{day: 5, medium: call, template: First minute}")
    lines = list(compare(text).lines())
    assert "    ~ cadence “Finance”, step 3: day 3 → 5, medium social → call, template – → First minute" in lines
    apply(text, now=NOW)
    assert [(one.version, one.status) for one in Cadence.objects.filter(name="Finance").order_by("version")] == [
        (1, "retired"), (2, "published"),
    ]  # fmt: skip
    assert Cadence.objects.get(name="Everybody").version == 1, "what did not change keeps its version"
    assert lead.enrolments.get().stopped_at is None


def test_what_the_file_leaves_out_takes_no_more_leads():
    apply(FILE, now=NOW)
    without = FILE[: FILE.index("  - name: Everybody")]
    assert "    - cadence “Everybody”" in list(compare(without).lines())
    apply(without, now=NOW)
    assert Cadence.objects.get(name="Everybody").status == "retired"
    apply(FILE[: FILE.index("cadences:")], now=NOW)
    assert Cadence.objects.get(name="Finance").status == "published", "a file without the section leaves it alone"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("template: Hello}", "template: Hallo}", "there is no template “Hallo”"),
        ("{day: 1, medium: call}", "{day: 400, medium: call}", "comes on day 400; at most 365"),
        ("{day: 1, medium: call}", "{day: 1, medium: fax}", "medium must be one of"),
        ("{day: 1, medium: call}", "{day: 1, medium: call, template: Hello}", "its template is for another"),
        ("{day: 3, medium: social}", "{day: -1, medium: social}", "day must be a whole number, 0 or more"),
        ("    steps:\n      - {day: 1, medium: call}\n", "    steps: []\n", "Without a step there is nothing to do"),
        ("name: Everybody", "name: Finance", "there are two cadences “Finance”"),
        ("field: person.title", "field: person.shoe", "person.shoe"),
        ("on_acceptance: true\n    stop", "on_acceptance: perhaps\n    stop", "on_acceptance must be true or false"),
        ("{company}", "{firm}", "{firm}"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(old, new, said):
    assert old in FILE
    assert any(said in problem for problem in problems(FILE.replace(old, new, 1)))
