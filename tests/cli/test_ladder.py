"""`attnaudit ladder` through its entry point."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attnaudit.errors import InputError
from attnaudit.questions.ladder.adversaries import check_same, read_file
from attnaudit.questions.ladder.earlier import build_on
from attnaudit.questions.ladder.settings import LadderSettings
from attnaudit.questions.opening import open_records
from attnaudit.questions.question import Earlier

pytestmark = pytest.mark.usefixtures("undrawn")

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
    result = cli(*asked, "--epsilon", 0.9, "--model-adversary", "a.jsonl", "--json")
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
    name, test = "other.jsonl", (tiny / "test.jsonl").read_text().splitlines()
    (here / name).write_text("\n".join(test[:3]))
    says = ("a.jsonl", "records of other data")
    refused("ladder", model, name, *QUICK, "--model-adversary", "a.jsonl", says=says)
    file, header = read_file(Path("a.jsonl")), open_records(Path("a.jsonl")).header
    check_same(file, header)
    for changed, says in (
        ({"model_sha256": "0" * 64}, "records of another model"),
        ({"reading": "max"}, "records of the reading max"),
    ):
        with pytest.raises(InputError, match=says):
            check_same(file.model_copy(update=changed), header)
    earlier = Earlier({"model-adversary": Path("a.jsonl")}, here, ".pt")
    assert build_on(LadderSettings(), earlier).adversaries == file  # in a suite


def test_an_audit_asks_it_only_where_it_is_told_to(tiny, here, cli):
    skip = [p for name in ("correlate", "erase", "instance-adversary") for p in ("--skip", name)]
    asked = ("audit", tiny / "model.pt", "--data", tiny / "data.yaml", *skip, "--limit", 2, "-q")
    (here / "attnaudit.yaml").write_text(
        "permute: {permutations: 2}\nladder: {starts: 2, steps: 3}\n"
    )
    usual = json.loads(cli(*asked[:-1], "-o", "plain", "--dry-run", "--json").out)
    assert "ladder" not in [part["name"] for part in usual["parts"]]
    result = cli(*asked, "-o", "more", "--also", "ladder")
    assert result.code == 0, result.err
    report = json.loads((here / "more" / "report.json").read_text())
    assert report["metrics"]["ladder.weights.jsd.mean"]["value"] > 0
    assert report["settings"]["ladder"]["steps"] == 3


def test_what_cannot_be_asked(asked, cli, here, refused):
    refused(*asked, "--steps", 0, says=("--steps",))
    refused(*asked, "--radius", -1, says=("--radius",))
    refused(*asked, "--epsilon", 1, says=("--epsilon",))
    refused(*asked, "--model-adversary", "none.jsonl", says=("none.jsonl",))
    assert cli(*asked, "--records", "r.jsonl").code == 0
    refused(*asked, "--model-adversary", "r.jsonl", says=("r.jsonl", "not of model-adversary"))


def test_it_is_explained_and_a_dry_run_counts(asked, cli):
    assert "decides no finding" in " ".join(cli("explain", "ladder").out.split())
    assert "nearest neighbour" in " ".join(cli("explain", "rung").out.split())
    (part,) = json.loads(cli(*asked, "--dry-run", "--json").out)["parts"]
    assert part["passes"]["backward"] == 2 * 2 * (2 * 2 * 3 + 2 * 8)
    assert not part["passes"]["exact"]
    assert part["batches"] == 2  # each text is kept as soon as it is done
