from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.reader import file_sha256, read_rows
from attnaudit.errors import InputError


@pytest.fixture
def rows(tmp_path):
    def read(name, content, required=()):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_rows(path, required))

    return read


@pytest.fixture
def complaint(rows, tmp_path):
    def read(name, content, required=()):
        with pytest.raises(InputError) as caught:
            rows(name, content, required)
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(str(tmp_path))

    return read


def test_blank_lines_of_jsonl_count_but_give_no_row(rows):
    assert rows("a.jsonl", '\n{"a": 1}\r\n  \n{"a": 2}') == [(2, {"a": 1}), (4, {"a": 2})]


def test_a_row_is_known_by_the_line_it_begins_on(rows):
    text = 'a,b\n1,"x\ny"\n\n2,"p ""q"""\n'
    assert rows("a.csv", text) == [(2, {"a": "1", "b": "x\ny"}), (5, {"a": "2", "b": 'p "q"'})]


def test_tabs_part_the_columns_of_tsv(rows):
    assert rows("a.TSV", "a\tb\nx, y\tz\n") == [(2, {"a": "x, y", "b": "z"})]


@pytest.mark.parametrize(("name", "text"), [("a.jsonl", '{"a": "1"}'), ("a.csv", "a\n1")])
def test_a_byte_order_mark_is_passed_over(rows, name, text):
    assert [row for _, row in rows(name, "\ufeff" + text)] == [{"a": "1"}]


def test_long_fields_are_read(rows):
    assert rows("a.csv", "a\n" + "x" * 200_000)[0][1]["a"] == "x" * 200_000


def test_rows_come_before_the_file_is_read_to_its_end(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n' + " " * 100_000 + "\nbroken")
    assert next(iter(read_rows(path))) == (1, {"a": 1})


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", b'{"text": "a", "label": 1}\n{"text": "\xe9"}', ":2: is not UTF-8 text"),
        ("a.csv", b"text,label\na,b\n\xff,c\n", ":3: is not UTF-8 text"),
        ("a.jsonl", '{"text": "a"}', ":1: the field 'label' is missing; known: 'text'"),
        ("a.jsonl", '{"txt": "a", "label": 1}', ":1: the field 'text' is missing; did you mean 't"),
        ("a.csv", "text,lable\na,b", ":1: the field 'label' is missing; did you mean 'lable'?"),
        ("a.csv", "text,label\na,b,c", ":2: the row has 3 columns, but the header has 2"),
        ("a.csv", 'text,label\n"a\nb",b\nc\n', ":4: the row has 1 columns, but the header has 2"),
        ("a.tsv", "text\tlabel\na", ":2: the row has 1 columns, but the header has 2"),
        ("a.csv", "text,label,text\n", ":1: the column 'text' occurs twice"),
        ("a.csv", 'text,label\na,b\n"c,d\ne,f', ":3: the row is broken (unexpected end of data)"),
        ("a.tsv", 'text\tlabel\n"a" b\tc', ":2: the row is broken"),
        ("a.csv", "text,label\ra,b", ":1: the row is broken"),
        ("a.jsonl", '{"text": "a"\n', ":1: is not valid JSON (Expecting ',' delimiter at column"),
        ("a.jsonl", "{'text': 1}", ":1: is not valid JSON (Expecting property name"),
        ("a.jsonl", "[1]", ":1: the row is a JSON list, not an object"),
        ("a.jsonl", '"a"', ":1: the row is a JSON string, not an object"),
        ("a.jsonl", "null", ":1: the row is a JSON null, not an object"),
        ("a.jsonl", "true", ":1: the row is a JSON true, not an object"),
        ("a.jsonl", "1.5", ":1: the row is a JSON number, not an object"),
        ("a.jsonl", "[" * 100_000, ":1: is not usable JSON (it is nested too deeply)"),
        ("a.jsonl", '{"text": "a", "label": 1, "label": 2}', ":1: is not usable JSON (the key 'la"),
        ("a.jsonl", '{"text": {"b": 1, "b": 1}}', ":1: is not usable JSON (the key 'b' occurs tw"),
        ("a.jsonl", '{"x": NaN}', ":1: is not usable JSON (NaN is not a JSON number); write null"),
        ("a.jsonl", '{"x": [-Infinity]}', ":1: is not usable JSON (-Infinity is not a JSON number"),
        ("a.jsonl", '{"x": ' + "1" * 100_000 + "}", ":1: is not usable JSON (a number has 100,000"),
        ("a.jsonl", '\n{"text": "a\0"}', ":2: contains a NUL character, which is not text; save"),
        ("a.csv", "text,label\na,b\nc\0,d", ":3: contains a NUL character"),
        ("a.csv", "text,label\na,b\n".encode("utf-16-le"), ":1: contains a NUL character"),
        ("a.csv", "text,label\na,b\n".encode("utf-16"), ": is UTF-16 text; save it as UTF-8; Exc"),
        ("a.csv", ",".join(map(str, range(10_001))), ":1: the header has 10,001 columns, more"),
        ("a.jsonl", '{"text": ' + "1" * 5000 + "}", ":1: is not usable JSON"),
        ("a.jsonl", '{"text": "\\ud83d"}', ":1: the row contains half of a surrogate pair"),
        ("a.jsonl", "", ": has no rows"),
        ("a.jsonl", "\n \n", ": has no rows"),
        ("a.csv", "", ": has no rows"),
        ("a.csv", "text,label\n", ": has no rows"),
        ("a.json", "{}", ": cannot be read as rows: '.json' is none of .jsonl, .csv, .tsv, .x"),
    ],
)
def test_mistakes_are_named_with_their_line(complaint, name, content, expected):
    assert complaint(name, content, ["text", "label"]).startswith(f"/{name}{expected}")


LONG = 9 * 2**20
ROWS = {
    "one line of JSON": ("a.jsonl", '{"text": "' + "a " * (LONG // 2) + '"}\n', 2),
    "a CSV field": ("a.csv", "x" * LONG + "\n", 2),
    "a quote that never closes": ("a.csv", '"' + "some text\n" * (LONG // 10), 838862),
    "quoted columns": ("a.tsv", '"a\n"\t' * (LONG // 5), 1677724),
    "old line ends": ("a.jsonl", '{"text": "a"}\r' * (LONG // 14), 2),
}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.whole if ROWS[kind][2] > 2 else ())
        for kind in ROWS  # rows of a million lines take seconds each
    ],
)
def test_a_row_is_cut_while_it_is_read(complaint, kind):
    name, text, line = ROWS[kind]
    head = '{"text": "fine"}\n' if name == "a.jsonl" else "text\n"
    said = complaint(name, head + text)
    assert said.startswith(f"/{name}:{line}: a row has more than 8 MiB; ")
    assert ("end lines with a line feed" in said) == (kind == "old line ends")


def test_a_row_within_the_limit_is_read(rows):
    text = "a" * (8 * 2**20 - 20)
    assert len(rows("a.jsonl", json.dumps({"t": text}))) == 1


READ = """
import resource, sys
from pathlib import Path
from attnaudit.data.reader import read_rows
from attnaudit.errors import InputError
resource.setrlimit(resource.RLIMIT_AS, (512 * 2**20,) * 2)
try:
    for _ in read_rows(Path(sys.argv[1])):
        pass
except InputError as error:
    print(error)
"""


def test_a_line_without_end_takes_no_memory(tmp_path):
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole, which takes no room on the disk
    run = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, timeout=60)
    assert run.stdout.decode().startswith(f"{path}:1: a row has more than 8 MiB; split the text")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_pipes_and_devices_are_refused_at_once(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path)
    for reader in (lambda: list(read_rows(path)), lambda: file_sha256(path)):
        with pytest.raises(InputError, match="is a pipe, not a file; write its output into a"):
            reader()
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(InputError, match="is a device, not a file"):
        list(read_rows(path))


def test_whole_surrogate_pairs_are_text(rows):
    assert rows("a.jsonl", r'{"a": "\ud83d\ude00"}') == [(1, {"a": "\N{GRINNING FACE}"})]


@pytest.mark.parametrize("name", ["none.jsonl", "none.csv"])
def test_missing_files_and_folders_are_named(tmp_path, name):
    with pytest.raises(InputError, match="no such file"):
        list(read_rows(tmp_path / name))
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="is a folder"):
        list(read_rows(tmp_path / name))


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(st.dictionaries(_TEXT, _TEXT | st.integers(-(2**60), 2**60)), min_size=1))
def test_jsonl_reads_back_what_was_written(tmp_path_factory, objects):
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in objects), encoding="utf-8")
    assert list(read_rows(path)) == list(enumerate(objects, start=1))


@given(
    st.lists(st.tuples(_TEXT, _TEXT), min_size=1), st.sampled_from([("csv", ","), ("tsv", "\t")])
)
def test_csv_reads_back_what_was_written(tmp_path_factory, cells, form):
    suffix, delimiter = form
    path = tmp_path_factory.getbasetemp() / f"round.{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([("a", "b"), *cells])
    assert [(row["a"], row["b"]) for _, row in read_rows(path)] == cells


def test_sha256_is_that_of_the_bytes(tmp_path):
    content = b"x\r\n" * 700_000  # more than one block
    (tmp_path / "a").write_bytes(content)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()
    with pytest.raises(InputError, match="no such file"):
        file_sha256(tmp_path / "b")
