from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydantic
import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.models.classic.classifier import PairClassifier, Recipe, TextClassifier

combinations = pytest.mark.parametrize(
    ("encoder", "paired"), [(e, p) for e in ("bilstm", "cnn", "average") for p in (False, True)]
)


def close(a, b, atol=1e-12):
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


def numpy(tensor):
    return tensor.detach().numpy()


@pytest.fixture
def paper(make_model, vocabulary):
    """States chosen by hand: w0 is (1/2, 0, 0, 0) and w1 (0, 1/2, 0, 0); <SOS>, <EOS> all ones."""
    model = make_model("average", "dot", embedding=4, hidden=4)
    half = torch.atanh(torch.tensor(0.5, dtype=torch.float64))
    with torch.no_grad():
        model.encoder.projection.weight.copy_(torch.eye(4))
        model.encoder.projection.bias.zero_()
        model.embedding.weight.fill_(20.0)  # tanh: 1
        for word, place in (("w0", 0), ("w1", 1)):
            (i,) = vocabulary.ids([word])
            model.embedding.weight[i] = 0
            model.embedding.weight[i, place] = half
        model.attention.query.weight.zero_()
        model.attention.query.weight[0, 0] = 4 * np.log(3)  # score of w0: 4 ln 3 / 2 / sqrt(4)
        model.output.weight.copy_(torch.tensor([[1.0, 2.0, 0.0, 0.0]]))
        model.output.bias.fill_(0.25)
    return model


def test_a_model_worked_out_on_paper(paper, make_instance, vocabulary):
    batch = collate([make_instance(["w0", "w1"])], vocabulary, boundaries=True)
    encoded = paper.encode(batch)
    alpha = paper.attend(encoded)
    close(alpha, torch.tensor([[[0, 0.75, 0.25, 0]]]).double())
    # 3/4 * 1/2 * 1 + 1/4 * 1/2 * 2 + 1/4
    close(paper(batch), torch.tensor([[0, 0.875]]).double())
    logits, bias = paper.token_logits(encoded)
    close(logits[0, :, 1], torch.tensor([3, 0.5, 1, 3]).double())
    close(bias, torch.tensor([0, 0.25]).double())
    flat = torch.tensor([[[[0, 0.5, 0.5, 0]], [[0, 0, 1, 0]], [[0, 0, 0, 0]]]]).double()
    close(paper.read(encoded, flat)[0, :, 1], torch.tensor([1, 1.25, 0.25]).double())


def test_the_pair_head_is_the_formula_in_the_docstring(make_model, make_batch):
    model = make_model("bilstm", "additive", classes=3, paired=True)
    batch = make_batch([4, 2], paired=True)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    p = {name: numpy(w) for name, w in model.named_parameters()}
    assert p["text_projection.weight"].shape == (4, 8)  # M/2, M
    for b in range(2):
        context = numpy(alpha)[b, 0] @ numpy(encoded.states)[b]
        inner = p["text_projection.weight"] @ context + p["text_projection.bias"]
        inner += p["query_projection.weight"] @ numpy(encoded.query)[b]
        inner += p["query_projection.bias"]
        expected = p["output.weight"] @ np.tanh(inner) + p["output.bias"]
        np.testing.assert_allclose(numpy(model(batch))[b], expected, rtol=0, atol=1e-14)


def test_the_query_has_an_embedding_and_an_encoder_of_its_own(make_model, make_batch):
    model = make_model("bilstm", paired=True)
    batch = make_batch([4, 2], paired=True)
    states = model.query_encoder(model.query_embedding(batch.query_ids), batch.query_mask)
    close(model.encode(batch).query, model.query_encoder.summary(states, batch.query_mask))
    before = model.encode(batch).states
    with torch.no_grad():
        for part in (model.query_embedding, model.query_encoder):
            for weight in part.parameters():
                weight.add_(1)
    close(model.encode(batch).states, before, atol=0)


@pytest.mark.parametrize("attention", ["additive", "dot"])
def test_the_query_steers_the_attention_of_a_pair(make_model, make_batch, attention):
    model = make_model("average", attention, paired=True)
    batch = make_batch([4, 4], paired=True)
    turned = replace(batch, query_ids=batch.query_ids.flip(0), query_mask=batch.query_mask.flip(0))
    moved = model.attend(model.encode(batch)) - model.attend(model.encode(turned))
    assert moved.abs().max() > 1e-5


@combinations
def test_attention_leaves_specials_and_padding_alone(make_model, make_batch, encoder, paired):
    model = make_model(encoder, paired=paired)
    batch = make_batch([3, 6], paired=paired)
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    assert torch.equal(encoded.content, batch.content)
    assert torch.equal(encoded.attendable, batch.content)
    assert (alpha[:, 0] > 0).equal(batch.content)
    close(alpha.sum(-1), torch.ones(2, 1).double())


@pytest.mark.parametrize("paired", [False, True])
def test_a_binary_model_answers_zero_and_z(make_model, make_batch, paired):
    model = make_model(paired=paired)
    logits = model(make_batch([3, 6, 4], paired=paired))
    assert torch.equal(logits[:, 0], torch.zeros(3).double())
    assert model.output.out_features == 1
    assert make_model(classes=3, paired=paired).output.out_features == 3


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("encoder", ["bilstm", "cnn", "average"])
def test_the_readout_of_single_texts_is_linear(make_model, make_batch, encoder, classes):
    model = make_model(encoder, classes=classes)
    encoded = model.encode(make_batch([3, 6]))
    generator = torch.Generator().manual_seed(0)
    alpha = torch.randn(2, 4, 1, 8, generator=generator, dtype=torch.float64)
    alpha[:, 0] = 0
    logits, bias = model.token_logits(encoded)
    assert logits.shape == (2, 8, classes)
    assert bias.shape == (classes,)
    close(model.read(encoded, alpha), alpha[:, :, 0] @ logits + bias)


@pytest.mark.parametrize("paired", [False, True])
def test_values_are_what_the_weights_average(make_model, make_batch, paired):
    model = make_model("cnn", classes=3, paired=paired)
    encoded = model.encode(make_batch([3, 6], paired=paired))
    alpha = model.attend(encoded)
    values = model.values(encoded)
    mixed = torch.einsum("bht,bhtd,hdo->bo", alpha, values.vectors, values.output)
    if paired:
        inner = mixed + model.text_projection.bias + model.query_projection(encoded.query)
        logits = model.output(inner.tanh())
    else:
        logits = mixed + model.output.bias
    close(logits, model.read(encoded, alpha.unsqueeze(1))[:, 0])


@pytest.mark.parametrize("attention", ["additive", "dot"])
@pytest.mark.parametrize("paired", [False, True])
def test_keys_are_what_the_weights_are_the_softmax_of(make_model, make_batch, attention, paired):
    model = make_model("bilstm", attention, paired=paired)
    encoded = model.encode(make_batch([3, 6], paired=paired))
    keys = model.keys(encoded)
    assert keys.vectors.shape[:3] == (2, 1, encoded.attendable.shape[1])
    scores = torch.einsum("bhtk,bhk->bht", keys.vectors, keys.query)
    weights = scores.masked_fill(~encoded.attendable.unsqueeze(1), -torch.inf).softmax(-1)
    close(weights, model.attend(encoded))


def test_uniform_weights_come_from_no_keys(make_model, make_batch):
    model = make_model("average", "uniform")
    assert model.keys(model.encode(make_batch([3, 6]))) is None


@combinations
@pytest.mark.parametrize("attention", ["additive", "dot", "uniform"])
@pytest.mark.parametrize(("first", "last"), [(0, 5), (0, 1), (1, 4), (4, 5)])
def test_encode_deletions_is_encoding_each_shorter_text(
    make_model, make_instances, vocabulary, encoder, paired, attention, first, last
):
    model = make_model(encoder, attention, paired=paired)
    texts = make_instances([5, 5, 5], paired=paired)
    with torch.no_grad():
        batch = collate(texts, vocabulary, boundaries=True)
        together = model.encode_deletions(batch, first, last)
        attention = model.attend(together)
        answers = model.read(together, attention.unsqueeze(1))
        pairs = [(text, t) for text in texts for t in range(first, last)]
        assert len(attention) == len(pairs)
        for row, (text, t) in enumerate(pairs):
            tokens = text.tokens[:t] + text.tokens[t + 1 :]
            shorter = replace(text, tokens=tokens, words=tuple(range(4)))
            alone = model.encode(collate([shorter], vocabulary, boundaries=True))
            assert together.content[row].all()  # <SOS> and <EOS> are left out
            assert together.attendable[row].all()
            alpha = model.attend(alone)
            close(attention[row], alpha[:, :, alone.content[0]][0])
            close(answers[row], model.read(alone, alpha.unsqueeze(1))[0])


@combinations
def test_encode_locally_encodes_the_same(make_model, make_batch, encoder, paired):
    model = make_model(encoder, paired=paired)
    batch = make_batch([3, 6, 2], paired=paired)
    embeddings = model.embed(batch)
    local, plain = model.encode_locally(batch, embeddings), model.encode(batch)
    close(local.states, plain.states)
    assert torch.equal(local.content, plain.content)
    alpha = model.attend(plain).unsqueeze(1)
    close(model.read(local, alpha), model.read(plain, alpha))


@combinations
def test_the_seed_fixes_the_weights_and_moves_no_generator(make_model, encoder, paired):
    model = make_model(encoder, paired=paired, seed=7, dtype=torch.float32)
    torch.manual_seed(123)
    expected = torch.rand(3)
    torch.manual_seed(123)
    again, other = model.fresh(7), model.fresh(8)
    assert torch.equal(torch.rand(3), expected)
    assert again is not model
    assert type(again) is type(model) is (PairClassifier if paired else TextClassifier)
    for name, weight in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)
    assert not torch.equal(other.output.weight, model.output.weight)
    assert not torch.equal(other.embedding.weight, model.embedding.weight)


def test_a_cnn_needs_a_width_that_its_kernels_can_share():
    assert Recipe(encoder="average", hidden=10).hidden == 10
    with pytest.raises(pydantic.ValidationError, match="hidden 10 is not a multiple of 4"):
        Recipe(encoder="cnn", hidden=10)
