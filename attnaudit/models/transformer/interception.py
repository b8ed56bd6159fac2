"""The first seam: the attention interface of transformers.

transformers lets an attention function and the mask builder that goes with it be registered under
a name. Ours does what `sdpa` does until `Interface.handling` sets a handler; then each attention
call of the models is answered by that handler. Mask and function go together: with the function
alone the mask arrives as None, and padding is attended without a word.

Letters in shape comments: B batch, H heads, G key-value heads, Q queries, T tokens, D dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from attnaudit.models.interface import Keys
from attnaudit.models.transformer.calls import Handler, by_query, wide

NAME = "attnaudit"


@dataclass(frozen=True)
class Call:
    """What one attention layer was called with.

    `query` (B, H, Q, D), `key` and `value` (B, G, T, D), H a multiple of G; `mask` (B, 1 or H, Q,
    T), boolean (true: may be attended) or added to the scores, None where all may be.
    """

    module: nn.Module
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    scaling: float
    softcap: float | None
    dropout: float
    rest: dict[str, Any]

    @property
    def heads(self) -> int:
        """See `calls.Call`, as for all that follows."""
        return self.query.shape[1]

    def plain(self) -> Tensor:
        """What the layer computes by itself: (B, Q, H, D)."""
        if self.softcap is not None:  # which sdpa cannot do
            return self.output(self.dropped(self.weights()))
        computed: Tensor = ALL_ATTENTION_FUNCTIONS["sdpa"](
            self.module,
            self.query,
            self.key,
            self.value,
            self.mask,
            dropout=self.dropout,
            scaling=self.scaling,
            **self.rest,
        )[0]
        return computed

    def weights(self) -> Tensor:
        """The attention (B, H, Q, T): a distribution over what each query may attend to."""
        keys = self.by_head(self.key)
        return attention(self.query, keys, self.mask, self.scaling, self.softcap)

    def output(self, weights: Tensor) -> Tensor:
        """The values averaged under weights (B, H, Q, T): (B, Q, H, D), as layers expect it."""
        return (weights @ self.vectors()).transpose(1, 2).contiguous()

    def vectors(self) -> Tensor:
        """The values of each head: (B, H, T, D)."""
        return self.by_head(self.value)

    def keys(self) -> Keys:
        """Positions that the mask hides have no bias."""
        bias, reach = None, self.reach()
        if self.mask is not None and reach is not None and self.mask.dtype != torch.bool:
            added = self.mask[..., : self.key.shape[-2]].masked_fill(~reach, 0)
            bias = wide(added[:, :, 0])  # (B, 1 or H, T)
        vectors = wide(self.by_head(self.key)) * self.scaling
        return Keys(vectors, wide(self.query[:, :, 0]), bias, self.softcap)

    def dropped(self, weights: Tensor) -> Tensor:
        """The weights after dropout, which is 0 outside training."""
        return nn.functional.dropout(weights, self.dropout, self.dropout > 0)

    def by_head(self, shared: Tensor) -> Tensor:
        """Keys or values (B, G, T, D), each repeated for the heads that share it: (B, H, T, D)."""
        return shared.repeat_interleave(self.query.shape[1] // shared.shape[1], dim=1)

    def reach(self) -> Tensor | None:
        """True where the mask lets attention go."""
        if self.mask is None:
            return None
        mask = self.mask[..., : self.key.shape[-2]]
        return mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2

    def hiding(self, hidden: Tensor) -> Call:
        """The call in which no query sees some positions."""
        kept = ~by_query(hidden).to(self.query.device)  # (B, 1, 1 or Q, T)
        if self.mask is None:
            return replace(self, mask=kept)
        mask = self.mask[..., : kept.shape[-1]]
        if mask.dtype == torch.bool:
            return replace(self, mask=mask & kept)
        return replace(self, mask=mask.masked_fill(~kept, torch.finfo(mask.dtype).min))

    def in_order(self, order: Tensor) -> Call:
        """The call with its positions in another order: `order` (B, T) is where each one was."""
        order = order.to(self.key.device)[:, None]  # (B, 1, T)
        mask = self.mask
        if mask is not None:
            mask = mask.expand(len(order), -1, -1, -1)
            mask = mask.gather(-1, order.unsqueeze(2).expand(-1, *mask.shape[1:3], -1))
        key, value = (
            each.gather(2, order.unsqueeze(-1).expand(-1, each.shape[1], -1, each.shape[3]))
            for each in (self.key, self.value)
        )
        return replace(self, key=key, value=value, mask=mask)

    def asked_by(self, other: Call) -> Call:
        """The call of one row of each text, with other queries: those of `other`.

        That holds one query of each of B * V variants, the variants of a text next to each other;
        here they are the V queries of each of B texts.
        """
        heads, size = other.query.shape[1], other.query.shape[3]
        query = other.query.reshape(len(self.key), -1, heads, size)
        return replace(self, query=wide(query.transpose(1, 2)))  # (B, H, V, D)

    def of_rows(self, rows: Tensor) -> Call:
        """The call of one query of each text."""
        each, rows = torch.arange(len(rows), device=self.query.device), rows.to(self.query.device)
        mask = self.mask
        if mask is not None:
            heads, queries = mask.shape[1:3]
            mask = mask.expand(len(rows), heads, queries, -1)
            mask = mask[each, :, rows if queries > 1 else 0].unsqueeze(2)  # (B, 1 or H, 1, T)
        query = wide(self.query[each, :, rows].unsqueeze(2))
        return replace(self, query=query, key=wide(self.key), mask=mask)


def attention(
    query: Tensor, keys: Tensor, mask: Tensor | None, scaling: float, softcap: float | None
) -> Tensor:
    """Softmax attention (B, H, Q, T) of `query` (B, H, Q, D) over `keys` (B, H, T, D)."""
    scores = query @ keys.transpose(-1, -2) * scaling
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if mask is not None:
        mask = mask[..., : scores.shape[-1]]
        if mask.dtype == torch.bool:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        else:
            scores = scores + mask
    wide = scores.dtype if scores.dtype == torch.float64 else torch.float32
    return scores.softmax(-1, dtype=wide).to(query.dtype)


_handler: ContextVar[Handler | None] = ContextVar("attention handler", default=None)


@dataclass(frozen=True)
class Interface:
    """The seam of networks whose attention goes through the interface."""

    @contextmanager
    def handling(self, handler: Handler) -> Iterator[None]:
        """See `calls.Seam`."""
        token = _handler.set(handler)
        try:
            yield
        finally:
            _handler.reset(token)


@contextmanager
def forwarding(modules: list[nn.Module], forward: Callable[..., Any]) -> Iterator[None]:
    """Within the context calls of `modules` go to `forward(module's own forward, *args, **kw)`."""
    before = {module: vars(module).get("forward") for module in modules}
    try:
        for module in before:

            def instead(*args: Any, own: Any = module.forward, **kwargs: Any) -> Any:
                return forward(own, *args, **kwargs)

            module.forward = instead
        yield
    finally:
        for module, own in before.items():
            if own is None:
                vars(module).pop("forward", None)
            else:  # where accelerate has hooked the module
                module.forward = own


def zeros_of(layer: Any) -> Callable[..., Tensor]:
    """Zeros in place of the queries, keys or values of a layer, which nobody reads."""
    size = layer.weight.shape[0 if isinstance(layer, nn.Linear) else 1]

    def forward(_: Any, states: Tensor) -> Tensor:
        return states.new_zeros(1).expand(*states.shape[:-1], size)

    return forward


def hidden(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """The states that a block is called with: its first argument."""
    states: Tensor = args[0] if args else kwargs[_name_of_states(kwargs)]
    return states


def with_hidden(
    args: tuple[Any, ...], kwargs: dict[str, Any], states: Tensor
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a block, with other `states`."""
    if args:
        return (states, *args[1:]), kwargs
    return args, {**kwargs, _name_of_states(kwargs): states}


def _name_of_states(kwargs: dict[str, Any]) -> str:
    return "hidden_states" if "hidden_states" in kwargs else next(iter(kwargs))


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **rest: Any,
) -> tuple[Tensor, None]:
    softcap, bias = rest.pop("softcap", None), rest.pop("position_bias", None)
    if scaling is None:
        scaling = 1 / math.sqrt(query.shape[-1])
    if bias is not None:
        attention_mask = _biased(attention_mask, bias)
    call = Call(module, query, key, value, attention_mask, scaling, softcap, dropout, rest)
    handler = _handler.get()
    given = call.plain() if handler is None else handler(call)
    return given.contiguous(), None  # as transformers' own; some networks view it otherwise


def _biased(mask: Tensor | None, bias: Tensor) -> Tensor:
    """The mask that adds a bias (B or 1, H, Q, T) to the scores, as some networks ask for."""
    if mask is None:
        return bias
    if mask.dtype == torch.bool:
        return bias.masked_fill(~mask, torch.finfo(bias.dtype).min)
    return bias + mask


def _mask(*args: Any, **kwargs: Any) -> Tensor | None:
    """The boolean mask of sdpa, also where sdpa could do without one: we read it."""
    kept = {"allow_is_causal_skip": False, "allow_is_bidirectional_skip": False}
    made: Tensor | None = sdpa_mask(*args, **{**kwargs, **kept})
    return made


def register() -> str:
    """Make our attention known to transformers; gives the name to load models with."""
    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, _mask)
    return NAME


def take_over(network: nn.Module) -> None:
    """Put a network that was made under its own attention under ours.

    Its configuration is told, not `set_attn_implementation`, which looks into the source of a model
    and turns away some that would follow (ModernBERT in transformers 5.1). One that does not
    follow makes no calls, which `seams` finds out.
    """
    name = register()
    for module in network.modules():
        config: Any = getattr(module, "config", None)
        if config is not None:
            config._attn_implementation = name
