from __future__ import annotations

import pytest
import torch

from .conftest import DECODERS, KINDS, config_of, text_batch


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_the_last_layer_is_what_the_audit_sees(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(12, 7)
    layers = model.trace(batch)
    assert len(layers) == len(model.anatomy.blocks) == 3
    encoded = model.encode(batch)
    rows = batch.mask.sum(1) - 1 if kind in DECODERS else torch.zeros(2, dtype=torch.long)
    each = torch.arange(2)
    last = layers[-1]
    assert torch.allclose(last.alpha[each, :, rows], model.attend(encoded), atol=1e-6)
    values = model.values(encoded)
    real = batch.mask[:, None, :, None]  # what a model makes of padding is its own affair
    assert torch.allclose(last.values * real, values.vectors * real, atol=1e-6)
    assert torch.allclose(last.states[each, rows], values.residual, atol=1e-6)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
@torch.no_grad()
def test_it_is_what_transformers_itself_gives(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(12, 7)
    layers = model.trace(batch)
    network = type(model.network)(config_of(kind, attn_implementation="eager")).eval()
    network.load_state_dict(model.network.state_dict())
    asked = {"output_attentions": True, "output_hidden_states": True}
    given = network(input_ids=batch.ids, attention_mask=batch.mask.long(), **asked)
    real = batch.mask[:, None, :, None]
    for layer, alpha, states in zip(layers, given.attentions, given.hidden_states, strict=False):
        assert torch.allclose(layer.alpha * real, alpha * real, atol=1e-5)
        assert torch.allclose(layer.states[batch.mask], states[batch.mask], atol=1e-5)
