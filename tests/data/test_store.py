from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.data import loading, store
from attnaudit.data.instance import Instance
from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import DatasetSpec
from attnaudit.data.store import Hashes, Instances, token_counts, word_counts
from attnaudit.errors import InputError
from attnaudit.measures import spool

# Surrogate halves too, and what JSON must escape.
TEXT = st.text(st.characters(exclude_categories=()), max_size=4)


@st.composite
def instances(draw, paired=None):
    tokens = draw(st.lists(TEXT, min_size=1, max_size=4))
    words = [0]
    for _ in tokens[1:]:
        words.append(words[-1] + draw(st.integers(0, 1)))
    flags = st.lists(st.integers(0, 1), min_size=len(tokens), max_size=len(tokens))
    query = st.lists(TEXT, max_size=3).map(tuple)
    return Instance(
        id=draw(TEXT),
        row=draw(st.integers(0, 2**40)),
        line=draw(st.integers(1, 2**40)),
        tokens=tuple(tokens),
        words=tuple(words),
        label=draw(st.integers(0, 5)),
        query=draw(st.none() | query if paired is None else query if paired else st.none()),
        rationale=draw(st.none() | flags.map(tuple)),
        group=draw(st.none() | TEXT),
        truncated=draw(st.booleans()),
        surface=draw(st.none() | st.lists(TEXT, max_size=3).map(tuple)),
        text=draw(st.none() | TEXT),
    )


@settings(deadline=None)
@given(st.lists(instances(), max_size=8), st.sampled_from([0, 6, 2**18]), st.data())
def test_a_store_is_like_the_list_that_it_was_made_of(many, most, data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "MOST_TOKENS", most)
        patch.setattr(store, "_READ", 3)
        patch.setattr(spool, "HELD", 100)
        made = Instances(many)
        assert len(made) == len(many)
        assert list(made) == list(made) == many
        assert made == many
        assert made[1:6:2] == many[1:6:2]
        for place in data.draw(st.permutations(range(len(many)))):
            assert made[place] == many[place] == made[place - len(many)]
        assert made.token_counts.tolist() == [len(i.tokens) for i in many]
        assert token_counts(made).tolist() == token_counts(many).tolist()
        assert word_counts(made).tolist() == word_counts(many).tolist()
        assert word_counts(many).tolist() == [max((*i.words, -1)) + 1 for i in many]
        with pytest.raises(IndexError):
            made[len(many)]


@pytest.mark.parametrize("most", [0, 1000])
@settings(deadline=None, max_examples=20)
@given(st.lists(instances(paired=True), min_size=1, max_size=4), instances(paired=False))
def test_queries_are_counted_where_all_have_one(most, many, alone):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "MOST_TOKENS", most)
        counts = Instances(many).query_counts
        assert counts is not None
        assert counts.tolist() == [len(i.query) for i in many]
        assert Instances([*many, alone]).query_counts is None
        assert Instances().query_counts is None


def rows(path, count, **others):
    with path.open("w", encoding="utf-8") as file:
        for i in range(count):
            row = {"text": "one two three four " * 4, "label": "xy"[i % 2], "id": f"row {i}"}
            file.write(json.dumps({**row, **others}) + "\n")
    return DatasetSpec(file=path)


def test_a_row_takes_a_few_bytes_of_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MOST_TOKENS", 1000)
    monkeypatch.setattr(spool, "HELD", 2**12)
    monkeypatch.setattr(loading, "file_sha256", str)  # reads a mebibyte at a time
    specs = {n: rows(tmp_path / f"{n}.jsonl", n) for n in (500, 2000)}

    def peak(n):
        tracemalloc.start()
        data = load_dataset(specs[n])
        assert data.instances[n - 1].tokens == ("one", "two", "three", "four") * 4
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert (peak(2000) - peak(500)) / 1500 < 100  # a list would take some hundreds


@settings(deadline=None)
@given(st.lists(TEXT, max_size=30), st.sampled_from([1, 2, 7, 2**64]))
def test_a_set_of_hashes_forgets_none(texts, hashes):
    def hash_of(text):
        return hash(text) % hashes + 1

    made, seen = Hashes(hash_of), set()
    for text in texts:
        assert (text in made) == (hash_of(text) in seen)
        assert made.add(text) == (hash_of(text) in seen)
        assert text in made
        seen.add(hash_of(text))


def test_a_set_of_hashes_grows():
    made = Hashes()
    assert not any(made.add(f"id {i}") for i in range(3000))
    assert all(made.add(f"id {i}") for i in range(3000))


@pytest.mark.parametrize("hash_of", [hash, lambda text: 0, len])
def test_ids_that_stand_twice_are_found_whatever_their_hashes(tmp_path, monkeypatch, hash_of):
    monkeypatch.setattr(loading, "Hashes", lambda: Hashes(hash_of))
    path = tmp_path / "a.jsonl"

    def load(*ids):
        given = [{"text": "a b", "label": "xy"[i % 2]} for i in range(len(ids))]
        for row, name in zip(given, ids, strict=True):
            if name is not None:
                row["id"] = name
        path.write_text("".join(json.dumps(row) + "\n" for row in given))
        return load_dataset(DatasetSpec(file=path))

    assert [i.id for i in load("b", None, "a", "c", None).instances] == ["b", "2", "a", "c", "5"]
    for ids, line, first in (
        (["b", "a", "c", "a"], 4, 2),
        (["a", "b", None, "3"], 4, 3),  # the name of a row without one is its line
        (["b", "3", None], 3, 2),
    ):
        with pytest.raises(InputError, match="occurs twice") as caught:
            load(*ids)
        assert caught.value.line == line
        assert caught.value.hint == f"first on line {first}; give each row an id of its own"


def test_ids_that_stand_twice_are_of_one_split(tmp_path):
    path = tmp_path / "a.jsonl"
    given = [{"text": "a b", "label": y, "id": "same", "split": s} for y, s in (("x", 1), ("y", 2))]
    given += [{**given[1], "id": "other", "label": "x"}, {**given[1], "label": "x"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in given))
    with pytest.raises(InputError, match="occurs twice") as caught:
        load_dataset(DatasetSpec(file=path), "2")
    assert (caught.value.line, caught.value.hint[:15]) == (4, "first on line 2")
