from __future__ import annotations

import json
from pathlib import Path

import pytest

from attnaudit.data.labels import label_names, label_text, row_label
from attnaudit.data.spec import DatasetSpec
from attnaudit.errors import InputError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("1", "1"),
        (1, "1"),
        (-1, "-1"),
        (1.0, "1.0"),
        (True, "true"),
        (False, "false"),
        (0.5, None),
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
        ("", None),
        (["a"], None),
    ],
)
def test_labels_have_one_spelling(value, text):
    assert label_text(value) == text


def test_a_label_that_names_no_class_is_an_error():
    assert row_label({"y": 2}, "y", Path("a.csv"), 3) == "2"
    with pytest.raises(InputError, match=r"a.csv:3: the label 0.5 is neither a name nor a whole"):
        row_label({"y": 0.5}, "y", Path("a.csv"), 3)


@pytest.fixture
def names(tmp_path):
    def read(found, listed=None, given=None):
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps({"label": label}) + "\n" for label in found))
        return label_names(DatasetSpec(file=path, labels=listed), path, given)

    return read


def test_found_labels_are_sorted_as_numbers_or_as_text(names):
    assert names([10, 9, "10", 2, -1]) == ("-1", "2", "9", "10")
    assert names(["10", "9", "b"]) == ("10", "9", "b")


def test_the_spec_says_more_than_the_file_and_the_model_more_than_the_spec(names):
    assert names(["a", "b"], listed=("b", "a")) == ("b", "a")
    assert names(["a", "b"], listed=("b", "a"), given=["a", "b"]) == ("a", "b")
    assert names(["x"], given=["a", "b"]) == ("a", "b")


def test_other_labels_than_the_model_s_are_refused(names):
    with pytest.raises(InputError, match="the labels 'a', 'c' are not the model's, 'a', 'b'; name"):
        names(["a", "b"], listed=("a", "c"), given=("a", "b"))


def test_long_lists_of_labels_are_cut(names):
    with pytest.raises(InputError, match="'11' and 88 more;"):
        names([], listed=("a", "c"), given=tuple(map(str, range(100))))


def test_one_label_is_no_classification(names):
    with pytest.raises(InputError, match="all rows have the label 'a', and a classifier needs two"):
        names(["a", "a"])
