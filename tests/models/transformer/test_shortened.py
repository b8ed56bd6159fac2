"""Texts without some of their words, for transformers: against ids that never held them."""

from __future__ import annotations

import pytest
import torch

from attnaudit.data.batch import OUTSIDE, Batch
from attnaudit.models.interface import check_laws
from attnaudit.models.removal import Removal, Shortened

from .conftest import PAD, text_batch

LENGTHS = (14, 8, 5)  # with two specials each
GONE = ((1, 6), (5,), ())


def removal():
    lengths = torch.tensor(LENGTHS) - 2
    gone = torch.zeros(3, 12, dtype=torch.bool)
    for row, places in enumerate(GONE):
        gone[row, list(places)] = True
    reached = torch.arange(12) < lengths[:, None]
    return Removal(gone, reached, lengths, gone.sum(1).numpy())


def written_without(batch):
    """Each text by itself, of the ids that are left."""
    for row, places in enumerate(GONE):
        n = LENGTHS[row]
        left = [k for k in range(n) if k - 1 not in places]
        words = [k - 1 if 0 < k < n - 1 else OUTSIDE for k in left]
        ids = batch.ids[row, left][None]
        zero = torch.zeros(1, dtype=torch.long)
        yield left, Batch(ids, torch.ones_like(ids) > 0, torch.tensor([words]), zero, zero, pad=PAD)


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "gpt2", "llama"])
def test_it_answers_and_attends_as_to_texts_without_the_words(make_classifier, kind):
    inner, batch = make_classifier(kind), text_batch(*LENGTHS)
    model = Shortened(inner, removal()).eval()
    with torch.no_grad():
        said, encoded = model(batch), model.encode(batch)
        alpha = model.attend(encoded)
        assert (said[:2] - inner(batch)[:2]).abs().max() > 1e-3
        for row, (left, alone) in enumerate(written_without(batch)):
            torch.testing.assert_close(said[row], inner(alone)[0], atol=1e-5, rtol=1e-5)
            expected = inner.attend(inner.encode(alone))[0]
            torch.testing.assert_close(alpha[row][:, left], expected, atol=1e-5, rtol=1e-5)
            assert alpha[row].sum(-1) == pytest.approx(torch.ones(len(expected)), abs=1e-5)
    assert torch.equal(encoded.content, batch.content)
    check_laws(model, batch, 3)
