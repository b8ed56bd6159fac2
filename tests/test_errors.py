from __future__ import annotations

from pathlib import Path

import pytest

from attnaudit.errors import AuditError, InputError, ModelError, OutputError, did_you_mean


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
