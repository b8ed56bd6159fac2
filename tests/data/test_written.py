from __future__ import annotations

import json

import pytest

from attnaudit.data.loading import load_dataset, splits_of
from attnaudit.data.settings import ReadingSettings
from attnaudit.data.spec import load_spec
from attnaudit.data.written import spec_text

ROWS = [{"text": f"W{i} x", "label": "ab"[i % 2], "author": i} for i in range(40)]


@pytest.fixture
def again(tmp_path, monkeypatch):
    """Reads a spec, writes what was understood into another folder, and reads that."""
    monkeypatch.chdir(tmp_path)

    def read(name, rows=ROWS, content=None):
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        if content is not None:
            (tmp_path / name).write_text(content, encoding="utf-8")
        first = load_spec(tmp_path / name)
        labels = load_dataset(first).labels
        folder = tmp_path / "kept"
        folder.mkdir(exist_ok=True)
        text = spec_text(first, labels, splits_of(first), folder)
        (folder / "kept.yaml").write_text(text, encoding="utf-8")
        return first, load_spec(folder / "kept.yaml"), text

    return read


def test_a_bare_file_has_a_spec(again):
    first, kept, text = again("rows.jsonl")
    assert text == (
        "file: ../rows.jsonl\n"
        "# split: 80/10/10  # splits the file by label into train, dev and test\n"
        "fields: {text: text, label: label}\n"
        "labels: [a, b]\n"
        "# These defaults apply. A transformer has its own tokeniser and limits instead:\n"
        "# tokeniser: whitespace\n"
        "# lowercase: false\n"
        "# min_length: 1\n"
        "# max_length: 4096\n"
        "# overlong: truncate\n"
    )
    assert load_dataset(kept).instances == load_dataset(first).instances


def test_a_spec_of_a_bare_file_leaves_a_model_its_own_way_to_read(again, tmp_path):
    again("rows.jsonl")
    own = ReadingSettings(lowercase=True, max_length=9)
    spec = load_spec(tmp_path / "kept" / "kept.yaml", own)
    assert (spec.lowercase, spec.max_length) == (True, 9)


@pytest.mark.parametrize(
    "content",
    [
        "file: rows.jsonl\nsplit: 60/20/20\nsplit_seed: 3\nfields: {group: author}\n",
        "file: rows.jsonl\nlabels: {a: 'no', b: 'yes: really'}\nlowercase: true\n",
        "train: rows.jsonl\nvalidation: rows.jsonl\nlabels: [b, a]\ntokeniser: {regex: '\\w+'}\n",
        "file: rows.jsonl\nmin_length: 2\nmax_length: 7\noverlong: skip\nmax_query_length: 9\n",
        "file: rows.jsonl\nmax_pair_length: 9\norder: [query, text]\n",
    ],
)
def test_what_was_understood_reads_the_same_data_alike(again, content):
    first, kept, _ = again("first.yaml", content=content)
    assert splits_of(kept) == splits_of(first)
    for split in splits_of(first):
        ours, theirs = (load_dataset(spec, split) for spec in (kept, first))
        assert ours.instances == theirs.instances
        assert (ours.labels, ours.digest, ours.cut) == (theirs.labels, theirs.digest, theirs.cut)
    others = {"train", "dev", "test", "file", "labels"}
    assert kept.model_dump(exclude=others) == first.model_dump(exclude=others)


@pytest.mark.parametrize(
    "labels",
    [["no", "yes"], ["0", "1"], ["1.0", "2.0"], ["a: b", "#c"], ["Ä", "~"], ["null", "- x"]],
)
def test_odd_labels_are_kept_as_they_are(again, labels):
    rows = [{**row, "label": labels[i % 2]} for i, row in enumerate(ROWS)]
    first, kept, text = again("rows.jsonl", rows)
    assert kept.labels == tuple(sorted(labels))
    assert load_dataset(kept).instances == load_dataset(first).instances
    numbers = labels == ["0", "1"]
    assert ("# labels: {0: ..., 1: ...}  # in place of the line above" in text) == numbers


def test_numbers_that_are_named_stay_so(again):
    rows = [{**row, "label": float(i % 2)} for i, row in enumerate(ROWS)]
    content = "file: rows.jsonl\nlabels: {0: negative, 1: positive}\n"
    _, kept, text = again("first.yaml", rows, content)
    assert "labels: {0: negative, 1: positive}\n" in text
    assert load_dataset(kept).labels == ("negative", "positive")


def test_a_tokenizer_is_named_by_its_file(again, tmp_path):
    from tokenizers import Tokenizer, models

    Tokenizer(models.WordLevel({"[UNK]": 0, "x": 1}, unk_token="[UNK]")).save(
        str(tmp_path / "tokenizer.json")
    )
    content = "file: rows.jsonl\ntokeniser: {file: tokenizer.json}\n"
    first, kept, text = again("first.yaml", content=content)
    assert "tokeniser: {file: ../tokenizer.json}\n" in text
    assert load_dataset(kept).instances == load_dataset(first).instances


def test_splits_that_rows_name_and_pairs_are_kept(again):
    rows = [
        {**row, "fold": ["training", "val"][i % 3 == 0], "q": "r"} for i, row in enumerate(ROWS)
    ]
    content = "file: rows.jsonl\nfields: {split: fold, query: q}\n"
    _, kept, text = again("first.yaml", rows, content)
    assert "fields: {text: text, label: label, query: q, split: fold}\n" in text
    assert "split: 80" not in text
    assert splits_of(kept) == ("train", "dev")
