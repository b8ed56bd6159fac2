"""`attnaudit seed-baseline` and `attnaudit probe` as a user meets them."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from attnaudit.questions import looks
from attnaudit.records.reading import read_records
from attnaudit.running import carry


@pytest.fixture
def audit(cli, tiny):
    return lambda name, *args: cli(name, tiny / "model.pt", tiny / "data.yaml", *args)


def test_seed_baseline_reports_and_is_made_again(audit, cli, here):
    first = audit("seed-baseline", "--seeds", "2", "--records", "r.jsonl", "-o", "r.json")
    assert (first.code, first.err) == (0, "")
    assert "macro-F1 with learned attention and without" in first.out
    assert "Each trained model" not in first.out  # a detail
    report = json.loads((here / "r.json").read_text())
    assert report["audit"] == "seed-baseline"
    settings = {"reading": "mean", "score": "macro_f1", "seeds": 2, "permuted_labels": False}
    assert report["settings"] == {**settings, "random_attention": False, "seed": 0, "text": False}
    gap = report["metrics"]["necessity.score_gap"]
    assert gap["ci_low"] <= gap["value"] <= gap["ci_high"]
    again = json.loads(cli("report", "r.jsonl", "--json").out)
    assert again["metrics"] == report["metrics"]
    assert again["tables"] == report["tables"]


def test_seed_baseline_keeps_models_where_it_is_told_to(audit, here):
    asked = ("seed-baseline", "--seeds", "1", "--records", "r.jsonl", "--json")
    first = audit(*asked)
    assert (first.code, {p.name for p in here.iterdir()}) == (0, {"r.jsonl"})
    kept = audit(*asked, "--keep", "kept/here")
    assert {p.name for p in (here / "kept/here").iterdir()} == {"seed1.pt"}
    before = (here / "kept/here/seed1.pt").stat().st_mtime_ns
    (here / "r.jsonl").unlink()
    again = audit(*asked, "--keep", "kept/here", "--resume")
    assert (here / "kept/here/seed1.pt").stat().st_mtime_ns == before
    reports = [json.loads(result.out) for result in (first, kept, again)]
    assert reports[0]["metrics"] == reports[1]["metrics"] == reports[2]["metrics"]


def test_models_on_shuffled_labels_are_trained_on_request(audit):
    result = audit("seed-baseline", "--seeds", "1", "--permuted-labels", "--json")
    assert json.loads(result.out)["metrics"]["seed_baseline.permuted_jsd.mean"]["n"] == 30


def test_probe_takes_guides(audit, here, tiny):
    guide = f"again={tiny / 'model.pt'}"
    first = audit("probe", "--seeds", "2", "--guide", guide, "--json", "--text", "--records", "r")
    assert first.code == 0
    report = json.loads(first.out)
    assert set(report["metrics"]) >= {
        "probe.again.score",
        "probe.leak.score_gap",
        "probe.base-uniform.score_gap",
        "probe.again-uniform.score_gap",
    }
    (again,) = report["settings"]["guides"]
    assert again["path"] == str(tiny / "model.pt")
    assert len(again["sha256"]) == 64
    with (here / "r").open() as lines:
        records = [json.loads(line) for line in lines][1:-1]
    assert {"tokens" in r for r in records if r["run"].get("model") == "base"} == {True}


def test_a_gate_on_the_gap_decides_the_exit_code(audit, here):
    gate = {"id": "needed", "metric": "necessity.score_gap", "min": 0.999}
    (here / "policy.yaml").write_text(yaml.safe_dump({"gates": [gate]}))
    result = audit("seed-baseline", "--seeds", "2", "--policy", "policy.yaml", "--strict")
    assert result.code == 1
    assert "needed" in result.out


def test_options_come_from_the_defaults_file(cli, here, tiny):
    shutil.copytree(tiny, here / "tiny")  # the file may name nothing outside its folder
    defaults = {"model": "tiny/model.pt", "data": "tiny/data.yaml"}
    guides = {"probe": {"seeds": 1, "guide": ["again=tiny/model.pt"]}}
    (here / "attnaudit.yaml").write_text(yaml.safe_dump({**defaults, **guides}))
    report = json.loads(cli("probe", "--json").out)
    assert report["settings"]["seeds"] == 1
    assert report["settings"]["guides"][0]["name"] == "again"


@pytest.mark.parametrize(
    # test_options_come_from_the_defaults_file has the seeds of a file, too.
    "given",
    ["option", pytest.param("file", marks=pytest.mark.whole)],
)
def test_seeds_may_grow(audit, cli, here, tiny, monkeypatch, given):
    monkeypatch.setattr(looks, "LOOKS", (1, 2, 3))
    monkeypatch.setattr(carry, "decided_by", lambda header, deltas: lambda made, size: size >= 2)
    if given == "option":
        result = audit("seed-baseline", "--seeds", "auto", "--records", "r.jsonl", "--json")
    else:
        shutil.copytree(tiny, here / "tiny")
        said = {"model": "tiny/model.pt", "data": "tiny/data.yaml"}
        said["seed-baseline"] = {"seeds": "auto"}
        (here / "attnaudit.yaml").write_text(yaml.safe_dump(said))
        result = cli("seed-baseline", "--records", "r.jsonl", "--json")
    report = json.loads(result.out)
    assert report["settings"]["seeds"] == "auto"
    runs = [r["run"] for r in read_records(here / "r.jsonl")[1]]
    assert {run["seed"] for run in runs if run["model"] == "seed"} == {1, 2}


def test_mistakes_are_one_clean_line(refused, tiny, here):
    model, data = tiny / "model.pt", tiny / "data.yaml"
    for name in ("seed-baseline", "probe"):
        for seeds in ("0", "-1", "2.5", "many", "10001"):
            says = [f"--seeds {seeds}: give a number from 1 to 10000, or auto"]
            refused(name, model, data, "--seeds", seeds, says=says)
        (here / "attnaudit.yaml").write_text(f"{name}: {{seeds: 0}}\n")
        refused(name, model, data, says=["seeds", "from 1 to 10000, or auto"])
        (here / "attnaudit.yaml").unlink()
        refused(name, model, tiny / "test.jsonl", says=["test.jsonl: has no train split"])
        refused(
            name,
            model,
            data,
            "--split",
            "dev",
            "--limit",
            "5",
            says=["on the dev split, and --limit would shorten it"],
        )
        refused(name, model, data, "--recipe", "gone.yaml", says=["gone.yaml: no such file"])
    refused("probe", model, data, "--guide", "x", says=["--guide x: give it as NAME=FILE"])
    refused("probe", model, data, "--guide", f"base={model}", says=["has a meaning already"])
    refused("probe", model, data, "--guide", "x=gone.pt", says=["gone.pt: cannot be read"])
    refused("probe", model, data, "--guide", f"x={data}", says=["is not a torch archive"])


PLUGIN = """\
from dataclasses import dataclass
import torch
from torch import Tensor, nn
from attnaudit.models.interface import AttentionModel, Encoded, masked_softmax

@dataclass(frozen=True)
class Read(Encoded):
    vectors: Tensor

class Mine(AttentionModel):
    def __init__(self, spec, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.spec, self.embedding = spec, nn.Embedding(len(spec.vocabulary), 8, padding_idx=0)
        self.score, self.output = nn.Linear(8, 1), nn.Linear(8, len(spec.labels))
    def encode(self, batch, embeddings=None):
        vectors = self.embed(batch) if embeddings is None else embeddings
        return Read(batch.content, batch.content, vectors)
    def attend(self, encoded):
        scores = self.score(encoded.vectors).transpose(1, 2)
        return masked_softmax(scores, encoded.attendable.unsqueeze(1))
    def read(self, encoded, alpha):
        return self.output(torch.einsum("bvht,btd->bvd", alpha, encoded.vectors))

class Trainable(Mine):
    def fresh(self, seed):
        return Trainable(self.spec, seed)
"""


@pytest.fixture
def plugin(here, monkeypatch, tiny):
    """A user's own module, and the recipe of its training."""
    monkeypatch.syspath_prepend(here)
    (here / "of_the_user.py").write_text(PLUGIN)
    (here / "train.yaml").write_text(f"data: {tiny / 'data.yaml'}\ntraining: {{epochs: 1}}\n")
    return "of_the_user"


def test_a_plug_in_is_trained_again_by_its_recipe(cli, plugin, tiny):
    given = (f"{plugin}:Trainable", tiny / "data.yaml", "--recipe", "train.yaml", "--json")
    for name, more in (
        ("seed-baseline", ("--seeds", "2")),
        ("probe", ("--seeds", "1")),
        ("adversary", ("--seeds", "1", "--lambda", "0.01", "--epochs", "1", "--no-per-instance")),
    ):
        result = cli(name, *given, *more)
        assert result.code == 0, result
        report = json.loads(result.out)
        assert report["model"]["kind"] == "plugin"
        assert report["model"]["sha256"]
    unknown, kept, *_ = result.err.splitlines()
    assert unknown.startswith(f"{plugin}:Trainable does not know 49 of 211 words")
    assert kept == "the adversaries are not kept, because models of this kind have no checkpoints"


def test_a_plug_in_says_what_it_lacks(refused, plugin, tiny, here):
    data = tiny / "data.yaml"
    for args in (("seed-baseline",), ("probe",), ("adversary", "--lambda", "0.1")):
        name, *more = args
        says = ["does not say how it was trained", "--recipe train.yaml", "attnaudit train"]
        refused(name, f"{plugin}:Trainable", data, *more, "--records", "r.jsonl", says=says)
        says = ["cannot be trained again", "`fresh(seed)`"]
        more = (*more, "--recipe", "train.yaml")
        refused(name, f"{plugin}:Mine", data, *more, "--records", "r.jsonl", says=says)
    (here / "train.yaml").write_text("training: {epoch: 1}\n")
    says = ["train.yaml:1: unknown key 'training.epoch'", "'epochs'"]
    refused("probe", f"{plugin}:Mine", data, "--recipe", "train.yaml", says=says)


def test_vectors_that_have_gone_leave_two_ways_out(cli, refused, tiny, here):
    words = ["good", "bad", "film", "a", "the"]
    lines = [f"{word} {k}.5 -0.25 1 {k}" for k, word in enumerate(words)]
    (here / "v.vec").write_text("\n".join(lines) + "\n")
    config = f"data: {tiny / 'data.yaml'}\nvectors: {{file: v.vec}}\noutput: out\n"
    model = "model: {encoder: average, embedding: 4, hidden: 4}\ntraining: {epochs: 1}\n"
    (here / "c.yaml").write_text(config + model)
    assert cli("train", "c.yaml", "-q").code == 0
    baseline = ("seed-baseline", "out/model.pt", tiny / "data.yaml", "--seeds", "1", "-q")
    assert cli(*baseline).code == 0
    (here / "v.vec").rename(here / "w.vec")
    assert cli("permute", *baseline[1:3], "-q").code == 0  # which trains nothing
    says = ["out/model.pt: was trained with the vectors in v.vec", "put the file back", "--recipe"]
    refused(*baseline, "--records", "r.jsonl", says=says)
    (here / "d.yaml").write_text((config + model).replace("v.vec", "w.vec"))
    assert cli(*baseline, "--recipe", "d.yaml").code == 0
    refused(*baseline, "--recipe", "c.yaml", says=["v.vec: no such file"])


@pytest.fixture
def other_model(cli, here):
    """A checkpoint of another data set."""

    def make(labels, word):
        rows = [{"text": f"some {word} here", "label": labels[i % 2]} for i in range(8)]
        text = "".join(json.dumps(r) + "\n" for r in rows)
        for split in ("train", "dev"):
            (here / f"{split}.jsonl").write_text(text)
        spec = {"train": "train.jsonl", "dev": "dev.jsonl", "labels": list(labels)}
        (here / "d.yaml").write_text(yaml.safe_dump(spec))
        model = "{encoder: average, embedding: 4, hidden: 4}"
        (here / "c.yaml").write_text(f"data: d.yaml\nmodel: {model}\ntraining: {{epochs: 1}}\n")
        assert cli("train", "c.yaml", "-o", "other", "-q").code == 0
        return "other/model.pt"

    return make


@pytest.mark.parametrize(
    ("labels", "differs"), [(("negative", "positive"), "words"), (("no", "yes"), "labels")]
)
def test_a_guide_of_another_data_set_is_refused(refused, tiny, other_model, labels, differs):
    guide = other_model(labels, "thing")
    says = ["other/model.pt: is a guide checkpoint for another data set", f"other {differs}"]
    pair = (tiny / "model.pt", tiny / "data.yaml")
    refused("probe", *pair, "--guide", f"x={guide}", "--records", "r.jsonl", says=says)


def test_folders_that_cannot_hold_models_are_found_before_any_work(audit, refused, tiny, here):
    (here / "file").write_text("")
    (here / "adversaries").write_text("")
    pair = (tiny / "model.pt", tiny / "data.yaml", "--lambda", "0.1", "--records", "r.jsonl")
    for folder in ("file", "file/in"):
        says = ["file: is a file, but a folder is needed"]
        refused("adversary", *pair, "--models", folder, says=says)
    refused("adversary", *pair, says=["adversaries: is a file, but a folder is needed"])
    assert audit("adversary", "--limit", "4", "-q").code == 0  # which keeps no models


def test_seeds_of_another_model_do_not_guide_a_sweep(cli, refused, audit, tiny, other_model):
    other = other_model(("no", "yes"), "thing")
    cli("seed-baseline", other, "d.yaml", "--seeds", "5", "--records", "s.jsonl", "-q")
    sweep = ("--sweep", "--no-per-instance", "--seed-baseline", "s.jsonl", "--records", "r.jsonl")
    says = ["--seed-baseline contains seeds of another model"]
    refused("adversary", tiny / "model.pt", tiny / "data.yaml", *sweep, says=says)


def test_a_lambda_beyond_all_measure_gives_finite_figures(audit, here):
    result = audit(
        "adversary",
        *("--no-per-instance", "--lambda", "1e30", "--lambda", "1e300"),
        *("--seeds", "1", "--epochs", "1", "--json", "--records", "r.jsonl"),
    )
    assert result.code == 0, result
    report = json.loads(result.out, parse_constant=lambda name: pytest.fail(name))
    assert report["metrics"]["adversary.model[lambda=1e+30].tvd.mean"]["value"] is not None
    diverged = report["metrics"]["adversary.model[lambda=1e+300].tvd.mean"]
    assert diverged["value"] is None
    assert "diverged" in diverged["reason"]
    assert "lambda 1e+300, from scratch, seed 7: the training diverged" in result.err
    assert "NaN" not in (here / "r.jsonl").read_text()


@pytest.mark.parametrize("split", ["train", "dev"])
def test_the_splits_that_are_learned_from_can_be_audited(audit, split):
    result = audit("seed-baseline", "--seeds", "1", "--split", split, "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["dataset"]["split"] == split
