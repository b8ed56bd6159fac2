"""Files of attributions: what a row may say, and how each mistake is named."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data import attributions
from attnaudit.data.attributions import Head, Scored, read_head, scored_rows
from attnaudit.errors import InputError

SCORES = {"id": "a", "scores": [0.5, -1, 0]}
SPANS = {"id": 7, "spans": [[0, 3, 0.5], [3, 3, 2]], "text": "abc", "more": {"x": []}}
HEAD = {"attributions": "shap", "tool": "shap", "version": "0.48", "method": "partition"}


@pytest.fixture
def write(tmp_path):
    def make(*rows):
        path = tmp_path / "a.jsonl"
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return make


def complaint(path):
    with pytest.raises(InputError) as caught:
        list(scored_rows(path))
    said = str(caught.value)
    assert "\n" not in said
    return said.removeprefix(str(path))


def test_rows_have_scores_of_words_or_of_spans(write):
    path = write(HEAD, SCORES, "", SPANS)
    assert list(scored_rows(path)) == [
        Scored(2, "a", [0.5, -1.0, 0.0], None, None),
        Scored(4, "7", [0.5, 2.0], [(0, 3), (3, 3)], "abc"),
    ]


def test_the_first_line_may_say_what_the_file_holds(write):
    assert read_head(write(HEAD, SCORES)) == Head("shap", "shap", "0.48", "partition")
    assert read_head(write({"attributions": "x"}, SCORES)) == Head("x")
    assert read_head(write(SCORES)) == Head()
    assert complaint(write(SCORES, HEAD)).startswith(":2: a row with 'attributions' is not the")
    for odd in (3, "", "a\nb", "\x1b[31m", "x" * 101, None, ["a"]):
        said = complaint(write({"attributions": odd}, SCORES))
        assert said.startswith(":1: 'attributions' is ")
        assert complaint(write({**HEAD, "tool": odd}, SCORES)) if odd is not None else True


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{", "is not valid JSON"),
        ("[1]", "the row is a JSON list, not an object; write {"),
        ('{"id": "a", "scores": [NaN]}', "NaN is not a JSON number); leave out the row"),
        ('{"id": "a", "scores": [-Infinity]}', "-Infinity is not a JSON number"),
        ('{"id": "a", "scores": [1e999]}', "the score 1 is larger than 1e+30"),
        ('{"id": "a", "id": "b", "scores": []}', "the key 'id' occurs twice"),
        ('{"id": "a", "scores": ' + "[" * 100_000, "nested too deeply"),
        ({"id": "a", "scores": [1, "2"]}, "the score 2 is '2', not a number"),
        ({"id": "a", "scores": [None]}, "the score 1 is None, not a number; leave out the row"),
        ({"id": "a", "scores": [True]}, "the score 1 is True, not a number"),
        ({"id": "a", "scores": [-2e30]}, "the score 1 is larger than 1e+30"),
        ({"id": "a", "scores": [10**99]}, "the score 1 is larger than 1e+30"),
        ({"id": "a", "scores": None}, "'scores' is None, not a list; leave out the row"),
        ({"id": "a", "scores": {"w": 1}}, "not a list"),
        ({"id": "a", "score": [1]}, "has neither 'scores' nor 'spans'; write {"),
        ({"id": "a", "scores": [1], "spans": []}, "has scores and spans"),
        ({"scores": [1]}, "the row has no 'id'"),
        ({"id": "", "scores": [1]}, "'id' is '', which is no id"),
        ({"id": False, "scores": [1]}, "'id' is False, which is no id"),
        ({"id": "x" * 1001, "scores": [1]}, "which is no id"),
        ({"id": "a", "scores": [1], "text": 3}, "'text' is 3, not a text"),
        ({"id": "a", "spans": [[0, 1]]}, "the span 1 is [0, 1], not a list of start, end and"),
        ({"id": "a", "spans": [[0, 1, 2], 5]}, "the span 2 is 5, not a list"),
        ({"id": "a", "spans": [[-1, 1, 2]]}, "the span 1 begins or ends at -1"),
        ({"id": "a", "spans": [[0, 1.0, 2]]}, "the span 1 begins or ends at 1.0"),
        ({"id": "a", "spans": [[0, True, 2]]}, "the span 1 begins or ends at True"),
        ({"id": "a", "spans": [[3, 2, 1]]}, "the span 1 ends at 2, before it begins at 3"),
        ({"id": "a", "spans": [[0, 2, "1"]]}, "the score 1 is '1', not a number"),
    ],
)
def test_each_mistake_is_named_with_its_line(write, row, says):
    said = complaint(write(SCORES, row))
    assert said.startswith(":2: ")
    assert says in said


def test_files_that_cannot_be_read(write, tmp_path, monkeypatch):
    assert "has no rows" in complaint(write())
    assert "has no rows" in complaint(write(HEAD))
    assert "no such file" in complaint(tmp_path / "none.jsonl")
    assert "is a folder" in complaint(tmp_path)
    (tmp_path / "b.jsonl").write_bytes(b'{"id": "\xff"}')
    assert "is not UTF-8 text" in complaint(tmp_path / "b.jsonl")
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe" in complaint(tmp_path / "pipe")
    path = write(SCORES)
    monkeypatch.setattr(attributions, "LARGEST", 2048)
    with path.open("r+b") as file:
        file.truncate(4096)
    for read in (read_head, lambda path: next(scored_rows(path))):
        with pytest.raises(InputError, match="is larger than 2 KiB; is it the right file"):
            read(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "scores", "spans", "text", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(row=JSON)
def test_whatever_a_row_is_it_is_taken_or_refused(row, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text(json.dumps(row) + "\n")
    try:
        made = list(scored_rows(path))
    except InputError:
        complaint(path)  # in one line
    else:
        assert all(abs(score) <= attributions.MOST for one in made for score in one.scores)
