from __future__ import annotations

import json

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification

from attnaudit.data.pieces import Frame
from attnaudit.errors import ModelError
from attnaudit.models.transformer.loading import load_classifier
from attnaudit.models.transformer.opening import open_reference, positions_before
from attnaudit.models.transformer.reference import Reference

from .conftest import config_of


@pytest.fixture
def opened(write_pretrained, tmp_path):
    def make(kind="bert", head=2, **changes):
        folder = write_pretrained(tmp_path / kind, kind, head=head, **changes)
        return open_reference(Reference(str(folder)))

    return make


@pytest.fixture
def complaint(write_pretrained, tmp_path):
    """What is said of a folder that `spoil` has changed."""

    def read(spoil, **changes):
        folder = write_pretrained(tmp_path / "model", head=2, **changes)
        spoil(folder)
        with pytest.raises(ModelError) as caught:
            open_reference(Reference(str(folder))).reading()
        said = str(caught.value)
        assert "\n" not in said
        assert said.startswith(f"{folder}: ")
        return said.removeprefix(f"{folder}: ")

    return read


def edit(folder, name="config.json", **changes):
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_a_folder_holds(opened):
    found = opened(id2label={0: "neg", 1: "pos"}, label2id={"neg": 0, "pos": 1})
    assert found.labels == ("neg", "pos")
    assert found.vocabulary.single == Frame((2,), (), (3,))
    assert found.vocabulary.pair == Frame((2,), (3,), (3,), (0, 0, 0, 1, 1))
    assert (found.vocabulary.pad, found.vocabulary.unknown, found.vocabulary.mask) == (0, 1, 4)
    assert found.reference.local


def test_classes_that_nobody_named(opened):
    assert opened().labels == ("LABEL_0", "LABEL_1")


def test_more_than_ten_classes_keep_their_order(opened):
    assert opened(head=12).labels == tuple(f"LABEL_{i}" for i in range(12))


def test_texts_are_as_long_as_the_positions_allow(opened):
    reading = opened().reading()
    assert (reading.max_length, reading.max_pair_length) == (64 - 2, 64 - 3)
    assert reading.max_query_length == 61 // 2
    assert str(reading.tokeniser) == "tokenizer.json"


def test_the_tokenizers_own_limit_counts_too(opened, write_pretrained, tmp_path):
    folder = write_pretrained(tmp_path / "m", head=2, max_position_embeddings=512)
    assert open_reference(Reference(str(folder))).reading().max_length == 64 - 2


@pytest.mark.parametrize(
    ("kind", "before"), [("bert", 0), ("roberta", 2), ("distilbert", 0), ("gpt2", 0), ("llama", 0)]
)
def test_positions_that_no_text_gets(kind, before):
    """RoBERTa counts positions from behind the padding's, which is 1 in all that were published."""
    config = config_of(kind)
    with torch.device("meta"):
        network = AutoModelForSequenceClassification.from_config(config)
    assert positions_before(network, config.max_position_embeddings) == before


def test_roberta_reads_as_many_pieces_as_it_says_and_no_more(opened):
    found = opened("roberta", pad_token_id=0, max_position_embeddings=40)
    room = found.reading().max_length
    assert room == 40 - 1 - 2
    model = load_classifier(found)
    ids = torch.full((1, room + 3), 7)
    assert model.network(ids[:, : room + 2]).logits.isfinite().all()
    with pytest.raises((IndexError, RuntimeError)):
        model.network(ids)


def test_lengths_and_padding_of_the_tokenizer_are_left_out(opened, write_pretrained, tmp_path):
    folder = write_pretrained(tmp_path / "m", head=2)
    path = str(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    tokenizer.enable_padding(length=16)
    tokenizer.enable_truncation(8)
    tokenizer.save(path)
    found = open_reference(Reference(str(folder)))
    assert found.vocabulary.single == Frame((2,), (), (3,))
    saved = json.loads(found.reading().tokeniser.content)
    assert (saved["padding"], saved["truncation"]) == (None, None)


@pytest.mark.parametrize(
    ("of_config", "of_tokenizer", "end", "pad"),
    [(7, 5, 6, 7), (None, 5, 6, 5), (-1, 5, 6, 5), (None, None, 6, 6), (None, None, None, 0)],
)
def test_padding(opened, tmp_path, of_config, of_tokenizer, end, pad):
    """Batches are filled up with some id, and the configuration says what the network knows."""
    folder = opened("gpt2", framed=False, n_positions=64, n_head=2).reference.folder
    pieces = {"pad_token": of_tokenizer, "eos_token": end}
    whole = ["good", "bad", "film", "the"]  # ids 5 to 8
    named = {name: whole[i - 5] for name, i in pieces.items() if i is not None}
    edit(folder, "tokenizer_config.json", **named)
    edit(folder, pad_token_id=of_config)
    found = open_reference(Reference(str(folder)))
    assert (found.vocabulary.pad, found.config.pad_token_id) == (pad, of_config)


# --- what cannot be opened -------------------------------------------------------------------


def test_no_configuration(complaint):
    said = "has no config.json; save the model with save_pretrained, and its tokenizer next to it"
    assert complaint(lambda folder: (folder / "config.json").unlink()) == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "its config.json cannot be read (Expecting property name enclosed in double"),
        ("{}", "its configuration cannot be read ("),
        ('{"model_type": "no-such"}', "its configuration cannot be read ("),
        ("[]", "its config.json is not a JSON object"),
    ],
)
def test_a_configuration_that_is_none(complaint, content, said):
    assert complaint(lambda folder: (folder / "config.json").write_text(content)).startswith(said)


def test_a_kind_that_classifies_no_texts(complaint):
    said = complaint(lambda folder: edit(folder, model_type="vit"))
    assert said.startswith("is of a kind (vit) that does not classify texts")


def test_code_of_the_repository_is_never_run(complaint, tmp_path):
    trap = tmp_path / "ran"

    def spoil(folder):
        edit(folder, model_type="mine", auto_map={"AutoConfig": "mine.Config"})
        (folder / "mine.py").write_text(f"open({str(trap)!r}, 'w')\nclass Config: pass\n")

    said = complaint(spoil)
    assert said.startswith("needs code of its repository, which attnaudit never runs; audit a")
    assert not trap.exists()


def remove_tokenizer(folder):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


def test_no_tokenizer(complaint):
    """transformers would make one up that knows no piece."""
    said = "has no tokenizer; save it next to the model with save_pretrained"
    assert complaint(remove_tokenizer) == said


@pytest.mark.parametrize("content", ["", "{", "{}", "[]"])
def test_a_tokenizer_that_is_none(complaint, content):
    said = complaint(lambda folder: (folder / "tokenizer.json").write_text(content))
    assert said.startswith("its tokenizer cannot be read (")


def test_hardly_any_positions(complaint):
    said = complaint(lambda folder: None, max_position_embeddings=4)
    assert said == "reads 4 positions, too few for a text"


def test_what_the_library_prints_is_no_part_of_the_result(write_pretrained, tmp_path, capfd):
    """Found by fuzzing: an option that it does not know stood in the middle of a JSON report."""
    folder = write_pretrained(tmp_path / "model", head=2)
    content = json.loads((folder / "tokenizer.json").read_text())
    content["added_tokens"][0]["lllstrip"] = False
    (folder / "tokenizer.json").write_text(json.dumps(content))
    open_reference(Reference(str(folder)))
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "lllstrip" in printed.err
