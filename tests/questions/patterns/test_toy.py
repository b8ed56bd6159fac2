"""A linear network: the influence along a path is a product of matrices."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from attnaudit.importance.path_passes import without_words
from attnaudit.models.transformer.paths import Paths
from attnaudit.questions.patterns.make.refining import Refinement

HEADS, SIZE = 3, 4


@pytest.fixture(scope="module")
def linear(tiny_bert):
    """A BERT with even attention, no norms and no feed-forward part."""
    model, vocabulary = tiny_bert(torch.float64, layers=2)
    bert = model.network.bert
    for layer in bert.encoder.layer:
        for part in (layer.attention.self.query, layer.attention.self.key, layer.output.dense):
            part.weight.zero_()
            part.bias.zero_()
        layer.attention.output.LayerNorm = layer.output.LayerNorm = nn.Identity()
    bert.embeddings.LayerNorm = bert.pooler.activation = nn.Identity()
    return model, vocabulary


def test_every_path_is_a_product(linear):
    from attnaudit.models.predict import Batches

    from ..identify.conftest import CPU, texts_of

    model, vocabulary = linear
    (batch,) = Batches(texts_of((3,)), vocabulary, False, CPU)
    baseline = without_words(model, batch)
    paths = Paths(model, batch, baseline, 1, 1, 4096)
    sources = batch.words == torch.arange(3).unsqueeze(1)
    refined = Refinement(paths, sources)
    network, tokens = model.network, paths.tokens
    asks = network.classifier.weight[1] - network.classifier.weight[0]
    asks = network.bert.pooler.dense.weight.T @ asks
    ways = []  # of each layer: each head, and past all heads
    for layer in network.bert.encoder.layer:
        value = layer.attention.self.value.weight.view(HEADS, SIZE, -1)
        output = layer.attention.output.dense.weight.view(-1, HEADS, SIZE)
        by_head = [output[:, h] @ value[h] / tokens for h in range(HEADS)]
        ways.append([*by_head, torch.eye(HEADS * SIZE, dtype=torch.float64)])
    come = (model.embed(batch) - baseline)[0]  # (T, D)
    row = paths.row

    def expected(begin, places, heads):
        moves, here = come[begin], begin
        for layer, (place, head) in enumerate(zip(places, heads, strict=True)):
            if head == HEADS and place != here:
                return 0.0
            moves, here = ways[layer][head] @ moves, place
        return float(asks @ moves)

    for word, place in itertools.product(range(3), range(tokens)):
        begin, places = word + 1, (place, row)  # [CLS] stands first
        options = list(itertools.product(range(HEADS + 1), repeat=2))
        alone = [expected(begin, places, heads) for heads in options]
        words = torch.full((len(options),), word)
        found = refined.positions(words, torch.tensor([places] * len(options)))
        assert float(found.influence[0]) == pytest.approx(sum(alone), abs=1e-12)
        through = refined.heads(words, found, torch.tensor(options))
        assert through.influence.tolist() == pytest.approx(alone, abs=1e-12)
    # It is linear: one point is exact, and the influences are the change of the answer.
    ends = paths.odds(torch.cat([model.embed(batch), baseline]))
    assert float(refined.whole.sum()) == pytest.approx(float(ends[0] - ends[1]), abs=1e-12)
