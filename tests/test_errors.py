from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.errors import (
    AuditError,
    InputError,
    ModelError,
    OutputError,
    did_you_mean,
    harmless,
)


def test_one_line_says_where_what_and_what_next():
    error = InputError("no label", where=Path("a/b.jsonl"), line=3, hint="add one")
    assert str(error) == "a/b.jsonl:3: no label; add one"


def test_place_and_hint_are_optional():
    assert str(InputError("no label")) == "no label"
    assert str(InputError("no label", where="x")) == "x: no label"
    assert str(InputError("no label", hint="add one")) == "no label; add one"


@pytest.mark.parametrize("kind", [InputError, ModelError, OutputError])
def test_all_are_one_family(kind):
    with pytest.raises(AuditError, match="what"):
        raise kind("what")


def test_control_characters_from_a_file_do_not_reach_the_terminal():
    shown = str(InputError("the label '\x1b[31mred\n' is unknown \ud800"))
    assert shown == "the label '\\x1b[31mred\\n' is unknown \\ud800"


def test_hint_names_the_nearest_choice():
    assert did_you_mean("trian", ["test", "train"]) == "did you mean 'train'?"


def test_hint_lists_the_choices_where_none_is_near():
    assert did_you_mean("xyz", ["test", "train"]) == "known: 'test', 'train'"


def test_long_lists_are_cut_and_empty_ones_give_no_hint():
    hint = did_you_mean("xyz", [f"name{i}" for i in range(20)])
    assert hint is not None
    assert hint.endswith("'name11', ...")
    assert did_you_mean("xyz", []) is None


def obeyed(line: str) -> bool:
    """Whether a line is a command to GitHub's runner, by its rules (ActionCommand.cs)."""
    trimmed = line.lstrip()
    if trimmed.startswith("::") and "::" in trimmed[2:]:
        return True
    return "##[" in line or "##vso[" in line


@pytest.mark.parametrize(
    "line",
    [
        *("::error::x", " \t::error file=a::x", "\u00a0::error::x", ":::error::x"),
        *("a ##[error]b", "###[error]", "##[##[error]", "##vso[x]", "::error::x\n::error::y"),
    ],
)
@pytest.mark.parametrize("kind", ["text", "json", "markup"])
def test_no_line_is_a_command(line, kind):
    shown = harmless(f"first\n{line}\n", kind)
    assert not any(obeyed(one) for one in shown.splitlines())
    assert shown.count("\n") == line.count("\n") + 2


@given(st.text(), st.sampled_from(["utf-8", "ascii", "cp1252"]))
def test_json_stays_the_same_json(text, encoding):
    for content in (json.dumps([text]), json.dumps({text: text}, indent=2, ensure_ascii=False)):
        shown = harmless(content, "json", encoding)
        assert json.loads(shown) == json.loads(content)
        assert all(line.isprintable() for line in shown.split("\n"))
        assert shown.isascii() or encoding == "utf-8"
        assert "##[" not in shown


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])))
def test_markup_stays_the_same_markup(text):
    shown = harmless(html.escape(text), "markup", "ascii")
    assert html.unescape(shown) == text
    assert shown.isascii()


@given(st.text())
def test_text_is_left_with_nothing_but_lines_and_colours(text):
    shown = harmless(text)
    rest = re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\n", "")
    assert rest.isprintable()
    assert harmless(shown) == shown


def test_what_is_harmless_stays():
    text = "a :: b\n\x1b[1mbold\x1b[0m # ## [x] é → 😀\n"
    assert harmless(text) == text
    assert harmless("::error::x\n", "commands") == "::error::x\n"
