from __future__ import annotations

import pytest
import torch
from torch import nn

from .conftest import DECODERS, KINDS, text_batch

# Kinds whose attention is not simply added to the states before anything else happens: those that
# run the feed-forward layer beside it, that norm it first, or whose norm is of their own making.
NOT_ADDED = (
    *("gpt_neox", "gptj", "falcon", "falcon-alibi", "falcon-grouped", "gemma2", "gemma3_text"),
    "deberta",
)
PRE_NORM = ("modernbert", "megatron-bert", *(kind for kind in DECODERS if kind != "openai-gpt"))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_the_sum_is_what_the_next_module_is_given(make_classifier, kind):
    """Of post-norm kinds what the norm gives is, in closed form, what the hook sees."""
    model, batch = make_classifier(kind), text_batch(12, 7)
    joins = model.joins()
    assert len(joins) == len(model.anatomy.blocks)
    if kind in NOT_ADDED:
        assert joins == (None,) * 3
        return
    assert all(joined is not None for joined in joins)
    assert all((joined.norm is None) == (kind in PRE_NORM) for joined in joins)
    layers, real = model.trace(batch), batch.mask
    for layer, joined in zip(layers, joins, strict=True):
        given = torch.einsum("bhqt,bhtd,hdm->bqm", layer.alpha, layer.values, joined.output)
        added = layer.states + given + (0 if joined.bias is None else joined.bias)
        taken = [
            t.view(added.shape)
            for t in _inputs_of_leaves(model, batch)
            if t.numel() == added.numel()
        ]
        assert any(torch.allclose(t[real], added[real], atol=1e-4) for t in taken)


def _inputs_of_leaves(model, batch):
    """What each module without children is called with in one forward pass."""
    seen = []
    leaves = [m for m in model.network.modules() if not list(m.children())]
    hooks = [m.register_forward_pre_hook(lambda m, args: seen.extend(args[:1])) for m in leaves]
    model(batch)
    for hook in hooks:
        hook.remove()
    return [x for x in seen if isinstance(x, torch.Tensor) and x.is_floating_point()]


@torch.no_grad()
def test_after_the_norm_of_bert_nothing_bypasses_it(make_classifier):
    model = make_classifier("bert")
    norms = [block.attention.output.LayerNorm for block in model.anatomy.blocks]
    assert [joined.norm for joined in model.joins()] == norms
    assert all(isinstance(norm, nn.LayerNorm) for norm in norms)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "mpnet"])
@torch.no_grad()
def test_the_audited_row_is_that_of_the_trace(make_classifier, kind):
    model, batch = make_classifier(kind), text_batch(12, 7)
    last = model.trace(batch)[-1]
    row = last.alpha[torch.arange(2), :, model.audited_row(batch)]
    assert torch.allclose(row, model.attend(model.encode(batch)), atol=1e-6)
