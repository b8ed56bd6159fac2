"""Repaired recipes, as a user meets them: trained, audited, and set beside plain ones."""

from __future__ import annotations

import json

import pytest
import yaml

from attnaudit.models.untrained import load_trained


@pytest.fixture
def trained(cli, here, tiny_yaml):
    """Trains the tiny recipe with changes into a folder; gives the model's file."""

    def make(name, model=None, training=None):
        config = yaml.safe_load(tiny_yaml)
        config["model"] |= model or {}
        config["training"] |= {"epochs": 1, **(training or {})}
        (here / f"{name}.yaml").write_text(yaml.safe_dump(config))
        result = cli("train", f"{name}.yaml", "-q")
        assert result.code == 0, result
        return here / name / "model.pt"

    return make


REPAIRED = (
    {"encoder": "orthogonal_bilstm", "embedding": 8, "hidden": 4},
    {"conicity": 0.5, "tying": 0.1, "masked_words": 0.1},
)


def test_a_repaired_model_is_audited_and_trained_again(cli, trained, here):
    model = trained("repaired", *REPAIRED)
    kept = load_trained(model)
    assert kept.model.recipe.encoder == "orthogonal_bilstm"
    assert kept.config.training.repairs == REPAIRED[1]
    data = here / "repaired" / "data.yaml"
    permuted = cli("permute", model, data, "--permutations", 3, "--json")
    assert (permuted.code, permuted.err) == (0, "")
    report = json.loads(permuted.out)
    assert report["model"]["repairs"] == REPAIRED[1]
    assert 0 < report["metrics"]["permute.conicity.mean"]["value"] < 1
    seeds = cli("seed-baseline", model, data, "--seeds", 1, "--keep", "kept", "-q")
    assert seeds.code == 0, seeds
    again = load_trained(here / "kept" / "seed1.pt")
    assert again.model.recipe == kept.model.recipe
    assert again.config.training.repairs == REPAIRED[1]
    adversary = ("--lambda", 0.01, "--seeds", 1, "--epochs", 1, "--no-per-instance", "-q")
    assert cli("adversary", model, data, *adversary).code == 0


def test_sizes_that_do_not_go_together_are_refused_before_anything_is_written(
    refused, here, tiny_yaml, tiny
):
    config = yaml.safe_load(tiny_yaml)
    config["training"] |= {"tying": 1.0}
    config["model"] = {"encoder": "bilstm", "embedding": 8, "hidden": 8}
    (here / "c.yaml").write_text(yaml.safe_dump(config))
    says = ["c.yaml", "training.tying compares states", "has 16 numbers and an embedding 8"]
    refused("train", "c.yaml", says=says)
    first, second, *_ = json.loads((tiny / "train.jsonl").read_text().splitlines()[0])[
        "text"
    ].split()
    (here / "v.vec").write_text(f"{first} 1 2 3\n{second} 3 2 1\n")  # the embedding has their size
    says = ["tying does not fit the model", "has 16 numbers and an embedding 3; choose"]
    data = tiny / "data.yaml"
    refused("train", "c.yaml", "--data", data, "--vectors", "v.vec", "-o", "out", "-q", says=says)
    refused("train", "c.yaml", "--data", data, "--vectors", "v.vec", "--dry-run", "-q", says=says)


def test_a_comparison_names_the_repair_in_the_heading(cli, trained, here, monkeypatch):
    for name, changes in (("plain", ()), ("repaired", REPAIRED)):
        model = trained(name, *changes)
        assert (
            cli(
                "permute",
                model,
                here / name / "data.yaml",
                "--permutations",
                3,
                "--records",
                f"{name}.jsonl",
                "-q",
            ).code
            == 0
        )
    for width in ("80", "120"):
        monkeypatch.setenv("COLUMNS", width)
        shown = cli("report", "plain.jsonl", "repaired.jsonl", "--compare")
        assert shown.code == 0
        said = " ".join(shown.out.split())
        for part in ("orthogonal", "BiLSTM", "conicity=0.5", "tying=0.1", "masked_words=0.1"):
            assert part in said
        assert max(map(len, shown.out.splitlines())) <= int(width)
