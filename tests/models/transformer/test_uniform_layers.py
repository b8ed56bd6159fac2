"""All layers' attention spread evenly over the content, of tiny random models."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from attnaudit.data.batch import OUTSIDE, Batch
from attnaudit.models.interface import agree
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.interception import Call
from attnaudit.models.transformer.products import Product

PAD, WORDS = 1, 40
SIZES = {
    "vocab_size": WORDS,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_labels": 3,
    "pad_token_id": PAD,
    "max_position_embeddings": 32,
}
KINDS = {
    "bert": {},
    "gpt_neox": {},  # causal
    "mistral": {"sliding_window": 4, "num_key_value_heads": 1, "head_dim": 8},
    # Not on the attention interface of transformers.
    "mpnet": {},
    "bloom": {},
    "gpt_neo": {
        "attention_types": [[["local"], 2]],
        "window_size": 4,
        "num_heads": 2,
    },
}
LAYERS = {"gpt_neo": "num_layers"}


def batch_of(*lengths: int) -> Batch:
    """Texts between two specials."""
    generator = torch.Generator().manual_seed(0)
    width = max(lengths)
    ids = torch.full((len(lengths), width), PAD)
    words = torch.full(ids.shape, OUTSIDE)
    mask = torch.zeros(ids.shape, dtype=torch.bool)
    for b, n in enumerate(lengths):
        ids[b, :n] = torch.randint(4, WORDS, (n,), generator=generator)
        ids[b, 0], ids[b, n - 1] = 2, 3
        words[b, 1 : n - 1] = torch.arange(n - 2)
        mask[b, :n] = True
    rows = torch.arange(len(lengths))
    return Batch(ids, mask, words, torch.zeros_like(rows), rows, pad=PAD)


@pytest.fixture
def build():
    def make(kind="bert", layers=2):
        torch.manual_seed(0)
        sizes = {**SIZES, **KINDS[kind], LAYERS.get(kind, "num_hidden_layers"): layers}
        config = AutoConfig.for_model(kind, **sizes)
        config.use_cache = False
        config._attn_implementation = "eager"
        network = AutoModelForSequenceClassification.from_config(config)
        for weights in network.parameters():
            weights.data.add_(torch.randn_like(weights) * 0.3)
        return TransformerClassifier(network.double(), batch_of(9, 6)).requires_grad_(False)

    return make


@pytest.mark.parametrize("kind", ["bert", "gpt_neox", "mpnet", "bloom"])
def test_one_layer_is_a_reading_of_uniform_weights(build, kind):
    model, batch = build(kind, layers=1), batch_of(12, 7, 5)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)  # (B, H, T)
    content = encoded.content.unsqueeze(1)
    mass = (alpha * content).sum(-1, keepdim=True)
    even = torch.where(content, mass / content.sum(-1, keepdim=True), alpha)
    uniform = model.uniform_layers(batch)
    torch.testing.assert_close(uniform, model.read(encoded, even.unsqueeze(1))[:, 0])
    assert not agree(uniform, model(batch))


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(build, kind):
    model, batch = build(kind), batch_of(12, 5, 8)
    together = model.uniform_layers(batch)
    for b in range(3):
        alone = model.uniform_layers(batch.select(torch.tensor([b])))
        torch.testing.assert_close(alone[0], together[b])


@pytest.mark.parametrize(("kind", "query"), [("bert", ".query."), ("mpnet", ".q.")])
def test_attention_that_is_uniform_stays(build, kind, query):
    model, batch = build(kind, layers=3), batch_of(12, 5)
    for name, weights in model.named_parameters():
        if query in name or "relative_attention_bias" in name:
            weights.zero_()  # all scores alike
    torch.testing.assert_close(model.uniform_layers(batch), model(batch))


@pytest.mark.parametrize(("kind", "call"), [("mistral", Call), ("gpt_neo", Product)])
def test_only_the_content_that_a_row_reaches_is_spread(build, monkeypatch, kind, call):
    model, batch = build(kind), batch_of(12, 7)
    averaged, output = [], call.output  # the weights of each layer, before and after

    def watched(call, weights):
        averaged.append((call.weights(), weights))
        return output(call, weights)

    monkeypatch.setattr(call, "output", watched)
    model.uniform_layers(batch)
    assert len(averaged) == 2
    for before, after in averaged:
        for b, q in ((0, 0), (0, 3), (0, 11), (1, 2), (1, 6)):
            reached = [t for t in range(q + 1) if t > q - 4]
            content = [t for t in reached if batch.content[b, t]]
            held = [t for t in range(12) if t not in content]
            assert torch.equal(after[b, :, q, held], before[b, :, q, held])
            if content:
                mean = before[b, :, q, content].mean(-1, keepdim=True)
                torch.testing.assert_close(after[b, :, q, content], mean.expand(-1, len(content)))
        torch.testing.assert_close(after.sum(-1), before.sum(-1))


def test_the_model_answers_as_before_afterwards(build):
    model, batch = build(), batch_of(9, 4)
    before = model(batch)
    moved = model.uniform_layers(batch)
    assert torch.equal(model(batch), before)
    assert not agree(moved, before)


def test_text_without_content_is_left_alone(build):
    model, batch = build(), batch_of(6, 2)
    torch.testing.assert_close(model.uniform_layers(batch)[1], model(batch)[1])


def test_the_heads_of_the_audited_attention_are_counted(build):
    model, batch = build("mistral"), batch_of(5)
    assert model.anatomy.heads == model.attend(model.encode(batch)).shape[1] == 2
