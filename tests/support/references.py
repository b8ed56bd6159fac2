"""What a network answers with one row of its last attention replaced, by no code of attnaudit.

Of networks on the attention interface of transformers the reference answers through that interface,
with the eager attention of the network's own module. Of others it is written by hand where their
values and their output projection are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, eager_mask

NAME = "reference"


def plain(module: nn.Module, given: Tensor, projected: Tensor, heads: int) -> Tensor:
    return projected.unflatten(-1, (heads, -1))


def thirds(module: nn.Module, given: Tensor, projected: Tensor, heads: int) -> Tensor:
    """All queries, all keys, all values."""
    return projected.chunk(3, -1)[2].unflatten(-1, (heads, -1))


def by_head(module: nn.Module, given: Tensor, projected: Tensor, heads: int) -> Tensor:
    """Query, key and value of the first head, of the second, and so on."""
    return projected.unflatten(-1, (heads, 3, -1))[..., 2, :]


def one_for_all(module: nn.Module, given: Tensor, projected: Tensor, heads: int) -> Tensor:
    """A query for each head, one key, one value."""
    return projected.unflatten(-1, (heads + 2, -1))[..., -1:, :].expand(-1, -1, heads, -1)


def by_group(module: nn.Module, given: Tensor, projected: Tensor, heads: int) -> Tensor:
    """Of each of two groups: its queries, its key, its value."""
    values = projected.unflatten(-1, (2, heads // 2 + 2, -1))[..., -1, :]
    return values.repeat_interleave(heads // 2, 2)


def unused_module(module: nn.Module, given: Tensor, projected: Tensor, heads: int) -> Tensor:
    """The fused weights are used by head, and the bias of values is a parameter of its own."""
    weights = module.in_proj.weight.unflatten(0, (heads, 3, -1))[:, 2]  # (H, D, width)
    return torch.einsum("btw,hdw->bthd", given, weights) + module.v_bias.unflatten(0, (heads, -1))


Values = Callable[[nn.Module, Tensor, Tensor, int], Tensor]
_BERT = ("attention.self.value", "attention.output.dense", plain)
_FALCON = ("self_attention.query_key_value", "self_attention.dense")
# The last block, and in it: what gives the values, what takes their average, how they lie.
BY_HAND: dict[str, tuple[str, str, str, Values]] = {
    "deberta": (
        *("deberta.encoder.layer.2", "attention.self", "attention.output.dense"),
        unused_module,
    ),
    "deberta-v2": (
        *("deberta.encoder.layer.2", "attention.self.value_proj", "attention.output.dense"),
        plain,
    ),
    "mpnet": ("mpnet.encoder.layer.2", "attention.attn.v", "attention.attn.o", plain),
    "roformer": ("roformer.encoder.layer.2", *_BERT),
    "megatron-bert": ("bert.encoder.layer.2", *_BERT),
    "rembert": ("rembert.encoder.layer.2", *_BERT),
    "big_bird": ("bert.encoder.layer.2", *_BERT),
    "luke": ("luke.encoder.layer.2", *_BERT),
    "bloom": ("transformer.h.2", *_FALCON, by_head),
    "falcon": ("transformer.h.2", *_FALCON, one_for_all),
    "falcon-alibi": ("transformer.h.2", *_FALCON, by_head),
    "falcon-grouped": ("transformer.h.2", *_FALCON, by_group),
    "gptj": ("transformer.h.2", "attn.v_proj", "attn.out_proj", plain),
    "gpt_neo": ("transformer.h.2", "attn.attention.v_proj", "attn.attention.out_proj", plain),
    "mpt": ("transformer.blocks.2", "attn.Wqkv", "attn.out_proj", thirds),
    "openai-gpt": ("transformer.h.2", "attn.c_attn", "attn.c_proj", thirds),
}
BY_HAND["deberta-v3"] = BY_HAND["deberta-v2"]


@torch.no_grad()
def overridden(
    kind: str,
    network: nn.Module,
    inputs: dict[str, Tensor],
    row: int,
    weights: Tensor,
    back: int = 0,
) -> Tensor:
    """Logits (C,) of a network under eager attention for one text, with `weights` (H, T) in a row.

    They are those of the last attention call, or of the one so many calls before it. The network is
    left as it was.
    """
    if kind in BY_HAND:
        return _by_hand(network, BY_HAND[kind], inputs, row, weights)
    return _by_interface(network, inputs, row, weights, back)


def behind(weights: Tensor, row: int) -> Tensor:
    """Weights (H, T) on the tokens of a text where a decoder has them, one position later.

    At position 0, which holds a start token, stands what is given at the row that is read.
    """
    first = weights[:, : row + 1].roll(1, 1)
    return torch.cat([first, weights[:, row + 1 :]], 1)


def _by_hand(
    network: nn.Module, place: Any, inputs: dict[str, Tensor], row: int, weights: Tensor
) -> Tensor:
    block, value, output, lie = place
    averaged: list[Tensor] = []

    def seen(module: nn.Module, args: Any, given: Any) -> None:
        values = lie(module, args[0], given, len(weights))[0]  # (T, H, D)
        averaged.append(torch.einsum("ht,thd->hd", weights, values).flatten())

    def replaced(module: nn.Module, args: Any) -> Any:
        changed = args[0].clone()
        changed[0, row] = averaged.pop()
        return (changed, *args[1:])

    last = network.get_submodule(block)
    hooks = [
        last.get_submodule(value).register_forward_hook(seen),
        last.get_submodule(output).register_forward_pre_hook(replaced),
    ]
    if value == "attention.self":  # where the hook runs when the average is made already
        hooks[0].remove()
        hooks[0] = last.get_submodule(value).register_forward_pre_hook(
            lambda module, args: seen(module, args, None)
        )
    try:
        answer: Tensor = network(**inputs).logits[0]
    finally:
        for hook in hooks:
            hook.remove()
    assert not averaged
    return answer


def _by_interface(
    network: nn.Module, inputs: dict[str, Tensor], row: int, weights: Tensor, back: int
) -> Tensor:
    calls = 0
    last: int | None = None

    def attention(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **kw: Any
    ) -> tuple[Tensor, Any]:
        nonlocal calls
        eager = vars(sys.modules[type(module).__module__])["eager_attention_forward"]
        given, own = eager(module, query, key, value, attention_mask, **kw)
        calls += 1
        if calls == last:
            values = value.repeat_interleave(len(weights) // value.shape[1], 1)[0]  # (H, T, D)
            given = given.clone()
            given[0, row] = torch.einsum("ht,htd->hd", weights, values)
        return given, own

    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, eager_mask)
    configs = [m.config for m in network.modules() if hasattr(m, "config")]
    before = [config._attn_implementation for config in configs]
    try:
        for config in configs:
            config._attn_implementation = NAME
        network(**inputs)
        last, calls = calls - back, 0
        assert last > 0, "it makes no call"
        return network(**inputs).logits[0]
    finally:
        for config, name in zip(configs, before, strict=True):
            config._attn_implementation = name
