"""Words kept apart from the others: information flows from neither group to the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from attnaudit.errors import ModelError
from attnaudit.models.interface import agree
from attnaudit.models.transformer.classifier import out_of_sight
from attnaudit.models.transformer.encoder_decoder import EncoderDecoder

from .conftest import text_batch

KINDS = ("bert", "modernbert", "distilbert", "gpt2", "llama", "deberta-v3", "mpnet")


def barrier(batch):
    """The third and the sixth word."""
    return (batch.words == 2) | (batch.words == 5)


def test_groups_meet_in_one_row():
    marked = torch.tensor([[False, True, False, False]])
    hidden = out_of_sight(marked, torch.tensor([0]))[0]
    assert hidden.tolist() == [
        [False, False, False, False],
        [True, False, True, True],
        [True, True, False, False],
        [True, True, False, False],
    ]


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_what_stands_on_one_side_changes_no_state_on_the_other(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(12, 9)
    parted = model.parted(barrier)
    row = model.audited_row(batch)
    marked = barrier(batch)
    there = torch.arange(batch.ids.shape[1])[None] != row.unsqueeze(1)
    other = replace(batch, ids=torch.where(marked & there, (batch.ids + 7) % 40 + 4, batch.ids))
    before, after = (parted.begin(b, None, model.anatomy.last)[0] for b in (batch, other))
    mixed = [model.begin(b, None, model.anatomy.last)[0] for b in (batch, other)]
    rest = ~marked & there & batch.mask
    assert (before - after)[rest].abs().max() < 1e-6
    assert (mixed[0] - mixed[1])[rest].abs().max() > 1e-4
    assert not agree(parted(batch), parted(other))  # the row that is read sees both


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_reading_its_own_attention_gives_its_own_answer(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(12, 9)
    parted, plain = model.parted(barrier), model(batch)
    encoded = parted.encode(batch)
    read = parted.read(encoded, parted.attend(encoded).unsqueeze(1))[:, 0]
    assert agree(read, parted(batch))
    assert not agree(parted(batch), plain)
    assert torch.equal(model(batch), plain)  # as before


def test_a_network_that_mixes_words_otherwise_is_refused(make_classifier):
    with pytest.raises(ModelError, match="more than its attention"):
        make_classifier("deberta-v2").parted(barrier)  # which has a convolution


def test_an_encoder_decoder_has_none():
    assert EncoderDecoder.parted is None
