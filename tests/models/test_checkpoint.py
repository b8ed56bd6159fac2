from __future__ import annotations

import pickle
import zipfile

import numpy as np
import pytest
import torch

from attnaudit.data.spec import Fields, ReadingSettings
from attnaudit.data.tokenise import TokeniserSettings
from attnaudit.errors import ModelError, OutputError
from attnaudit.models.checkpoint import Checkpoint, load_checkpoint
from attnaudit.models.predict import Batches, predict
from attnaudit.models.recipe import TrainConfig
from attnaudit.models.schedule import Schedule

READING = ReadingSettings(
    fields=Fields(text="review", query="question"),
    tokeniser=TokeniserSettings(regex=r"\w+"),
    lowercase=True,
    max_length=77,
)
CONFIG = TrainConfig(training=Schedule(epochs=3, seed=5))


@pytest.fixture
def save(tmp_path, make_model):
    """Saves a small model; `changes` are made to what the file holds."""

    def make(changes=None, **model):
        path = tmp_path / "model.pt"
        made = make_model(**{"dtype": torch.float32, **model})
        Checkpoint(made, READING, CONFIG, {"best_epoch": 2}).save(path)
        if changes is not None:
            content = torch.load(path, weights_only=True)
            changes(content)
            torch.save(content, path)
        return path

    return make


@pytest.fixture
def complaint(tmp_path):
    def read(path):
        with pytest.raises(ModelError) as caught:
            load_checkpoint(path)
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(f"{path}: ")

    return read


@pytest.mark.parametrize(
    ("encoder", "attention", "classes", "paired"),
    [("bilstm", "additive", 2, False), ("cnn", "dot", 3, True), ("average", "uniform", 3, False)],
)
def test_what_is_saved_is_what_is_loaded(
    save, make_model, make_instances, encoder, attention, classes, paired
):
    kind = {"encoder": encoder, "attention": attention, "classes": classes, "paired": paired}
    model = make_model(**kind, dtype=torch.float32)
    loaded = load_checkpoint(save(**kind))
    assert loaded.reading == READING
    assert loaded.config == CONFIG
    assert loaded.training == {"best_epoch": 2}
    assert loaded.model.recipe == model.recipe
    assert loaded.model.spec.labels == model.spec.labels
    assert loaded.model.spec.paired == paired
    assert loaded.model.spec.vocabulary.words == model.spec.vocabulary.words
    assert not loaded.model.training
    texts = make_instances([3, 6, 2], paired=paired)
    answers = [
        predict(m, Batches(texts, m.spec.vocabulary, m.boundaries, torch.device("cpu")))
        for m in (model, loaded.model)
    ]
    np.testing.assert_array_equal(*answers)


def test_a_model_saved_twice_is_the_same_bytes(save):
    first = save().read_bytes()
    assert save().read_bytes() == first


def test_a_checkpoint_that_cannot_be_written(tmp_path, make_model):
    checkpoint = Checkpoint(make_model(), READING, CONFIG, {})
    with pytest.raises(OutputError, match="the folder does not exist"):
        checkpoint.save(tmp_path / "nowhere" / "model.pt")
    with pytest.raises(OutputError, match="is a folder"):
        checkpoint.save(tmp_path)


def test_no_file(tmp_path, complaint):
    hint = "no such file; make one with `attnaudit train`"
    assert complaint(tmp_path / "model.pt") == hint


def test_a_folder(tmp_path, complaint):
    assert complaint(tmp_path) == "is a folder, not a checkpoint"


def test_a_truncated_file(save, complaint):
    path = save()
    whole = path.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        assert complaint(path) == "is truncated or damaged; copy it again, or train anew"


@pytest.mark.parametrize("junk", [b"", b"PK\x03\x04", b"PK\x03\x04" + bytes(30)])
def test_bytes_that_make_torch_stumble(tmp_path, complaint, junk):
    path = tmp_path / "model.pt"
    path.write_bytes(junk)
    assert complaint(path).startswith("is truncated or damaged")


@pytest.mark.parametrize("content", [b"hello\n", b'{"a": 1}\n', b"0", b"PK", pickle.dumps([1])])
def test_a_file_of_another_kind(tmp_path, complaint, content):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    assert complaint(path).startswith("is not a torch archive; make one with `attnaudit train`")


class Loaded:
    """Raises if it is ever unpickled."""

    def __setstate__(self, state):
        raise AssertionError("unpickled")


def test_pickled_objects_are_never_loaded(tmp_path, complaint):
    path = tmp_path / "model.pt"
    expected = "holds pickled Python objects, which attnaudit never loads; save weights only"
    thing = Loaded()
    thing.x = 1
    torch.save({"format": thing}, path)
    assert complaint(path).startswith(expected)
    torch.save(torch.nn.Linear(2, 2), path)
    assert complaint(path).startswith(expected)
    path.write_bytes(pickle.dumps(thing))
    assert complaint(path).startswith("is not a torch archive")


@pytest.mark.parametrize("content", [{"weight": torch.ones(2)}, torch.ones(2), [1], {"format": 1}])
def test_the_weights_of_another_program(tmp_path, complaint, content):
    path = tmp_path / "model.pt"
    torch.save(content, path)
    assert complaint(path).startswith("is a torch file, but not a checkpoint of attnaudit; make")


def test_a_newer_version(save, complaint):
    path = save(lambda content: content.update(version=2))
    assert complaint(path) == "has checkpoint version 2, this attnaudit reads 1; upgrade attnaudit"


@pytest.mark.parametrize(
    "key",
    ["recipe", "words", "labels", "paired", "reading", "config", "training", "weights"],
)
def test_a_missing_key(save, complaint, key):
    found = complaint(save(lambda content: content.pop(key)))
    assert found == f"is a damaged checkpoint (KeyError: '{key}')"


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": {"encoder": "transformer"}},
        {"recipe": 3},
        {"words": ["a", "a"]},
        {"words": ["too", "few"]},
        {"labels": None},
        {"reading": {"max_length": "long"}},
        {"weights": []},
        {"weights": {"output.weight": "x"}},
        {"paired": True},
    ],
    ids=str,
)
def test_content_that_does_not_fit_together(save, complaint, changes):
    found = complaint(save(lambda content: content.update(changes)))
    assert found.startswith("is a damaged checkpoint (")


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_weights_that_are_not_finite(save, complaint, bad):
    def spoil(content):
        content["weights"]["encoder.projection.bias"][1] = bad

    found = complaint(save(spoil))
    assert found == "holds weights that are not finite (in encoder.projection.bias)"


def test_the_archive_holds_no_code(save):
    """Nothing but tensors and plain values: it loads with no class allowed."""
    path = save()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    torch.load(path, weights_only=True)
