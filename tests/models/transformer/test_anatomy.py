from __future__ import annotations

import pytest

from attnaudit.errors import ModelError
from attnaudit.models.transformer.anatomy import study

from .conftest import DECODERS, KINDS, PAD, text_batch


@pytest.fixture
def anatomy_of(make_network):
    def make(kind, **changes):
        network = make_network(kind, "ours", **changes)
        batch = text_batch(9, 6)

        def run(batch):
            return network(input_ids=batch.ids, attention_mask=batch.mask.long()).logits

        return network, study(network, run, batch, PAD)

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_makes_one_call_in_its_block(anatomy_of, kind):
    network, found = anatomy_of(kind)
    assert len(found.blocks) == 3
    assert found.last == 2
    assert found.heads == 4
    assert found.row == ("last_not_pad" if kind in DECODERS else "first")
    assert len(set(found.blocks)) == (1 if kind == "albert" else 3)
    inside = set(found.blocks[-1].modules())
    assert found.output in inside
    assert found.inputs
    assert set(found.inputs) <= inside - {found.output}
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_bert(anatomy_of):
    network, found = anatomy_of("bert")
    layers = network.bert.encoder.layer
    assert list(found.blocks) == list(layers)
    own = layers[-1].attention
    assert found.output is own.output.dense
    assert found.inputs == (own.self.query, own.self.key, own.self.value)


def test_albert_uses_one_block_many_times(anatomy_of):
    _, found = anatomy_of("albert")
    attention = found.blocks[0].attention
    assert set(found.blocks) == {found.blocks[0]}
    assert found.output is attention.dense
    assert found.inputs == (attention.query, attention.key, attention.value)


def test_gpt2_projects_all_at_once(anatomy_of):
    network, found = anatomy_of("gpt2")
    own = network.transformer.h[-1].attn
    assert (found.output, found.inputs) == (own.c_proj, (own.c_attn,))


def test_mean_pooling_has_no_one_row(anatomy_of):
    said = "its classification head reads several rows of its last layer, so no single row"
    with pytest.raises(ModelError, match=said):
        anatomy_of("modernbert", classifier_pooling="mean")


@pytest.mark.parametrize("kind", ["mpnet", "deberta-v2", "roformer"])
def test_attention_that_others_cannot_answer(make_network, kind):
    network, batch = make_network(kind), text_batch(9, 6)
    with pytest.raises(ModelError, match="does not go through the attention interface of transf"):
        study(network, lambda batch: network(batch.ids).logits, batch, PAD)
