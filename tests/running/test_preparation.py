"""What an audit that retrains needs, and how it says what is missing."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
import yaml

from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.errors import InputError, ModelError
from attnaudit.execution.observer import Silent
from attnaudit.models.fit import fit
from attnaudit.models.load import find_model
from attnaudit.models.recipe import Overrides, read_config
from attnaudit.models.schedule import Schedule
from attnaudit.questions.probe.guides import read_guides
from attnaudit.questions.probe.views import views
from attnaudit.readings.heads import MEAN
from attnaudit.running.job import Job
from attnaudit.running.preparation import prepare

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
    """`prepare` as `run_questions` calls it; the tiny model and data unless others are given."""

    def make(model=None, data=None, split="test", limit=None, **job):
        source = find_model(str(model or tiny / "model.pt"), 0)
        data = data or tiny / "data.yaml"
        spec = load_spec(data, source.reading, source.limits)
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
    with pytest.raises(InputError, match=f"on the {split} split, and --limit would shorten it"):
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
    with pytest.raises(InputError, match=r"its hidden is 4, but the model's is 8"):
        made(recipe=recipe(MODEL.replace("hidden: 8", "hidden: 4")))


def test_a_plug_in_needs_a_recipe_and_fresh(made, plugin, recipe):
    with pytest.raises(InputError, match=r"does not say how it was trained.*--recipe"):
        made(f"{plugin}:Trainable")
    with pytest.raises(InputError, match=r"cannot be trained again.*`fresh\(seed\)`"):
        made(f"{plugin}:Wrapped", recipe=recipe())
    retraining = made(f"{plugin}:Trainable", recipe=recipe())
    assert retraining.recipe.saving is None
    assert type(retraining.fresh(1)).__name__ == "Trainable"
    assert not same(retraining.fresh(1), retraining.fresh(2))


# --- transformers ----------------------------------------------------------------------------


FINE = """\
data: {data}
model: {{pretrained: {pretrained}}}
training: {{epochs: 1, learning_rate: 0.01, seed: 4}}
"""


@pytest.fixture(scope="module")
def tuned(tiny, pretrained, tmp_path_factory):
    """The folder of a fine-tuned tiny BERT, and the configuration that it came from."""
    folder = tmp_path_factory.mktemp("tuned")
    config = folder / "fine.yaml"
    config.write_text(FINE.format(data=tiny / "data.yaml", pretrained=pretrained))
    made = fit(read_config(config, Overrides(output=folder)), CPU, Silent(), resume=False)
    return made.checkpoint, config


@pytest.fixture
def tune(tmp_path, tiny, write_pretrained):
    """Fine-tunes another network: its folder, the pretrained one, and the configuration."""

    def make(name="another", **network):
        begin = write_pretrained(tmp_path / f"{name}-pretrained", **network)
        config = tmp_path / f"{name}.yaml"
        config.write_text(FINE.format(data=tiny / "data.yaml", pretrained=begin))
        output = tmp_path / name
        made = fit(read_config(config, Overrides(output=output)), CPU, Silent(), resume=False)
        return made.checkpoint, begin, config

    return make


def test_a_folder_brings_its_recipe(made, tuned):
    retraining = made(tuned[0])
    assert retraining.schedule.seed == 4
    assert retraining.schedule.warmup == 0.1
    assert type(retraining.probe_schedule) is Schedule
    assert retraining.probe(0).recipe.encoder == "average"
    assert retraining.seeds(3, 3) == [3, 5, 6]
    model = retraining.fresh(4)
    retraining.learn(model, 4, Silent(), "again")
    assert same(model, retraining.base)


def test_a_folder_without_a_recipe_needs_one(made, tuned, tmp_path):
    folder = tmp_path / "bare"
    shutil.copytree(tuned[0], folder)
    (folder / "attnaudit.json").unlink()
    with pytest.raises(InputError, match=r"does not say how it was trained.*--recipe"):
        made(folder)
    retraining = made(folder, recipe=tuned[1])
    model = retraining.fresh(4)
    retraining.learn(model, 4, Silent(), "again")
    assert same(model, retraining.base)
    assert retraining.recipe.saving is not None


def test_recipes_of_the_other_kind_are_refused(made, tuned, recipe):
    with pytest.raises(InputError, match="is not the model's recipe: it is for a classic model"):
        made(tuned[0], recipe=recipe())
    with pytest.raises(InputError, match="not the model's recipe: it fine-tunes a pretrained mod"):
        made(recipe=tuned[1])


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ({"num_hidden_layers": 1}, "is another network than the audited model; give the pretr"),
        ({"kind": "roberta"}, "is another network than the audited model"),
        (
            {"framed": False},
            "its tokenizer cuts texts into other pieces than the model's tokenizer",
        ),
    ],
)
def test_a_recipe_of_another_network_is_refused(
    made, tuned, tmp_path, tiny, write_pretrained, network, said
):
    begin = write_pretrained(tmp_path / "other", **network)
    other = tmp_path / "other.yaml"
    other.write_text(FINE.format(data=tiny / "data.yaml", pretrained=begin))
    with pytest.raises(InputError, match=said) as caught:
        made(tuned[0], recipe=other)
    assert str(caught.value).startswith(str(begin))


def test_a_pretrained_model_that_has_gone_leaves_two_ways_out(made, tune, tmp_path, tiny):
    model, begin, _ = tune()
    begin.rename(tmp_path / "elsewhere")
    with pytest.raises(
        InputError, match="the pretrained model from which it was fine-tuned cannot be used"
    ) as caught:
        made(model)
    assert str(caught.value).startswith(f"{model}: ")
    assert "put it back, or give a --recipe CONFIG that says where it is now" in str(caught.value)
    assert "\n" not in str(caught.value)
    moved = tmp_path / "moved.yaml"
    moved.write_text(FINE.format(data=tiny / "data.yaml", pretrained=tmp_path / "elsewhere"))
    assert same(made(model, recipe=moved).fresh(4), made(model, recipe=moved).fresh(4))
    with pytest.raises(
        ModelError, match="is neither a folder here"
    ) as caught:  # of the recipe given
        made(model, recipe=tmp_path / "another.yaml")
    assert str(caught.value).startswith(str(begin))


def test_guides_are_of_the_same_pieces_and_labels(made, tuned, tune, tiny, tmp_path):
    retraining = made(tuned[0])
    assert "same" in views(retraining, read_guides([f"same={tuned[0]}"]), MEAN)
    classic = read_guides([f"x={tiny / 'model.pt'}"])
    with pytest.raises(
        InputError, match=r"model\.pt: .*another data set or vocabulary: it knows o"
    ):
        views(retraining, classic, MEAN)
    with pytest.raises(InputError, match="it knows other words; give a model that was trained"):
        views(made(), read_guides([f"x={tuned[0]}"]), MEAN)
    unframed, _, _ = tune(kind="gpt2", framed=False, n_embd=16, n_layer=1, n_head=2, n_positions=64)
    with pytest.raises(InputError, match="it knows other words"):
        views(retraining, read_guides([f"x={unframed}"]), MEAN)
    config = json.loads((tuned[0] / "config.json").read_text())
    renamed = tmp_path / "renamed"
    shutil.copytree(tuned[0], renamed)
    config["id2label"] = {"0": "no", "1": "yes"}
    (renamed / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="it knows other labels"):
        views(retraining, read_guides([f"x={renamed}"]), MEAN)
    (renamed / "attnaudit.json").unlink()
    with pytest.raises(ModelError, match="was not trained by attnaudit"):
        views(retraining, read_guides([f"x={renamed}"]), MEAN)


def test_a_probe_is_guided_over_the_same_pieces(made, tuned):
    retraining = made(tuned[0])
    seen = views(retraining, (), MEAN)
    batch = next(iter(retraining.batches("test")))
    probe = retraining.probe(0).eval()
    alpha = seen["base"](probe, "test").attend(seen["base"](probe, "test").encode(batch))
    base = retraining.base
    own = base.attend(base.encode(batch)).mean(1) * batch.content
    expected = own / own.sum(1, keepdim=True)
    torch.testing.assert_close(alpha[:, 0], expected, rtol=1e-5, atol=1e-6)
