"""Frames hold what the metrics are means of."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import attnaudit
from attnaudit.errors import InputError
from attnaudit.records.reading import read_records as raw


@pytest.fixture(scope="module")
def frame(made):
    return made.to_frame(lists=True)


def test_a_row_is_a_text(made, frame):
    path = made.files["correlate"]
    records = list(raw(path)[1])
    assert list(frame.index) == [record["id"] for record in records]
    assert frame.index.name == "id"
    first, labels = records[0], made.report.model.model_dump()["labels"]
    row = frame.iloc[0]
    assert (row["gold"], row["predicted"]) == (labels[first["gold"]], labels[first["predicted"]])
    assert row["right"] == (first["gold"] == first["predicted"])
    assert [row[f"p.{label}"] for label in labels] == first["probs"]
    assert row["attention"] == first["attention"]
    assert row["tokens"] == first["tokens"]
    assert row["importance.gradient"] == first["importance"]["gradient"]
    assert len(row["tokens"]) == row["words"]


@pytest.mark.parametrize(
    "metric",
    [
        "correlate.gradient.tau.mean",
        "correlate.gradient~random.tau.mean",
        "correlate.random.tau.significant",
        "permute.tvd.mean",
        "permute.unmoved",
    ],
)
def test_a_metric_is_the_mean_of_its_column(made, frame, metric):
    column = frame[metric.removesuffix(".mean")]
    assert made.metrics[metric].n == column.notna().sum()
    assert made.metrics[metric].value == pytest.approx(np.nanmean(column), abs=1e-9)


def test_accuracy_is_the_share_that_is_right(made, frame):
    assert frame["right"].mean() == pytest.approx(made.metrics["model.accuracy"].value)


def test_every_column_is_explained(frame):
    assert list(frame.attrs["columns"]) == list(frame.columns)
    assert all(said.endswith(".") for said in frame.attrs["columns"].values())
    assert "{" not in "".join(frame.attrs["columns"].values())
    said = frame.attrs["columns"]["correlate.gradient.tau"]
    assert said.startswith("Its mean is the metric correlate.gradient.tau.mean. ")


def test_files_give_the_same_frame(made):
    read = attnaudit.read_records(*made.files.values())
    assert read.equals(made.to_frame())
    alone = attnaudit.read_records(str(made.files["permute"]))
    assert "permute.tvd" in alone
    assert "correlate.gradient.tau" not in alone


def test_without_lists_there_are_no_words(made):
    frame = made.to_frame()
    assert not {"tokens", "attention"} & set(frame.columns)


def test_mistakes(made, tmp_path, tiny, monkeypatch):
    report = tmp_path / "r.json"
    made.write(report)
    for paths, says in (
        ((), "needs at least one file"),
        ((report,), "r.json: contains no records"),
        ((tiny / "none.jsonl",), "none.jsonl: no such file"),
        ((made.files["permute"], made.files["permute"]), "second report of permute"),
    ):
        with pytest.raises(InputError) as refused:
            attnaudit.read_records(*paths)
        assert says in str(refused.value)
    with pytest.raises(InputError, match="no figures of single texts"):
        attnaudit.read_report(report).to_frame()
    with pytest.raises(InputError, match="contain no trained models"):
        made.to_frame(runs=True)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"frames need pandas.*attnaudit\[pandas\]"):
        made.to_frame()


def test_rows_of_trained_models(tiny, tmp_path):
    path = tmp_path / "seeds.jsonl"
    made = attnaudit.audit(
        tiny / "model.pt",
        tiny / "data.yaml",
        ["seed-baseline"],
        settings={"seed-baseline": {"seeds": 1}},
        records=path,
        limit=3,
    )
    frame = attnaudit.read_records(path, runs=True)
    records = [r for r in map(json.loads, path.read_text().splitlines()) if "run" in r]
    trained = [r for r in records if r["run"]["model"] != "base"]
    assert len(frame) == len(trained) > 0
    assert list(frame["jsd"]) == [r["jsd"] for r in trained]
    assert list(frame["tvd"]) == [r["tvd"] for r in trained]
    assert set(frame["run.model"]) == {r["run"]["model"] for r in trained}
    assert set(frame["split"]) == {"dev", "test"}
    assert len(made.to_frame()) == 3
    assert made.findings["stable"].status != "for"
