"""Classifiers that are about to be fine-tuned: pretrained below, new above."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from attnaudit.errors import ModelError
from attnaudit.models.interface import check_laws
from attnaudit.models.transformer.blank import PretrainedBlank
from attnaudit.models.transformer.loading import example_batch
from attnaudit.models.transformer.reference import Reference

LABELS = ("no", "perhaps", "yes")


@pytest.fixture
def blank_of():
    def make(folder, labels=LABELS):
        return PretrainedBlank.read(Reference(str(folder)), labels)

    return make


def weights(model):
    return model.network.state_dict()


def differing(one, other):
    """The names of the weights in which two models differ."""
    ours, theirs = weights(one), weights(other)
    assert ours.keys() == theirs.keys()
    return {name for name in ours if not torch.equal(ours[name], theirs[name])}


def edit(folder, change):
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def test_seeds_differ_in_the_new_head_alone(blank_of, pretrained):
    blank = blank_of(pretrained)
    first, again, other = blank(3), blank(3), blank(4)
    assert differing(first, again) == set()
    assert differing(first, other) == {"classifier.weight"}
    assert not weights(first)["classifier.bias"].any()


def test_what_lies_below_the_head_is_the_pretrained_network(blank_of, pretrained):
    ours = blank_of(pretrained)(0).network.base_model.state_dict()
    theirs = AutoModel.from_pretrained(pretrained).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_new_model_keeps_the_laws_and_knows_its_labels(blank_of, pretrained):
    model = blank_of(pretrained)(0)
    check_laws(model, example_batch(blank_of(pretrained).opened.vocabulary), 3)
    assert model.network.config.id2label == {0: "no", 1: "perhaps", 2: "yes"}
    assert model.network.config.label2id == {"no": 0, "perhaps": 1, "yes": 2}
    assert not model.training


@pytest.mark.parametrize("kind", ["deberta-v2", "mpnet"])
def test_a_network_that_is_not_on_the_interface_learns(blank_of, write_pretrained, tmp_path, kind):
    """Through `encode`, `attend` and `read` as well, with what it drops in training."""
    blank = blank_of(write_pretrained(tmp_path / kind, kind))
    model, batch = blank(0), example_batch(blank.opened.vocabulary)
    check_laws(model, batch, 3)
    whole = [model(batch)]
    model.train()
    encoded = model.encode(batch)
    assert encoded.call.dropout == pytest.approx(0.1)
    said = model.read(encoded, model.attend(encoded).unsqueeze(1))[:, 0]
    assert not torch.equal(said, whole[0])
    torch.nn.functional.cross_entropy(said, torch.tensor([0, 2])).backward()
    moved = [name for name, p in model.network.named_parameters() if p.grad is not None]
    assert {name.split(".")[-2] for name in moved} >= {
        *({"query_proj", "key_proj", "value_proj"} if kind == "deberta-v2" else {"q", "k", "v"})
    }


def test_random_numbers_are_left_as_they_were(blank_of, pretrained):
    blank = blank_of(pretrained)
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    blank(0)
    assert torch.equal(torch.rand(1), expected)


def test_an_old_classification_head_is_not_taken_over(blank_of, write_pretrained, tmp_path):
    folder = write_pretrained(tmp_path / "old", head=3)  # of as many classes
    assert "classifier.weight" in load_file(folder / "model.safetensors")
    old = load_file(folder / "model.safetensors")
    network = weights(blank_of(folder)(0))
    assert torch.equal(network["bert.pooler.dense.weight"], old["bert.pooler.dense.weight"])
    assert not torch.isclose(network["classifier.weight"], old["classifier.weight"]).any()
    without = weights(blank_of(write_pretrained(tmp_path / "new"))(0))
    assert torch.equal(network["classifier.weight"], without["classifier.weight"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_trained_in_float32(blank_of, write_pretrained, tmp_path, dtype):
    folder = write_pretrained(tmp_path / "half", dtype=dtype)
    assert json.loads((folder / "config.json").read_text())["dtype"] == str(dtype)[6:]
    model = blank_of(folder)(0)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    stored = load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
    found = model.network.get_input_embeddings().weight
    assert torch.equal(found, stored.float())


def test_a_pooler_that_is_lacking_is_new(blank_of, write_pretrained, tmp_path):
    folder = write_pretrained(tmp_path / "bare")
    edit(folder, lambda w: {n: t for n, t in w.items() if not n.startswith("pooler.")})
    blank = blank_of(folder)
    assert differing(blank(0), blank(1)) == {"classifier.weight", "bert.pooler.dense.weight"}
    assert weights(blank(0))["bert.pooler.dense.weight"].any()


@pytest.mark.parametrize(
    "lost", ["encoder.layer.1.", "embeddings.position_embeddings", "encoder.layer.0.output.dense.b"]
)
def test_weights_that_are_lacking_below_are_no_pretrained_model(
    blank_of, write_pretrained, tmp_path, lost
):
    folder = write_pretrained(tmp_path / "torn")
    edit(folder, lambda w: {n: t for n, t in w.items() if not n.startswith((lost, "pooler."))})
    with pytest.raises(
        ModelError, match=f"lacks .* such as {lost}.* does not belong to its config.json"
    ):
        blank_of(folder)(0)


def test_heads_that_pool_are_not_trained(blank_of, write_pretrained, tmp_path):
    changes = {"classifier_pooling": "mean", "cls_token_id": 2, "sep_token_id": 3}
    folder = write_pretrained(tmp_path / "pool", "modernbert", **changes)
    with pytest.raises(ModelError, match=r"head reads every row .* findings rest on it") as caught:
        blank_of(folder)(0)
    assert "train it with transformers" in caught.value.hint


def test_weights_of_something_else_are_no_pretrained_model(blank_of, write_pretrained, tmp_path):
    folder = write_pretrained(tmp_path / "other")
    edit(folder, lambda w: {f"something.{n}": t for n, t in w.items()})
    with pytest.raises(ModelError, match=r"lacks 3. of its 3. weights"):
        blank_of(folder)(0)


def test_weights_of_another_size_are_refused_in_one_line(blank_of, write_pretrained, tmp_path):
    folder = write_pretrained(tmp_path / "wide")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 32}))
    with pytest.raises(ModelError, match="its weights cannot be read") as caught:
        blank_of(folder)(0)
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_refused_before_they_are_read(blank_of, write_pretrained, tmp_path):
    folder = write_pretrained(tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="has its weights only as pickle files; convert them"):
        blank_of(folder)


def test_other_families_have_a_new_head_alone(blank_of, write_pretrained, tmp_path):
    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
    decoder = blank_of(write_pretrained(tmp_path / "gpt2", "gpt2", framed=False, **sizes))
    assert decoder(0).anatomy.row == "last_not_pad"
    assert differing(decoder(0), decoder(1)) == {"score.weight"}
    # A RoBERTa is pretrained with a pooler that its classification head does not use.
    folder = write_pretrained(tmp_path / "roberta", "roberta")
    assert "pooler.dense.weight" in load_file(folder / "model.safetensors")
    roberta = blank_of(folder)
    new = {"classifier.dense.weight", "classifier.out_proj.weight"}
    assert differing(roberta(0), roberta(1)) == new
