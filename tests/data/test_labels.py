from __future__ import annotations

import json
from pathlib import Path

import pytest

from attnaudit.data.labels import label_names, match_labels
from attnaudit.data.row_label import label_text, row_label
from attnaudit.data.settings import Fields
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
    spec = DatasetSpec(file=Path("a.csv"), fields=Fields(label="y"))
    assert row_label({"y": 2}, spec, Path("a.csv"), 3) == "2"
    with pytest.raises(InputError, match=r"a.csv:3: the label 0.5 is neither a name nor a whole"):
        row_label({"y": 0.5}, spec, Path("a.csv"), 3)


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
    with pytest.raises(
        InputError, match="all rows have the label 'a', but a classifier needs at least two labels"
    ):
        names(["a", "a"])


@pytest.mark.parametrize(
    ("found", "first", "second"),
    [
        ([1, 1.0, 0], "1", "1.0"),
        ([1, True], "1", "true"),
        ([0.0, False, "x"], "0.0", "false"),
        (["1", "01"], "01", "1"),
        (["True", "true"], "True", "true"),
    ],
)
def test_two_spellings_of_one_class_are_refused(names, tmp_path, found, first, second):
    with pytest.raises(InputError) as caught:
        names(found)
    assert str(caught.value).endswith(
        f"a.jsonl: the labels '{first}' and '{second}' mean the same; write each class in the "
        "same way in all rows"
    )
    with pytest.raises(ValueError, match=f"the labels '{second}' and '{first}' mean the same"):
        names(["x"], listed=(second, first))


def test_spellings_that_are_apart_stay_apart(names):
    assert names([1.0, 0.0]) == ("0.0", "1.0")
    assert names([True, False]) == ("false", "true")
    assert names(["yes", "no", "a", "A", "nan", "NaN"]) == ("A", "NaN", "a", "nan", "no", "yes")


def test_hundreds_of_labels_are_read_and_a_column_of_texts_is_not(names):
    assert names(range(300)) == tuple(map(str, range(300)))
    with pytest.raises(InputError, match=r"a.jsonl:10001: the field 'label' has more than 10,000"):
        names([f"text {i}" for i in range(10_002)])
    with pytest.raises(InputError, match=r"a.jsonl:2: the label .* has 201 characters, more than"):
        names(["a", "b" * 201])


# --- a model that was not made with the data ------------------------------------------------------


@pytest.fixture
def matched(tmp_path):
    def read(found, classes, listed=None):
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps({"label": label}) + "\n" for label in found))
        return match_labels(DatasetSpec(file=path, labels=listed), path, classes)

    return read


NAMELESS = ("LABEL_0", "LABEL_1")


@pytest.mark.parametrize(
    ("found", "classes", "names"),
    [
        (["pos", "neg"], ("neg", "pos"), ("neg", "pos")),
        (["pos"], ("neg", "pos"), ("neg", "pos")),  # a file may lack a class
        (["pos", "NEG"], ("Neg", "POS"), ("NEG", "pos")),
        (["PoS"], ("Neg", "POS"), ("Neg", "PoS")),
        ([1, 0], NAMELESS, ("0", "1")),
        (["LABEL_1", "LABEL_0"], NAMELESS, NAMELESS),
        (["label_1"], NAMELESS, ("LABEL_0", "label_1")),
        ([1, 2], ("2", "1"), ("2", "1")),  # names that are numbers are names
        (["a", "A"], ("A", "a"), ("A", "a")),
    ],
)
def test_labels_find_their_classes(matched, found, classes, names):
    assert matched(found, classes) == names


def test_a_spec_names_the_classes_of_a_model_that_does_not(matched):
    assert matched([], NAMELESS, listed=("pos", "neg")) == ("pos", "neg")
    assert matched([], NAMELESS, listed=("1", "0")) == ("1", "0")
    assert matched([], ("neg", "pos"), listed=("pos", "neg")) == ("neg", "pos")


@pytest.mark.parametrize(
    ("found", "classes", "said"),
    [
        (["good"], ("neg", "pos"), "the labels 'good' are not the model's, 'neg', 'pos'; name the"),
        (["good"], ("neg", "pos"), r"or give the model's names in a spec: `labels: \{a: b\}`"),
        (
            [1, 0],
            ("neg", "pos"),
            "the labels '0', '1' are numbers, but the model's class",
        ),
        (["1"], ("neg", "pos"), r"`labels: \{1: ...\}`, with one of these names after each"),
        (["a", "A"], ("a", "b"), "the labels 'A', 'a' are not the model's, 'a', 'b'"),
        (["a"], ("a", "A", "b"), None),
        (["B"], ("a", "A", "b"), "the labels 'B' are not the model's"),
        (["neg", "pos"], NAMELESS, r"does not name its classes: list the labels in a spec \(`labe"),
        ([1, 2], NAMELESS, "does not name its classes"),
    ],
)
def test_labels_whose_class_cannot_be_known(matched, found, classes, said):
    if said is None:
        assert matched(found, classes) == classes
        return
    with pytest.raises(InputError, match=said) as caught:
        matched(found, classes)
    assert caught.value.where.name == "a.jsonl"


def test_a_spec_with_too_few_labels(matched):
    with pytest.raises(InputError, match="the labels 'a', 'b' are not the model's, 'LABEL_0', 'L"):
        matched([], (*NAMELESS, "LABEL_2"), listed=("a", "b"))
