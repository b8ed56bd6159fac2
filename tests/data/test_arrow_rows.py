from __future__ import annotations

import json
import sys
from array import array

import pytest

from attnaudit.data import arrow_rows
from attnaudit.data.loading import load_dataset, splits_of
from attnaudit.data.reader import described, file_sha256, read_rows
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError

TABLE = {"text": ["a b", "c", "d e"], "label": [1, 0, 1]}


@pytest.fixture(scope="module")
def arrow():
    return pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")


@pytest.fixture
def table(arrow):
    """A table with what `datasets` writes down of a column of classes."""

    def make(columns=TABLE, names=None):
        made = arrow.table(columns)
        if names is None:
            return made
        features = {"label": {"names": names, "_type": "ClassLabel"}}
        told = json.dumps({"info": {"features": features}})
        return made.replace_schema_metadata({"huggingface": told})

    return make


@pytest.fixture
def parquet(table, tmp_path):
    import pyarrow.parquet

    def write(name="a.parquet", columns=TABLE, names=None):
        pyarrow.parquet.write_table(table(columns, names), tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def saved(arrow, table, tmp_path):
    """Writes a folder as `save_to_disk` of datasets does."""

    def write(splits, names=("neg", "pos"), name="saved"):
        folder = tmp_path / name
        for split, columns in splits.items():
            inside = folder / split
            inside.mkdir(parents=True)
            file = "data-00000-of-00001.arrow"
            made = table(columns, list(names))
            with (
                arrow.OSFile(str(inside / file), "wb") as sink,
                arrow.ipc.new_stream(sink, made.schema) as stream,
            ):
                stream.write_table(made)
            (inside / "state.json").write_text(json.dumps({"_data_files": [{"filename": file}]}))
        (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
        return folder

    return write


def complaint(path, required=("text", "label")):
    with pytest.raises(InputError) as caught:
        list(read_rows(path, required))
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path.parent}/")


def test_rows_of_parquet_are_counted(parquet):
    assert list(read_rows(parquet(), ["text", "label"])) == [
        (1, {"text": "a b", "label": 1}),
        (2, {"text": "c", "label": 0}),
        (3, {"text": "d e", "label": 1}),
    ]


def test_a_parquet_file_is_a_data_set(parquet):
    columns = {**TABLE, "rationale": [[0, 1], [1], None], "split": ["test", "test", "train"]}
    data = load_dataset(load_spec(parquet(columns=columns)))
    assert (data.split, data.labels) == ("test", ("0", "1"))
    assert [i.rationale for i in data.instances] == [(0, 1), (1,)]
    assert data.sha256 == file_sha256(data.path)


def test_classes_have_the_names_that_the_file_gives_them(parquet):
    columns = {"text": ["a", "b", "c"], "label": [1, 0, -1]}
    path = parquet(columns=columns, names=["neg", "pos"])
    assert [row["label"] for _, row in read_rows(path)] == ["pos", "neg", -1]


def test_shards_are_one_file(parquet):
    first = parquet("train-00000-of-00002.parquet")
    second = parquet("train-00001-of-00002.parquet", {"text": ["f"], "label": [0]})
    rows = list(read_rows(first))
    assert [line for line, _ in rows] == [1, 2, 3, 4]
    assert described(first, []) == "its rows stand in 2 files"
    before = file_sha256(first)
    parquet(second.name, {"text": ["g"], "label": [0]})
    assert file_sha256(first) != before
    second.unlink()
    assert "is one of 2 files, and number 1 is not there" in complaint(first)


def test_a_folder_of_datasets_is_a_data_set(saved, tmp_path):
    folder = saved({"train": TABLE, "validation": TABLE, "unsupervised": TABLE})
    spec = load_spec(folder)
    assert splits_of(spec) == ("train", "dev")
    assert spec.left_out == ("unsupervised",)
    data = load_dataset(spec, "validation")
    assert (data.split, data.labels, len(data.instances)) == ("dev", ("neg", "pos"), 3)
    assert data.path == folder / "validation"
    (folder / "validation" / "state.json").write_text(
        json.dumps({"_data_files": [{"filename": "../train/data-00000-of-00001.arrow"}]})
    )
    with pytest.raises(InputError, match=r"state.json: lists no data files"):
        load_dataset(spec, "dev")
    one = load_dataset(load_spec(folder / "train"))
    assert (one.split, len(one.instances)) == ("all", 3)
    (tmp_path / "a.yaml").write_text("file: saved/train\nsplit: 50/0/50\n")
    with pytest.raises(InputError, match="the label 'neg' has 1 different text, too few for 2"):
        load_dataset(load_spec(tmp_path / "a.yaml"))
    (tmp_path / "a.yaml").write_text("file: saved\nsplit: 50/0/50\n")
    with pytest.raises(InputError, match=r"`split` cuts one file, and .*saved has splits: train"):
        load_spec(tmp_path / "a.yaml")


def test_folders_that_are_no_data_sets_are_named(saved, tmp_path):
    folder = saved({"a": TABLE, "b": TABLE})
    with pytest.raises(InputError, match="has no split train, dev or test, but a, b; name the"):
        load_spec(folder)
    two = saved({"valid": TABLE, "dev": TABLE}, name="two")
    with pytest.raises(InputError, match="two of the splits valid, dev mean dev"):
        load_spec(two)
    for content in ("[]", "{", '{"splits": "train"}', '{"splits": ["../b"]}'):
        (folder / "dataset_dict.json").write_text(content)
        with pytest.raises(InputError, match=r"dataset_dict.json: (is not a JSON|does not list)"):
            load_spec(folder)
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputError, match="is a folder, not a data set; give a file, a spec, or"):
        load_spec(tmp_path / "plain")


def test_columns_that_hold_no_text_are_named(parquet):
    path = parquet(columns={"text": [["a"], ["b"]], "label": [0, 1]})
    with pytest.raises(InputError, match=r"a.parquet:1: the field 'text' is \['a'\], not a string"):
        load_dataset(load_spec(path))
    path = parquet(columns={"text": ["a", "b"], "label": [[0], [1]]})
    with pytest.raises(InputError, match=r"a.parquet:1: the text has a list of labels"):
        load_dataset(load_spec(path))
    path = parquet(columns={"text": ["a", None], "label": [0, 1]})
    with pytest.raises(InputError, match=r"a.parquet:2: the field 'text' is null"):
        load_dataset(load_spec(path))
    path = parquet(columns={"sentence": ["a"], "label": [0]})
    assert complaint(path).startswith("a.parquet: the field 'text' is missing; known: 'sentence'")
    assert complaint(parquet(columns={"text": [], "label": []})) == "a.parquet: has no rows"


@pytest.mark.parametrize("content", [b"", b"text,label\na,x\n", b"PAR1" + b"\0" * 40 + b"PAR1"])
def test_other_files_are_no_parquet(arrow, tmp_path, content):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    assert complaint(path).startswith("a.parquet: is no Parquet file that can be read (")


def test_a_broken_folder_is_named(saved):
    folder = saved({"train": TABLE}) / "train"
    file = folder / "data-00000-of-00001.arrow"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match="is no data set of `save_to_disk`"):
        list(read_rows(folder))
    file.unlink()
    with pytest.raises(InputError, match="arrow: no such file"):
        list(read_rows(folder))


def test_a_row_group_that_fills_the_memory_is_refused(parquet, monkeypatch):
    monkeypatch.setattr(arrow_rows, "LARGEST_GROUP", 64)
    assert "has a row group of more than" in complaint(parquet())


def test_without_the_library_the_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    assert complaint(path) == (
        "a.parquet: is a Parquet file, and pyarrow, which reads it, is not installed; install"
        " attnaudit[parquet], or save the data as .jsonl or .csv"
    )


def test_offsets_that_lead_out_of_a_file_are_refused(arrow, saved):
    """Followed unchecked they end the whole program."""
    folder = saved({"train": TABLE}) / "train"
    offsets = arrow.py_buffer(array("i", [0, 2**30, 1]).tobytes())
    text = arrow.Array.from_buffers(arrow.string(), 2, [None, offsets, arrow.py_buffer(b"ab")])
    batch = arrow.record_batch({"text": text, "label": arrow.array([0, 1])})
    file = str(folder / "data-00000-of-00001.arrow")
    with arrow.OSFile(file, "wb") as sink, arrow.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    with pytest.raises(
        InputError, match="arrow: is no data set of `save_to_disk` that can be read"
    ):
        list(read_rows(folder))
