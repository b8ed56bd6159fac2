from __future__ import annotations

import datetime
import sys
import zipfile

import pytest

from attnaudit.data import excel_rows
from attnaudit.data.loading import load_dataset
from attnaudit.data.reader import read_rows
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError


@pytest.fixture
def book(tmp_path):
    """Writes a workbook of sheets, each a list of rows."""
    openpyxl = pytest.importorskip("openpyxl", reason="the extra `excel` is not installed")

    def write(*sheets):
        made = openpyxl.Workbook()
        made.remove(made.active)
        for rows in sheets:
            sheet = made.create_sheet()
            for row in rows:
                sheet.append(row)
        path = tmp_path / "a.xlsx"
        made.save(path)
        return path

    return write


def complaint(path, required=("text", "label")):
    with pytest.raises(InputError) as caught:
        list(read_rows(path, required))
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path.parent}/")


def test_a_sheet_is_read_as_a_csv_file_would_be(book):
    day = datetime.datetime(2026, 1, 2)
    path = book(
        [
            [],
            ["text", "label", "more", None],
            ["a\nb", 1, day],
            [],
            ["c", 0, 2.5],
            [2012, True, None],
            ["d", 3.0],
        ],
        [],
    )
    assert list(read_rows(path, ["text", "label"])) == [
        (3, {"text": "a\nb", "label": "1", "more": "2026-01-02T00:00:00"}),
        (5, {"text": "c", "label": "0", "more": "2.5"}),
        (6, {"text": "2012", "label": "true", "more": ""}),
        (7, {"text": "d", "label": "3", "more": ""}),
    ]


def test_a_workbook_is_a_data_set(book):
    path = book([["text", "label", "split"], ["a b", 1, "val"], ["c", 0, "val"], ["d", 0, "train"]])
    data = load_dataset(load_spec(path))
    assert (data.split, data.labels, len(data.instances)) == ("dev", ("0", "1"), 2)


def test_mistakes_in_a_sheet_are_named(book, tmp_path):
    good = [["text", "label"], ["a", "x"]]
    assert complaint(book(good, good)).startswith("a.xlsx: has 2 sheets with rows: 'Sheet', 'Sh")
    assert complaint(book([["txt", "label"], ["a", "x"]])).startswith(
        "a.xlsx:1: the field 'text' is missing; did you mean 'txt'?"
    )
    assert complaint(book([*good, ["b", "y", "z"]])).startswith(
        "a.xlsx:3: the row has 3 columns, but the header has 2; name every column"
    )
    assert complaint(book([["text", "text"], ["a", "x"]])).startswith(
        "a.xlsx:1: the column 'text' occurs twice in the header"
    )
    assert complaint(book([])).startswith("a.xlsx: has no rows")
    assert complaint(book(good[:1])).startswith("a.xlsx: has no rows")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"text,label\na,x\n",
            "a.xlsx: is no Excel file that can be read (File is not a zip file)",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a.xlsx: is an old or an encrypted Excel file; save it anew"),
        (b"", "a.xlsx: is no Excel file that can be read"),
    ],
)
def test_other_files_are_no_workbooks(tmp_path, content, says):
    pytest.importorskip("openpyxl", reason="the extra `excel` is not installed")
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    assert complaint(path).startswith(says)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
    assert complaint(path).startswith("a.xlsx: is no Excel file that can be read (")


def test_a_workbook_that_unpacks_to_much_is_refused(book, monkeypatch):
    path = book([["text", "label"], ["a " * 5000, "x"]])
    monkeypatch.setattr(excel_rows, "LARGEST", 4096)
    assert complaint(path).startswith("a.xlsx: unpacks to more than 4 KiB; save the sheet as 'CSV")


def test_without_the_library_the_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04")
    assert complaint(path) == (
        "a.xlsx: is an Excel file, and openpyxl, which reads it, is not installed; install"
        " attnaudit[excel], or save the sheet as 'CSV UTF-8'"
    )
