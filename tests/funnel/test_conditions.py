"""Conditions: what is refused and how that is said, and that SQL and Python give the same three answers."""

import datetime as dt
import json
import string
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnel import conditions
from funnel.conditions import ConditionError, Field
from funnel.fields import FIELDS_OF_LEADS, FIELDS_OF_PEOPLE, FIELDS_OF_TOUCHES
from funnel.models import Channel, Region
from routing.fields import FIELDS as FIELDS_OF_ROUTING
from tests import factories as make

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


def leaf(field, op, value=None):
    return {"field": field, "op": op, "value": value}


# --- What is refused ------------------------------------------------------------------------------


def nested(deep):
    tree = leaf("account.tier", "is", 1)
    for _ in range(deep):
        tree = {"not": tree}
    return tree


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (leaf("account.industri", "is", "x"), "Did you mean account.industry (Industry)?"),
        (leaf("employees", "gt", 5), "Did you mean account.employees"),
        (leaf("Job titel", "word", "CEO"), "Did you mean person.title"),
        (leaf("zzzzzz", "is", "x"), "There is no field “zzzzzz” here. See the list of fields."),
        (leaf("lead.region", "is", "x"), "There is no field “lead.region” here."),
        (leaf("attribute.", "is", "x"), "There is no field “attribute.” here."),
        (leaf("attribute.a\0b", "is", "x"), "There is no field"),
        (leaf("", "is", "x"), "A comparison has no field chosen."),
        (leaf(None, "is", "x"), "A comparison has no field chosen."),
        (leaf(["x"], "is", "x"), "A comparison has no field chosen."),
        (leaf("account.employees", "contains", "5"), "Employees cannot be compared by “contains”; for a number:"),
        (leaf("account.employees", None, 5), "Employees has no comparison chosen"),
        (leaf("person.title", "gt", 5), "Job title cannot be compared by “gt”; for text:"),
        (leaf("account.employees", "gt", "many"), "Employees takes a number, not “many”."),
        (leaf("account.employees", "gt", True), "Employees takes a number, not True."),
        (leaf("account.employees", "gt", float("nan")), "Employees takes a number, not nan."),
        (leaf("account.employees", "gt", 10**30), "Employees is compared with a number that is too large."),
        (leaf("account.employees", "gt", 10**5000), "Employees is compared with a number that is too large."),
        (leaf("attribute.visits", "gt", "many"), "Attribute “visits” takes a number, not “many”."),
        (leaf("account.industry", "in", []), "Industry “is one of” has an empty list; add a value."),
        (leaf("account.industry", "in", "Steel"), "Industry “is one of” takes a list of values."),
        (leaf("account.industry", "in", ["x"] * 1001), "1,001 values; at most 1,000"),
        (leaf("account.industry", "is", ["Steel"]), "takes one value; for several use “is one of”."),
        (leaf("account.industry", "is", "  "), "Industry has no value to compare with."),
        (leaf("account.industry", "is", "x\0"), "not readable"),
        (leaf("account.industry", "is", "\ud800"), "not readable"),
        (leaf("account.industry", "is", "x" * 301), "too long"),
        (leaf("account.industry", "is", {"a": 1}), "Industry takes text, not an object."),
        (leaf("account.employees", "between", [500, 50]), "is between 500 and 50: the lower one comes first."),
        (leaf("account.employees", "between", [500]), "takes two values, the lower one first."),
        (leaf("account.employees", "between", [5, "many"]), "Employees takes a number, not “many”."),
        (leaf("person.opted_out", "is", "yes"), "is yes or no (true or false), not “yes”."),
        (leaf("account.kind", "is", "friend"), "Kind of account is one of prospect, customer, partner, competitor"),
        (leaf("account.industry", "known", "x"), "Industry “is known” takes no value."),
        ({"all": []}, "The group “all” is empty; remove it or add a comparison."),
        ({"any": []}, "The group “any” is empty"),
        ({"all": {}}, "“all” takes a list of conditions, not an object."),
        ({"all": [{}]}, "A group holds an empty condition"),
        ({"not": {}}, "“Not” holds nothing"),
        ({"not": []}, "a list is no condition"),
        ({"all": [], "any": []}, "A group is one of all, any or not; found “all”, “any”."),
        ({"every": []}, "A group is one of all, any or not; found “every”."),
        ({**leaf("account.tier", "is", 1), "why": 1}, "“why” does not belong there."),
        ([], "a list is no condition"),
        (None, "nothing is no condition"),
        ("x", "“x” is no condition"),
        (nested(6), "nested more than 5 deep"),
        ({"all": [leaf("account.tier", "is", 1)] * 101}, "more than 100 comparisons"),
    ],
)  # fmt: skip
def test_an_impossible_condition_is_told(tree, said):
    problems = conditions.check(tree, FIELDS_OF_PEOPLE)
    assert any(said in problem for problem in problems), problems
    with pytest.raises(ConditionError) as refused:
        conditions.compile(tree, FIELDS_OF_PEOPLE)
    assert refused.value.problems == problems


@pytest.mark.parametrize(
    "parts",
    [
        [leaf("account.employees", "gt", 500), leaf("account.employees", "lt", 100)],
        [leaf("account.employees", "gt", 500), leaf("account.employees", "lte", 500)],
        [leaf("account.employees", "is", 5), leaf("account.employees", "between", [6, 9])],
        [leaf("account.employees", "is", 5), leaf("account.employees", "is", 6)],
        [leaf("attribute.visits", "gt", 5), leaf("attribute.visits", "lt", 5)],
        [leaf("account.industry", "is", "Steel"), leaf("account.industry", "is", "Oil")],
        [leaf("account.industry", "in", ["Steel", "Oil"]), leaf("account.industry", "not_in", ["steel", "oil "])],
        [leaf("account.industry", "is", "Steel"), {"all": [leaf("account.industry", "is_not", "STEEL")]}],
        [leaf("account.industry", "unknown"), leaf("account.industry", "is", "Steel")],
        [leaf("account.industry", "unknown"), leaf("account.industry", "known")],
        [leaf("person.opted_out", "is", True), leaf("person.opted_out", "is", False)],
        [leaf("person.opted_out", "is_not", True), leaf("person.opted_out", "is_not", False)],
    ],
)
def test_what_can_never_hold_together_is_told(parts):
    for tree in ({"all": parts}, {"any": [leaf("account.tier", "is", 1), {"all": parts}]}):
        (problem,) = conditions.check(tree, FIELDS_OF_PEOPLE)
        assert "can never hold" in problem


def test_the_sentence_of_a_contradiction_names_the_fields():
    tree = {"all": [leaf("account.employees", "gt", 500), leaf("account.employees", "lt", 100)]}
    assert conditions.check(tree, FIELDS_OF_PEOPLE) == [
        "Employees is more than 500 and employees is less than 100: this can never hold."
    ]


@pytest.mark.parametrize(
    "parts",
    [
        [leaf("account.employees", "gt", 500), leaf("account.employees", "lt", 501)],
        [leaf("account.employees", "gte", 500), leaf("account.employees", "lte", 500)],
        [leaf("account.industry", "in", ["Steel", "Oil"]), leaf("account.industry", "is_not", "Oil")],
        [leaf("person.title", "word", "vice"), leaf("person.title", "word", "president")],
        [leaf("account.employees", "gt", 500), leaf("account.tier", "lt", 2)],
        [leaf("account.employees", "known"), leaf("account.employees", "lt", 2)],
        [leaf("attribute.visits", "is", 3), leaf("attribute.visits", "lt", 5)],
    ],
)
def test_what_may_hold_together_is_not_refused(parts):
    assert conditions.check({"all": parts}, FIELDS_OF_PEOPLE) == []
    assert conditions.check({"any": [leaf("account.employees", "is", 7), *parts]}, FIELDS_OF_PEOPLE) == []


def test_five_groups_deep_is_possible():
    assert conditions.check(nested(5), FIELDS_OF_PEOPLE) == []


# --- In words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({}, "Always"),
        (leaf("account.industry", "is", "Chemicals"), "Industry is “Chemicals”"),
        (leaf("account.industry", "in", ["Chemicals", "Steel", "Oil"]),
         "Industry is one of “Chemicals”, “Steel” or “Oil”"),
        (leaf("account.industry", "in", ["Chemicals"]), "Industry is “Chemicals”"),
        (leaf("account.industry", "not_in", ["Chemicals"]), "Industry is not “Chemicals”"),
        (leaf("account.employees", "gt", 12500), "Employees is more than 12,500"),
        (leaf("account.employees", "between", [50, 2.5e3]), "Employees is between 50 and 2,500.0"),
        (leaf("account.kind", "is", "competitor"), "Kind of account is competitor"),
        (leaf("person.opted_out", "is", True), "Opted out of marketing mail: yes"),
        (leaf("person.opted_out", "is_not", True), "Opted out of marketing mail: no"),
        (leaf("account.industry", "known"), "Industry is known"),
        (leaf("attribute.Lead Source", "contains", "Ads"), "Attribute “Lead Source” contains “Ads”"),
        ({"all": [leaf("account.tier", "is", 1), {"any": [leaf("person.title", "word", ["CEO", "CTO"]),
                                                         {"not": leaf("account.industry", "unknown")}]}]},
         "Tier is 1 and (job title has the word “CEO” or “CTO” or not (industry is not known))"),
        (leaf("nowhere", "is", 1), "“nowhere” is 1"),
        (leaf("account.tier", "resembles", 1), "Tier …"),
        (leaf("account.tier", "is", None), "Tier is …"),
        (None, "…"),
        ({"all": []}, "…"),
    ],
)  # fmt: skip
def test_a_condition_is_said_in_words(tree, said):
    assert conditions.sentence(tree, FIELDS_OF_PEOPLE) == said


def test_days_are_said_in_words():
    assert conditions.sentence(leaf("lead.inquiry_on", "within_days", 30), FIELDS_OF_LEADS) == (
        "Inquiry is within the last 30 days"
    )
    assert conditions.sentence(leaf("lead.inquiry_on", "lt", "2026-05-31"), FIELDS_OF_LEADS) == (
        "Inquiry is before “2026-05-31”"
    )


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([*FIELDS_OF_PEOPLE, *conditions.OPERATORS]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["all", "any", "not", "field", "op", "value", "x"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(json_like)
def test_no_json_makes_it_crash(tree):
    said = conditions.sentence(tree, FIELDS_OF_TOUCHES)
    assert isinstance(said, str) and said
    if conditions.check(tree, FIELDS_OF_TOUCHES) == []:
        conditions.compile(tree, FIELDS_OF_TOUCHES)
        assert conditions.evaluate(tree, {}, now=NOW) in (True, False, None)


def test_a_thousand_groups_deep_neither_crashes_nor_passes():
    tree = nested(5000)
    assert conditions.check(tree, FIELDS_OF_PEOPLE)
    assert conditions.sentence(tree, FIELDS_OF_PEOPLE).endswith("(…)))))))")
    assert conditions.fields_of(tree) == []


# --- What is compared with what -------------------------------------------------------------------

_VALUES = "text, number, boolean, day, kind, json"
_TEST_FIELDS = {
    "text": Field("text", "Text", "text", "v.text", "person"),
    "number": Field("number", "Number", "number", "v.number", "person"),
    "boolean": Field("boolean", "Boolean", "boolean", "v.boolean", "person"),
    "day": Field("day", "Day", "date", "v.day", "person"),
    "kind": Field("kind", "Kind", "choice", "v.kind", "person", choices={"in": "In", "out": "Out"}),
    "attribute.x y": Field(
        "attribute.x y", "X", "any",
        FIELDS_OF_PEOPLE["attribute.x y"].sql.replace("p.attributes", "v.json"), "person", params=("x y", "x y"),
    ),
}  # fmt: skip


def in_sql(cases):
    """The answers of PostgreSQL to (tree, values) pairs, by one query."""
    selects, params = [], []
    for number, (tree, values) in enumerate(cases):
        compiled = conditions.compile(tree, _TEST_FIELDS)
        selects.append(
            f"SELECT {number} AS n, {compiled.sql} FROM (SELECT %s::text AS text, %s::numeric AS number,"
            " %s::boolean AS boolean, %s::date AS day, %s::text AS kind, %s::jsonb AS json) v"
        )
        stored = {} if (held := values.get("attribute.x y", ...)) is ... else {"x y": held}
        row = [values.get(name) for name in ("text", "number", "boolean", "day", "kind")]
        params += [*compiled.params, *row, json.dumps(stored)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(selects) + " ORDER BY n", params)
        return [answer for _, answer in cursor.fetchall()]


CASES = [
    # field, stored, operator, value, answer
    ("text", " Steel ", "is", "steel", True),
    ("text", "Steel", "is", " STEEL\t", True),
    ("text", "Ölförderung", "is", "ölFÖRDERUNG", True),
    ("text", "ΟΔΟΣ", "is", "οδοσ", True),
    ("text", "Steel", "is_not", "oil", True),
    ("text", "  ", "is_not", "oil", None),
    ("text", "\u00a0\n", "known", None, False),
    ("text", None, "is", "oil", None),
    ("text", None, "not_in", ["oil"], None),
    ("text", None, "unknown", None, True),
    ("text", "Steel", "in", ["oil", "steel"], True),
    ("text", "Chief 100% Officer", "contains", "100% o", True),
    ("text", "under_score", "contains", "r_s", True),
    ("text", "underXscore", "contains", "r_s", False),
    ("text", "VP of Sales", "not_contains", ["ceo", "cto"], True),
    ("text", "VP of Sales", "starts_with", ["ceo", "vp"], True),
    ("text", "vice president", "word", "VP", False),
    ("text", "EVP, Sales", "word", "vp", False),
    ("text", "Sales (VP)", "word", ["cto", "vp"], True),
    ("text", "C++ developer", "word", "c++", True),
    ("text", "a.b", "word", "a.b", True),
    ("text", "axb", "word", "a.b", False),
    ("text", "Größe", "word", "röße", False),
    ("text", "12", "is", 12, True),
    ("number", 5, "is", 5.0, True),
    ("number", Decimal("0.10"), "is", 0.1, True),
    ("number", 5, "between", [5, 6], True),
    ("number", 5, "in", [4, "5"], True),
    ("number", 5, "not_in", [4], True),
    ("number", None, "is_not", 4, None),
    ("number", 5, "lte", 4.999, False),
    ("boolean", False, "is", False, True),
    ("boolean", False, "is_not", False, False),
    ("boolean", None, "is", False, None),
    ("day", dt.date(2026, 5, 31), "lt", "2026-06-01", True),
    ("day", dt.date(2026, 5, 31), "is", "2026-05-31", True),
    ("day", dt.date(2026, 5, 31), "between", ["2026-05-31", "2026-06-01"], True),
    ("day", None, "gt", "2026-06-01", None),
    ("kind", "in", "is", "in", True),
    ("kind", "", "is", "in", None),
    ("kind", "out", "in", ["in", "out"], True),
    ("attribute.x y", "3", "gt", 2, True),
    ("attribute.x y", 3, "is", "3.0", True),
    ("attribute.x y", " 3.50 ", "is", 3.5, True),
    ("attribute.x y", "three", "gt", 2, None),
    ("attribute.x y", "three", "is", 3, False),
    ("attribute.x y", "three", "is_not", 3, True),
    ("attribute.x y", "Three", "in", [3, "three"], True),
    ("attribute.x y", 3, "in", ["three"], False),
    ("attribute.x y", "1e5", "gt", 1, None),
    ("attribute.x y", 1e5, "gt", 1, True),
    ("attribute.x y", "9" * 300, "gt", 1, None),
    ("attribute.x y", True, "is", True, True),
    ("attribute.x y", "Yes", "is", True, False),
    ("attribute.x y", "", "is", "x", None),
    ("attribute.x y", None, "known", None, False),
    ("attribute.x y", [1, 2], "known", None, False),
    ("attribute.x y", {"a": 1}, "unknown", None, True),
    ("attribute.x y", 42, "contains", "4", True),
    ("attribute.x y", "DROP TABLE x; --", "is", "drop table x; --", True),
]


@pytest.mark.django_db
def test_sql_and_python_give_the_answers_of_the_table():
    cases = [(leaf(field, op, value), {field: stored}) for field, stored, op, value, _ in CASES]
    expected = [answer for *_, answer in CASES]
    assert [conditions.evaluate(tree, values, now=NOW) for tree, values in cases] == expected
    assert in_sql(cases) == expected


def test_within_days_needs_a_now_and_counts_whole_days():
    tree = leaf("day", "within_days", 30)
    assert conditions.evaluate(tree, {"day": dt.date(2026, 5, 2)}, now=NOW) is True
    assert conditions.evaluate(tree, {"day": dt.date(2026, 5, 1)}, now=NOW) is False
    assert conditions.evaluate(tree, {"day": dt.date(2026, 6, 2)}, now=NOW) is False
    assert conditions.evaluate(tree, {"day": None}, now=NOW) is None
    with pytest.raises(ValueError, match="what time it is"):
        conditions.evaluate(tree, {"day": dt.date(2026, 5, 2)})


@pytest.mark.django_db
def test_within_days_in_sql_counts_from_today():
    today = dt.datetime.now(dt.UTC).date()
    days = [today, today - dt.timedelta(days=30), today - dt.timedelta(days=31), today + dt.timedelta(days=1), None]
    answers = in_sql([(leaf("day", "within_days", 30), {"day": day}) for day in days])
    assert answers == [True, True, False, False, None]


letters = st.text(alphabet=string.ascii_letters + "01 _-.%'\\\"+äÖéЖß\t", max_size=6)
numbers = st.one_of(st.integers(-3, 3), st.floats(-3, 3, allow_nan=False).map(lambda value: round(value, 2) + 0.0))
somethings = letters.filter(lambda value: value.strip())
_given_values = {
    "text": somethings,
    "number": numbers,
    "boolean": st.booleans(),
    "day": st.dates(dt.date(2026, 5, 1), dt.date(2026, 5, 5)).map(str),
    "kind": st.sampled_from(["in", "out"]),
    "attribute.x y": somethings | numbers | st.booleans() | st.sampled_from(["3", "2.0", "-1"]),
}
_stored_values = {
    "text": letters,
    "number": numbers,
    "boolean": st.booleans(),
    "day": st.dates(dt.date(2026, 5, 1), dt.date(2026, 5, 5)),
    "kind": st.sampled_from(["in", "out", ""]),
    "attribute.x y": letters | numbers | st.booleans() | st.sampled_from(["3", " 2", "-1.0"]) | st.lists(numbers),
}


@st.composite
def comparisons(draw):
    name = draw(st.sampled_from(list(_TEST_FIELDS)))
    field = _TEST_FIELDS[name]
    op = draw(st.sampled_from([op for op in conditions.operators_of(field.type) if op != "within_days"]))
    one = _given_values[name]
    if field.type == "any" and op in ("lt", "lte", "gt", "gte", "between"):
        one = numbers
    match conditions.OPERATORS[op].takes:
        case "nothing":
            return leaf(name, op)
        case "list":
            return leaf(name, op, draw(st.lists(one, min_size=1, max_size=3)))
        case "some":
            return leaf(name, op, draw(one | st.lists(one, min_size=1, max_size=2)))
        case "bounds":
            return leaf(name, op, sorted(draw(st.tuples(one, one))))
        case _:
            return leaf(name, op, draw(one))


trees = st.recursive(
    comparisons(),
    lambda inner: (
        st.builds(lambda part: {"not": part}, inner)
        | st.builds(
            lambda key, parts: {key: parts}, st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)
        )
    ),
    max_leaves=5,
)
rows = st.fixed_dictionaries({name: st.none() | stored for name, stored in _stored_values.items()})


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(trees, rows), min_size=1, max_size=25))
def test_sql_and_python_agree(cases):
    cases = [(tree, row) for tree, row in cases if not conditions.check(tree, _TEST_FIELDS)]
    if cases:
        assert in_sql(cases) == [conditions.evaluate(tree, row, now=NOW) for tree, row in cases]


# --- The fields themselves ------------------------------------------------------------------------

_ROOTS = {
    "touch": (FIELDS_OF_TOUCHES, "funnel_activity t"),
    "person": (FIELDS_OF_PEOPLE, "funnel_person p"),
    "lead": (FIELDS_OF_ROUTING, "funnel_lead l"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("root", _ROOTS)
def test_every_field_can_be_asked_alone_with_the_joins_of_its_group(root):
    region = Region.objects.create(name="North")
    channel = Channel.objects.create(name="Search")
    account = make.account(industry="Steel", employees=700, region=region, attributes={"plan": "gold"})
    person = make.person(account=account, title="CEO", email="pat@gmail.com", attributes={"visits": "12"})
    make.lead(person=person, channel=channel, region=region)
    make.touch(person=person, channel=channel, payload={"minutes": 5})
    fields, table = _ROOTS[root]
    names = [*fields, *(f"{prefix}.some thing" for prefix in fields.dynamic)]
    with connection.cursor() as cursor:
        for name in names:
            field = fields[name]
            compiled = conditions.compile(leaf(name, "known"), fields)
            assert compiled.groups == {field.group}
            cursor.execute(f"SELECT {compiled.sql} FROM {table} {fields.joins(compiled.groups, root)}", compiled.params)
            assert len(cursor.fetchall()) == 1, name


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("root", "tree", "answer"),
    [
        ("touch", leaf("touch.channel", "is", "search"), True),
        ("touch", leaf("touch.type", "in", ["demo", "FORM"]), True),
        ("touch", leaf("payload.minutes", "gte", 5), True),
        ("touch", leaf("person.free_mail", "is", True), True),
        ("touch", leaf("account.region", "is", "north"), True),
        ("person", leaf("attribute.visits", "between", [10, 20]), True),
        ("person", leaf("account_attribute.plan", "is", "Gold"), True),
        ("person", leaf("account.employees", "lt", 700), False),
        ("person", leaf("person.language", "is_not", "en"), None),
        ("lead", leaf("lead.region", "is", "North"), True),
        ("lead", leaf("lead.country", "known"), False),
        ("lead", leaf("account.matched", "is", True), True),
        ("lead", leaf("score.grade", "is", "A"), None),
    ],
)
def test_a_condition_reads_the_rows_it_names(root, tree, answer):
    region = Region.objects.create(name="North")
    channel = Channel.objects.create(name="Search")
    account = make.account(industry="Steel", employees=700, region=region, attributes={"plan": "gold"})
    person = make.person(account=account, title="CEO", email="pat@gmail.com", attributes={"visits": "12"})
    make.lead(person=person, channel=channel, region=region)
    make.touch(person=person, channel=channel, payload={"minutes": 5})
    fields, table = _ROOTS[root]
    compiled = conditions.compile(tree, fields)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {compiled.sql} FROM {table} {fields.joins(compiled.groups, root)}", compiled.params)
        assert cursor.fetchall() == [(answer,)]
