"""Heads that pool every row: found by watching them, audited at every row of the last layer."""

from __future__ import annotations

import pytest
import torch
from transformers import BertForSequenceClassification
from transformers.modeling_outputs import SequenceClassifierOutput

from attnaudit.errors import ModelError
from attnaudit.models.gradient_law import check_gradients
from attnaudit.models.interface import check_laws
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.questions.variants import permuted

from .conftest import text_batch
from .test_every_row import Eager, furthest

LENGTHS = (20, 12, 5)
GROUPED = {"num_key_value_heads": 2}
POOLING = {
    "modernbert mean": ("modernbert", {"classifier_pooling": "mean", "local_attention": 8}),
    "eurobert mean": ("eurobert", {"classifier_pooling": "mean", **GROUPED}),
    "eurobert late": ("eurobert", {"classifier_pooling": "late", **GROUPED}),
}


class Pooling(BertForSequenceClassification):
    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None, **rest):
        states = self.bert(input_ids, attention_mask, inputs_embeds=inputs_embeds)[0]
        return SequenceClassifierOutput(logits=self.classifier(self.pool(states, attention_mask)))


class LargestOfRows(Pooling):
    def pool(self, states, mask):
        return states.masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).amax(1)


class FirstTwoRows(Pooling):
    def pool(self, states, mask):
        return states[:, :2].mean(1)


@pytest.fixture(scope="module", params=POOLING)
def pooling(request, make_network):
    """A network whose head pools, by its kind and what it takes."""
    return POOLING[request.param]


def test_every_row_of_the_last_layer_is_audited(make_network, monkeypatch, pooling):
    kind, changes = pooling
    model = TransformerClassifier(make_network(kind, "ours", **changes), text_batch(9, 6))
    assert model.anatomy.row == "every"
    site, batch = model.at_layer(3), text_batch(*LENGTHS)
    check_laws(site, batch, 3)
    check_gradients(site, batch)
    encoded = site.encode(batch)
    alpha = site.attend(encoded)
    uniform = (encoded.reach / encoded.reach.sum(-1, keepdim=True).clamp_min(1)).unsqueeze(1)
    shuffled = permuted(alpha, encoded.entries, 1, ["a", "b", "c"], 0)[:, 0]
    variants = [alpha, uniform.expand_as(alpha), shuffled, torch.zeros_like(alpha)]
    ours = site.read(encoded, torch.stack(variants, dim=1))
    assert furthest(ours[:, 1], ours[:, 0]) > 1e-4
    eager = Eager(make_network(kind, **changes), 3, monkeypatch)
    for b, n in enumerate(LENGTHS):
        for v, weights in enumerate(variants):
            theirs = eager(batch.ids[b : b + 1, :n], weights[b : b + 1, :, :n, :n])
            assert furthest(ours[b, v], theirs[0]) <= 1e-5


def test_a_head_of_maxima_reads_every_row(make_network):
    """Its gradient is at the rows of the maxima alone."""
    network = make_network("bert", "ours", maker=LargestOfRows)
    model = TransformerClassifier(network, text_batch(9, 6))
    assert model.anatomy.row == "every"
    batch = text_batch(*LENGTHS)
    check_laws(model.at_layer(3), batch, 3)
    states = network.bert(batch.ids, attention_mask=batch.mask.long())[0].requires_grad_()
    network.classifier(network.pool(states, batch.mask.long())).sum().backward()
    assert not (states.grad.abs().sum(-1) > 0).all()


def test_heads_of_some_rows_are_refused(make_network):
    with pytest.raises(ModelError, match="reads some rows of its last layer, neither one nor all"):
        TransformerClassifier(make_network("bert", "ours", maker=FirstTwoRows), text_batch(9, 6))
