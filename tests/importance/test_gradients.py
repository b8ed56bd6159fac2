from __future__ import annotations

import numpy as np
import pytest
import torch

from attnaudit.data.batch import collate
from attnaudit.importance.gradient_passes import (
    attention_gradient,
    gradients,
    own_logit,
    signed_gradients,
)
from attnaudit.models.interface import masked_softmax
from tests.importance.conftest import Linear

ENCODERS = ("bilstm", "cnn", "average")
LENGTHS = (5, 2, 7, 5, 3)
STEP = 1e-6


def probability(model, batch, target, embeddings, alpha=None):
    encoded = model.encode(batch, embeddings)
    weights = model.attend(encoded) if alpha is None else alpha
    logits = model.read(encoded, weights.unsqueeze(1)).squeeze(1)
    return logits.softmax(-1).gather(1, target.unsqueeze(1)).squeeze(1)


def slope(function, embeddings, direction):
    with torch.no_grad():
        up, down = (function(embeddings + s * STEP * direction) for s in (1, -1))
    return (up - down) / (2 * STEP)


def along_words(function, batch, embeddings):
    """|d f / d s| where the embeddings of one word after another are scaled by s: (B, W)."""
    columns = []
    for word in range(int(batch.word_counts.max())):
        mine = (batch.words == word).unsqueeze(-1)
        columns.append(slope(function, embeddings, embeddings * mine).abs())
    return torch.stack(columns, dim=1)


def averaged(model, batch):
    """The Average encoder in numpy: embeddings, states, theta^T J_t (B, T, D), and p of class 1."""
    e = model.embedding.weight.numpy()[batch.ids.numpy()]
    w, b = (p.numpy() for p in model.encoder.projection.parameters())
    theta = model.output.weight.numpy()[0]
    h = np.tanh(e @ w.T + b)
    jacobian = (theta * (1 - h**2)) @ w
    alpha = model.attend(model.encode(batch))[:, 0].numpy()
    z = (alpha * (h @ theta)).sum(1) + model.output.bias.numpy()[0]
    return e, alpha, jacobian, 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("positive", [0, 1])
def test_average_encoder_in_closed_form(classic, instances, batch_of, positive):
    model, batch = classic("average"), batch_of(instances(LENGTHS))
    target = torch.full((len(batch),), positive)
    found = gradients(model, batch, target)
    e, alpha, jacobian, p = averaged(model, batch)
    factor = alpha * (p * (1 - p))[:, None]
    width = found["gradient"].shape[1]  # one token a word, <SOS> before the first
    inner = np.abs((jacobian * e).sum(-1))
    gradient = (factor * inner)[:, 1 : width + 1]
    norm = (factor * np.sqrt((jacobian**2).sum(-1)))[:, 1 : width + 1]
    content = batch.content.numpy()[:, 1 : width + 1]
    np.testing.assert_allclose(found["gradient"], gradient * content, atol=1e-12)
    np.testing.assert_allclose(found["gradient_l2"], norm * content, atol=1e-12)
    own = own_logit(model, batch, target)
    np.testing.assert_allclose(own, inner[:, 1 : width + 1] * content, atol=1e-12)


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_gradients_are_what_finite_differences_give(
    classic, instances, batch_of, encoder, paired, pieces
):
    classes = 3 if paired else 2
    model = classic(encoder, paired=paired, classes=classes)
    batch = batch_of(instances(LENGTHS, paired=paired, pieces=pieces, classes=classes))
    target = batch.labels
    embeddings = model.embed(batch).detach()
    held = model.attend(model.encode(batch))
    found = gradients(model, batch, target)
    detached = along_words(lambda e: probability(model, batch, target, e, held), batch, embeddings)
    flowing = along_words(lambda e: probability(model, batch, target, e), batch, embeddings)
    torch.testing.assert_close(found["gradient"], detached, atol=1e-8, rtol=1e-6)
    torch.testing.assert_close(found["gradient_flowing"], flowing, atol=1e-8, rtol=1e-6)
    assert not torch.allclose(detached, flowing, rtol=1e-3)


def test_the_sign_of_a_gradient_is_that_of_the_slope(classic, instances, batch_of):
    model, batch = classic("bilstm"), batch_of(instances(LENGTHS))
    held, embeddings = model.attend(model.encode(batch)), model.embed(batch).detach()
    found = signed_gradients(model, batch, batch.labels)
    for name, alpha in (("gradient", held), ("gradient_flowing", None)):
        for word in range(3):
            direction = embeddings * (batch.words == word).unsqueeze(-1)
            slopes = slope(
                lambda e, alpha=alpha: probability(model, batch, batch.labels, e, alpha),
                embeddings,
                direction,
            )
            torch.testing.assert_close(found[name][:, word], slopes, atol=1e-8, rtol=1e-6)
        assert (found[name] < 0).any()
        torch.testing.assert_close(found[name].abs(), gradients(model, batch, batch.labels)[name])


def test_l2_norm_is_what_finite_differences_give(classic, instances, batch_of):
    model, batch = classic("bilstm"), batch_of(instances(LENGTHS, pieces=True))
    embeddings = model.embed(batch).detach()
    held = model.attend(model.encode(batch))
    full = torch.zeros_like(embeddings)
    for t in range(embeddings.shape[1]):
        for d in range(embeddings.shape[2]):
            direction = torch.zeros_like(embeddings)
            direction[:, t, d] = 1
            full[:, t, d] = slope(
                lambda e: probability(model, batch, batch.labels, e, held), embeddings, direction
            )
    squares = [
        (full.square().sum(-1) * (batch.words == w)).sum(1)
        for w in range(int(batch.word_counts.max()))
    ]
    found = gradients(model, batch, batch.labels)["gradient_l2"]
    torch.testing.assert_close(found, torch.stack(squares, 1).sqrt(), atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_own_logit_is_what_finite_differences_give(
    classic, instances, batch_of, encoder, paired, classes
):
    """At the token's own embedding only; words of one token, so that tokens are words."""
    model = classic(encoder, paired=paired, classes=classes)
    batch = batch_of(instances(LENGTHS, paired=paired, classes=classes))
    embeddings = model.embed(batch).detach()
    width = embeddings.shape[1]
    found = own_logit(model, batch, batch.labels)
    for t in range(1, width - 1):
        one_hot = torch.zeros(len(batch), 1, width, dtype=embeddings.dtype)
        one_hot[:, 0, t] = 1

        def odds(e, one_hot=one_hot):
            p = probability(model, batch, batch.labels, e, one_hot)
            return p.log() - (1 - p).log()

        direction = torch.zeros_like(embeddings)
        direction[:, t] = embeddings[:, t]
        expected = slope(odds, embeddings, direction).abs() * batch.content[:, t]
        torch.testing.assert_close(found[:, t - 1], expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_own_logit_needs_no_capability(classic, instances, batch_of, encoder, paired, pieces):
    model = classic(encoder, paired=paired)
    batch = batch_of(instances(LENGTHS, paired=paired, pieces=pieces))
    quick = own_logit(model, batch, batch.labels)
    model.encode_locally = None
    torch.testing.assert_close(own_logit(model, batch, batch.labels), quick, atol=1e-10, rtol=0)
    model.token_logits = None
    torch.testing.assert_close(own_logit(model, batch, batch.labels), quick, atol=1e-10, rtol=0)
    assert quick.abs().max() > 0.01


class Positional(Linear):
    """Reads positions, not words: only the attention depends on the text."""

    def attend(self, encoded):
        return masked_softmax(encoded.values, encoded.attendable).unsqueeze(1)

    def read(self, encoded, alpha):
        place = torch.arange(alpha.shape[-1], dtype=alpha.dtype)
        z = (alpha[:, :, 0] * place).sum(-1)
        return torch.stack([torch.zeros_like(z), z], dim=-1)


def test_gradient_is_zero_where_attention_alone_reads_the_text(vocabulary, instances, batch_of):
    table = torch.randn(len(vocabulary), 4, dtype=torch.float64)
    model = Positional(torch.ones(4, dtype=torch.float64), table, 0.0)
    batch = batch_of(instances(LENGTHS))
    found = gradients(model, batch, batch.labels)
    assert found["gradient"].abs().max() == 0
    assert found["gradient_flowing"].abs().max() > 0
    assert own_logit(model, batch, batch.labels).abs().max() == 0


def scaled_weights(model, batch, target):
    """|d p / d s| where the weights of one word after another, in all heads, are scaled by s."""
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    columns = []
    for word in range(int(batch.word_counts.max())):
        mine = (batch.words == word).unsqueeze(1).to(alpha)
        up, down = (
            probability(model, batch, target, None, alpha * (1 + s * STEP * mine)) for s in (1, -1)
        )
        columns.append(((up - down) / (2 * STEP)).abs())
    return torch.stack(columns, dim=1)


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("encoder", [*ENCODERS, "bert"])
def test_attention_gradient_is_what_scaled_weights_give(
    classic, tiny_bert, instances, vocabulary, encoder, pieces
):
    model = classic(encoder, classes=3) if encoder != "bert" else None
    if model is None:
        model, vocabulary = tiny_bert(torch.float64, classes=3)
    some = instances(LENGTHS, pieces=pieces, classes=3)
    batch = collate(some, vocabulary, boundaries=True)
    found = attention_gradient(model, batch, batch.labels)
    with torch.no_grad():
        expected = scaled_weights(model, batch, batch.labels)
    torch.testing.assert_close(found, expected, atol=1e-8, rtol=1e-6)
    assert found.max() > 1e-3
    assert not found.requires_grad


def test_attention_gradient_of_a_linear_readout(linear, instances, batch_of):
    """p (1 - p) alpha_t z_t, in closed form."""
    batch = batch_of(instances(LENGTHS))
    encoded = linear.encode(batch)
    alpha = linear.attend(encoded)
    p = linear.read(encoded, alpha.unsqueeze(1)).softmax(-1)[:, 0, 1:]
    terms = encoded.values * alpha[:, 0]
    found = attention_gradient(linear, batch, torch.ones_like(batch.labels))
    torch.testing.assert_close(found, p * (1 - p) * batch.per_word(terms).abs())
