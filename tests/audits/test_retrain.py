"""What an audit that retrains needs, and how it says what is missing."""

from __future__ import annotations

import json

import pytest
import torch
import yaml

from attnaudit.audits.job import Job
from attnaudit.audits.retrain import prepare
from attnaudit.data.dataset import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import InputError
from attnaudit.execution.observer import Silent
from attnaudit.models.load import find_model

CPU = torch.device("cpu")
PLUGIN = """\
import torch
from torch import nn
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import AttentionModel


class Wrapped(AttentionModel):
    boundaries = True

    def __init__(self, spec, seed):
        super().__init__()
        self.inner = build_classic(Recipe(encoder="average", embedding=4, hidden=4), spec, seed)
        self.embedding = self.inner.embedding

    def encode(self, batch, embeddings=None):
        return self.inner.encode(batch, embeddings)

    def attend(self, encoded):
        return self.inner.attend(encoded)

    def read(self, encoded, alpha):
        return self.inner.read(encoded, alpha)


class Trainable(Wrapped):
    def __init__(self, spec, seed):
        super().__init__(spec, seed)
        self.spec = spec

    def fresh(self, seed):
        return Trainable(self.spec, seed)
"""
RECIPE = "data: ignored.yaml\nmodel: {model}\ntraining: {{epochs: 3, seed: 9}}\n"
MODEL = "{encoder: bilstm, embedding: 16, hidden: 8, attention: additive}"


@pytest.fixture
def made(tiny, tmp_path, monkeypatch):
    """`prepare` as `run_audit` calls it; the tiny model and data unless others are given."""

    def make(model=None, data=None, split="test", limit=None, **job):
        source = find_model(str(model or tiny / "model.pt"), 0)
        data = data or tiny / "data.yaml"
        spec = load_spec(data, source.reading)
        audited = load_dataset(spec, split, labels=source.labels, min_words=2, limit=limit)
        words = Vocabulary.count(load_dataset(load_spec(tiny / "data.yaml"), "train").texts())
        loaded = source.load(audited, words, CPU, torch.float32)
        task = Job(model=source.name, data=data, split=split, **job)
        return prepare(loaded, spec, audited, task, CPU, Silent())

    monkeypatch.chdir(tmp_path)
    return make


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    (tmp_path / "plugged_in.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    return "plugged_in"


@pytest.fixture
def recipe(tmp_path):
    def write(model=MODEL):
        path = tmp_path / "recipe.yaml"
        path.write_text(RECIPE.format(model=model))
        return path

    return write


def same(one, other):
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_checkpoint_brings_its_recipe(made):
    retraining = made()
    assert set(retraining.splits) == {"train", "dev", "test"}
    assert [len(retraining.splits[s].instances) for s in ("train", "dev", "test")] == [60, 20, 30]
    assert retraining.fresh(3).recipe == retraining.base.recipe
    assert not same(retraining.fresh(0), retraining.fresh(1))
    probe = retraining.probe(0).recipe
    assert (probe.encoder, probe.attention, probe.hidden) == ("average", "additive", 8)


def test_the_recipe_gives_the_audited_model_again(made):
    retraining = made()
    model = retraining.fresh(retraining.schedule.seed)
    retraining.learn(model, retraining.schedule.seed, Silent(), "again")
    assert same(model, retraining.base)


def test_texts_of_one_word_are_learned_from_as_they_were(made, tiny, tmp_path):
    spec = yaml.safe_load((tiny / "data.yaml").read_text())
    for split in ("train", "dev", "test"):
        spec[split] = f"{split}.jsonl"
        rows = (tiny / f"{split}.jsonl").read_text()
        short = json.dumps({"text": "good", "label": "positive"}) + "\n"
        (tmp_path / f"{split}.jsonl").write_text(rows + short)
    (tmp_path / "short.yaml").write_text(yaml.safe_dump(spec))
    splits = made(data=tmp_path / "short.yaml").splits
    assert [len(splits[s].instances) for s in ("train", "dev", "test")] == [61, 21, 30]


def test_missing_splits_are_named(made, tiny, tmp_path):
    text = yaml.safe_load((tiny / "data.yaml").read_text())
    for split in ("train", "dev", "test"):
        text[split] = str(tiny / f"{split}.jsonl")
    for split in ("train", "dev"):
        path = tmp_path / f"no_{split}.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in text.items() if k != split}))
        with pytest.raises(InputError, match=f"has no {split} split.*as `{split}:`"):
            made(data=path)
    with pytest.raises(InputError, match="has no train split"):
        made(data=tiny / "test.jsonl", split="all")


def test_the_audited_split_may_be_dev_or_train(made):
    assert set(made(split="dev").splits) == {"train", "dev"}
    assert set(made(split="train").splits) == {"train", "dev"}


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_limit_never_cuts_what_is_learned_from(made, split):
    with pytest.raises(InputError, match=f"a limit would cut their {split} split short"):
        made(split=split, limit=10)
    assert len(made(split="test", limit=10).splits["test"].instances) == 10


def test_pairs_in_one_split_alone_are_refused(made, tiny, tmp_path):
    spec = yaml.safe_load((tiny / "data.yaml").read_text())
    for split in ("train", "dev", "test"):
        spec[split] = str(tiny / f"{split}.jsonl")
    row = {"text": "a good film", "label": "positive", "query": "why"}
    (tmp_path / "dev.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "d.yaml").write_text(yaml.safe_dump({**spec, "dev": "dev.jsonl"}))
    with pytest.raises(InputError, match="dev split has a query"):
        made(data=tmp_path / "d.yaml")


def test_a_recipe_that_is_not_the_models_is_refused(made, recipe):
    assert made(recipe=recipe()).schedule.seed == 9  # the training may differ
    with pytest.raises(InputError, match=r"its hidden is 4, the model's 8"):
        made(recipe=recipe(MODEL.replace("hidden: 8", "hidden: 4")))


def test_a_plug_in_needs_a_recipe_and_fresh(made, plugin, recipe):
    with pytest.raises(InputError, match=r"does not say how it was trained.*--recipe"):
        made(f"{plugin}:Trainable")
    with pytest.raises(InputError, match=r"cannot be trained again.*`fresh\(seed\)`"):
        made(f"{plugin}:Wrapped", recipe=recipe())
    retraining = made(f"{plugin}:Trainable", recipe=recipe())
    assert retraining.saving is None
    assert type(retraining.fresh(1)).__name__ == "Trainable"
    assert not same(retraining.fresh(1), retraining.fresh(2))
