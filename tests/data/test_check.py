from __future__ import annotations

import json
from pathlib import Path

import pytest

from attnaudit.data.check import Lengths, SplitReport, check_dataset, remarks, to_tables
from attnaudit.data.spec import DatasetSpec, load_spec
from attnaudit.errors import InputError

REAL = Path(__file__).parents[3] / "shared" / "data"


def rows(path: Path, texts, **others) -> Path:
    lines = [{"text": t, "label": "xy"[i % 2], **others} for i, t in enumerate(texts)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def reports(tmp_path):
    train = rows(tmp_path / "train.jsonl", ["a b", "b c d", "", "a"], group="g")
    test = rows(tmp_path / "test.jsonl", ["b  c d", "a e e", "b\tc d", "f"], rationale=None)
    return check_dataset(DatasetSpec(train=train, test=test, max_length=2))


def test_train_is_set_against_nothing(reports, tmp_path):
    assert reports[0] == SplitReport(
        split="train",
        path=tmp_path / "train.jsonl",
        rows=4,
        usable=3,
        labels={"x": 1, "y": 2},
        lengths=Lengths(1, 2, 2, 2),
        skipped={"empty": 1},
        truncated=1,
        with_query=0.0,
        with_rationale=0.0,
        with_group=1.0,
        vocabulary=3,
        unseen_types=None,
        unseen_tokens=None,
        leaked=None,
    )


def test_other_splits_are_set_against_train(reports):
    # Kept: "b c", "a e", "b c", "f"; train has a, b, c and the text "b c".
    test = reports[1]
    assert test.also == {"train": 2}
    assert (test.vocabulary, test.unseen_types, test.unseen_tokens) == (5, 2 / 5, 2 / 7)
    assert test.leaked == 2
    assert test.labels == {"x": 2, "y": 2}


def test_lengths_are_those_of_some_text(tmp_path):
    path = rows(tmp_path / "a.jsonl", [" ".join("w" * n) for n in range(1, 41)])
    assert check_dataset(DatasetSpec(file=path))[0].lengths == Lengths(1, 20, 38, 40)


def test_a_pair_leaks_only_with_its_query(tmp_path):
    train = rows(tmp_path / "train.jsonl", ["a b", "c"], query="q")
    test = rows(tmp_path / "test.jsonl", ["a b", "c"], query="r")
    assert check_dataset(DatasetSpec(train=train, test=test))[1].leaked == 0
    assert check_dataset(DatasetSpec(train=train, test=train))[1].leaked == 2


def test_one_file_is_reported_by_the_splits_its_rows_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label,split\na b,x,test\nc,y,train\na b,y,train\nd,x,dev\n")
    reports = check_dataset(DatasetSpec(file=path))
    assert reports[2].also == {"train": 1, "dev": 0}
    assert [(r.split, r.usable, r.leaked) for r in reports] == [
        ("train", 2, None),
        ("dev", 1, 0),
        ("test", 1, 1),
    ]


def test_all_splits_must_do_with_the_labels_of_the_first(tmp_path):
    train = rows(tmp_path / "train.jsonl", ["a", "b"])
    (tmp_path / "test.csv").write_text("text,label\na,z\n")
    with pytest.raises(InputError, match=r"test.csv:2: the label 'z' is not known"):
        check_dataset(DatasetSpec(train=train, test=tmp_path / "test.csv"))


def test_tables_hold_a_column_a_split(reports):
    data, labels = to_tables(reports)
    assert data.columns == ("", "train", "test")
    cells = {name: (train, test) for name, train, test in data.rows}
    assert cells["rows"] == (4, 4)
    assert cells["skipped: empty"] == (1, 0)
    assert "skipped: one_word" not in cells
    assert cells["tokens, largest"] == (2, 2)
    assert cells["different words not in train"] == (None, 2 / 5)
    assert cells["texts also in train"] == (None, 2)
    assert data.notes == [
        "texts of test that also occur in train: 2. They make the model's scores look better "
        "than they are"
    ]
    assert labels.columns == ("label", "train", "test")
    assert labels.rows == [("x", 1, 2), ("y", 2, 2)]


def test_texts_that_stand_in_dev_and_test_are_counted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label,split\na,x,train\nb,y,train\nc,x,val\nc,x,test\nc,y,test\n")
    reports = check_dataset(DatasetSpec(file=path))
    assert [report.also for report in reports] == [{}, {"train": 0}, {"train": 0, "dev": 2}]
    data = to_tables(reports)[0]
    assert ("texts also in dev", None, None, 2) in data.rows
    assert data.notes == [
        "texts of test that also occur in dev: 2. They make the model's scores look better "
        "than they are"
    ]


def test_how_files_were_read_is_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text;label\n" + "".join(f"w{i};{'xy'[i % 2]}\n" for i in range(20)))
    spec = load_spec(path)
    reports = check_dataset(spec)
    assert remarks(spec, reports) == [
        "the rows name no split, so there is one, `all`; to train on this file, write `split:"
        " 80/10/10` in its spec, or give --split 80/10/10",
        f"{path}: its columns are separated by semicolons",
    ]
    (tmp_path / "a.yaml").write_text("file: a.csv\nsplit: 80/10/10\n")
    spec = load_spec(tmp_path / "a.yaml")
    reports = check_dataset(spec)
    said = remarks(spec, reports)
    assert said[0] == (
        f"{path} is split by label into 16 train, 2 dev and 2 test rows (80/10/10, seed 0)"
    )
    assert [r.usable for r in reports] == [16, 2, 2]
    assert [r.also for r in reports] == [{}, {"train": 0}, {"train": 0, "dev": 0}]
    assert to_tables(reports, said)[0].notes == said


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared real data are not here")
def test_sst_counts_are_the_published_ones():
    folder = REAL / "sst2"
    spec = DatasetSpec(**{name: folder / f"{name}.jsonl" for name in ("train", "dev", "test")})
    reports = check_dataset(spec)
    assert [r.rows for r in reports] == [6920, 872, 1821]
    assert [r.labels["negative"] for r in reports] == [3310, 428, 912]
    assert [r.labels["positive"] for r in reports] == [3610, 444, 909]
