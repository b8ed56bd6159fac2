"""Controls of models whose answers without attention are known by hand."""

from __future__ import annotations

import math

import pytest
import torch

from attnaudit.models.interface import Values
from attnaudit.questions.seed_baseline.asked import controls

# Log weights of two heads, and z; the second text answers class 0.
TEXTS = [[(0.0, 1.0, 2.0), (0.0, 3.0, 1.0)], [(0.0, 0.0, -4.0)], [(1.0, 1.0, 0.0)] * 3]


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def answers_of(texts, bias):
    """P(class 1) of the model, and without any content: its bias alone."""
    for text in texts:
        z = bias
        for head in (0, 1):
            weights = [math.exp(token[head]) for token in text]
            total = sum(weights)
            z += sum(w / total * token[2] for w, token in zip(weights, text, strict=True))
        yield sigmoid(z), sigmoid(bias)


def controlled(summing, known_of, linear=False, bias=0.5, prepare=lambda model: None):
    model, batches = summing(TEXTS, bias=bias, linear=linear)
    prepare(model)
    known = known_of(model, batches)
    return [made["controls"] for made in controls(model, known)]


def test_without_content_the_bias_answers(summing, known_of):
    made = controlled(summing, known_of)
    for record, (before, after) in zip(made, answers_of(TEXTS, 0.5), strict=True):
        assert record.keys() == {"bypassed", "erased"}
        assert record["bypassed"] is False  # the model does not say
        assert record["erased"]["tvd"] == pytest.approx(abs(before - after), abs=1e-6)
        assert record["erased"]["flips"] is ((before > 0.5) != (after > 0.5))
    assert [record["erased"]["flips"] for record in made] == [False, True, False]


def test_a_linear_readout_gives_the_same(summing, known_of):
    texts = [[(log, z) for log, _, z in text] for text in TEXTS]  # of one head
    made = []
    for linear in (False, True):
        model, batches = summing(texts, bias=0.5, linear=linear)
        made.append(
            [c["controls"]["erased"]["tvd"] for c in controls(model, known_of(model, batches))]
        )
    assert made[0] == pytest.approx(made[1])


def test_all_layers_where_the_model_can(summing, known_of):
    def prepare(model):
        model.uniform_layers = lambda batch: torch.tensor([[0.0, math.log(3)]]).expand(3, 2)

    made = controlled(summing, known_of, prepare=prepare)
    for record, (before, _) in zip(made, answers_of(TEXTS, 0.5), strict=True):
        assert record["uniform_layers"]["tvd"] == pytest.approx(abs(before - 0.75), abs=1e-6)
        assert record["uniform_layers"]["flips"] is (before < 0.5)


@pytest.mark.parametrize("residual", [None, torch.ones(3, 1)])
def test_what_passes_the_attention_by_is_what_the_model_says(summing, known_of, residual):
    def prepare(model):
        model.values = lambda encoded: Values(encoded.values.unsqueeze(1), None, residual)

    made = controlled(summing, known_of, prepare=prepare)
    assert [record["bypassed"] for record in made] == [residual is not None] * 3


def test_mass_outside_the_content_stays_where_it_was(summing, known_of):
    """The last of several words is taken from the content; it alone is read."""

    def prepare(model):
        encode = model.encode

        def framed(batch, embeddings=None):
            encoded = encode(batch, embeddings)
            last = torch.arange(batch.ids.shape[1]) == batch.mask.sum(1, keepdim=True) - 1
            last &= batch.mask.sum(1, keepdim=True) > 1
            return type(encoded)(encoded.attendable, encoded.content & ~last, encoded.values)

        model.encode = framed

    made = controlled(summing, known_of, bias=0.0, prepare=prepare)
    share = [1 / 2, math.exp(3) / (math.exp(3) + math.e)]  # of each head on the last word, z = 1
    z = sum(share)
    whole = z + sum((1 - s) * 2 for s in share)
    assert made[0]["erased"]["tvd"] == pytest.approx(sigmoid(whole) - sigmoid(z), abs=1e-6)


def test_nothing_carries_a_graph(summing, known_of):
    def prepare(model):
        model.scale = torch.nn.Parameter(torch.ones(1))
        model.uniform_layers = lambda batch: model.scale * torch.ones(3, 2)

    assert len(controlled(summing, known_of, prepare=prepare)) == 3
