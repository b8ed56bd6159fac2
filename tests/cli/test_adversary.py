"""`attnaudit adversary` with models that are trained: options and mistakes."""

from __future__ import annotations

import json
import shutil

import pytest

from attnaudit.questions.model_adversary.strengths import GRID
from attnaudit.records.reading import read_records
from tests.sealed import contents, sealed


@pytest.fixture
def train(cli, tiny):
    """`attnaudit adversary` on the tiny model, with trainings as short as can be."""

    def run(*args):
        short = ("--seeds", 1, "--epochs", 1, "--no-per-instance")
        return cli("adversary", tiny / "model.pt", tiny / "data.yaml", *short, *args)

    return run


def test_from_options_to_a_table_and_checkpoints(train, cli, here):
    result = train("--lambda", 0.001, "--lambda", 0.01, "--records", "r.jsonl", "-o", "r.json")
    assert result.code == 0
    assert "0 imitators of 6 are usable" in result.err  # all are stuck, and the start is given up
    assert "imitators" in result.out
    assert "lambda 0.001" in result.out
    report = json.loads((here / "r.json").read_text())
    assert "adversary.model[lambda=0.01].jsd.mean" in report["metrics"]
    assert report["settings"]["lambdas"] == [0.001, 0.01]
    assert report["settings"]["refine"] == 0
    kept = {p.name for p in (here / "adversaries").iterdir()}
    assert {name for name in kept if not name.startswith("lambda0.0-")} == {
        f"lambda{s}-scratch-seed7.pt" for s in ("0.001", "0.01")
    }
    assert {"lambda0.0-scratch-seed7.pt", "lambda0.0-scratch-seed12.pt"} <= kept
    assert cli("report", "r.jsonl").out == result.out


def test_a_sweep_takes_a_grid_and_adds_to_it(train, here):
    result = train("--sweep", "--records", "r.jsonl", "--models", "kept")
    assert result.code == 0
    runs = {json.dumps(r["run"]) for r in read_records(here / "r.jsonl")[1]}
    tried = {json.loads(r).get("lambda") for r in runs} - {None}
    assert tried >= {0.0, *GRID}
    added = result.err.count("is added")
    assert len(tried) == 1 + len(GRID) + added
    kept = [p for p in (here / "kept").iterdir() if not p.name.startswith("lambda0.0-")]
    assert len(kept) == len(tried) - 1


def test_settings_from_attnaudit_yaml(cli, tiny, here):
    shutil.copytree(tiny, here / "tiny")  # the file may name nothing outside its folder
    (here / "attnaudit.yaml").write_text(
        "model: tiny/model.pt\ndata: tiny/data.yaml\n"
        "adversary: {lambda: [0.01], seeds: 1, epochs: 1, models: kept}\n"
    )
    result = cli("adversary", "--no-per-instance")
    assert result.code == 0
    assert (here / "kept" / "lambda0.01-scratch-seed7.pt").exists()


def test_a_diverged_lambda_leaves_its_gate_undecided(train, here, monkeypatch):
    from attnaudit.models.retraining import Retraining
    from attnaudit.models.training import DivergedError

    imitate = Retraining.imitate

    def fail(self, model, seed, strength, *rest):
        if strength == 0.01:
            raise DivergedError("training diverged: the loss is not finite after epoch 1")
        return imitate(self, model, seed, strength, *rest)

    monkeypatch.setattr(Retraining, "imitate", fail)
    gate = "gates:\n- {id: moved, metric: 'adversary.model[lambda=0.01].jsd.mean', max: 0.4}\n"
    (here / "policy.yaml").write_text(gate)
    result = train("--lambda", 0.01, "--policy", "policy.yaml")
    assert result.code == 0
    assert "diverged" in result.out
    assert "lambda 0.01, from scratch, seed 7: the training diverged" in result.err
    assert train("--lambda", 0.01, "--policy", "policy.yaml", "--strict").code == 1


@pytest.fixture
def mistaken(refused, tiny):
    def run(*args, data=None, says=()):
        return refused("adversary", tiny / "model.pt", data or tiny / "data.yaml", *args, says=says)

    return run


def test_options_that_mean_nothing(mistaken):
    mistaken("--lambda", "-0.1", says=["--lambda: lambda must be 0 or larger"])
    mistaken("--lambda", "nan", says=["--lambda: should be a finite number, not nan"])
    mistaken("--lambda", "1e-3", "--lambda", "0.001", says=["--lambda: the same value"])
    mistaken("--no-per-instance", says=["nothing to do", "adversary --help"])
    mistaken("--lambda", "0.1", "--seeds", "0", says=["--seeds"])


SHARED = ("row", "id", "gold", "predicted", "probs", "words", "outside")


@pytest.fixture
def seeds_file(cli, tiny, here):
    """Write b.jsonl: records such as seed-baseline writes, of so many seeds on `split`."""
    cli("permute", tiny / "model.pt", tiny / "data.yaml", "--records", "p.jsonl")
    header, *lines, _ = contents(here / "p.jsonl")

    def write(split, model=None, seeds=5):
        made = {**header, "audit": "seed-baseline"}
        if model:
            made["model"] = {**header["model"], "sha256": model}
        runs = [{"model": "base"}, *({"model": "seed", "seed": k + 1} for k in range(seeds))]
        rows = []
        for run in runs:
            moved = {"jsd": 0.1, "tvd": 0.2} if "seed" in run else {}
            for line in lines:
                shared = {key: line[key] for key in SHARED}
                attention = [1.0] + [0.0] * (line["words"] - 1)
                named = {"run": {**run, "split": split}, "attention": attention}
                rows.append({**named, **shared, **moved})
        (here / "b.jsonl").write_bytes(sealed(made, rows))

    return write


def test_seed_baselines_that_cannot_be_used(mistaken, seeds_file):
    mistaken("--sweep", "--seed-baseline", "b.jsonl", says=["b.jsonl: no such file"])
    mistaken("--sweep", "--seed-baseline", "p.jsonl", says=["records of permute, not of seed-base"])
    few = "b.jsonl: contains too few seeds on dev"
    seeds_file("test")
    mistaken("--sweep", "--seed-baseline", "b.jsonl", says=[few, "--seeds 5 or more"])
    seeds_file("dev", seeds=4)
    mistaken("--lambda", 0.1, "--seed-baseline", "b.jsonl", says=[few])
    seeds_file("dev", model="ab" * 32)
    call = ("--sweep", "--no-per-instance", "--seed-baseline", "b.jsonl")
    mistaken(*call, says=["--seed-baseline contains seeds of another model"])


def test_the_budget_of_the_seeds_is_read_and_kept(train, seeds_file, here):
    seeds_file("dev")
    assert train("--lambda", 0.001, "--seed-baseline", "b.jsonl", "-o", "r.json").code == 0
    settings = json.loads((here / "r.json").read_text())["settings"]
    assert settings["budget"]["tvd"] == pytest.approx(0.2)
    assert settings["lambdas"] == [0.001]


def test_folders_to_start_from_that_cannot_be_used(mistaken, tiny, here):
    says = ["seeds: is not a folder with models of seed-baseline", "--keep DIR"]
    mistaken("--lambda", 0.1, "--start", "seeds", says=says)
    (here / "seeds").mkdir()
    mistaken("--lambda", 0.1, "--start", "seeds", says=says)
    (here / "seeds" / "seed1.pt").write_bytes((tiny / "model.pt").read_bytes())
    call = ("--lambda", 0.1, "--no-per-instance", "--start", "seeds")
    mistaken(*call, says=["seed1.pt: is not a model of seed-baseline"])


def test_data_without_a_train_split(mistaken, tiny):
    data = tiny / "test.jsonl"
    mistaken("--lambda", 0.1, data=data, says=["has no train split", "`train:` in a dataset spec"])


def test_help_says_what_lambda_is(cli):
    text = " ".join(cli("adversary", "--help").out.split())
    assert "their lambda is half of ours" in text
    assert "whole models that learn to give the same answers" in text
