"""`attnaudit audit MODEL --data DATA`, and plans that are locked before the work."""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest

from attnaudit.cli.main import main
from attnaudit.measures.bootstrap import Bootstrap

from .test_transformers import NAMED

pytestmark = pytest.mark.usefixtures("undrawn")

SETTINGS = """\
correlate: {measure: [gradient, random], strict: true}
permute: {permutations: 3}
erase: {measure: gradient, optimum-items: 0}
"""
FEW = ("--skip", "correlate", "--skip", "erase", "--skip", "adversary")


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch, figures_drawn_once):
    monkeypatch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))


@pytest.fixture(scope="module")
def audited(tmp_path_factory, write_pretrained):
    """A folder in which a Hugging Face folder was audited on one unsplit file."""
    folder = tmp_path_factory.mktemp("existing")
    write_pretrained(folder / "hf", "bert", head=2, **NAMED)
    texts = ("the good film was good", "the bad film was bad and bad")
    rows = ({"text": texts[i % 2], "label": ("positive", "negative")[i % 2]} for i in range(6))
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "attnaudit.yaml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bootstrap.__init__, "__defaults__", (0, 40))
        patch.chdir(folder)
        patch.setattr(
            sys, "argv", ["attnaudit", *["audit", "hf", "--data", "rows.jsonl", "--text", "-q"]]
        )
        with pytest.raises(SystemExit) as stop:
            main()
    assert stop.value.code == 0
    return folder


@pytest.fixture
def folder(audited, here):
    """A copy of that folder, to work in."""
    shutil.copytree(audited, here, dirs_exist_ok=True)
    return here


def test_one_command_gives_one_folder(folder):
    out = folder / "hf-audit"
    assert {p.name for p in (out / "records").iterdir()} == {
        *("correlate.jsonl", "permute.jsonl", "erase.jsonl", "instance-adversary.jsonl")
    }
    assert {p.name for p in out.iterdir()} == {"records", "report.json", "report.html"}
    report = json.loads((out / "report.json").read_text())
    assert report["audit"] == "report"
    settings = report["manifest"]["settings"]
    assert settings["correlate"]["measures"] == ["gradient", "random"]
    assert settings["permute"]["permutations"] == 3
    assert settings["erase"]["text"]
    assert {finding["status"] for finding in report["findings"].values()} == {"not_assessed"}
    first, *others = (finding["reason"] for finding in report["findings"].values())
    assert "A recipe is the training configuration, a YAML file" in first
    assert "--recipe train.yaml" in first
    assert "a train and dev split" in first
    assert set(others) == {"It needs the same as necessary."}
    page = (out / "report.html").read_text()
    assert "A recipe is the training configuration" in re.sub(r"<[^>]*>", "", page)


def test_a_second_run_makes_nothing_anew_and_shows_it_all(cli, folder):
    before = {p: p.stat().st_mtime_ns for p in (folder / "hf-audit/records").iterdir()}
    result = cli("audit", "hf", "rows.jsonl", "--text")
    assert result.code == 0, result.err
    assert "A recipe is the training" in " ".join(result.out.split())
    assert {p: p.stat().st_mtime_ns for p in (folder / "hf-audit/records").iterdir()} == before


def test_model_and_data_may_stand_in_attnaudit_yaml(cli, folder):
    (folder / "attnaudit.yaml").write_text(f"model: hf\ndata: rows.jsonl\n{SETTINGS}")
    result = cli("audit", "--dry-run", *FEW)
    assert result.code == 0, result.err
    assert "permute, all" in result.out


def test_a_configuration_may_not(refused, here):
    (here / "attnaudit.yaml").write_text("model: mine.yaml\n")
    (here / "mine.yaml").write_text("data: d.yaml\n")
    refused("audit", says=["'mine.yaml' is not allowed in this file", "command line"])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], ["missing CONFIG or MODEL"]),
        (["rows.jsonl"], ["rows.jsonl: is data", "neither a CONFIG nor a MODEL", "--data"]),
        (["w.safetensors"], ["contains only weights", "config.json"]),
        (["nothing"], ["nothing: is not a file, a folder or a sample configuration", "owner/name"]),
        (["bert-base-uncased"], ["neither a CONFIG nor a MODEL", "owner/name"]),
        (["quickstrat"], ["did you mean 'quickstart'"]),
        (["empty"], ["empty: is a folder without config.json", "package.module:factory"]),
        (["trained"], ["did you mean 'trained/model.pt'?"]),
        (["no.pt", "--data", "rows.jsonl"], ["no.pt: no such file"]),
        (["no.yaml"], ["no.yaml: no such file"]),
        (["hf"], ["missing DATA"]),
        (["hf", "rows.jsonl", "--vectors", "v.vec"], ["--vectors goes with a CONFIG"]),
        (["hf", "rows.jsonl", "--dry-run", "--power"], ["--power goes with a CONFIG"]),
        (
            ["quickstart", "--split", "dev"],
            ["--split dev goes with a MODEL, and quickstart is a CONFIG"],
        ),
        (["quickstart", "--train"], ["--train goes with a MODEL"]),
        (["hf", "rows.jsonl", "--skip", "permut"], ["--skip: there is no test", "'permute'"]),
        (["hf", "rows.jsonl", "-o", "hf"], ["hf: is the model's own folder", "--output"]),
        (["hf", "rows.jsonl", "--train"], ["does not say how it was trained", "--recipe"]),
        (["hf", "rows.jsonl", "--limit", "2"], ["hf-audit: holds an audit of all rows"]),
        (["hf", "rows.jsonl", "--lock", "no.json"], ["no.json: no such file"]),
        (["hf", "rows.jsonl", "--lock", "rows.jsonl"], ["rows.jsonl"]),
        (["hf", "rows.jsonl", "--lock", "hf/config.json"], ["is not a lock file"]),
        (
            ["hf", "rows.jsonl", "--lock", "rows.jsonl", "--dry-run"],
            ["rows.jsonl: is also read by this command"],
        ),
    ],
)
def test_mistakes(refused, folder, args, says):
    (folder / "empty").mkdir()
    (folder / "trained").mkdir()
    (folder / "trained/model.pt").write_text("")
    (folder / "w.safetensors").write_text("")
    refused("audit", *args, says=says)


def test_a_folder_called_like_a_sample_is_named_with_its_place(refused, folder):
    (folder / "hf").rename(folder / "quickstart")
    refused("audit", "quickstart", "--train", says=["quickstart is a CONFIG"])
    refused("audit", "./quickstart", says=["missing DATA"])


def test_a_run_is_held_against_a_plan_that_was_locked(cli, folder):
    shutil.rmtree(folder / "hf-audit")
    (folder / "policy.yaml").write_text("gates: [{id: a, metric: permute.tvd.median, min: 0.001}]")
    asked = ("audit", "hf", "rows.jsonl", *FEW, "--policy", "policy.yaml", "--lock", "plan.json")
    result = cli(*asked, "--dry-run")
    assert result.code == 0, result.err
    assert "it wrote only plan.json" in result.out
    assert "Wrote plan.json" in result.err
    assert not (folder / "hf-audit").exists()
    assert "already exists" in cli(*asked, "--dry-run").err

    result = cli(*asked)
    assert "the run followed the plan in plan.json" in " ".join(result.out.split())
    report = json.loads((folder / "hf-audit/report.json").read_text())
    assert report["lock"]["differences"] == []

    with (folder / "policy.yaml").open("a") as policy:
        policy.write("\n# looser\n")
    with (folder / "rows.jsonl").open("a") as rows:
        rows.write(json.dumps({"text": "good film", "label": "positive"}) + "\n")
    (folder / "attnaudit.yaml").write_text("permute: {permutations: 4}\n")
    result = cli(*asked, "-o", "other", "--seed", "2")
    said = json.loads((folder / "other/report.json").read_text())["lock"]["differences"]
    assert [one.partition(":")[0] for one in said] == [
        *("data.file", "permute.permutations", "permute.seed", "policy", "seed")
    ]
    assert "permute.permutations: planned 3, done 4" in said
    second = result.out.splitlines()[1]
    assert second.startswith("Warning")
    assert "plan not followed: The run did not follow the plan in plan.json" in result.out

    text = (folder / "plan.json").read_text()
    (folder / "plan.json").write_text(text.replace('"permute.seed": 0', '"permute.seed": 2'))
    result = cli(*asked)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "plan.json: was changed after it was written" in result.err


def test_a_plan_of_a_configuration_can_be_locked(cli, here, tiny):
    config = "data: {reviews: {train: 60, dev: 20, test: 30}}\ntraining: {epochs: 1}\n"
    (here / "c.yaml").write_text(
        f"{config}audit: {{skip: [correlate, erase, adversary, seed-baseline, probe]}}\n"
    )
    assert cli("audit", "c.yaml", "--dry-run", "--lock", "plan.json", "-q").code == 0
    planned = json.loads((here / "plan.json").read_text())["planned"]
    assert planned["tests"] == "permute"
    assert (planned["recipe.training.epochs"], planned["data.reviews.test"]) == (1, 30)
    assert len(planned["code"]) == 64
    result = cli("audit", "c.yaml", "--lock", "plan.json", "--seed", "5", "--json")
    (said,) = json.loads(result.out)["lock"]["differences"]
    assert said == "recipe.training.seed: planned 0, done 5"
