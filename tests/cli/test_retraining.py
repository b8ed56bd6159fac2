"""`attnaudit seed-baseline` and `attnaudit probe` as a user meets them."""

from __future__ import annotations

import json

import pytest
import yaml


@pytest.fixture
def audit(cli, tiny):
    return lambda name, *args: cli(name, tiny / "model.pt", tiny / "data.yaml", *args)


def test_seed_baseline_reports_and_is_made_again(audit, cli, here):
    first = audit("seed-baseline", "--seeds", "2", "--records", "r.jsonl", "-o", "r.json")
    assert (first.code, first.err) == (0, "")
    assert "F1 with learned and with uniform attention" in first.out
    assert "Each trained model" not in first.out  # a detail
    report = json.loads((here / "r.json").read_text())
    assert report["audit"] == "seed-baseline"
    assert report["settings"] == {"seeds": 2, "seed": 0, "text": False}
    gap = report["metrics"]["necessity.f1_gap"]
    assert gap["ci_low"] <= gap["value"] <= gap["ci_high"]
    again = json.loads(cli("report", "r.jsonl", "--json").out)
    assert again["metrics"] == report["metrics"]
    assert again["tables"] == report["tables"]


def test_probe_takes_guides(audit, here, tiny):
    guide = f"again={tiny / 'model.pt'}"
    first = audit("probe", "--seeds", "2", "--guide", guide, "--json", "--text", "--records", "r")
    assert first.code == 0
    report = json.loads(first.out)
    assert set(report["metrics"]) >= {
        "probe.again.f1",
        "probe.leak.f1",
        "probe.base-uniform.f1_gap",
        "probe.again-uniform.f1_gap",
    }
    (again,) = report["settings"]["guides"]
    assert again["path"] == str(tiny / "model.pt")
    assert len(again["sha256"]) == 64
    with (here / "r").open() as lines:
        records = [json.loads(line) for line in lines][1:-1]
    assert {"tokens" in r for r in records if r["run"].get("model") == "base"} == {True}


def test_a_gate_on_the_gap_decides_the_exit_code(audit, here):
    gate = {"id": "needed", "metric": "necessity.f1_gap", "min": 0.999}
    (here / "policy.yaml").write_text(yaml.safe_dump({"gates": [gate]}))
    result = audit("seed-baseline", "--seeds", "2", "--policy", "policy.yaml", "--strict")
    assert result.code == 1
    assert "needed" in result.out


def test_options_come_from_the_defaults_file(cli, here, tiny):
    defaults = {"model": str(tiny / "model.pt"), "data": str(tiny / "data.yaml")}
    guides = {"probe": {"seeds": 1, "guide": [f"again={tiny / 'model.pt'}"]}}
    (here / "attnaudit.yaml").write_text(yaml.safe_dump({**defaults, **guides}))
    report = json.loads(cli("probe", "--json").out)
    assert report["settings"]["seeds"] == 1
    assert report["settings"]["guides"][0]["name"] == "again"


def test_mistakes_are_one_clean_line(refused, tiny, here):
    model, data = tiny / "model.pt", tiny / "data.yaml"
    for name in ("seed-baseline", "probe"):
        refused(name, model, data, "--seeds", "0", says=["--seeds"])
        refused(name, model, tiny / "test.jsonl", says=["test.jsonl: has no train split"])
        refused(name, model, data, "--split", "dev", "--limit", "5", says=["cut their dev split"])
        refused(name, model, data, "--recipe", "gone.yaml", says=["gone.yaml: no such file"])
    refused("probe", model, data, "--guide", "x", says=["--guide x: give it as NAME=FILE"])
    refused("probe", model, data, "--guide", f"base={model}", says=["is a guide already"])
    refused("probe", model, data, "--guide", "x=gone.pt", says=["gone.pt: cannot be read"])
    refused("probe", model, data, "--guide", f"x={data}", says=["is not a torch archive"])
