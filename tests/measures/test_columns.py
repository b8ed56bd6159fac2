from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.measures import columns, spool
from attnaudit.measures.columns import Column, Frame, Lazy, Names, Texts, joined, paired, parts

# Surrogate halves too: JSON can spell them.
TEXT = st.text(st.characters(exclude_categories=()), max_size=5)


@pytest.fixture(name="small", autouse=True, params=[None, 3])
def small_fixture(request, monkeypatch):
    """As it is, and with so little memory that a few numbers go to a file."""
    if request.param:
        monkeypatch.setattr(columns, "PART", request.param)
        monkeypatch.setattr(spool, "HELD", 8)


def test_a_column_holds_what_was_appended():
    column = Column()
    column.add(0.1)
    assert column.array().tolist() == [0.1]
    column.extend([2, True, math.inf])
    column.add(np.float32(0.5))
    assert len(column) == 5
    assert column.array().dtype == np.float64
    assert column.array().tolist() == [0.1, 2.0, 1.0, math.inf, 0.5]


def test_runs_of_numbers_are_rows():
    column = Column(np.int32)
    for k in range(5):
        column.extend([k, 10 * k])
    assert column.array(2).tolist() == [[k, 10 * k] for k in range(5)]


@given(st.lists(st.floats(), max_size=20))
@settings(deadline=None)
def test_a_column_keeps_every_bit(values):
    column = Column()
    for value in values:
        column.add(value)
    np.testing.assert_array_equal(column.array(), values)


def test_what_is_no_number_is_refused():
    with pytest.raises(TypeError):
        Column().add("x")
    with pytest.raises(TypeError):
        Column(np.int64).add(0.5)
    with pytest.raises(ValueError, match="too large"):
        Column(np.int64).add(2**70)


@settings(deadline=None)
@given(st.lists(TEXT, max_size=8), st.lists(TEXT, max_size=8))
def test_texts_are_like_a_list_of_them(texts, others):
    made = Texts(texts)
    assert list(made) == [made[i] for i in range(len(made))] == texts
    assert [made[-i] for i in range(1, len(made) + 1)] == texts[::-1]
    assert made[1:5:2] == texts[1:5:2]
    assert (made == others) == (texts == others) == (made == Texts(others))
    assert made == texts
    for place in (len(texts), -len(texts) - 1):
        with pytest.raises(IndexError):
            made[place]


def test_a_text_is_a_string():
    with pytest.raises(TypeError, match="3 is not a string"):
        Texts([3])
    assert Texts(["a"]) != 1
    assert repr(Texts("abcd")) == "<4 items: 'a', 'b', 'c', ...>"


def test_names_are_numbered_as_they_are_met():
    names = [None, "b", "a", None, "b", ""]
    made = Names(names)
    assert made.codes.tolist() == [-1, 0, 1, -1, 0, 2]
    assert made == names
    assert [made[i] for i in range(6)] == names
    assert len(made) == 6


def test_rows_of_a_frame():
    frame = Frame(["a", "b"])
    for k in range(7):
        frame.add([k, None if k == 2 else k / 2])
    assert frame.size == 7
    assert list(frame) == ["a", "b"]
    np.testing.assert_array_equal(frame["a"], np.arange(7))
    np.testing.assert_array_equal(frame["b"], [0, 0.5, np.nan, 1.5, 2, 2.5, 3])
    with pytest.raises(KeyError):
        frame["c"]
    assert "c" not in frame
    assert frame.get("c") is None


def test_what_a_part_lacks_is_undefined_there():
    frame = Frame()
    frame.extend({"a": [1, 2]}, 2)
    frame.extend({"b": [3.5], "a": [True]}, 1)
    frame.extend({}, 2)
    frame.extend({"b": np.array([4, 5, 6])}, 3)
    assert (list(frame), frame.size) == (["a", "b"], 8)
    nan = np.nan
    np.testing.assert_array_equal(frame["a"], [1, 2, 1, nan, nan, nan, nan, nan])
    np.testing.assert_array_equal(frame["b"], [nan, nan, 3.5, nan, nan, 4, 5, 6])


def test_columns_of_a_frame_are_of_equal_length():
    with pytest.raises(ValueError, match=r"\(2,\), not of shapes \(2,\), \(3,\)"):
        Frame().extend({"a": [1, 2], "b": [1, 2, 3]}, 2)
    frame = Frame(["a", "b"])
    frame.add([1])
    with pytest.raises(ValueError, match="reshape"):
        frame["a"]


def test_an_empty_frame():
    assert Frame(["a"])["a"].shape == (0,)
    assert dict(Frame()) == {}


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 7])
def test_parts(count):
    made = list(parts(iter(range(count)), 3))
    assert [x for part in made for x in part] == list(range(count))
    assert all(len(part) == 3 for part in made[:-1])
    assert all(made)


def test_columns_are_made_when_they_are_asked_for():
    asked = []

    def make(name):
        asked.append(name)
        return np.array([len(name)])

    first, second = Lazy(["x", "yy"], make), {"yy": np.array([9]), "z": np.array([8])}
    both = joined(first, second)
    assert (list(both), len(both), "yy" in both, "w" in both) == (["x", "yy", "z"], 3, True, False)
    assert not asked
    assert {name: column.tolist() for name, column in both.items()} == {
        "x": [1],
        "yy": [2],
        "z": [8],
    }
    assert asked == ["x", "yy"]
    with pytest.raises(KeyError):
        both["w"]
    with pytest.raises(KeyError):
        first["z"]


@settings(deadline=None)
@given(st.lists(TEXT, unique=True, max_size=8), st.lists(TEXT, unique=True, max_size=8))
@pytest.mark.parametrize("worst", [False, True])
def test_names_are_paired_whatever_their_hashes(worst, one, other):
    with pytest.MonkeyPatch.context() as patch:
        if worst:
            patch.setattr(columns, "hash", len, raising=False)
        then, now = paired(Texts(one), other)
    assert [(one[i], j) for i, j in zip(then, now, strict=True)] == [
        (name, j) for j, name in enumerate(other) if name in one
    ]


@pytest.mark.parametrize("small", [None], indirect=True)
def test_a_record_takes_a_few_bytes_of_memory(monkeypatch):
    monkeypatch.setattr(columns, "PART", 64)
    monkeypatch.setattr(spool, "HELD", 2**12)

    def peak(n):
        tracemalloc.start()
        ids, groups, frame, column = Texts(), Names(), Frame(list("abcdef")), Column()
        for i in range(n):
            ids.add(f"instance {i}")
            groups.add(f"group {i % 10}")
            frame.add([i / 7] * 6)
            column.add(i)
        assert frame["c"][-1] == (n - 1) / 7
        assert column.array()[-1] == n - 1
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert (peak(5_000) - peak(1_000)) / 4_000 < 25
