from __future__ import annotations

import pytest

from attnaudit.data.csv_rows import Parted, parted
from attnaudit.data.loading import load_dataset
from attnaudit.data.reader import described, read_rows
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError

NEEDED = ["text", "label"]


@pytest.fixture
def written(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("name", "header", "delimiter"),
    [
        ("a.csv", "text,label", ","),
        ("a.csv", "text;label", ";"),
        ("a.csv", "id\ttext\tlabel", "\t"),
        ("a.csv", "label|text", "|"),
        ("a.csv", '"text";"label"', ";"),
        ("a.csv", '"a;b",text,label', ","),  # its comma finds both columns
        ("a.csv", '"a\n,b";text;label', ";"),
        ("a.tsv", "text\tlabel", "\t"),
        ("a.tsv", "text,label", ","),
        ("a.csv", "review,stars", ","),  # none finds them
        ("a.csv", "review;stars", ";"),
    ],
)
def test_the_header_says_what_parts_the_columns(written, name, header, delimiter):
    path = written(name, f"\n{header}\n")
    assert parted(path, NEEDED) == Parted(delimiter)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_columns_parted_otherwise_are_read(written, delimiter, mark):
    lines = ["text,label", '"a, ""b""\nc",x', "d,y"]
    cells = [["text", "label"], ['"a, ""b""\nc"', "x"], ["d", "y"]]
    other = written("b.csv", mark + "\r\n".join(delimiter.join(row) for row in cells))
    usual = written("a.csv", mark + "\r\n".join(lines))
    rows = list(read_rows(other, NEEDED))
    assert rows == list(read_rows(usual, NEEDED))
    assert [line for line, _ in rows] == [2, 4]
    assert described(usual, NEEDED) is None
    names = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
    assert described(other, NEEDED) == f"its columns are separated by {names[delimiter]}"


def test_every_pass_over_a_file_reads_it_alike(written):
    """Those that ask for labels or splits alone, too."""
    path = written("a.csv", "text;label;split\na b;x;val\nc;y;val\nd;x;training\n")
    data = load_dataset(load_spec(path))
    assert (data.split, data.labels) == ("dev", ("x", "y"))
    assert [i.line for i in data.instances] == [2, 3]


def test_the_line_that_excel_writes_above_the_header_is_no_header(written):
    path = written("a.csv", "sep=;\r\ntext;label\r\na;x\r\n")
    assert list(read_rows(path, NEEDED)) == [(3, {"text": "a", "label": "x"})]
    assert next(iter(read_rows(written("b.csv", '"sep=,"\ntext,label\na,x'))))[0] == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            "text;label\na;x\nb,y\n",
            "a.csv:3: the row has 1 columns, but the header has 2; put fields that",
        ),
        (
            "text;label\na;b;x\n",
            "a.csv:2: the row has 3 columns, but the header has 2; put fields that h",
        ),
        ("Text;Label\na;x\n", "a.csv:1: the field 'text' is missing; did you mean 'Text'?; name"),
        ("review;stars\na;x\n", "a.csv:1: the field 'text' is missing; known: 'review', 'stars'"),
        ("text\na\n", "a.csv:1: the field 'label' is missing; known: 'text'; name your columns in"),
        (
            b"PK\x03\x04rest",
            "a.csv: is an Excel file or another zip archive, not text; name it .xl",
        ),
        (b"\xd0\xcf\x11\xe0\xa1", "a.csv: is an old Excel file, not text; save it as .xlsx or"),
        (b"PAR1\x15\x04", "a.csv: is a Parquet file, not text; name it .parquet"),
        (b"\x1f\x8b\x08", "a.csv: is a gzip file, not text; unpack it first"),
        (
            "text,label\n".encode("utf-16-be"),
            "a.csv:1: contains a NUL character, which is not text",
        ),
        (
            b"\xfe\xff\0t\0e",
            "a.csv: is UTF-16 text; save it as UTF-8; Excel calls that 'CSV UTF-8'",
        ),
        ("text,label\ncaf\xe9,x\n".encode("latin-1"), "a.csv:2: is not UTF-8 text; save it as UT"),
    ],
)
def test_what_cannot_be_read_is_named(written, tmp_path, content, says):
    with pytest.raises(InputError) as caught:
        list(read_rows(written("a.csv", content), NEEDED))
    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(says)
