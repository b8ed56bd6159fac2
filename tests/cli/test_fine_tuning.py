"""Fine-tuning a pretrained transformer, and auditing what comes of it, as a user meets it."""

from __future__ import annotations

import json

import pytest
import torch
import transformers
import yaml

from attnaudit.execution.files import sha256_folder
from attnaudit.findings.rules import Deltas
from attnaudit.models.untrained import load_trained

QUESTION = {
    "skip": ["correlate", "erase"],
    "permute": {"permutations": 2},
    "seed-baseline": {"seeds": 2},
    "adversary": {"lambda": [0.01], "refine": 0, "seeds": 1, "epochs": 1},
    "probe": {"seeds": 1},
}


@pytest.fixture
def config(here, tiny, pretrained):
    """Writes a configuration that fine-tunes the tiny BERT on the tiny data; gives its name."""

    def write(name="fine.yaml", begin=pretrained, data=tiny / "data.yaml", **more):
        content = {
            "data": str(data),
            "model": {"pretrained": str(begin)},
            "training": {"epochs": 1, "learning_rate": 0.01, "batch_size": 16},
            **more,
        }
        (here / name).write_text(yaml.safe_dump(content))
        return name

    return write


@pytest.fixture
def few(here, tiny):
    """The first texts of each split of the tiny data, where many would only take time."""
    for split, count in (("train", 16), ("dev", 8), ("test", 12)):
        lines = (tiny / f"{split}.jsonl").read_text().splitlines(keepends=True)
        (here / f"{split}.jsonl").write_text("".join(lines[:count]))
    (here / "few.yaml").write_text((tiny / "data.yaml").read_text())
    return here / "few.yaml"


@pytest.fixture
def tuned(cli, config, here):
    """The working folder with a fine-tuned model in out/model."""
    assert cli("train", config(), "-o", "out", "-q").code == 0
    return here / "out" / "model"


def said(result):
    """The report of a command that printed JSON."""
    assert (result.code, result.err) == (0, ""), result
    return json.loads(result.out)


def test_train_says_what_it_has_made_and_transformers_loads_it(cli, config, here, tiny):
    result = cli("train", config(), "-o", "out")
    assert result.code == 0
    assert "Scores of epoch 1 of 1" in result.out
    assert "Wrote out/model; audit it with" in result.err
    assert f"attnaudit correlate out/model {tiny / 'data.yaml'}" in result.err
    assert sorted(p.name for p in (here / "out").iterdir()) == ["model", "train.json"]
    network = transformers.AutoModelForSequenceClassification.from_pretrained(here / "out/model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(here / "out/model")
    assert network.config.id2label == {0: "negative", 1: "positive"}
    lines = (tiny / "test.jsonl").read_text().splitlines()[:5]
    audited = said(cli("permute", "out/model", tiny / "data.yaml", "--json", "--records", "r"))
    assert audited["model"]["architecture"] == "BertForSequenceClassification"
    records = [json.loads(line) for line in (here / "r").read_text().splitlines()[1:-1]]
    by_row = {record["row"]: record["probs"] for record in records}
    with torch.no_grad():
        for row, line in enumerate(lines):
            given = tokenizer(json.loads(line)["text"], return_tensors="pt", truncation=True)
            probs = network(**given).logits.softmax(-1)[0].tolist()
            assert by_row[row] == pytest.approx(probs, abs=1e-5)


def test_a_repaired_model_says_so_wherever_it_goes(cli, config, few, here):
    repairs = {"conicity": 1.0, "tying": 0.1, "masked_words": 0.1}
    training = {"epochs": 1, "learning_rate": 0.01, "batch_size": 16, **repairs}
    assert cli("train", config(data=few, training=training), "-o", "out", "-q").code == 0
    tuned = here / "out" / "model"
    assert load_trained(tuned).config.training.repairs == repairs
    report = said(cli("permute", tuned, few, "--permutations", 2, "--json"))
    assert report["model"]["repairs"] == repairs
    assert report["metrics"]["permute.conicity.mean"]["value"] > 0


@pytest.mark.whole  # the whole audit below does so, too
def test_every_audit_that_trains_again_does_so_from_the_folder(cli, tuned, tiny, here):
    data = tiny / "data.yaml"
    seeds = said(cli("seed-baseline", tuned, data, "--seeds", "1", "--json"))
    assert seeds["metrics"]["seed_baseline.jsd.mean_over_seeds"]["value"] > 0
    assert seeds["model"]["row"] == "[CLS]"
    sweep = ("--no-per-instance", "--lambda", "0.01", "--seeds", "1", "--epochs", "1")
    found = said(cli("adversary", tuned, data, *sweep, "--models", "adversaries", "--json", "-q"))
    assert found["metrics"]["adversary.model[lambda=0.01].jsd.mean"]["value"] > 0
    adversary = here / "adversaries" / "lambda0.01-scratch-seed7"
    assert load_trained(adversary).training["lambda"] == 0.01
    again = said(cli("permute", adversary, data, "--permutations", "2", "--json"))
    assert again["model"]["kind"] == "transformer"
    guide = f"bad={adversary}"
    probed = said(cli("probe", tuned, data, "--guide", guide, "--seeds", "1", "--json"))
    assert probed["settings"]["guides"][0]["sha256"] == sha256_folder(adversary)
    assert {"probe.bad.score", "probe.base.score", "probe.leak.score_gap"} <= set(probed["metrics"])


@pytest.mark.whole  # of transformers; tests/running has it of classic models
def test_the_same_seeds_give_the_same_report(cli, tuned, tiny):
    command = ("seed-baseline", tuned, tiny / "data.yaml", "--seeds", "1", "--json")
    first, again = said(cli(*command)), said(cli(*command))
    assert first["metrics"] == again["metrics"]


def test_a_whole_audit_leaves_a_page(cli, config, few, here):
    result = cli("audit", config(data=few, audit=QUESTION), "-o", "all", "-q")
    assert result.code == 0, result
    report = json.loads((here / "all" / "report.json").read_text())
    assert report["findings"].keys() == Deltas.model_fields.keys()
    assert "[CLS] row of the last layer" in report["findings"]["necessary"]["scope"]
    page = (here / "all" / "report.html").read_text()
    assert "BertForSequenceClassification" in page


@pytest.mark.whole  # test_preparation has both, without the trainings
def test_a_folder_without_a_recipe_takes_one(cli, refused, tuned, config, tiny):
    (tuned / "attnaudit.json").unlink()
    baseline = ("seed-baseline", tuned, tiny / "data.yaml", "--seeds", "1")
    refused(*baseline, says=["does not say how it was trained", "--recipe train.yaml"])
    assert cli(*baseline, "-q", "--recipe", config("again.yaml")).code == 0


def test_mistakes_before_fine_tuning(refused, config, here, write_pretrained):
    pickled = write_pretrained(here / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    bare = write_pretrained(here / "bare")
    (bare / "tokenizer.json").unlink()
    (bare / "tokenizer_config.json").unlink()
    for begin, says in (
        ("gone", ["gone: is neither a folder here", "check the path"]),
        (
            "../gone",
            ["../gone: is neither a folder here nor the id of a model on the hub; check the path"],
        ),
        ("owner/gone", ["owner/gone: is neither a folder here", "the hub cannot be reached"]),
        (pickled, ["only as pickle files", "convert them", "save_pretrained"]),
        (bare, ["has no tokenizer", "save_pretrained"]),
    ):
        refused("train", config(begin=begin), "-o", "out", says=says)
        refused("audit", config(begin=begin), "-o", "out", says=says)


def test_settings_that_do_not_go_together(refused, config, here):
    (here / "v.vec").write_text("good 1 2\n")
    refused("train", config(), "--vectors", "v.vec", says=["has its own vectors", "--vectors"])
    vectors = config("a.yaml", vectors={"file": "v.vec"})
    refused("train", vectors, says=["unknown key 'vectors'"])
    refused("train", config("b.yaml", vocabulary={}), says=["unknown key 'vocabulary'"])
    wrong = config("c.yaml", training={"warm_up": 0.1})
    refused("train", wrong, says=["c.yaml:", "'training.warm_up'; did you mean 'warmup'?"])
    model = {"pretrained": "a", "encoder": "orthogonal_bilstm"}
    says = ["d.yaml:", "model: an orthogonal recurrence needs a recurrent encoder"]
    refused("train", config("d.yaml", model=model), says=says)


def test_outputs_that_cannot_be_written(refused, config, here, write_pretrained):
    (here / "out").write_text("a file")
    refused("train", config(), "-o", "out", says=["out: cannot be written"])
    refused("audit", config(), "-o", "out", says=["out: is a file, but a folder is needed"])
    begin = write_pretrained(here / "bert" / "model")
    refused("train", config(begin=begin), "-o", "bert", says=["is the pretrained model itself"])
    refused("train", config(), "-o", "bert", says=["is a folder that attnaudit did not write"])


@pytest.mark.whole  # test_preparation has each refusal
def test_recipes_and_guides_that_do_not_go_together(refused, tuned, config, tiny, tiny_yaml, here):
    data = tiny / "data.yaml"
    (here / "classic.yaml").write_text(tiny_yaml)
    says = ["classic.yaml: is not the model's recipe: it is for a classic model"]
    refused("seed-baseline", tuned, data, "--recipe", "classic.yaml", says=says)
    says = ["fine.yaml: is not the model's recipe: it fine-tunes a pretrained model"]
    refused("seed-baseline", tiny / "model.pt", data, "--recipe", config(), says=says)
    guide = f"other={tiny / 'model.pt'}"
    refused("probe", tuned, data, "--guide", guide, says=["model.pt: ", "it knows other words"])
    guide = f"other={tuned}"
    says = ["out/model: ", "it knows other words"]
    refused("probe", tiny / "model.pt", data, "--guide", guide, says=says)


@pytest.mark.whole  # test_preparation has what is said, and that no training begins
def test_a_bert_that_has_gone(refused, cli, config, here, write_pretrained, tiny):
    begin = write_pretrained(here / "bert")
    assert cli("train", config(begin="bert"), "-o", "out", "-q").code == 0
    begin.rename(here / "elsewhere")
    baseline = ("seed-baseline", "out/model", tiny / "data.yaml", "--seeds", "1")
    says = [
        "out/model: the pretrained model from which it was fine-tuned cannot be used: bert",
        "--recipe CONFIG",
    ]
    refused(*baseline, "--records", "r.jsonl", says=says)
    assert cli("permute", *baseline[1:3], "--permutations", "2", "-q").code == 0
