"""Where a classifier's audited attention is: found by watching it run, not by its family.

One forward pass shows which block of layers makes each attention call; the last call is the one
that is audited. The gradient of the answer with respect to what the last block gives shows which
row the classification head reads.

Letters in shape comments: B batch, T tokens, D dimensions, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from attnaudit.errors import ModelError
from attnaudit.models.transformer.interception import Call, forwarding, handling

Row = Literal["first", "last"]
Run = Callable[[], Tensor]  # runs the model on two texts of different lengths: logits (B, C)


@dataclass(frozen=True)
class Anatomy:
    """The blocks that make the attention calls, in the order of the calls (ALBERT's is one block).

    `row` is the position that the classification head reads: the first, or the last of the text.
    `output` is the linear layer that takes what the audited attention gives, of `heads` heads.
    `inputs` are the linear layers that its block uses before it. `tupled` says that blocks give
    their states as the first entry of a tuple.
    """

    blocks: tuple[nn.Module, ...]
    row: Row
    output: nn.Module | None
    tupled: bool
    heads: int
    inputs: tuple[nn.Module, ...]

    @property
    def last(self) -> int:
        """The number of the audited call."""
        return len(self.blocks) - 1


def study(model: nn.Module, run: Run, lengths: Tensor) -> Anatomy:
    """The anatomy of `model`, which `run` runs on two texts of `lengths` (B,) different tokens.

    Raises ModelError where there is no attention that could be intervened on, naming why.
    """
    found = _blocks(model, run)
    row, tupled = _row(found.blocks, run, lengths)
    return replace(found, row=row, tupled=tupled)


def _blocks(model: nn.Module, run: Run) -> Anatomy:
    """The blocks, and what is around the last call; not yet what the last block gives."""
    members = {m for m in model.modules() if isinstance(m, nn.ModuleList)}
    repeated = {child for many in members for child in many}
    linear = [m for m in model.modules() if _is_linear(m)]
    stack: list[nn.Module] = []
    found: list[nn.Module | None] = []
    heads = 0
    before: list[nn.Module] = []  # linear layers in the block of the latest call, up to it
    after: list[nn.Module] = []  # linear layers since

    def enter(module: nn.Module, args: Any) -> None:
        stack.append(module)
        after.clear()

    def leave(module: nn.Module, args: Any, given: Any) -> None:
        stack.pop()

    def used(module: nn.Module, args: Any) -> None:
        after.append(module)

    def handler(call: Call) -> Tensor:
        nonlocal heads, before
        heads, before = call.query.shape[1], after.copy()
        inner = [m for m in stack if m in repeated]
        found.append(inner[-1] if inner else None)
        after.clear()
        return call.plain()

    hooks = [m.register_forward_pre_hook(enter) for m in repeated]
    hooks += [m.register_forward_hook(leave, always_call=True) for m in repeated]
    hooks += [m.register_forward_pre_hook(used) for m in linear]
    try:
        with torch.no_grad(), handling(handler):
            run()
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise ModelError(
            "its attention does not go through the attention interface of transformers, so that it"
            " cannot be intervened on",
            hint="audit a model whose architecture does (BERT, RoBERTa, DistilBERT, ELECTRA,"
            " ALBERT, ModernBERT, GPT-2, LLaMA and others), or wrap it as package.module:factory",
        )
    blocks = [block for block in found if block is not None]
    if len(blocks) < len(found):
        raise ModelError("its attention cannot be intervened on: its layers are not in blocks")
    inside = set(blocks[-1].modules())
    output = next((m for m in after if m in inside), None)
    inputs = tuple(m for m in before if m in inside)
    return Anatomy(tuple(blocks), "first", output, False, heads, inputs)


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _row(blocks: tuple[nn.Module, ...], run: Run, lengths: Tensor) -> tuple[Row, bool]:
    """The row that the head reads, by the gradient of the answer at what the last block gives."""
    calls = 0
    leaf: Tensor | None = None
    tupled = False

    def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal calls, leaf, tupled
        given = own(*args, **kwargs)
        calls += 1
        if calls < len(blocks):
            return given
        tupled = isinstance(given, tuple)
        leaf = (given[0] if tupled else given).detach().requires_grad_()
        return (leaf, *given[1:]) if tupled else leaf

    with torch.enable_grad(), forwarding(list(blocks), forward):
        logits = run()
        mixed = (logits * torch.arange(1, logits.shape[1] + 1).to(logits)).sum()
        assert leaf is not None
        (grad,) = torch.autograd.grad(mixed, leaf, materialize_grads=True)
    read = grad.abs().sum(-1) > 0  # (B, T)
    places = torch.arange(read.shape[1], device=read.device)
    if torch.equal(read, (places == 0).expand_as(read)):
        return "first", tupled
    if torch.equal(read, places == (lengths - 1).unsqueeze(1)):
        return "last", tupled
    rows = int(read[0].sum())
    what = "several rows of its last layer" if rows > 1 else "a row that is not the first or last"
    raise ModelError(
        f"its classification head reads {what}, so that no one row of attention explains it",
        hint="audit a model that classifies from [CLS] or from the last token",
    )
