"""The folder that training leaves of a transformer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
import transformers

from attnaudit.data.batch import collate
from attnaudit.data.settings import ReadingSettings
from attnaudit.errors import ModelError, OutputError
from attnaudit.models.recipe import FineTuneConfig, Pretrained
from attnaudit.models.transformer.blank import PretrainedBlank
from attnaudit.models.transformer.folder import (
    BESIDE,
    Beside,
    check_place,
    read_beside,
    write_folder,
)
from attnaudit.models.transformer.loading import load_classifier
from attnaudit.models.transformer.opening import open_reference
from attnaudit.models.transformer.reference import Reference
from attnaudit.models.untrained import load_trained


@pytest.fixture(scope="module")
def blank(pretrained):
    return PretrainedBlank.read(Reference(str(pretrained)), ("no", "yes"))


@pytest.fixture
def write(blank, pretrained, tmp_path):
    """Writes a model into `tmp_path / name`, and gives it with what was put beside it."""

    def make(name="model", seed=0, training=None):
        model = blank(seed)
        config = FineTuneConfig(model=Pretrained(pretrained=str(pretrained)))
        reading = ReadingSettings(**{**dict(blank.opened.reading()), "max_length": 20})
        beside = Beside(reading, False, config, training or {"best_epoch": 2})
        write_folder(tmp_path / name, model, blank.opened, beside)
        return model, beside

    return make


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def test_what_was_written_is_read_again(write, tmp_path):
    model, beside = write()
    opened = open_reference(Reference(str(tmp_path / "model")))
    found = read_beside(tmp_path / "model", opened)
    assert found == beside
    assert found.reading.tokeniser == opened.reading().tokeniser
    loaded = load_classifier(opened)
    ours, theirs = model.network.state_dict(), loaded.network.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    trained = load_trained(tmp_path / "model")
    assert (trained.spec.labels, trained.spec.paired) == (("no", "yes"), False)
    assert trained.config == beside.config
    assert trained.training == {"best_epoch": 2}


def test_transformers_loads_it_and_answers_alike(write, blank, tmp_path, make_instance):
    model, _ = write()
    network = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    assert network.config.id2label == {0: "no", 1: "yes"}
    text = "a good film, and the rest was bad"
    given = tokenizer(text, return_tensors="pt")
    cut = blank.opened.tokenizer.tokenize(text)
    batch = collate([make_instance(cut)], blank.opened.vocabulary, boundaries=True)
    assert torch.equal(batch.ids, given["input_ids"])
    with torch.no_grad():
        torch.testing.assert_close(model(batch), network(**given).logits, rtol=1e-5, atol=1e-5)


def test_the_same_model_gives_the_same_bytes(write, tmp_path):
    write("one")
    write("two")
    assert names_in(tmp_path / "one") == names_in(tmp_path / "two") >= {BESIDE, "config.json"}
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_who_may_read_the_weights_is_up_to_the_umask(write, tmp_path):
    write()
    (tmp_path / "plain").touch()
    modes = {path.stat().st_mode for path in (tmp_path / "model").iterdir()}
    assert modes == {(tmp_path / "plain").stat().st_mode}


def test_an_older_model_gives_way_and_nothing_else_is_left(write, tmp_path):
    write(seed=0)
    before = (tmp_path / "model" / "model.safetensors").read_bytes()
    (tmp_path / "model" / "notes.txt").write_text("of the older one")
    write(seed=1)
    assert (tmp_path / "model" / "model.safetensors").read_bytes() != before
    assert not (tmp_path / "model" / "notes.txt").exists()
    assert names_in(tmp_path) == {"model"}


def test_a_write_that_fails_leaves_the_older_model(write, tmp_path, monkeypatch, blank):
    write(seed=0)
    before = (tmp_path / "model" / "model.safetensors").read_bytes()

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(blank.opened.tokenizer), "save_pretrained", full)
    with pytest.raises((ModelError, OutputError), match="No space left on device"):
        write(seed=1)
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == before
    assert names_in(tmp_path) == {"model"}


def test_an_older_model_comes_back_if_the_new_one_cannot_take_its_place(
    write, tmp_path, monkeypatch
):
    write(seed=0)
    before = (tmp_path / "model" / "model.safetensors").read_bytes()
    rename = Path.rename

    def refuse(self, target):
        beside = self / BESIDE
        if beside.is_file() and "fresh one" in beside.read_text():
            raise OSError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OutputError, match=r"model: cannot be written \(Permission denied\)"):
        write(seed=1, training={"is": "fresh one"})
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == before
    assert names_in(tmp_path) == {"model"}


def test_folders_of_others_are_never_replaced(write, tmp_path, pretrained):
    place = tmp_path / "model"
    place.mkdir()
    check_place(place, pretrained)  # an empty one is nobody's
    (place / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="is a folder that attnaudit did not write"):
        write()
    assert (place / "thesis.tex").read_text() == "years of work"
    assert names_in(tmp_path) == {"model"}


def test_the_pretrained_model_is_never_replaced_by_what_becomes_of_it(write, tmp_path):
    write()
    place = tmp_path / "model"
    check_place(place, tmp_path / "elsewhere")
    for name in (place, tmp_path / "." / "model"):
        with pytest.raises(OutputError, match="is the pretrained model itself"):
            check_place(place, name)
    link = tmp_path / "link"
    link.symlink_to(place)
    with pytest.raises(OutputError, match="is the pretrained model itself"):
        check_place(link, place)


def test_places_that_cannot_be_written(tmp_path, pretrained):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: is a file, but a folder is needed"):
        check_place(tmp_path / "file", pretrained)
    check_place(tmp_path / "new" / "model", pretrained)
    assert names_in(tmp_path) == {"file"}


def test_a_folder_without_a_recipe_can_still_be_audited(write, tmp_path):
    write()
    (tmp_path / "model" / BESIDE).unlink()
    opened = open_reference(Reference(str(tmp_path / "model")))
    assert read_beside(tmp_path / "model", opened) is None
    assert load_classifier(opened).anatomy.row == "first"
    with pytest.raises(ModelError, match=r"it has no attnaudit\.json"):
        load_trained(tmp_path / "model")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda c: {**c, "version": 2},
            "has version 2, but this attnaudit reads version 1; upgrade",
        ),
        (lambda c: {**c, "format": "other"}, "is damaged .ValueError: its format is 'other'"),
        (lambda c: {k: v for k, v in c.items() if k != "version"}, "is damaged .KeyError"),
        (lambda c: {**c, "reading": {"max_length": -1}}, "is damaged .ValidationError"),
        (lambda c: {**c, "config": {"model": {}}}, "is damaged .ValidationError"),
        (lambda c: {**c, "training": 3}, "is damaged .TypeError"),
        (lambda c: [c], "is damaged .TypeError"),
    ],
)
def test_a_damaged_file_beside_is_one_line(write, tmp_path, change, said):
    write()
    path = tmp_path / "model" / BESIDE
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(ModelError, match=said) as caught:
        load_trained(tmp_path / "model")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    path.write_bytes(b"{")
    with pytest.raises(ModelError, match=r"is damaged .JSONDecodeError"):
        load_trained(tmp_path / "model")


def test_the_tokenizer_of_the_folder_counts(write, tmp_path):
    """It is not kept twice: what stands beside the model is the model's."""
    write()
    content = json.loads((tmp_path / "model" / BESIDE).read_text())
    assert "tokeniser" not in content["reading"]
    assert "output" not in content["config"]
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "model", copy)
    assert load_trained(copy).config == load_trained(tmp_path / "model").config
