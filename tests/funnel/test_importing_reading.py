"""Reading CSV: encodings, delimiters, what is wrong with a record, and that the rest is read all the same."""

import csv
import gzip
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnel.importing import reading
from funnel.importing.reading import FileProblem, Record, Table, survey


def read(data: bytes, *, encoding: str = "", delimiter: str = "") -> tuple[list[str], list[Record]]:
    file = io.BytesIO(data)
    table = Table(file, survey(file, encoding=encoding, delimiter=delimiter))
    return table.header, list(table)


def cells(data: bytes, **said: str) -> list[list[str]]:
    header, records = read(data, **said)
    assert not [record.problem for record in records if record.problem]
    return [header, *(record.cells for record in records)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_files_are_recognised(encoding):
    assert cells("näme;x\nZoë;1\n日本;2\n".encode(encoding)) == [["näme", "x"], ["Zoë", "1"], ["日本", "2"]]


@pytest.mark.parametrize("encoding", ["utf-16-le", "iso8859-15", "cp1250"])
def test_another_encoding_is_read_when_it_is_said(encoding):
    assert cells("name,x\nČeško,1\n".encode("cp1250"), encoding="cp1250")[1] == ["Češko", "1"]
    assert cells("name,x\nplain,1\n".encode(encoding), encoding=encoding)[1] == ["plain", "1"]


def test_latin_1_is_the_fallback_and_says_so():
    data = "name,x\nplain,1\nMüller,2\n".encode("latin-1")
    found = survey(io.BytesIO(data))
    assert found.encoding == "cp1252"
    assert "line 3" in found.warnings[0]
    assert cells(data)[2] == ["Müller", "2"]


def test_one_torn_row_does_not_turn_a_utf_8_file_into_latin_1():
    header, records = read("name,x\nZoë,1\nTor".encode() + b"\xff" + "n,2\nJürgen,3\n".encode())
    assert [record.cells[0] for record in records if not record.problem] == ["Zoë", "Jürgen"]
    assert "not UTF-8" in records[1].problem


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_whatever_the_cells_hold(delimiter):
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows([["a", "b", "c"], ["1,5", "x; y", "p|q"], ["2,5", "z; y", "r|s"]])
    assert cells(file.getvalue().encode())[1] == ["1,5", "x; y", "p|q"]


def test_a_separator_line_of_excel_is_obeyed_and_left_out():
    assert cells(b"sep=|\r\na|b\r\n1|2\r\n") == [["a", "b"], ["1", "2"]]


def test_a_file_of_one_column_is_a_table_too():
    assert cells(b"email\nann@acme.example\n") == [["email"], ["ann@acme.example"]]


def test_line_breaks_inside_cells_stay_and_lines_are_counted_as_in_an_editor():
    _, records = read(b'a,b\n"one\r\ntwo\nthree",x\n\n4,y\n')
    assert records == [Record(1, 2, ["one\r\ntwo\nthree", "x"]), Record(2, 6, ["4", "y"])]


def test_old_line_ends_are_read():
    assert cells(b"a,b\r1,2\r3,4\r") == [["a", "b"], ["1", "2"], ["3", "4"]]


def test_a_cell_of_100_000_characters_is_read():
    assert cells(b"a,b\n1," + b"x" * 100_000 + b"\n")[1] == ["1", "x" * 100_000]


@pytest.mark.parametrize("quoted", [b'"', b""])
def test_a_cell_beyond_the_maximum_is_refused_and_the_next_row_is_read(quoted):
    data = b"a,b\n1," + quoted + b"x" * (reading.MAX_CELL + 1) + quoted + b"\n2,y\n"
    _, (bad, good) = read(data)
    assert "longer than 1,000,000 characters" in bad.problem
    assert (good.number, good.cells, good.problem) == (2, ["2", "y"], "")


def test_a_line_beyond_the_maximum_is_refused_without_being_kept(monkeypatch):
    monkeypatch.setattr(reading, "MAX_RECORD", 1000)
    _, (bad, good) = read(b"a,b\n1," + b"x" * 100_000 + b"\n2,y\n")
    assert "longer than 1,000 characters" in bad.problem
    assert (good.line, good.cells) == (3, ["2", "y"])


def test_a_nul_byte_costs_its_row_only():
    _, (bad, good) = read(b"a,b\n1,x\x00y\n2,z\n")
    assert "NUL" in bad.problem and good.cells == ["2", "z"]


@pytest.mark.parametrize("row", [b"1", b"1,2,3", b'"1,2'])
def test_a_ragged_row_costs_its_row_only(row):
    _, records = read(b"a,b\n" + row + b"\n5,6\n7,8\n")
    assert records[0].problem
    assert [(record.line, record.cells) for record in records[1:]] == [(3, ["5", "6"]), (4, ["7", "8"])]


def test_quotes_that_do_not_match_cost_their_line_only():
    _, records = read(b'a,b\n1,"un"quoted"\n2,"never closed\n3,x\n4,"fine"\n')
    assert [bool(record.problem) for record in records] == [True, True, False, False]
    assert records[1].line == 3 and records[3].cells == ["4", "fine"]


def test_blank_lines_are_no_rows():
    _, records = read(b"a,b\n\n1,2\n,\n\n3,4\n,,\n")
    assert [record.cells for record in records if not record.problem] == [["1", "2"], ["3", "4"]]


def test_a_compressed_file_is_read_and_a_damaged_one_refused():
    packed = gzip.compress(b"a,b\n1,2\n" * 1000)
    assert cells(packed)[1] == ["1", "2"]
    with pytest.raises(FileProblem, match="damaged"):
        survey(io.BytesIO(packed[:-12]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"PK\x03\x04", "Excel"),
        (b"%PDF-1.7", "PDF"),
        ("a,b\n1,2\n".encode("utf-16-le"), "encoding: utf-16-le"),
        (b'"a,b\n1,2\n', "header"),
    ],
)
def test_what_is_no_table_is_refused_in_words(data, words):
    with pytest.raises(FileProblem, match=words):
        read(data)


def test_an_unknown_encoding_is_refused():
    with pytest.raises(FileProblem, match="no encoding “rot13”"):
        survey(io.BytesIO(b"a\n1\n"), encoding="rot13")


def test_a_large_file_is_read_in_constant_memory(tmp_path):
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.write(b"id,words,day\n")
        file.writelines(b"%06d,some words that make it longer,2024-01-01\n" % number for number in range(300_000))
    tracemalloc.start()
    with path.open("rb") as file:
        count = sum(1 for _ in Table(file, survey(file)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 300_000
    assert peak < 10_000_000 < path.stat().st_size


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(
    rows=st.lists(st.lists(WORDS, min_size=3, max_size=3).filter(any), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_writes_comes_back(rows, delimiter, encoding, line_end):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *rows])
    found = cells(file.getvalue().encode(encoding), delimiter=delimiter, encoding=encoding)
    assert found == [["a", "b", "c"], *rows]


@given(st.binary(max_size=300))
def test_any_bytes_give_records_or_a_sentence(data):
    try:
        header, records = read(data)
    except FileProblem as problem:
        assert str(problem).endswith(".") or "cannot be read" in str(problem)
        return
    assert all(record.problem or len(record.cells) == len(header) for record in records)
    assert [record.number for record in records] == list(range(1, len(records) + 1))
