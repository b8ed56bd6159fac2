"""The repairs of a recipe on transformers: which states they take, and which models have none."""

from __future__ import annotations

import copy

import pytest
import torch

from attnaudit.errors import InputError
from attnaudit.models.repairs import added_losses, check_repairs
from attnaudit.models.schedule import FineTuning
from attnaudit.models.states import conicity
from attnaudit.models.transformer.encoder_decoder import EncoderDecoder

from .conftest import text_batch

LENGTHS = (12, 5, 9)
KINDS = ["bert", "distilbert", "gpt2", "llama", "deberta-v2"]


def added(model, batch, **weights):
    schedule = FineTuning(**weights)
    check_repairs(schedule, model, batch)
    return added_losses(schedule, model, batch, model.encode(batch))


@pytest.mark.parametrize("kind", KINDS)
def test_the_states_are_what_the_last_layer_begins_with(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(*LENGTHS)
    states = model.states(model.encode(batch))
    inputs = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
    hidden = model.network(**inputs, output_hidden_states=True).hidden_states
    for b, n in enumerate(LENGTHS):
        torch.testing.assert_close(states[b, :n], hidden[2][b, :n], rtol=1e-4, atol=1e-4)
    with torch.no_grad(), pytest.raises(ValueError, match="kept where gradients"):
        model.states(model.encode(batch))  # audits do not need them


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_added(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(*LENGTHS)
    encoded = model.encode(batch)
    table = model.network.get_input_embeddings().weight
    states = model.states(encoded)
    far = [
        torch.stack([(states[b, t] - table[batch.ids[b, t]]).norm() for t in range(1, n - 1)])
        for b, n in enumerate(LENGTHS)
    ]
    expected = 0.5 * torch.stack([each.mean() for each in far])
    torch.testing.assert_close(added(model, batch, tying=0.5), expected)
    cones = conicity(model.values(encoded).vectors, encoded.content)
    torch.testing.assert_close(added(model, batch, conicity=2.0), 2 * cones)


def test_hidden_words_are_hidden_by_the_mask_token(make_classifier, monkeypatch):
    model = copy.copy(make_classifier("bert"))
    model.mask_token = 4
    batch = text_batch(*LENGTHS)
    drawn = torch.ones(batch.ids.shape)
    drawn[0, 3], drawn[2, 1] = 0, 0
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: drawn)
    ids = batch.ids.clone()
    ids[0, 3] = ids[2, 1] = 4
    inputs = {"input_ids": ids, "attention_mask": batch.mask.long()}
    states = model.network(**inputs, output_hidden_states=True).hidden_states[2]
    guesses = (states @ model.network.get_input_embeddings().weight.T).log_softmax(-1)
    expected = [-guesses[0, 3, batch.ids[0, 3]], torch.tensor(0.0), -guesses[2, 1, batch.ids[2, 1]]]
    found = added(model, batch, masked_words=1.0)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-4, atol=1e-4)


def test_fine_tuning_on_a_repair_lowers_it(make_classifier):
    batch = text_batch(*LENGTHS)
    for name in ("conicity", "tying"):
        model = copy.deepcopy(make_classifier("bert")).requires_grad_(True)
        steps = torch.optim.Adam(model.parameters(), lr=3e-3)
        before = added(model, batch, **{name: 1.0}).mean().item()
        for _ in range(15):
            steps.zero_grad()
            added(model, batch, **{name: 1.0}).mean().backward()
            steps.step()
        assert added(model, batch, **{name: 1.0}).mean().item() < 0.9 * before


def test_models_whose_states_and_embeddings_differ_in_size(make_classifier):
    with pytest.raises(InputError, match="a state has 32 numbers and an embedding 16"):
        added(make_classifier("albert"), text_batch(*LENGTHS), tying=1.0)
    assert added(make_classifier("albert"), text_batch(*LENGTHS), conicity=1.0).shape == (3,)


def test_encoder_decoders_are_not_tied(make_network):
    model = EncoderDecoder(make_network("bart"), text_batch(9, 6))
    for name in ("tying", "masked_words"):
        with pytest.raises(InputError, match="does not show a state for each word"):
            added(model, text_batch(*LENGTHS), **{name: 1.0})
    assert added(model, text_batch(*LENGTHS), conicity=1.0).shape == (3,)
