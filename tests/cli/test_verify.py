"""`--verify`: the check on the data, from the command line."""

from __future__ import annotations

import json
import sys

import pytest

from tests.running.test_verification import PLUGIN, WORDS

ODD = " ".join(["rare", *WORDS[:7]])


@pytest.fixture
def planted(here, rows, monkeypatch):
    """A plug-in whose own code answers another way on the one text with the word `rare`."""
    texts = [" ".join(WORDS[i % 20 : i % 20 + 6 + i % 5]) for i in range(200)]
    made = [{"id": f"t{i}", "text": t, "label": "ab"[i % 2]} for i, t in enumerate(texts)]
    made[150] = {"id": "the odd one", "text": ODD, "label": "a"}
    name = rows(*made)
    (here / "planted_cli.py").write_text(PLUGIN.format(word="rare", spared=0))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield "planted_cli:make", name
    sys.modules.pop("planted_cli", None)


def test_one_text_that_differs_ends_the_run(refused, planted):
    said = refused("permute", *planted, "--verify", "all", "--records", "r.jsonl")
    assert said.startswith("error: planted_cli:make: the model cannot be audited on this data: to")
    assert "'the odd one' it answers" in said
    assert "so with 1 of 200 texts" in said


def test_a_dry_run_refuses_what_it_tries(cli, planted, here):
    result = cli("permute", *planted, "--dry-run", "--verify", "all", "--json")
    check = json.loads(result.out)["check"]
    assert check["instances"] == 200
    assert check["passes"]["forward"] == check["passes"]["answers"] == 600
    assert check["stages"][0]["seconds"]["likely"] > 0
    table = cli("permute", *planted, "--dry-run", "--verify", "3").out
    (line,) = [line for line in table.splitlines() if line.startswith("check, all")]
    assert line.split()[2:][:1] == ["11"]


@pytest.mark.parametrize("asked", ["-1", "some", "1.5", "", "²"])
def test_what_is_no_number_of_texts(refused, planted, asked):
    refused("permute", *planted, f"--verify={asked}", says=["--verify: should be a whole number"])


def test_it_may_stand_in_attnaudit_yaml(cli, tiny, here):
    (here / "attnaudit.yaml").write_text("verify: 5\n")
    args = ("permute", tiny / "model.pt", tiny / "data.yaml", "--permutations", 2, "--json")
    report = json.loads(cli(*args).out)
    assert report["manifest"]["verification"]["asked"] == 5
    assert report["manifest"]["verification"]["drawn"] == 5
