"""`attnaudit ladder` through its entry point."""

from __future__ import annotations

import json

import pytest

QUICK = ("--limit", 2, "--starts", 2, "--steps", 3)


@pytest.fixture
def asked(tiny):
    return ("ladder", tiny / "model.pt", tiny / "data.yaml", *QUICK)


def test_what_it_finds_is_in_the_report_and_in_the_records(asked, here, cli):
    result = cli(*asked, "--records", "r.jsonl", "--json")
    assert result.code == 0, result.err
    figures = json.loads(result.out)["metrics"]
    assert figures["ladder.weights.exact"]["value"] == 1
    assert figures["ladder.state.jsd.mean"]["value"] is None
    query, weights = (figures[f"ladder.{n}.jsd.mean"]["value"] for n in ("query", "weights"))
    assert 0 < query <= weights
    again = json.loads(cli("report", "r.jsonl", "--json").out)["metrics"]
    for name, figure in figures.items():
        assert again[name]["value"] == figure["value"], name
    made = [r for r in map(json.loads, (here / "r.jsonl").read_text().splitlines()) if "row" in r]
    assert not {"text", "tokens"} & {key for record in made for key in record}


def test_its_table_names_every_rung(asked, cli):
    shown = cli(*asked).out
    assert "1 the weights" in shown
    assert "exact" in shown
    assert "lower bound" in shown
    assert "no state of an audited row" in " ".join(shown.split())


def test_adversaries_give_the_parameters(asked, tiny, here, cli, refused):
    trained = ("--no-per-instance", "--lambda", 0.01, "--seeds", 1, "--epochs", 1)
    model, data = tiny / "model.pt", tiny / "data.yaml"
    made = cli("adversary", model, data, *trained, "--records", "a.jsonl")
    assert made.code == 0, made.err
    result = cli(*asked, "--epsilon", 0.9, "--adversaries", "a.jsonl", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)["metrics"]["ladder.parameters.jsd.mean"]
    assert found["n"] == 2
    lines = [json.loads(line) for line in (here / "a.jsonl").read_text().splitlines()]
    split = json.loads(result.out)["dataset"]["split"]
    ids = [r["id"] for r in lines if r.get("run") == {"model": "base", "split": split}][:2]
    best = [
        max(
            (
                r["jsd"]
                for r in lines
                if r.get("id") == one and r["run"]["split"] == split and r.get("tvd", 1) <= 0.9
            ),
            default=0.0,
        )
        for one in ids
    ]
    assert found["value"] == pytest.approx(sum(best) / 2, abs=1e-8)


def test_what_cannot_be_asked(asked, cli, here, refused):
    refused(*asked, "--steps", 0, says=("--steps",))
    refused(*asked, "--radius", -1, says=("--radius",))
    refused(*asked, "--epsilon", 1, says=("--epsilon",))
    refused(*asked, "--adversaries", "none.jsonl", says=("none.jsonl",))
    assert cli(*asked, "--records", "r.jsonl").code == 0
    refused(*asked, "--adversaries", "r.jsonl", says=("r.jsonl", "not of model-adversary"))


def test_it_is_explained_and_a_dry_run_counts(asked, cli):
    assert "decides no finding" in " ".join(cli("explain", "ladder").out.split())
    assert "nearest neighbour" in " ".join(cli("explain", "rung").out.split())
    (part,) = json.loads(cli(*asked, "--dry-run", "--json").out)["parts"]
    assert part["passes"]["backward"] == 2 * 2 * (2 * 2 * 3)
    assert not part["passes"]["exact"]
