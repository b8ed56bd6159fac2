"""How the attention of each layer joins the states that the layer began with, found by numbers.

One run shows which linear layer takes what the heads give, and which module is called next with the
sum of that and of the states. Where the block's result depends on the sum beside that module, the
sum itself goes on (pre-norm blocks); where it does not and the module is a LayerNorm, all that
follows sees the sum through it (post-norm blocks). Where nothing takes such a sum, as in blocks
that add attention and feed-forward layer at once, it is not known how the attention joins.

Letters in shape comments: B batch, T tokens, H heads, D dimensions of a head, M of the states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attnaudit.data.batch import Batch
from attnaudit.models.interface import Joined, agree
from attnaudit.models.transformer.calls import Call, Seam, wide
from attnaudit.models.transformer.interception import forwarding, hidden, with_hidden


@dataclass(frozen=True)
class Join:
    """The modules by which a layer's attention joins its states: the output map, then the norm."""

    output: nn.Module
    norm: nn.LayerNorm | None
    heads: int

    def now(self) -> Joined | None:
        """As the parameters are, wherever they are; None where heads are not of one size."""
        output, bias = by_head(self.output, self.heads), getattr(self.output, "bias", None)
        if output is None:
            return None
        return Joined(output, wide(bias) if isinstance(bias, Tensor) else None, self.norm)


@dataclass
class _Pass:
    """What is seen while one block runs."""

    states: Tensor  # that it begins with
    averaged: Tensor | None = None  # what its heads give (B, T, H*D)
    heads: int = 0
    projected: Tensor | None = None
    output: nn.Module | None = None
    taker: nn.Module | None = None  # is called with the sum
    beside: bool = False  # whether the result depends on the sum beside the taker

    def join(self) -> Join | None:
        if self.output is None or self.taker is None:
            return None
        if self.beside:
            return Join(self.output, None, self.heads)
        known = isinstance(self.taker, nn.LayerNorm)
        return Join(self.output, self.taker, self.heads) if known else None  # type: ignore[arg-type]


def find_joins(
    blocks: Sequence[nn.Module],
    seam: Seam,
    run: Callable[[Batch], Tensor],
    example: Batch,
    tupled: Sequence[int],
) -> tuple[Join | None, ...]:
    """How the attention of each call of `blocks` joins its states, see the module; None: unknown.

    Blocks give their states as the first of the `tupled` entries of a tuple, or bare where that
    is 0; there is a number for each run.
    """
    with torch.no_grad():
        passes = _watch(blocks, seam, run, example)
    takers = {each.taker for each in passes if each.taker is not None}
    _look_beside(passes, blocks, takers, seam, run, example, tupled)
    return tuple(each.join() for each in passes)


def by_head(layer: nn.Module, heads: int) -> Tensor | None:
    """(H, D, M) the weights of the linear layer after the heads; None where they are not alike."""
    weight: Tensor = layer.weight  # type: ignore[assignment]
    if isinstance(layer, nn.Linear):
        weight = weight.T
    if len(weight) % heads:
        return None
    return wide(weight).reshape(heads, -1, weight.shape[1])


def _watch(
    blocks: Sequence[nn.Module], seam: Seam, run: Callable[[Batch], Tensor], example: Batch
) -> list[_Pass]:
    """Which module takes the heads' averages, and which the sum, in each call of a block."""
    passes: list[_Pass] = []
    inside = {m for block in blocks for m in block.modules() if not list(m.children())}

    def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        passes.append(_Pass(hidden(args, kwargs)))
        return own(*args, **kwargs)

    def handler(call: Call) -> Tensor:
        given = call.plain()
        passes[-1].averaged, passes[-1].heads = given.flatten(2), call.heads
        return given

    def called(module: nn.Module, args: Any, given: Any) -> None:
        if not passes or not args or not isinstance(args[0], Tensor):
            return
        now, taken = passes[-1], args[0]
        if now.averaged is None or now.taker is not None:
            return
        if now.projected is None:
            if taken.shape == now.averaged.shape and torch.equal(taken, now.averaged):
                now.output, now.projected = module, given
        elif now.projected.shape == now.states.shape and taken.numel() == now.states.numel():
            added = (now.states + now.projected).view(taken.shape)  # OPT's lie one after the other
            now.taker = module if agree(taken, added) else None

    hooks = [m.register_forward_hook(called) for m in inside]
    try:
        with seam.handling(handler), forwarding(list(blocks), forward):
            run(example)
    finally:
        for hook in hooks:
            hook.remove()
    return passes


def _look_beside(
    passes: Sequence[_Pass],
    blocks: Sequence[nn.Module],
    takers: set[nn.Module],
    seam: Seam,
    run: Callable[[Batch], Tensor],
    example: Batch,
    tupled: Sequence[int],
) -> None:
    """Say of each pass whether its result depends on what it begins with beside the taker."""
    attended = done = 0

    def taken(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        given = own(*args, **kwargs)
        return given.detach() if attended > done else given  # it may be used before, too

    def handler(call: Call) -> Tensor:
        nonlocal attended
        attended += 1
        return call.plain().detach()  # what remains is the way around the attention

    def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal done
        leaf = hidden(args, kwargs).detach().requires_grad_()
        args, kwargs = with_hidden(args, kwargs, leaf)
        given = own(*args, **kwargs)
        result = given[0] if tupled[done] else given
        if result.requires_grad:
            (slope,) = torch.autograd.grad(result.sum(), leaf, allow_unused=True)
            passes[done].beside = slope is not None
        done += 1
        return (result.detach(), *given[1:]) if tupled[done - 1] else result.detach()

    with (
        torch.enable_grad(),
        seam.handling(handler),
        forwarding(list(blocks), forward),
        forwarding(list(takers), taken),
    ):
        run(example)
