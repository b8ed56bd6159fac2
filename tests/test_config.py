from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Literal

import pydantic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attnaudit.config import Settings, read_document
from attnaudit.errors import InputError
from attnaudit.inputs import read_text
from attnaudit.yaml_writer import written


class Pattern(Settings):
    regex: str


class File(Settings):
    file: Path


class Inner(Settings):
    epochs: int = pydantic.Field(1, ge=1)
    rate: float | None = None
    steps: int | Literal["auto"] = "auto"
    cutter: Literal["whitespace"] | Pattern | File = "whitespace"
    sizes: tuple[float, ...] = ()
    name: str = "a"
    flag: bool = False


class Outer(Settings):
    inner: Inner
    seed: int = 0

    @pydantic.model_validator(mode="after")
    def _check(self) -> Outer:
        if self.seed == 13:
            raise ValueError("13 is no seed")
        return self


@pytest.fixture
def parse(tmp_path):
    def read(text: str) -> Outer:
        path = tmp_path / "c.yaml"
        path.write_text(text, encoding="utf-8")
        return read_document(path).parse(Outer)

    return read


@pytest.fixture
def complaint(parse):
    def read(text: str) -> str:
        with pytest.raises(InputError) as caught:
            parse(text)
        message = str(caught.value)
        assert "\n" not in message
        return message.partition("c.yaml")[2]

    return read


def test_lists_paths_and_numbers_are_read(parse):
    read = parse("inner:\n  sizes: [1, 2.5]\n  cutter: {file: a/b.json}\n  rate: 0.1\nseed: 3")
    assert read.inner.sizes == (1.0, 2.5)
    assert read.inner.cutter == File(file=Path("a/b.json"))
    assert (read.inner.rate, read.seed) == (0.1, 3)


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 1e-3), ("-2E+4", -2e4), (".5e1", 5.0), ("1.5e2", 150.0)]
)
def test_exponents_without_a_point_are_numbers(parse, text, value):
    assert parse(f"inner: {{rate: {text}}}").inner.rate == value


def test_dates_stay_text(parse):
    assert parse("inner: {name: 2020-01-31}").inner.name == "2020-01-31"


def test_a_word_that_only_looks_like_an_exponent_stays_text(parse):
    assert parse("inner: {name: 1e5x}").inner.name == "1e5x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inner: {}\nsede: 1", ":2: unknown key 'sede'; did you mean 'seed'?"),
        ("inner:\n  epoch: 1", ":2: unknown key 'inner.epoch'; did you mean 'epochs'?"),
        ("inner: {}\n1: 2", ":2: unknown key '1'; known: 'inner', 'seed'"),
        ("seed: 1", ": the key 'inner' is missing"),
        ("sed: 1", ":1: unknown key 'sed'; did you mean 'seed'?"),
        ("seed: 13\ninner: {}", ": 13 is no seed"),
        ("inner: 3", ":1: inner: should be a mapping, not 3"),
        ("inner:\n  epochs: 0", ":2: inner.epochs: should be greater than or equal to 1, not 0"),
        ("inner:\n  epochs: '8'", ":2: inner.epochs: should be a valid integer, not '8'"),
        ("inner:\n  flag: 1", ":2: inner.flag: should be a valid boolean, not 1"),
        ("inner:\n  rate: .inf", ":2: inner.rate: should be a finite number, not inf"),
        ("inner:\n  rate: .nan", ":2: inner.rate: should be a finite number, not nan"),
        (
            "inner:\n  name: false",
            ":2: inner.name: should be a valid string, not False; put it in quotes",
        ),
        (
            "inner:\n  flag: NO",
            ":2: inner.flag: should be a valid boolean, not 'NO'; write true or false, without"
            " quotes",
        ),
        ("inner:\n  epochs: 1_000", ":2: inner.epochs: should be a valid integer, not '1_000'"),
        ("inner:\n  epochs: 010", ":2: inner.epochs: should be a valid integer, not '010'"),
        ("inner:\n  epochs: 0x1F", ":2: inner.epochs: should be a valid integer, not '0x1F'"),
        ("inner:\n  epochs: 1:30", ":2: inner.epochs: should be a valid integer, not '1:30'"),
        ("inner:\n  sizes:\n  - 1\n  - x", ":4: inner.sizes.1: should be a valid number, not 'x'"),
        ("inner:\n  sizes: 3", ":2: inner.sizes: should be a list, not 3"),
    ],
)
def test_one_line_names_the_mistake(complaint, text, expected):
    assert complaint(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("steps: soon", "inner.steps: should be a valid integer or 'auto', not 'soon'"),
        ("cutter: spaces", "inner.cutter: should be 'whitespace' or a mapping, not 'spaces'"),
        ("cutter: [1]", "inner.cutter: should be 'whitespace' or a mapping"),
        ("cutter: {regx: a}", "unknown key 'inner.cutter.regx'; did you mean 'regex'?"),
        (
            "cutter: {regex: 3}",
            "inner.cutter.regex: should be a valid string, not 3; put it in quotes",
        ),
        ("cutter: {}", "inner.cutter: should be 'whitespace'"),
    ],
)
def test_a_choice_of_forms_gives_one_line(complaint, value, expected):
    assert complaint(f"inner:\n  {value}") == f":2: {expected}"


def test_long_values_are_cut(complaint):
    assert len(complaint(f"inner: {{steps: {'x' * 1000}}}")) < 150


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 'x", ":2: is not valid YAML (found unexpected end of stream)"),
        ("a:\n\tb: 1", "found character '\\t'"),
        ("a: 1\n---\nb: 1", "found another document"),
        ("seed: 1\nseed: 2", ":2: the key 'seed' occurs twice; first on line 1"),
        ("? [1, 2]\n: 3", ":1: a key is a list or a mapping, but keys must be text"),
        (
            "a: 1\nb: !!timestamp 2020-13-45",
            ":2: has the tag '!!timestamp', but tags are not allowed",
        ),
        ("a: !!bool maybe", ":1: has the tag '!!bool'"),
        ("a: !own x", ":1: has the tag '!own'"),
        ("a: !!python/name:os.system", ":1: has the tag '!!python/name:os.system'"),
        ("a: 1\n1: 2\n'1': 3", ":3: the key '1' occurs twice; first on line 2"),
        ("x: &x {a: 1}\ny:\n  <<: *x", ":3: merges mappings with `<<`, which is not allowed"),
        ("a: *x", ":1: the anchor 'x' is not defined above"),
        ("a: 1\nb: 1e999", ":2: the number 1e999 is too large; put it in quotes if it is text"),
        ("a: 1\nb: 9223372036854775808", ":2: the number 9223372036854775808 is too large"),
        ("a:\n- " + "7" * 100_000, ":2: the number 77777777777777777777... of 100,000 digits is"),
        ('a: 1\nb: "\\ud800"', ":2: contains half of a surrogate pair"),
        ('a: 1\nb: "\\U00110000"', ":2: is not valid YAML"),
        ("a: \x07", "is not valid YAML"),
        ("a: 1\nb: &x [*x]", ":2: the anchor 'x' contains itself"),
        ("[" * 3000, ":1: is nested too deeply, in more than 40 levels"),
        ("a: {" * 3000, "is nested too deeply"),
        ("- " * 3000, "is nested too deeply"),
        ("a: 1\nb: \0", ":2: is not valid YAML (it holds the character #x0000)"),
        ("x: 1\n" + "a" * 300_000, "is larger than 256 KiB"),
        ("", "does not contain a YAML mapping"),
        ("# only a comment", "does not contain a YAML mapping"),
        ("- a", "does not contain a YAML mapping"),
    ],
)
def test_broken_yaml_gives_one_line(complaint, text, expected):
    assert expected in complaint(text)


NINES = "".join(
    f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]\n"
    for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n" + NINES,  # nine to the ninth values
        "a: &a {x: 1, y: 2, z: 3}\n" + NINES,
        "inner: [" + "1," * 20_000 + "]",
        "".join(f"k{i}: 1\n" for i in range(20_000)),
    ],
    ids=["lists", "mappings", "items", "keys"],
)
def test_what_a_small_file_becomes_is_bounded(complaint, text):
    assert len(text) < 10**3 or "*" not in text
    started = time.process_time()
    assert "contains more than 10,000 keys and values" in complaint(text)
    assert time.process_time() - started < 5


def test_aliases_within_bounds_are_read(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: &a {x: [1, two]}\nb: [*a, *a]\nc: &c on\nd: *c\n", encoding="utf-8")
    document = read_document(path)
    once = {"x": [1, "two"]}
    assert document.mapping == {"a": once, "b": [once, once], "c": "on", "d": "on"}
    assert document.line(("b", 1, "x")) == 1  # where it is written


def test_keys_and_bare_words_are_text_except_true_false_and_null(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("on: yes\n1: ~\nnull: True\n2.50: [no, 1_0, 07, 2020-01-01, 0b1, '3']\n")
    assert read_document(path).mapping == {
        "on": "yes",
        "1": None,
        "null": True,
        "2.50": ["no", "1_0", "07", "2020-01-01", "0b1", "3"],
    }


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "c.yaml")
    with pytest.raises(InputError, match=r"is a (pipe|device), not a file; write its output"):
        read_document(tmp_path / "c.yaml")


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # whose name may be too long for a socket
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.yaml")
        with pytest.raises(InputError, match="is a socket, not a file"):
            read_document(Path("s.yaml"))


def test_scalars_keep_the_text_they_were_written_as(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: [no, 1.0, 'x y']\nb: {c: 007}", encoding="utf-8")
    document = read_document(path)
    assert [document.texts["a", i] for i in range(3)] == ["no", "1.0", "x y"]
    assert document.texts["b", "c"] == "007"


def test_lines_are_those_of_keys_and_items(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a:\n- 1\n-\n  b: 2\n", encoding="utf-8")
    document = read_document(path)
    assert [document.line(p) for p in (("a",), ("a", 0), ("a", 1), ("a", 1, "b"))] == [1, 2, 4, 4]
    assert document.line(("a", 1, "none")) == 4
    assert document.line(("none",)) is None


def test_a_part_of_a_document_is_parsed_with_its_own_lines(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("x:\n  y:\n    epochs: 2\n    rate: fast\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"c.yaml:4: x.y.rate: should be a valid number"):
        read_document(path).parse(Inner, ("x", "y"))


def test_missing_files_folders_and_other_bytes_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_text(tmp_path / "none")
    with pytest.raises(InputError, match="is a folder"):
        read_text(tmp_path)
    (tmp_path / "latin").write_bytes("a\nb\né".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin:3: is not UTF-8"):
        read_text(tmp_path / "latin")


def test_a_byte_order_mark_is_no_text(tmp_path):
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfa")
    assert read_text(tmp_path / "bom") == "a"


_SETTINGS = st.builds(
    Outer,
    inner=st.builds(
        Inner,
        epochs=st.integers(1, 10**6),
        rate=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        sizes=st.lists(st.floats(-1e300, 1e300)).map(tuple),
        name=st.text(),
        flag=st.booleans(),
    ),
    seed=st.integers(14, 10**9),
)


@given(_SETTINGS)
@example(Outer(inner=Inner(name="0E0")))  # a number in YAML 1.2, and text in 1.1
@example(Outer(inner=Inner(name="1e5")))
def test_settings_written_as_yaml_read_back_the_same(tmp_path_factory, settings):
    path = tmp_path_factory.getbasetemp() / "round.yaml"
    path.write_text(written(json.loads(settings.model_dump_json())), encoding="utf-8")
    assert read_document(path).parse(Outer) == settings
