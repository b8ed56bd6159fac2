from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from attnaudit.errors import ModelError
from attnaudit.models.guided import Guided, uniform
from attnaudit.models.interface import check_laws
from attnaudit.models.probes import FEATURES, Blindfolded, features


def leaning(batch):
    """Weights that grow from word to word."""
    weights = batch.content.cumsum(1) * batch.content.float()
    return weights / weights.sum(1, keepdim=True)


@pytest.fixture
def probe(make_model):
    return make_model("average", dtype=torch.float32)


@pytest.fixture
def make_blind(probe):
    return lambda guide: Blindfolded(probe, guide, 6).eval()


def other_words(batch):
    """The same places and lengths, other words: ids of content permuted among all words."""
    ids = torch.where(batch.content, 4 + (batch.ids * 7 + 3) % 30, batch.ids)
    assert not torch.equal(ids, batch.ids)
    return replace(batch, ids=ids)


def test_no_word_is_seen(make_blind, make_batch, probe):
    batch = make_batch([3, 6, 9])
    blind = make_blind(leaning)
    assert torch.equal(blind(batch), blind(other_words(batch)))
    sees = Guided(probe, leaning)
    assert not torch.allclose(sees(batch), sees(other_words(batch)))


def test_weights_are_seen(make_blind, make_batch):
    batch = make_batch([3, 6, 9])
    assert not torch.allclose(make_blind(leaning)(batch), make_blind(uniform)(batch))


def test_the_length_is_seen(make_blind, make_batch):
    first, second = make_blind(uniform)(make_batch([4, 12]))
    assert not torch.allclose(first, second)


def test_the_texts_of_a_batch_do_not_matter(make_blind, make_batch):
    blind, batch = make_blind(leaning), make_batch([3, 6, 9])
    for row in range(3):
        alone = batch.select(torch.tensor([row]))
        assert torch.allclose(blind(alone), blind(batch)[row], atol=1e-6)


def test_two_blindfolds_are_the_same(make_blind, make_batch):
    """A view is made anew for every batch."""
    batch = make_batch([3, 6])
    assert torch.equal(make_blind(leaning)(batch), make_blind(leaning)(batch))


def test_of_a_pair_the_query_is_seen(make_model, make_batch):
    inner = make_model("average", paired=True, dtype=torch.float32)
    blind, batch = Blindfolded(inner, uniform, 6), make_batch([3, 6], paired=True)
    assert torch.equal(blind(batch), blind(other_words(batch)))
    asked = replace(batch, query_ids=4 + (batch.query_ids + 5) % 30)
    assert not torch.allclose(blind(batch), blind(asked))


def test_what_is_learned_is_not_words(make_blind, make_batch, probe):
    make_blind(leaning)(make_batch([3, 6])).sum().backward()
    assert probe.embedding.weight.grad is None
    assert probe.output.weight.grad is not None
    assert all(p.grad is None for p in probe.attention.parameters())


def test_a_blindfold_breaks_the_law_that_words_matter(make_blind, make_batch):
    with pytest.raises(ModelError, match="depends on the embeddings"):
        check_laws(make_blind(leaning), make_batch([3, 6]), 2)


def test_features_by_hand(make_batch):
    batch = make_batch([2, 4])
    found = features(batch.content, leaning(batch))
    assert found.shape == (2, 6, FEATURES)
    assert not found[~batch.content].any()
    third = found[1, 3]  # of four words: weight .3, one word behind it, two before
    assert third.tolist() == pytest.approx(
        [1.2, math.log(1.201), 0.5, 0.25, 1 / 3, 1 / 2, math.log(4) / 4]
    )
    assert found.isfinite().all()
