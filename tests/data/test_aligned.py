"""Scores of other tools at the words of a data set."""

from __future__ import annotations

import json
import re
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data import aligned
from attnaudit.data.aligned import align, on_units, units
from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import DatasetSpec
from attnaudit.data.tokenise import Token, TokeniserSettings
from attnaudit.errors import InputError

ROWS = [
    {"id": "a", "text": "a good  film", "label": "x"},
    {"id": "b", "text": "one", "label": "y"},  # too short to be audited
    {"id": "c", "text": "no, bad", "label": "y"},
    {"id": "d", "text": " the end ", "label": "y"},
]


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def read(tmp_path):
    """Align rows of scores with rows of data, as an audit would."""

    def run(scores, rows=ROWS, limit=None, pieces=False, split=None, **spec):
        path, made = jsonl(tmp_path / "s.jsonl", scores), tmp_path / "rows.jsonl"
        found = DatasetSpec(**({"file": jsonl(made, rows)} | spec))
        data = load_dataset(found, split, min_words=2, limit=limit)
        return align(path, found, data, min_words=2, limit=limit, pieces=pieces)

    return run


@pytest.fixture
def complaint(read, tmp_path):
    def run(*args, **kwargs):
        with pytest.raises(InputError) as caught:
            read(*args, **kwargs)
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(f"{tmp_path / 's.jsonl'}:")

    return run


def listed(found, row):
    scores = found.of(row)
    return None if scores is None else scores.tolist()


def test_scores_of_words_come_to_their_texts_in_any_order(read):
    found = read([{"id": "d", "scores": [1, -2]}, {"id": "a", "scores": [3, 4, 5]}])
    assert [listed(found, row) for row in range(3)] == [[3.0, 4.0, 5.0], None, [1.0, -2.0]]
    assert (found.texts, found.scored, found.elsewhere, found.left_out) == (3, 2, 0, 0)
    assert (found.line(0), found.line(1), found.line(2)) == (2, None, 1)


def test_a_span_shares_its_score_among_the_words_that_it_covers(read):
    spans = [
        *([0, 0, 8], [1, 2, 4], [6, 8, 4]),  # nothing, and spaces: 16 of 36 are of no word
        [2, 4, 1],
        [3, 9, 12],  # "ood", two spaces and "f" of "film": 3 : 1
        [8, 12, 5],
        [0, 1, -2],
    ]
    found = read([{"id": "a", "spans": spans, "text": "a good  film"}])
    assert listed(found, 0) == [-2.0, 1 + 9.0, 3 + 5.0]
    assert found.left_out == pytest.approx(16 / 36)


def test_words_behind_the_cut_are_left_out(read):
    rows = [{"id": "a", "text": "a good long film", "label": "x"}, ROWS[2]]
    scored = {"id": "a", "scores": [1, 2, 3, 4]}
    found = read([scored], rows, max_length=2)
    assert listed(found, 0) == [1.0, 2.0]
    assert found.left_out == pytest.approx(0.7)
    assert listed(read([{"id": "a", "scores": [1, 2]}], rows, max_length=2), 0) == [1.0, 2.0]
    found = read([{"id": "a", "spans": [[0, 16, 13]]}], rows, max_length=2)
    assert listed(found, 0) == pytest.approx([1.0, 4.0])
    assert found.left_out == pytest.approx(8 / 13)


def test_ids_may_be_the_numbers_of_lines(read):
    rows = [{key: value for key, value in row.items() if key != "id"} for row in ROWS]
    found = read([{"id": 4, "scores": [1, 2]}, {"id": "1", "scores": [1, 2, 3]}], rows)
    assert [listed(found, row) for row in range(3)] == [[1.0, 2.0, 3.0], None, [1.0, 2.0]]


def test_rows_of_texts_that_are_not_audited_are_counted(read):
    scores = [{"id": name, "scores": [1, 2, 3]} for name in "ab"]
    found = read(scores)
    assert (found.scored, found.elsewhere) == (1, 1)
    found = read([*scores, {"id": "d", "scores": []}], limit=1)  # nobody looks at the others
    assert (found.texts, found.scored, found.elsewhere) == (1, 1, 2)


def test_what_does_not_fit_is_named(complaint):
    good = {"id": "a", "scores": [1, 2, 3]}
    said = complaint([good, {"id": "c", "scores": [1]}])
    assert said.startswith("2: 1 scores, but the text 'c' has 2 words; give one score for each")
    assert complaint([good, {"id": "d", "scores": [1] * 9}]).startswith("2: 9 scores, but the text")
    said = complaint([good, good])
    assert said == "2: the text 'a' has scores twice; first on line 1"
    said = complaint([{"id": "a", "spans": [[0, 3, 1], [9, 13, 1]]}])
    assert said.startswith("1: the span 2 runs from 9 to 13, but the text 'a' has 12 characters")
    said = complaint([{**good, "text": "a good film"}])
    assert said == "1: the text 'a' is another one in the data; the scores must be of the same data"
    said = complaint([{"id": "c", "spans": [[0, 3, 1e30], [0, 3, 1e30]]}])
    assert said.startswith("1: the scores of a word add up to more than 1e+30")


def test_unknown_ids_are_named(complaint):
    good = {"id": "a", "scores": [1, 2, 3]}
    said = complaint([good, {"id": "z", "scores": [1]}])
    assert said.startswith("2: no text of the data set has the id 'z'; the ids are those of the")
    assert "a row without the field 'id' has the number of its line as its id" in said
    said = complaint([good, {"id": "z", "scores": []}, {"id": "y", "scores": []}])
    assert said.startswith("2: no text of the data set has the id 'z', and so with 1 more rows")
    said = complaint([{"id": name, "scores": []} for name in ("x", "y", "z")])
    assert said.startswith("1: none of its 3 rows is of a text of the data set: no id is the same")


def test_scores_of_another_split_only_are_refused(complaint, read, tmp_path):
    files = {
        "dev": jsonl(tmp_path / "dev.jsonl", ROWS[:1]),
        "test": jsonl(tmp_path / "test.jsonl", ROWS[2:]),
        "file": None,
    }
    dev, test = {"id": "a", "scores": [1, 2, 3]}, {"id": "d", "scores": [1, 2]}
    said = complaint([dev], split="test", labels=("x", "y"), **files)
    assert "has scores of other texts only" in said
    assert "in the split 'test'" in said
    found = read([dev, test], split="test", labels=("x", "y"), **files)
    assert (found.texts, found.scored, found.elsewhere) == (2, 1, 1)


def test_data_that_changed_meanwhile_are_refused(tmp_path):
    spec = DatasetSpec(file=jsonl(tmp_path / "rows.jsonl", ROWS))
    data = load_dataset(spec, min_words=2)
    jsonl(tmp_path / "rows.jsonl", [*ROWS, {"id": "e", "text": "f g", "label": "x"}])
    scores = jsonl(tmp_path / "s.jsonl", [{"id": "a", "scores": [1, 2, 3]}])
    with pytest.raises(InputError, match=r"rows\.jsonl: has changed"):
        align(scores, spec, data, min_words=2, limit=None)


def test_pieces_have_scores_of_their_own(read, pretrained):
    tokeniser = TokeniserSettings(file=pretrained / "tokenizer.json")
    rows = [{"id": "a", "text": "abcd good ef", "label": "x"}, ROWS[2]]
    more = {"tokeniser": tokeniser, "rows": rows}
    assert listed(read([{"id": "a", "scores": [1, 2, 3]}], **more), 0) == [1.0, 2.0, 3.0]
    four = [{"id": "a", "scores": [1, 2, 3, 4]}]  # ab ##cd good ef
    assert listed(read(four, pieces=True, **more), 0) == [1.0, 2.0, 3.0, 4.0]
    spans = [{"id": "a", "spans": [[0, 2, 1], [2, 4, 2], [5, 9, 3], [10, 12, 4]]}]
    assert listed(read(spans, **more), 0) == [3.0, 3.0, 4.0]
    assert listed(read(spans, pieces=True, **more), 0) == [1.0, 2.0, 3.0, 4.0]


# Properties


TEXTS = st.text(st.sampled_from("ab ,\té"), max_size=30).filter(str.strip)


@st.composite
def cut_texts(draw):
    """A text, the places of its words, a score for each, and spans into which they were cut."""
    text = draw(TEXTS)
    words = [match.span() for match in re.finditer(r"\S+", text)]
    numbers = st.integers(-50, 50)
    scores = draw(st.lists(numbers, min_size=len(words), max_size=len(words)))
    spans = []
    for (start, end), score in zip(words, scores, strict=True):
        inner = draw(st.sets(st.integers(start + 1, max(start + 1, end - 1)), max_size=3))
        bounds = [start, *sorted(place for place in inner if place < end), end]
        parts = draw(st.lists(numbers, min_size=len(bounds) - 2, max_size=len(bounds) - 2))
        parts.append(score - sum(parts))
        after = end < len(text) and text[end].isspace() and draw(st.booleans())
        bounds[-1] += after  # tools often count the space behind a token, or before it, to it
        bounds[0] -= start > 0 and text[start - 1].isspace() and draw(st.booleans())
        spans += [(a, b, p) for a, b, p in zip(bounds, bounds[1:], parts, strict=False)]
    return text, words, scores, draw(st.permutations(spans))


def tokens_of(text):
    words = enumerate(re.finditer(r"\S+", text))
    return [Token(match[0], match.start(), match.end(), n) for n, match in words]


@given(cut_texts())
def test_however_words_are_cut_their_scores_are_the_same(case):
    text, words, scores, spans = case
    starts, ends = units(text, tokens_of(text), pieces=False)
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == words
    bounds = [span[:2] for span in spans]
    found = on_units(bounds, [span[2] for span in spans], starts, ends)
    assert found.tolist() == scores


@given(st.data(), TEXTS)
def test_spans_are_shared_out_as_characters_one_by_one_would_be(data, text):
    place = st.integers(0, len(text))
    spans = data.draw(st.lists(st.tuples(place, place).map(sorted), max_size=6))
    scores = data.draw(st.lists(st.floats(-9, 9), min_size=len(spans), max_size=len(spans)))
    starts, ends = units(text, tokens_of(text), pieces=False)
    owner = {c: w for w, m in enumerate(re.finditer(r"\S+", text)) for c in range(*m.span())}
    slow = np.zeros(len(starts))
    for (start, end), score in zip(spans, scores, strict=True):
        inside = [owner[c] for c in range(start, end) if c in owner]
        for word in inside:
            slow[word] += score / len(inside)
    found = on_units([tuple(span) for span in spans], scores, starts, ends)
    np.testing.assert_allclose(found, slow, atol=1e-9)


def test_many_long_spans_are_refused_and_not_computed_for_ever():
    n = 20_000
    starts, ends = np.arange(0, 2 * n, 2), np.arange(1, 2 * n, 2)
    begun = time.process_time()
    with pytest.raises(ValueError, match="too many spans"):
        on_units([(0, 2 * n)] * n, np.ones(n), starts, ends)
    assert time.process_time() - begun < 5
    assert 100 * n < aligned.MOST_SHARES
