from __future__ import annotations

import pytest
import torch
from torch import nn

from attnaudit.errors import ModelError
from attnaudit.models import gradient_law
from attnaudit.models.gradient_law import check_gradients
from attnaudit.models.interface import check_laws
from attnaudit.models.transformer.classifier import TransformerClassifier

from .conftest import KINDS, text_batch


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_keep_it(make_classifier, kind):
    check_gradients(make_classifier(kind), text_batch(3, 7, 5, 12))


@pytest.mark.parametrize("widest", [0, gradient_law.WIDEST])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_it(make_network, monkeypatch, dtype, widest):
    monkeypatch.setattr(gradient_law, "WIDEST", widest)
    for kind in ("bert", "gpt2", "deberta-v3"):
        model = TransformerClassifier(make_network(kind).to(dtype), text_batch(9, 6))
        check_gradients(model, text_batch(3, 7, 5, 12))
        assert {p.dtype for p in model.parameters()} == {dtype}


def test_a_library_that_patches_a_layer_of_transformers_is_found(make_classifier, monkeypatch):
    """As lxt does: the same answers, and in backward passes the norm counts as a constant."""
    model, batch = make_classifier("bert"), text_batch(3, 7, 5, 12)
    check_gradients(model, batch)

    def forward(self, states):
        mean = states.mean(-1, keepdim=True)
        spread = ((states - mean).square().mean(-1, keepdim=True) + self.eps).sqrt().detach()
        return (states - mean) / spread * self.weight + self.bias

    monkeypatch.setattr(nn.LayerNorm, "forward", forward)
    check_laws(model, batch, 3)
    with pytest.raises(ModelError, match="compared with small steps of the input"):
        check_gradients(model, batch)


def test_casting_leaves_every_bit_and_tied_weights_as_they_were(make_network):
    model = TransformerClassifier(make_network("bert", "ours"), text_batch(9, 6))
    model.tied = model.network.bert.encoder.layer[0].output.dense.weight
    before = {name: (p.data_ptr(), p.clone()) for name, p in model.state_dict().items()}
    with gradient_law._in_float64(model):
        assert {p.dtype for p in model.parameters()} == {torch.float64}
        assert model.tied is model.network.bert.encoder.layer[0].output.dense.weight
    for name, weight in model.state_dict().items():
        assert weight.data_ptr() == before[name][0]
        assert torch.equal(weight, before[name][1])
