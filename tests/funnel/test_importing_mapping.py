"""What a mapping may say, what is said about a wrong one, and what becomes of a record."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnel.importing import documents, guessing
from funnel.importing.checking import parse
from funnel.importing.conversion import Converter, Problem
from funnel.importing.mapping import MappingProblem
from funnel.importing.reading import Record
from funnel.ingest import KINDS, Row


def problems(text: str, kind: str = "leads", header: tuple[str, ...] = ("id", "when")) -> list[str]:
    with pytest.raises(MappingProblem) as raised:
        Converter(parse(documents.load(text), KINDS[kind]), header)
    return str(raised.value).splitlines()


def convert(text: str, row: dict[str, str], kind: str = "leads") -> Row | list[Problem] | None:
    """One row through a mapping; its key is in column id unless the mapping says otherwise."""
    document = documents.load(text)
    if "external_id" in KINDS[kind].fields:
        document.setdefault("fields", {}).setdefault("external_id", "id")
    converter = Converter(parse(document, KINDS[kind]), ["id", *row])
    return converter.convert(Record(1, 2, ["1", *row.values()]))


def value(entry: str, text: str, *, field: str = "inquiry_at", top: str = "") -> Any:
    row = convert(f"{top}\nfields:\n  {field}: {entry}", {"c": text})
    assert isinstance(row, Row), row
    return row.values[field]


def problem(entry: str, text: str, *, field: str = "inquiry_at", top: str = "") -> str:
    found = convert(f"{top}\nfields:\n  {field}: {entry}", {"c": text})
    assert isinstance(found, list)
    assert found[0].field == field
    return found[0].words


# --- What is said about a wrong mapping -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The mapping is empty"),
        ("fields: {externl_id: id}", "fields.externl_id: leads have no such field. Did you mean “external_id”"),
        ("fields: {external_id: idd}", "fields.external_id: the file has no column “idd”. Did you mean “id”?"),
        ("fields: {external_id: nope}", "Its columns are id, when."),
        ("fields: {email: id}", "fields.external_id: is needed for leads."),
        ("feilds: {external_id: id}", "feilds: there is no such key. Did you mean “fields”?"),
        ("fields: {external_id: id}\nzone: Europe/Amsterdm", "zone: there is no time zone “Europe/Amsterdm”"),
        ("fields: {external_id: id}\nencoding: utf-88", "encoding: there is no encoding “utf-88”"),
        ("fields: {external_id: id}\ndelimiter: ',,'", "delimiter: expected one character, or tab"),
        ("fields: {external_id: id}\ntrim: perhaps", "trim: expected true or false"),
        ("fields: {external_id: id}\nnull_values: NA", "null_values: expected a list of texts"),
        ("fields: {external_id: id}\nsource: a/b", "source: expected a name of 1 to 60 characters without a slash"),
        ("fields: {external_id: id}\nwhere: {whn: x}", "where.whn: the file has no column “whn”. Did you mean “when”?"),
        ("fields: {external_id: id}\nwhere: [when]", "where: expected columns with the value"),
        ("kind: people\nfields: {external_id: id}", "kind: the mapping is for people, not for leads"),
        ("fields: {external_id: {}}", "fields.external_id"),
        ("fields: {external_id: {column: id, constant: x}}", "say one of column, constant or template"),
        ("fields: {external_id: {colum: id}}", "fields.external_id.colum: there is no such key. Did you mean “column”"),
        ("fields: {external_id: {template: plain}}", "expected text with columns in braces"),
        ("fields: {external_id: {template: '{open'}}", "expected text with columns in braces"),
        ("fields: {external_id: {template: '{id}/{wen}'}}", "the file has no column “wen”. Did you mean “when”?"),
        ("fields: {external_id: id, inquiry_at: {column: when, type: dat}}", "expected datetime or date, not “dat”"),
        ("fields: {external_id: {column: id, type: number}}", "fields.external_id.type: expected text"),
        ("fields: {external_id: id, inquiry_at: {column: when, format: dd.mm}}", "“dd.mm” is no date format"),
        ("fields: {external_id: id, phone: {column: when, decimal: ','}}", "decimal: is for numbers"),
        ("fields: {external_id: id, phone: {column: when, zone: UTC}}", "zone: is for dates"),
        ("fields: {external_id: id, inquiry_at: {column: when, ambiguous: x}}", "expected error or earlier or later"),
        ("fields: {external_id: id, inquiry_at: {constant: soon}}", "“soon” is not a date"),
        ("fields: {external_id: id, exit: {constant: lots}}", "“lots” is no exit. Did you mean “lost”?"),
        ("fields: {external_id: id, exit: {column: when, map: {No: lst}}}", "fields.exit.map.No: “lst” is no exit."),
        ("fields: {external_id: id, exit: {column: when, map: [No]}}", "fields.exit.map: expected each value"),
    ],
)
def test_a_wrong_mapping_is_refused_in_a_sentence_that_names_the_key(text, words):
    assert any(words in sentence for sentence in problems(text)), problems(text)


def test_everything_that_is_wrong_is_said_at_once():
    said = problems("zone: Nowhere\nfields: {externl_id: id, exit: {constant: lots}}\ntrim: x")
    assert len(said) == 4


def test_a_column_that_is_there_twice_can_only_be_used_when_one_is_renamed():
    said = problems("fields: {external_id: id, email: mail}", header=("id", "mail", "mail"))
    assert said == ["fields.email: the file has 2 columns called “mail”; rename one."]
    assert convert("fields: {}", {"mail": "a", "phone": "b"})


def test_a_file_without_column_names_is_refused():
    assert problems("fields: {external_id: id}", header=("", "")) == ["The first line of the file names no column."]


def test_kinds_without_attributes_take_none():
    said = problems("fields: {external_id: id, name: when}\nattributes: {a: when}", "reps")
    assert said == ["attributes: reps have no attributes of their own."]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "Line 1: this is not YAML"),
        ("fields:\n  a: x\n  a: y", "Line 3: “a” stands there twice"),
        ("map: {*: skip}", 'A star alone is written "*"'),
        ("? [a]\n: b", "a key must be plain text"),
        ("a: &x {b: c}\nd: *x", "references"),
        ("a: " + "x" * documents.MAX_SIZE, "at most 1,000,000 characters"),
    ],
)
def test_a_text_that_is_no_document_is_refused_with_its_line(text, words):
    with pytest.raises(documents.DocumentProblem) as raised:
        documents.load(text)
    assert words in str(raised.value)


def test_yaml_guesses_nothing():
    text = "a: Yes\nb: 0123\nc: 2024-01-01\nd: null\ne: ~\nf: 'null'\ng:\nh: 1e3"
    assert documents.load(text) == {
        "a": "Yes", "b": "0123", "c": "2024-01-01", "d": None, "e": None, "f": "null", "g": None, "h": "1e3",
    }  # fmt: skip


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@given(
    st.recursive(
        st.none() | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ).filter(lambda found: isinstance(found, dict))
)
def test_a_document_that_is_written_is_read_back_the_same(document):
    assert documents.load(documents.dump(document)) == document


# --- What becomes of a record ---------------------------------------------------------------------


def test_columns_constants_templates_and_attributes_come_together():
    row = convert(
        """
        fields:
          email: mail
          function: {constant: partner}
          company: {template: "{first}-{last}"}
        attributes:
          visits: {column: n, type: number}
          share: {column: part, type: number}
          seen: {column: day, type: date}
          note: text
        """,
        {
            "mail": "a@b.example",
            "first": "x",
            "last": "y",
            "n": "3",
            "part": "0.5",
            "day": "2024-01-31",
            "text": "=1+1",
        },
    )
    assert row == Row(
        1,
        {"email": "a@b.example", "function": "partner", "company": "x-y", "external_id": "1"},
        {"visits": 3, "share": 0.5, "seen": "2024-01-31", "note": "=1+1"},
    )


def test_only_the_fields_that_are_mapped_are_said():
    row = convert("fields: {email: mail}", {"mail": "", "phone": "1"})
    assert isinstance(row, Row) and row.values == {"email": None, "external_id": "1"}


def test_where_keeps_rows_and_the_others_are_left_out():
    for where in ("{kind: A}", "{kind: [A, B]}"):
        assert isinstance(convert(f"where: {where}\nfields: {{}}", {"kind": "A"}), Row)
        assert convert(f"where: {where}\nfields: {{}}", {"kind": "C"}) is None
    assert isinstance(convert("where: {kind: null}\nfields: {}", {"kind": ""}), Row)


def test_a_value_map_translates_skips_and_blanks():
    entry = '{column: c, map: {A_DECLINED: lost, open: null, test: skip, "": expired}}'
    assert value(entry, "A_DECLINED", field="exit") == "lost"
    assert value(entry, "open", field="exit") is None
    assert value(entry, "", field="exit") == "expired"
    assert convert(f"fields:\n  exit: {entry}", {"c": "test"}) is None
    assert "The value map says nothing of “A_DECLINE”. Close ones are “A_DECLINED”" in problem(
        entry, "A_DECLINE", field="exit"
    )


def test_a_star_in_a_value_map_is_every_other_value_but_not_a_blank():
    entry = '{column: c, map: {won: null, "*": lost}}'
    assert value(entry, "anything", field="exit") == "lost"
    assert value(entry, "", field="exit") is None


def test_a_mapped_value_is_read_as_the_type_of_its_field():
    entry = '{column: c, map: {"1": 2020-01-02, "0": null}}'
    assert value(entry, "1") == datetime(2020, 1, 2, tzinfo=UTC)
    assert value(entry, "0") is None


def test_a_row_that_is_skipped_has_no_problems():
    text = "fields:\n  inquiry_at: c\n  exit: {column: d, map: {x: skip}}"
    assert convert(text, {"c": "no date", "d": "x"}) is None


def test_every_problem_of_a_row_is_said():
    found = convert("fields: {inquiry_at: a, mql_at: b}", {"a": "soon", "b": "later"})
    assert isinstance(found, list) and [item.field for item in found] == ["inquiry_at", "mql_at"]


def test_a_label_stays_as_it_is_unless_the_mapping_trims():
    assert value("c", " Google ", field="channel") == " Google "
    assert value("c", " Google ", field="channel", top="trim: true") == "Google"


def test_what_means_blank_is_said_once_or_for_a_field():
    top = 'null_values: ["", NA]'
    assert value("c", "NA", field="channel", top=top) is None
    assert value("{column: c, null_values: []}", "NA", field="channel", top=top) == "NA"


def test_a_template_of_blanks_is_blank():
    text = 'null_values: ["", NA]\nfields: {company: {template: "{a} {b}"}}'
    blank, half = convert(text, {"a": "", "b": "NA"}), convert(text, {"a": "x", "b": "NA"})
    assert isinstance(blank, Row) and blank.values["company"] is None
    assert isinstance(half, Row) and half.values["company"] == "x "


# --- Times and numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "text", "expected"),
    [
        ("c", "2011-10-01T08:15:39.894+02:00", datetime(2011, 10, 1, 6, 15, 39, 894000, tzinfo=UTC)),
        ("c", "2020-12-30 3:15:52", datetime(2020, 12, 30, 2, 15, 52, tzinfo=UTC)),
        ("c", "2020-12-30 03:15 UTC", datetime(2020, 12, 30, 3, 15, tzinfo=UTC)),
        ("c", "2020-07-01T03:15:00Z", datetime(2020, 7, 1, 3, 15, tzinfo=UTC)),
        ("c", "2020-07-01", datetime(2020, 6, 30, 22, tzinfo=UTC)),
        ("{column: c, type: date}", "2018-05-08 20:17:59", datetime(2018, 5, 7, 22, tzinfo=UTC)),
        ("{column: c, type: date, zone: UTC}", "2018-05-08", datetime(2018, 5, 8, tzinfo=UTC)),
        ("{column: c, format: '%d.%m.%Y %H:%M'}", "31.12.2023 10:30", datetime(2023, 12, 31, 9, 30, tzinfo=UTC)),
        ("{column: c, format: epoch_ms}", "1700000000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("{column: c, ambiguous: earlier}", "2024-10-27 02:30", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        ("{column: c, ambiguous: later}", "2024-10-27 02:30", datetime(2024, 10, 27, 1, 30, tzinfo=UTC)),
        ("{column: c, nonexistent: forward}", "2024-03-31 02:30", datetime(2024, 3, 31, 1, 30, tzinfo=UTC)),
        # Midnight that the clocks skipped: the day begins at one.
        ("{column: c, type: date, zone: America/Sao_Paulo}", "2018-11-04", datetime(2018, 11, 4, 3, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_the_zone_of_the_mapping(entry, text, expected):
    assert value(entry, text, top="zone: Europe/Amsterdam") == expected


@pytest.mark.parametrize(
    ("entry", "text", "words"),
    [
        ("c", "2024-10-27 02:30", "came twice in Europe/Amsterdam"),
        ("c", "2024-03-31 02:30", "never was in Europe/Amsterdam"),
        ("c", "31.12.2023", "is not a date and time (expected as 2024-03-31"),
        ("{column: c, format: '%d.%m.%Y'}", "31.02.2024", "expected as %d.%m.%Y, such as 31.03.2024"),
        ("c", "0001-01-01 00:00", "lies outside the calendar"),
        ("{column: c, format: epoch}", "1e99", "seconds since 1970"),
        ("c", "x" * 500, "…”"),
    ],
)
def test_a_time_that_cannot_be_told_is_an_error_that_says_how_to_decide(entry, text, words):
    assert words in problem(entry, text, top="zone: Europe/Amsterdam")


def test_a_date_field_takes_the_local_day_of_a_time():
    entry = "{column: c, type: datetime}"
    assert value(entry, "2024-01-01T23:30:00Z", field="revisit_on", top="zone: Europe/Amsterdam") == date(2024, 1, 2)


@pytest.mark.parametrize(
    ("decimal", "text", "expected"),
    [
        ("", "1234.5", "1234.5"), ("", "-3", "-3"), ("", "1e3", "1000"), ("", " 7 ", "7"),
        (".", "1,234,567.89", "1234567.89"), (".", "1 234.5", "1234.5"), (".", "1234.5", "1234.5"),
        (",", "1.234,5", "1234.5"), (",", "1234,5", "1234.5"), (",", "1.500", "1500"), (",", "-1’000", "-1000"),
    ],
)  # fmt: skip
def test_numbers_with_grouped_digits_are_read_when_the_mapping_says_how(decimal, text, expected):
    entry = f"{{column: c, decimal: '{decimal}'}}" if decimal else "c"
    row = convert(f"fields:\n  amount: {entry}", {"c": text}, "opportunities")
    assert isinstance(row, Row) and row.values["amount"] == Decimal(expected)


@pytest.mark.parametrize(
    ("decimal", "text"),
    [("", "1,234.5"), ("", "12,5"), ("", "nan"), ("", "€5"), ("", "1e99"), ("", "1e999999999"), (",", "1.5"),
     (".", "1,23"), (".", "12,34,567"), ("", "=1+1")],
)  # fmt: skip
def test_what_could_be_two_numbers_is_none(decimal, text):
    entry = f"{{column: c, decimal: '{decimal}'}}" if decimal else "c"
    assert isinstance(convert(f"fields:\n  amount: {entry}", {"c": text}, "opportunities"), list)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_a_number_is_read_back_however_it_is_grouped(number):
    for decimal, text in (("", f"{number}"), (".", f"{number:,}"), (",", f"{number:,}".translate({44: ".", 46: ","}))):
        entry = f"{{column: c, decimal: '{decimal}'}}" if decimal else "c"
        row = convert(f"fields:\n  amount: {entry}", {"c": text}, "opportunities")
        assert isinstance(row, Row) and row.values["amount"] == number


# --- Guessing -------------------------------------------------------------------------------------


def sample(*rows: list[str]) -> guessing.Sample:
    header, *records = rows
    return guessing.Sample(header, [Record(n, n + 1, cells) for n, cells in enumerate(records, 1)])


def test_columns_are_guessed_by_name_and_by_what_they_hold():
    found = guessing.guess(
        KINDS["opportunities"],
        sample(
            ["Deal ID", "Sales Agent", "Deal Stage", "Close Date", "Close Value", "Product"],
            ["1", "Ann", "Won", "31/12/2023 17:00", "100", "GTX"],
            ["2", "Bob", "Lost", "13/01/2024 09:00", "", "GTX"],
        ),
    )
    assert found["fields"] == {
        "external_id": {"column": "Deal ID"},
        "owner": {"column": "Sales Agent"},
        "solution": {"column": "Product"},
        "deal_stage": {"column": "Deal Stage"},
        "state": {"column": "Deal Stage", "map": {"Won": "won", "Lost": "lost"}},
        "amount": {"column": "Close Value"},
        "closed_at": {"column": "Close Date", "type": "datetime", "format": "%d/%m/%Y %H:%M"},
    }


def test_a_column_that_does_not_hold_what_its_name_says_is_not_guessed():
    found = guessing.guess(KINDS["leads"], sample(["id", "created"], ["1", "yesterday"], ["1", "today"]))
    assert found["fields"] == {}


def test_day_and_month_that_could_be_the_other_way_round_give_two_formats():
    assert guessing.date_formats(["01/02/2024", "03/04/2024"])[:2] == ["%d/%m/%Y", "%m/%d/%Y"]
    assert guessing.date_formats(["01/02/2024", "13/04/2024"]) == ["%d/%m/%Y"]
    assert guessing.date_formats(["01/02/2024", "soon", "13/04/2024"]) == ["%d/%m/%Y"]
    assert guessing.date_formats(["01/02/2024", "soon"]) == []


def test_events_without_a_key_get_one_of_whose_what_and_when():
    found = guessing.guess(
        KINDS["stage-events"], sample(["case_id", "activity", "timestamp"], ["7", "A", "2024-01-01"])
    )
    assert found["fields"]["external_id"] == {"template": "{case_id}/{activity}/{timestamp}"}


@pytest.mark.parametrize("kind", list(KINDS))
def test_whatever_is_guessed_can_be_checked(kind):
    names = list(KINDS[kind].fields)
    document = guessing.guess(KINDS[kind], sample(names, ["1"] * len(names), ["0"] * len(names)))
    assert set(document["fields"]) <= set(names)
    parse(documents.load(documents.dump(document)), KINDS[kind])
