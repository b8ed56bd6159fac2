"""`attnaudit compare-readings` through its entry point."""

from __future__ import annotations

import json

import pytest

QUICK = ("--measure", "random", "--limit", 6)


def test_what_it_finds_is_in_the_report_and_in_the_records(tiny, here, cli):
    asked = ("compare-readings", tiny / "model.pt", tiny / "data.yaml", *QUICK)
    result = cli(*asked, "--records", "r.jsonl", "--text", "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    figures = report["metrics"]
    named = {name.removeprefix("compare_readings.") for name in figures}
    for operator in ("delete", "weight"):
        assert {f"{operator}.{kind}.mean" for kind in ("comprehensiveness", "sufficiency")} <= named
    assert {"weight.naopc.mean", "weight.flip_fraction.random", "tau.mean"} <= named
    assert "compare_readings.order" in report["tables"]
    left_out = {row[0]: row[1] for row in report["tables"]["compare_readings.left_out"]["rows"]}
    assert "this model shows one" in left_out["rollout"]
    again = json.loads(cli("report", "r.jsonl", "--json").out)["metrics"]
    for name, figure in figures.items():
        assert again[name]["value"] == figure["value"], name
    made = [r for r in map(json.loads, (here / "r.jsonl").read_text().splitlines()) if "row" in r]
    shown = cli("report", "r.jsonl", "--show-id", made[0]["id"]).out
    for what in ("gradient attention", "compr.", "suff.", "NAOPC", "flips"):
        assert what in shown


def test_its_tables_warn_of_what_can_be_gamed(tiny, cli):
    asked = ("compare-readings", tiny / "model.pt", tiny / "data.yaml", *QUICK)
    result = cli(*asked, "--reading", "mean", "--reading", "max", "--score", "sufficiency")
    assert result.code == 0, result.err
    words = " ".join(result.out.split())
    assert "The order of the rankings" in words
    assert "Ordered by sufficiency where words are deleted from the text. Lower is better." in words
    assert "A high score can be gamed" in words
    assert "best possible order" in words
    shown = " ".join(cli("explain", "compare-readings").out.split())
    assert "Goodhart's law" in shown
    assert "a good score is no proof" in shown
    assert "erased texts are recognisable" in cli(
        "explain", "compare_readings.delete.comprehensiveness.mean"
    ).out.replace("\n", " ")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--reading", "rollout"), "--reading rollout: it follows the attention of all layers"),
        (("--reading", "meen"), "unknown reading 'meen'"),
        (("--reading", "all", "--reading", "mean"), "--reading all goes with heads only"),
        (("--measure", "nothing"), "unknown importance measure 'nothing'"),
        (("--operator", "blur"), "unknown operator 'blur'"),
        (("--operator", "mask"), "--operator mask: the model has no mask token"),
        (("--path", "mask"), "--path mask: the model has no mask token"),
        (("--longest", 1), "--longest"),
        (("--score", "beauty"), "--score"),
    ],
)
def test_what_cannot_be_asked(tiny, refused, asked, says):
    model, data = tiny / "model.pt", tiny / "data.yaml"
    refused("compare-readings", model, data, "--limit", 2, *asked, says=(says,))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("rollout", "it is the name 'rollout'"),
        ("roll_out", "it is too like the name 'rollout'"),
        ("head3", "it is the name 'head3'"),
    ],
)
def test_attributions_may_not_be_called_like_a_reading(tiny, here, refused, name, says):
    row = {"id": "0", "scores": [1]}
    (here / "x.jsonl").write_text(f"{json.dumps({'attributions': name})}\n{json.dumps(row)}\n")
    asked = ("compare-readings", tiny / "model.pt", tiny / "data.yaml", "--limit", 2)
    refused(*asked, "--attributions", "x.jsonl", says=(says, "give another name"))
