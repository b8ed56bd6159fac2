from __future__ import annotations

import importlib.util
import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from attnaudit.data.batch import collate
from attnaudit.data.pieces import Frame, Pieces
from attnaudit.data.tokenise import build_tokeniser
from attnaudit.errors import InputError, ModelError
from attnaudit.models.interface import check_laws
from attnaudit.models.transformer.every_row import EveryRow
from attnaudit.models.transformer.loading import (
    classifier_of,
    example_batch,
    facts_of,
    load_classifier,
)
from attnaudit.models.transformer.opening import Opened, open_reference
from attnaudit.models.transformer.reference import Reference

from .conftest import PIECES
from .instances import instance_of


def opened_at(folder):
    return open_reference(Reference(str(folder)))


@pytest.fixture
def classifier(write_pretrained, tmp_path):
    """A saved classifier, opened and loaded."""

    def make(kind="bert", **changes):
        opened = opened_at(write_pretrained(tmp_path / kind, kind, head=2, **changes))
        return opened, load_classifier(opened)

    return make


@pytest.fixture
def complaint():
    def read(folder, **options):
        with pytest.raises(ModelError) as caught:
            load_classifier(opened_at(folder), **options)
        said = str(caught.value)
        assert "\n" not in said
        assert said.startswith(f"{folder}: ")
        return said.removeprefix(f"{folder}: ")

    return read


def instances(opened, *pairs):
    tokenise = build_tokeniser(opened.reading().tokeniser)
    return [instance_of(t, tokenise, row, query) for row, (t, query) in enumerate(pairs)]


# --- what is loaded is what transformers itself would run -------------------------------------


PAIRS = [("the good film was bad", "good or bad?"), ("bad", "the film and the plot"), ("a b", "c")]


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("kind", ["bert", "distilbert", "electra", "albert"])
def test_texts_are_read_as_transformers_reads_them(classifier, kind, paired):
    sizes = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 16}
    opened, model = classifier(kind, **(sizes if kind == "distilbert" else {}))
    folder = opened.reference.folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    theirs = AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager")
    texts, queries = ([pair[side] for pair in PAIRS] for side in (0, 1))
    encoded = tokenizer(
        texts,
        queries if paired else None,
        padding=True,
        return_tensors="pt",
        return_token_type_ids=True,
    )
    segments = encoded["token_type_ids"]
    if kind == "distilbert":  # which has none
        encoded.pop("token_type_ids")
    made = instances(opened, *(PAIRS if paired else [(text, None) for text in texts]))
    batch = collate(made, opened.vocabulary, boundaries=model.boundaries)
    assert torch.equal(batch.ids, encoded["input_ids"])
    assert torch.equal(batch.mask, encoded["attention_mask"].bool())
    if paired:
        types = batch.types * batch.mask
        assert torch.equal(types, segments)
        assert not batch.content[types == 1].any()
    with torch.no_grad():
        torch.testing.assert_close(model(batch), theirs(**encoded).logits, atol=1e-6, rtol=1e-5)
    check_laws(model, batch, 2)


def test_segments_change_the_answer(classifier):
    """So the test above would notice if they were left out."""
    opened, model = classifier()
    batch = collate(instances(opened, *PAIRS), opened.vocabulary, boundaries=True)
    without = replace(batch, types=torch.zeros_like(batch.types))
    assert (model(batch) - model(without)).abs().max() > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_number_formats(write_pretrained, tmp_path, dtype):
    opened = opened_at(write_pretrained(tmp_path / "m", head=2))
    model = load_classifier(opened, dtype)
    assert {p.dtype for p in model.parameters()} == {dtype}


def test_weights_in_half_precision_are_widened(classifier):
    _, model = classifier(dtype=torch.float16)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_facts(classifier):
    opened, model = classifier(id2label={0: "neg", 1: "pos"})
    facts = facts_of(opened, model)
    assert len(facts.pop("sha256")) == 64
    assert facts.pop("transformers")
    assert facts == {
        "kind": "transformer",
        "architecture": "BertForSequenceClassification",
        "layers": 2,
        "heads": 2,
        "row": "[CLS]",
        "revision": None,
        "classes": ["neg", "pos"],
    }


def test_loading_says_nothing(write_pretrained, tmp_path, capfd, caplog):
    folder = write_pretrained(
        tmp_path / "m", "gpt2", head=2, framed=False, n_positions=64, n_head=2
    )
    capfd.readouterr()
    model = load_classifier(opened_at(folder))
    batch = example_batch(opened_at(folder).vocabulary)
    model.read(model.encode(batch), torch.rand(2, 3, 2, batch.ids.shape[1]))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


# --- what is not a classifier -----------------------------------------------------------------


def test_no_classification_head(pretrained, complaint):
    said = complaint(pretrained)
    assert said.startswith("has no trained classification head: classifier.bias, classifier.weight")
    assert said.endswith(
        "would be random (its architecture: BertModel); fine-tune it as a sequence classifier"
        " first, with `attnaudit train`"
    )


def test_a_generation_model(write_pretrained, tmp_path, complaint):
    folder = write_pretrained(tmp_path / "m", "gpt2", framed=False, n_positions=64)
    config = opened_at(folder).config
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    said = complaint(folder)
    assert "no trained classification head: score.weight would be random" in said
    assert "(its architecture: GPT2LMHeadModel)" in said


def test_a_head_of_another_size(write_pretrained, tmp_path, complaint):
    folder = write_pretrained(tmp_path / "m", head=2)
    weights = load_file(folder / "model.safetensors")
    weights["classifier.weight"] = torch.rand(3, 16)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert "classifier.weight" in complaint(folder)


def test_part_of_the_weights_missing(write_pretrained, tmp_path, complaint):
    folder = write_pretrained(tmp_path / "m", head=2)
    weights = load_file(folder / "model.safetensors")
    del weights["bert.encoder.layer.0.attention.self.query.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    said = complaint(folder)
    assert said.startswith("has not all of its weights: bert.encoder.layer.0.attention.self.query")
    assert said.endswith("; save the whole model with save_pretrained")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"num_labels": 1, "problem_type": "regression"},
            "predicts numbers, not a class (problem_type 'regression'): an amount has no prob",
        ),
        (
            {"id2label": {0: "a", 1: "a"}},
            "two of its classes have the same name; give each class its",
        ),
        (
            {"problem_type": "regression"},
            "predicts numbers, not a class (problem_type 'regression'): an amount has no prob",
        ),
    ],
)
def test_another_task(write_pretrained, tmp_path, complaint, changes, said):
    head = changes.get("num_labels", 2)
    folder = write_pretrained(tmp_path / "m", head=head, **changes)
    assert complaint(folder).startswith(said)


# --- one output -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "classes"),
    [({}, ("LABEL_0", "LABEL_1")), ({"id2label": {0: "relevant"}}, ("not relevant", "relevant"))],
)
@pytest.mark.parametrize("kind", ["bert", "deberta-v2"])
def test_a_reranker_has_two_classes(write_pretrained, tmp_path, kind, names, classes):
    """What its one output speaks for is the second: its logit stands against 0."""
    opened = opened_at(write_pretrained(tmp_path / "m", kind, head=1, **names))
    model = load_classifier(opened)
    assert opened.labels == classes
    batch = collate(instances(opened, *PAIRS), opened.vocabulary, boundaries=True)
    check_laws(model, batch, 2)
    tokenizer = AutoTokenizer.from_pretrained(opened.reference.folder)
    theirs = AutoModelForSequenceClassification.from_pretrained(opened.reference.folder)
    with torch.no_grad():
        said = model(batch)
        for b, pair in enumerate(PAIRS):
            z = theirs(**tokenizer(*pair, return_tensors="pt")).logits[0, 0]
            assert said[b].tolist() == pytest.approx([0, z.item()], abs=1e-5)
            assert said.softmax(-1)[b, 1].item() == pytest.approx(z.sigmoid().item(), abs=1e-5)


# --- weights ------------------------------------------------------------------------------------


def test_pickled_weights_are_not_touched(write_pretrained, tmp_path, complaint):
    folder = write_pretrained(tmp_path / "m", head=2)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert complaint(folder) == (
        "has its weights only as pickle files; convert them if you trust them: load the model "
        "with transformers and call save_pretrained, which writes safetensors"
    )
    (folder / "pytorch_model.bin").unlink()
    assert complaint(folder).startswith("has no model.safetensors; save the model with save_pre")


@pytest.mark.parametrize("size", [0, 4, 500])
def test_broken_weights(write_pretrained, tmp_path, complaint, size):
    folder = write_pretrained(tmp_path / "m", head=2)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    assert complaint(folder).startswith("its weights cannot be read (")


def test_a_map_of_devices_without_accelerate(write_pretrained, tmp_path, monkeypatch):
    opened = opened_at(write_pretrained(tmp_path / "m", head=2))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        load_classifier(opened, device_map="auto")
    assert str(caught.value) == (
        "--device-map needs accelerate, which is not installed; pip install 'attnaudit[accelerate]'"
    )


# --- tokenizer against model ----------------------------------------------------------------------


def test_more_pieces_than_embeddings(write_pretrained, tmp_path, complaint):
    folder = write_pretrained(tmp_path / "m", head=2, vocab_size=20)
    said = complaint(folder)
    assert "gives ids up to " in said
    assert (
        "but the model has embeddings for only 20; save the model's own tokenizer next to it"
        in said
    )


def test_an_encoder_whose_tokenizer_adds_no_cls(write_pretrained, tmp_path, complaint):
    said = complaint(write_pretrained(tmp_path / "m", head=2, framed=False))
    assert said.startswith("its tokenizer puts no special token ([CLS]) before a text")


def test_a_decoder_needs_no_special_tokens(classifier):
    opened, model = classifier("gpt2", framed=False, n_positions=64, n_embd=16, n_head=2)
    assert opened.vocabulary.single == Frame()
    batch = collate(
        instances(opened, ("the good film", None), ("bad", None)),
        opened.vocabulary,
        boundaries=True,
    )
    check_laws(model, batch, 2)
    assert torch.equal(model.encode(batch).content, batch.mask)


def test_a_head_that_pools_is_read_at_every_row_of_the_last_layer(classifier):
    specials = {"cls_token_id": 2, "sep_token_id": 3}
    opened, model = classifier("modernbert", classifier_pooling="mean", **specials)
    assert isinstance(model, EveryRow)
    assert model.site == "layer 2 of 2, every row"
    facts = facts_of(opened, model)
    assert (facts["row"], facts["layers"], facts["heads"]) == ("every row", 2, 2)
    assert (model.mask_token, model.unknown_token, model.bare) == (4, 1, False)


# --- architectures that are refused ---------------------------------------------------------------


@pytest.fixture
def refusal(make_network):
    """What is said of a network of a kind that was loaded under its own attention."""

    def read(kind, **changes):
        frame = Frame((2,), (), (3,))
        vocabulary = Pieces({f"p{i}": i for i in range(PIECES)}, frame, frame, 1, 4)
        network = make_network(kind, **changes)
        with pytest.raises(ModelError) as caught:
            classifier_of(network, Opened(Reference("x"), network.config, None, vocabulary))
        said = str(caught.value)
        assert "\n" not in said
        return said

    return read


NO_PRODUCT = "none of its products averages values under the attention that it reports"
UNLIKE = "with uniform weights, it gives another answer than the whole model with that row replaced"
REFUSED = {
    # Blocks that mix neighbours beside the attention.
    "convbert": ({"embedding_size": 32}, UNLIKE),
    # What bypasses the attention does so outside its block.
    "xlm": ({"emb_dim": 32, "n_layers": 2, "n_heads": 4}, UNLIKE),
    "flaubert": ({"emb_dim": 32, "n_layers": 2, "n_heads": 4}, UNLIKE),
    # The last word reads its right neighbour, which may be padding.
    "mobilebert": (
        {"true_hidden_size": 32, "intra_bottleneck_size": 32, "embedding_size": 32},
        "padding, or the other texts of a batch, change its answer",
    ),
    "squeezebert": ({"embedding_size": 32}, NO_PRODUCT),
    "fnet": ({}, "it does not report what it attends to"),
    "big_bird": (
        {"attention_type": "block_sparse"},
        "it swaps its attention for another kind when a text is short, and keeps that",
    ),
    "xlnet": (
        {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
        "its layers take the positions of a batch first and its texts second, and its head reads"
        " the last position of a batch. So the padding must stand before a text, but attnaudit puts"
        " it behind",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_architecture_that_cannot_be_done_says_why(refusal, kind):
    changes, reason = REFUSED[kind]
    said = refusal(kind, **changes)
    assert said.removeprefix("x: ").split(":")[0].endswith("ForSequenceClassification")
    assert reason in said


def test_no_seam_at_all(refusal):
    said = refusal("fnet")
    assert "its attention does not go through the attention interface of transformers, and" in said
    assert said.endswith("; wrap it as package.module:factory")


def test_attention_sinks(refusal):
    said = refusal(
        "gpt_oss",
        num_key_value_heads=2,
        head_dim=8,
        num_local_experts=2,
        num_experts_per_tok=1,
    )
    assert "it does more than weigh and average (position biases, attention sinks or" in said


def test_example_texts_of_a_small_vocabulary():
    frame = Frame((0,), (), (1,))
    batch = example_batch(Pieces({"a": 0, "b": 1, "c": 2}, frame, frame, 1, 1))
    assert batch.ids.tolist() == [[0, *[2] * 9, 1], [0, *[2] * 5, 1, *[1] * 4]]
    assert batch.mask.sum(1).tolist() == [11, 7]


# --- weights that are not those of the configuration ----------------------------------------------


def test_a_configuration_of_fewer_layers_than_there_are(write_pretrained, tmp_path, complaint):
    folder = write_pretrained(tmp_path / "m", head=2, num_hidden_layers=3)
    edit(folder, num_hidden_layers=2)
    said = complaint(folder)
    assert said.startswith("contains 16 weights that do not fit its config.json: bert.encoder.la")
    assert said.endswith("; put the config.json that belongs to these weights next to them")


def test_a_configuration_of_more_layers_than_there_are(write_pretrained, tmp_path, complaint):
    folder = write_pretrained(tmp_path / "m", head=2)
    edit(folder, num_hidden_layers=3)
    assert complaint(folder).startswith("has not all of its weights: bert.encoder.layer.2.")


def test_heads_that_the_sizes_contradict(write_pretrained, tmp_path, complaint):
    """Where keys and values have heads of their own; a BERT's weights do not tell its heads."""
    sizes = {"num_key_value_heads": 2, "num_attention_heads": 4}
    folder = write_pretrained(tmp_path / "m", "llama", head=2, framed=False, **sizes)
    edit(folder, num_key_value_heads=1)
    assert ".k_proj.weight" in complaint(folder)


def test_tables_of_old_versions_are_no_weights(write_pretrained, tmp_path):
    folder = write_pretrained(tmp_path / "m", head=2)
    weights = load_file(folder / "model.safetensors")
    weights["bert.embeddings.position_ids"] = torch.arange(64).unsqueeze(0)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert load_classifier(opened_at(folder)).anatomy.last == 1


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
