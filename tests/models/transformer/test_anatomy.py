from __future__ import annotations

import pytest

from attnaudit.models.transformer.anatomy import rows_of, study
from attnaudit.models.transformer.seams import find_seam

from .conftest import DECODERS, KINDS, PAD, text_batch


def inputs_of(batch):
    return {"input_ids": batch.ids, "attention_mask": batch.mask.long()}


@pytest.fixture
def anatomy_of(make_network):
    def make(kind, **changes):
        network = make_network(kind, **changes)
        batch = text_batch(9, 6)
        seam = find_seam(network, inputs_of(batch))

        def run(batch):
            return network(input_ids=batch.ids, attention_mask=batch.mask.long()).logits

        return network, study(network, seam, run, batch, PAD)

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
    hooks = [h for m in network.modules() for h in (*m._forward_hooks.values(),)]
    hooks += [h for m in network.modules() for h in m._forward_pre_hooks.values()]
    assert not any(h.__module__.startswith("attnaudit") for h in hooks)  # some are transformers'


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


def test_a_head_that_pools_reads_every_row(anatomy_of):
    _, found = anatomy_of("modernbert", classifier_pooling="mean")
    assert found.row == "every"
    with pytest.raises(ValueError, match="no one row"):
        rows_of(found.row, text_batch(9, 6), PAD)


def test_a_layer_that_takes_something_else_is_no_output(make_network):
    """Such as one behind a gate: what it maps is not what the attention averages."""
    network, batch = make_network("bert"), text_batch(9, 6)
    dense = network.bert.encoder.layer[-1].attention.output
    own = dense.forward
    dense.forward = lambda states, *rest: own(2 * states, *rest)

    def run(batch):
        return network(input_ids=batch.ids, attention_mask=batch.mask.long()).logits

    assert study(network, find_seam(network, inputs_of(batch)), run, batch, PAD).output is None
