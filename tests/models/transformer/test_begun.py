"""What the audited layer begins with, and what follows if that is other states."""

from __future__ import annotations

import pytest
import torch

from attnaudit.models.interface import agree
from attnaudit.models.transformer.encoder_decoder import EncoderDecoder

from .conftest import KINDS, text_batch

SOME = ("bert", "albert", "distilbert", "gpt2", "gemma2", "deberta-v2", "bloom")


@pytest.mark.parametrize("kind", [kind for kind in SOME if kind in KINDS])
@torch.no_grad()
def test_its_own_states_give_what_encode_gives(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(12, 7)
    whole, states = model.encode(batch), model.begun(batch)
    again = model.encode_begun(batch, states)
    alpha = model.attend(whole)
    assert agree(model.attend(again), alpha)
    weights = alpha.unsqueeze(1)
    assert agree(model.read(again, weights), model.read(whole, weights))
    assert torch.equal(again.content, whole.content)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_gradients_flow_from_the_answer_to_the_state_of_the_row(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(9)
    states = model.begun(batch).detach().requires_grad_()
    encoded = model.encode_begun(batch, states)
    said = model.read(encoded, model.attend(encoded).unsqueeze(1))
    (slope,) = torch.autograd.grad(said[0, 0, 1], states)
    row = int(model.audited_row(batch))
    assert float(slope[0, row].norm()) > 0
    moved = states.detach().clone()
    moved[0, row] += 1e-3 * slope[0, row] / slope[0, row].norm()
    with torch.no_grad():
        other = model.encode_begun(batch, moved)
        after = model.read(other, model.attend(other).unsqueeze(1))
    gain = float(after[0, 0, 1] - said[0, 0, 1].detach())
    assert gain == pytest.approx(1e-3 * float(slope[0, row].norm()), rel=0.05)


@pytest.mark.parametrize("kind", ["bert", "gemma2"])
@torch.no_grad()
def test_the_table_holds_what_embed_looks_up(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(9)
    assert torch.equal(model.embedding_table()[batch.ids], model.embed(batch))


def test_a_decoder_with_an_encoder_has_no_one_state():
    assert EncoderDecoder.begun(None, text_batch(9)) is None
