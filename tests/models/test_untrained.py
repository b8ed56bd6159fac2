"""From configurations to untrained models, classic and pretrained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.data.synthetic import write_reviews
from attnaudit.errors import InputError, ModelError, OutputError
from attnaudit.execution.files import sha256_file, sha256_folder
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import ClassicModel
from attnaudit.models.interface import ModelSpec, check_laws
from attnaudit.models.predict import Batches
from attnaudit.models.recipe import FineTuneConfig, Pretrained, TrainConfig, VectorSettings
from attnaudit.models.schedule import FineTuning, Schedule
from attnaudit.models.untrained import (
    PROBE_SCHEDULE,
    check_place,
    load_trained,
    origin,
    reading_of,
    spec_of,
    suffix_of,
    untrained,
)


@pytest.fixture
def fine(pretrained):
    return FineTuneConfig(model=Pretrained(pretrained=str(pretrained)))


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    return write_reviews(tmp_path_factory.mktemp("reviews"), train=12, dev=4, test=4)


@pytest.fixture
def learn(reviews):
    """The train split as a configuration has it read."""

    def read(config):
        return load_dataset(load_spec(reviews, reading_of(config)), "train")

    return read


def test_a_classic_configuration_gives_classic_models(learn, tmp_path):
    config = TrainConfig(training=Schedule(epochs=3))
    assert (suffix_of(config), reading_of(config), origin(config)) == (".pt", None, {})
    spec = spec_of(config, learn(config))
    made = untrained(config, spec, Silent())
    assert isinstance(made.fresh(0), ClassicModel)
    assert made.probe(0).recipe.encoder == "average"
    assert made.probe_schedule is config.training
    saving = made.saving(load_spec(learn(config).path).reading())
    saving.write(made.fresh(1), tmp_path / "m.pt", {"best_epoch": 1})
    found = load_trained(tmp_path / "m.pt")
    assert (found.spec.labels, found.training) == (spec.labels, {"best_epoch": 1})
    assert found.spec.vocabulary.same_as(spec.vocabulary)


def test_a_pretrained_one_gives_transformers_and_a_probe_over_the_same_pieces(
    fine, learn, tmp_path
):
    assert suffix_of(fine) == ""
    data = learn(fine)
    spec = spec_of(fine, data)
    assert set(data.instances[0].tokens) <= set(spec.vocabulary.words)
    made = untrained(fine, spec, Silent())
    model, probe = made.fresh(0), made.probe(0)
    assert made.probe_schedule is PROBE_SCHEDULE
    assert type(PROBE_SCHEDULE) is Schedule  # not fine-tuned: it begins from nothing
    batches = Batches(data.instances, spec.vocabulary, True, torch.device("cpu"), 512)
    for batch in batches:
        check_laws(model, batch, 2)
        check_laws(probe, batch, 2)
        theirs = model.encode(batch).content
        assert torch.equal(probe.encode(batch).content, theirs)
        assert torch.equal(theirs, batch.content)
    assert len(probe.embedding.weight) == len(spec.vocabulary)
    assert probe.embedding.padding_idx == spec.vocabulary.pad
    reading = reading_of(fine)
    made.saving(reading).write(model, tmp_path / "m", {"best_epoch": 1})
    found = load_trained(tmp_path / "m")
    assert found.spec.vocabulary.same_as(spec.vocabulary)
    assert (found.spec.labels, found.config) == (spec.labels, fine)


def test_a_query_in_the_same_sequence_is_not_the_probes_business(fine, learn):
    spec = spec_of(fine, learn(fine))
    paired = ModelSpec(spec.vocabulary, spec.labels, paired=True)
    assert not untrained(fine, paired, Silent()).probe(0).spec.paired


def test_texts_are_read_as_the_pretrained_model_reads_them(fine):
    reading = reading_of(fine)
    assert reading.max_length == 62  # 64 positions less [CLS] and [SEP]
    assert reading.max_pair_length == 61


def test_what_training_begins_from_has_a_fingerprint(fine, pretrained, tmp_path):
    assert origin(fine) == {"pretrained_sha256": sha256_folder(pretrained)}
    vectors = tmp_path / "v.vec"
    vectors.write_text("good 1 2\n")
    config = TrainConfig(vectors=VectorSettings(file=vectors))
    assert origin(config) == {"vectors_sha256": sha256_file(vectors)}


def test_places_that_a_model_cannot_be_written_to(fine, pretrained, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_text("")
    check_place(TrainConfig(), tmp_path / "file")
    check_place(fine, tmp_path / "new")
    for config, place, said in (
        (TrainConfig(), tmp_path / "folder", "is a folder, not a file"),
        (fine, tmp_path / "file", "is a file, but a folder is needed"),
        (fine, tmp_path / "folder", "is a folder that attnaudit did not write"),
        (fine, pretrained, "is the pretrained model itself"),
    ):
        with pytest.raises(OutputError, match=said):
            check_place(config, place)


def test_other_pieces_than_the_audited_models_are_refused(fine, learn, write_pretrained, tmp_path):
    spec = spec_of(fine, learn(fine))
    folder = write_pretrained(tmp_path / "other")
    content = json.loads((folder / "tokenizer.json").read_text())
    vocab = content["model"]["vocab"]
    vocab["good"], vocab["bad"] = vocab["bad"], vocab["good"]  # the same pieces, other ids
    (folder / "tokenizer.json").write_text(json.dumps(content))
    other = FineTuneConfig(model=Pretrained(pretrained=str(folder)))
    with pytest.raises(InputError, match="cuts texts into other pieces than the model's"):
        untrained(other, spec, Silent())
    classic = TrainConfig()
    words = spec_of(classic, learn(classic))
    with pytest.raises(InputError, match="cuts texts into other pieces than the model's"):
        untrained(fine, words, Silent())


@pytest.mark.parametrize("name", ["gone", "../gone", "/gone/bert", "owner/gone", "a b"])
def test_a_pretrained_model_that_is_not_there(name):
    config = FineTuneConfig(model=Pretrained(pretrained=name))
    with pytest.raises(ModelError, match="is neither a folder here") as caught:
        reading_of(config)
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


def test_a_model_of_the_hub_is_kept_with_its_commit(fine, learn, pretrained, tmp_path, monkeypatch):
    """Models that are trained later begin from the same weights, whatever the hub has by then."""
    from attnaudit.models.transformer import reference

    commit = tmp_path / "0123abcd"
    commit.symlink_to(pretrained)
    asked = []

    def fetch(name, revision):
        asked.append((name, revision))
        return commit

    monkeypatch.setattr(reference, "fetch", fetch)
    config = FineTuneConfig(model=Pretrained(pretrained="owner/bert"))
    made = untrained(config, spec_of(config, learn(config)), Silent())
    assert set(asked) == {("owner/bert", None)}
    made.saving(reading_of(config)).write(made.fresh(0), tmp_path / "m", {})
    found = load_trained(tmp_path / "m").config
    assert found.model == Pretrained(pretrained="owner/bert", revision="0123abcd")
    assert found.training == FineTuning()


@pytest.mark.parametrize("name", ["gone.pt", "gone"])
def test_trained_models_that_are_not_there(tmp_path, name):
    with pytest.raises(ModelError, match="no such file"):
        load_trained(Path(tmp_path / name))
