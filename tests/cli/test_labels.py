"""Models that give several labels to a text: one at a time, or all of them in one run."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from attnaudit.cli.main import main
from attnaudit.measures.bootstrap import Bootstrap

pytestmark = pytest.mark.usefixtures("undrawn")

NAMES = ("toxic", "insult", "sad face")
SEVERAL = {
    "problem_type": "multi_label_classification",
    "id2label": dict(enumerate(NAMES)),
    "label2id": {name: i for i, name in enumerate(NAMES)},
}
TEXTS = ("the good film was good", "the bad film was bad and bad", "good and bad was the film")
HAVE = (["toxic", "insult"], [], ["toxic"])
SETTINGS = """\
correlate: {measure: [leave_one_out, random]}
permute: {permutations: 3}
erase: {measure: leave_one_out, optimum-items: 0}
"""
FEW = ("--skip", "erase", "--skip", "adversary")


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))


@pytest.fixture(scope="module")
def audited(tmp_path_factory, write_pretrained):
    """A folder in which every label of a model was audited in one run."""
    folder = tmp_path_factory.mktemp("labels")
    write_pretrained(folder / "ml", "bert", head=3, **SEVERAL)
    write_pretrained(folder / "plain", "bert", head=3)
    rows = [{"text": TEXTS[i % 3], "label": HAVE[i % 3]} for i in range(6)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "attnaudit.yaml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))
        patch.chdir(folder)
        call = ["audit", "ml", "--data", "rows.jsonl", "--label", "all", "-q", "--skip"]
        patch.setattr(sys, "argv", ["attnaudit", *call, "adversary"])
        with pytest.raises(SystemExit) as stop:
            main()
    assert stop.value.code == 0
    return folder


@pytest.fixture
def folder(audited, here):
    shutil.copytree(audited, here, dirs_exist_ok=True)
    return here


def records(path):
    """The records of a file, without its header and its end."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if "gold" in line]


def test_a_folder_for_each_label_and_a_row_for_each(folder):
    out = folder / "ml-audit"
    assert {p.name for p in out.iterdir()} == {
        *("toxic", "insult", "sad_face", "report.json", "report.html")
    }
    report = json.loads((out / "report.json").read_text())
    assert report["audit"] == "labels"
    assert report["model"]["audited_labels"] == list(NAMES)
    table = report["tables"]["labels"]
    assert table["columns"][:3] == ["label", "texts with it", "F1"]
    assert [row[:2] for row in table["rows"]] == [["toxic", 4], ["insult", 2], ["sad face", 0]]
    for label, place, row in zip(
        NAMES, ("toxic", "insult", "sad_face"), table["rows"], strict=True
    ):
        own = json.loads((out / place / "report.json").read_text())
        assert own["model"]["label"] == label
        assert own["manifest"]["settings"]["permute"]["permutations"] == 3
        assert f"split all, label {label}" in (out / place / "report.html").read_text()
        for header, name in (
            ("F1", "model.f1"),
            ("TVD, shuffled", "permute.tvd.median"),
            ("tau, leave-one-out", "correlate.leave_one_out.tau.mean"),
            ("unsupported", "erase.unsupported.attention"),
        ):
            at = table["columns"].index(header)
            metric = own["metrics"][name]
            assert row[at : at + 3] == [metric["value"], metric["ci_low"], metric["ci_high"]]


def test_all_in_one_run_are_the_same_as_one_by_one(cli, folder):
    for label, place in (("insult", "insult"), ("sad face", "sad_face")):
        result = cli("audit", "ml", "rows.jsonl", "--label", label, "-o", "one", *FEW, "-q")
        assert result.code == 0, result.err
        for test in ("correlate", "permute"):
            alone = folder / "one/records" / f"{test}.jsonl"
            together = folder / "ml-audit" / place / "records" / f"{test}.jsonl"
            assert records(alone) == records(together)
        shutil.rmtree(folder / "one")


def test_what_is_there_is_not_made_again(cli, folder):
    def times():
        return {p: p.stat().st_mtime_ns for p in (folder / "ml-audit").rglob("*.jsonl")}

    before = times()
    asked = ("audit", "ml", "rows.jsonl", "--skip", "adversary")
    result = cli(*asked, "--label", "insult", "--label", "toxic", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)["tables"]["labels"]["rows"]
    assert [row[0] for row in found] == ["insult", "toxic"]
    assert times() == before
    result = cli(*asked, "--label", "toxic")
    assert result.code == 0, result.err
    assert "toxic: one of 3, each a yes or no of its own; 4 texts with it" in result.out
    assert "give one class to a text, and this one gives several labels" in " ".join(
        result.out.split()
    )
    assert times() == before


def test_gates_of_every_label_count(cli, folder):
    (folder / "policy.yaml").write_text("gates: [{id: moves, metric: permute.tvd.median, max: 0}]")
    asked = ("audit", "ml", "rows.jsonl", "--skip", "adversary", "--label", "all", "--json")
    result = cli(*asked, "--policy", "policy.yaml")
    gates = json.loads(result.out)["gates"]
    assert [g["id"] for g in gates] == [f"{name}: moves" for name in NAMES]
    assert {g["status"] for g in gates} <= {"fail", "inconclusive"}
    assert cli(*asked, "--policy", "policy.yaml", "--strict").code == 1


def test_one_command_asks_about_one_label(cli, folder):
    result = cli(
        *("permute", "ml", "rows.jsonl", "--label", "sad face", "--json"),
        *("--records", "r.jsonl", "--permutations", "2"),
    )
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert report["model"]["label"] == report["manifest"]["settings"]["label"] == "sad face"
    assert report["model"]["labels"] == ["not sad face", "sad face"]
    assert report["dataset"]["positive"] == 0
    assert all("(label sad face)" in t["title"] for t in report["tables"].values())
    again = cli("report", "r.jsonl")
    assert "sad face: one of 3" in again.out


def test_labels_are_never_joined(cli, refused, folder):
    one, other = (f"ml-audit/{name}/records/permute.jsonl" for name in ("toxic", "insult"))
    refused("report", one, other, says=["is of another label than", "insult, not toxic", "--comp"])
    result = cli("report", "ml-audit/toxic", "ml-audit/insult", "--compare")
    assert result.code == 0, result.err
    assert "model.label" in result.out
    result = cli("report", "ml-audit/report.json")
    assert "The labels" in result.out


def test_a_plan(cli, folder):
    result = cli("audit", "ml", "rows.jsonl", "--label", "all", "-o", "new", "--dry-run", *FEW)
    assert result.code == 0, result.err
    assert "plan for the label toxic. Each of the 2 other labels takes about as long" in " ".join(
        result.err.split()
    )
    assert not (folder / "new").exists()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ["permute", "ml", "rows.jsonl"],
            ["ml: gives several labels to a text: toxic, insult, sad face; choose one", "--label"],
        ),
        (["permute", "ml", "rows.jsonl", "--label", "toxik"], ["did you mean 'toxic'?"]),
        (["permute", "ml", "rows.jsonl", "--label", "all"], ["no such label", "`attnaudit audit"]),
        (["permute", "plain", "rows.jsonl", "--label", "toxic"], ["gives one class to each text"]),
        (["permute", "plain", "rows.jsonl"], ["rows.jsonl:1: the text has a list of labels"]),
        (["audit", "plain", "rows.jsonl", "--label", "all"], ["gives one class to each text"]),
        (["audit", "ml", "rows.jsonl"], ["gives several labels to a text", "--label"]),
        (["audit", "ml", "rows.jsonl", "--label", "a", "--label", "b"], ["no such label"]),
        (["audit", "quickstart", "--label", "a"], ["--label goes with a MODEL"]),
        (
            ["audit", "quickstart", "--data", "rows.jsonl", "--split", "80/10/10"],
            ["rows.jsonl:1: the text has a list of labels", "make a yes/no data set of each label"],
        ),
        (["seed-baseline", "ml", "rows.jsonl"], ["trains models", "this one gives several"]),
        (
            ["audit", "ml", "rows.jsonl", "--label", "toxic", "--train"],
            ["trains models", "gives several"],
        ),
        (
            [
                *("audit", "ml", "rows.jsonl", "--label", "all"),
                *("--baseline", "ml-audit/toxic/report.json"),
            ],
            ["--baseline goes with one --label"],
        ),
        (
            ["audit", "ml", "rows.jsonl", "--label", "all", "-o", "ml-audit/toxic"],
            ["holds an audit of one label"],
        ),
        (
            ["audit", "ml", "rows.jsonl", "--label", "toxic", "-o", "ml-audit/insult"],
            ["holds the audit of another label, insult"],
        ),
    ],
)
def test_mistakes(refused, folder, args, says):
    refused(*args, says=says)
