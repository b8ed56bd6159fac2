"""Where a classifier's audited attention is: found by watching it run, not by its family.

One forward pass shows which block of layers makes each attention call; the last call is the one
that is audited. The gradient of the answer with respect to what the last block gives shows which
row the classification head reads, or that it reads every row, as heads do that pool. A head that
takes maxima has a gradient at few rows: there each row is changed a lot instead.

Letters in shape comments: B batch, T tokens, D dimensions, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from attnaudit.data.batch import Batch
from attnaudit.errors import ModelError
from attnaudit.models.transformer.calls import Call, Seam
from attnaudit.models.transformer.interception import forwarding
from attnaudit.models.transformer.seams import repeated_in

# `last_not_pad`: the last position whose id is not what the network calls padding.
# `every`: the head pools, and no one row explains an answer.
Row = Literal["first", "last", "last_not_pad", "every"]
FAR = 10  # standard deviations by which a row is moved
_WRAP = "wrap it as package.module:factory"
Run = Callable[[Batch], Tensor]  # runs the model on some texts: logits (B, C)


@dataclass(frozen=True)
class Anatomy:
    """The blocks that make the attention calls, in the order of the calls (ALBERT's is one block).

    `row` is the rule by which the classification head picks the position that it reads.
    `output` is the linear layer that takes what the audited attention gives, of `heads` heads; None
    where something else does. `inputs` are the linear layers that its block uses before it. Blocks
    give their states as the first of the `tupled` entries of a tuple, or bare where that is 0.
    """

    blocks: tuple[nn.Module, ...]
    row: Row
    output: nn.Module | None
    tupled: int
    heads: int
    inputs: tuple[nn.Module, ...]

    @property
    def last(self) -> int:
        """The number of the audited call."""
        return len(self.blocks) - 1


def study(model: nn.Module, seam: Seam, run: Run, example: Batch, pad: int | None) -> Anatomy:
    """The anatomy of `model`, whose attention `seam` gets hold of and `run` runs on a batch.

    `example` holds two texts of different lengths, the longer one first. `pad` is the id that the
    network's own configuration calls padding; None where it names none.

    Raises ModelError where there is no attention that could be intervened on, naming why.
    """
    found = _blocks(model, seam, run, example)
    row, tupled = _row(found.blocks, run, example, pad)
    return replace(found, row=row, tupled=tupled)


def rows_of(rule: Row, batch: Batch, pad: int | None) -> Tensor:
    """(B,) the position that the head reads of each text, by its rule.

    Decoders of transformers look for the last id that is not their padding id. A text may end with
    that id, or hold it: where padding is the end-of-text token, the row before it is read. In a
    text of nothing else the first row is.

    Raises ValueError for `every`, which is no one row.
    """
    if rule == "every":
        raise ValueError("a head that pools reads no one row")
    lengths = batch.mask.sum(1)
    if rule == "first":
        return torch.zeros_like(lengths)
    if rule == "last":
        return lengths - 1
    places = torch.arange(batch.ids.shape[1], device=lengths.device)
    return (places * (batch.mask & (batch.ids != pad))).amax(1)


def padding_of(config: Any) -> int | None:
    """The id that a configuration calls padding; None for none, or for one that no text holds."""
    pad: int | None = getattr(config.get_text_config(), "pad_token_id", None)
    return None if pad is None or pad < 0 else pad


def pad_with(config: Any, pad: int | None) -> None:
    """Let a configuration, and that of its text part, call `pad` padding."""
    for each in (config, config.get_text_config()):
        each.pad_token_id = pad


def with_pads(example: Batch, pad: int) -> Batch:
    """The texts with the padding id inside and at the end, where a tokenizer may well put it."""
    ids = example.ids.clone()
    for b, length in enumerate(example.mask.sum(1).tolist()):
        ids[b, length // 2] = pad
        ids[b, length - 1 - b : length] = pad
    return replace(example, ids=ids)


def _blocks(model: nn.Module, seam: Seam, run: Run, example: Batch) -> Anatomy:
    """The blocks, and what is around the last call; not yet what the last block gives."""
    repeated = repeated_in(model)
    linear = [m for m in model.modules() if _is_linear(m)]
    stack: list[nn.Module] = []
    found: list[nn.Module | None] = []
    heads = 0
    before: list[nn.Module] = []  # linear layers in the block of the latest call, up to it
    after: list[nn.Module] = []  # linear layers since
    averaged = torch.empty(0)  # what the latest call gave
    output: nn.Module | None = None

    def enter(module: nn.Module, args: Any) -> None:
        stack.append(module)
        after.clear()

    def leave(module: nn.Module, args: Any, given: Any) -> None:
        stack.pop()

    def used(module: nn.Module, args: Any) -> None:
        nonlocal output
        if not after and args and _same(args[0], averaged):
            output = module
        after.append(module)

    def handler(call: Call) -> Tensor:
        nonlocal heads, before, averaged, output
        heads, before, output = call.heads, after.copy(), None
        inner = [m for m in stack if m in repeated]
        found.append(inner[-1] if inner else None)
        after.clear()
        given = call.plain()
        averaged = given.flatten(2)  # (B, T, H*D)
        return given

    hooks = [m.register_forward_pre_hook(enter) for m in repeated]
    hooks += [m.register_forward_hook(leave, always_call=True) for m in repeated]
    hooks += [m.register_forward_pre_hook(used) for m in linear]
    try:
        with torch.no_grad(), seam.handling(handler):
            run(example)
    finally:
        for hook in hooks:
            hook.remove()
    blocks = [block for block in found if block is not None]
    if not blocks or len(blocks) < len(found):
        raise ModelError("attnaudit cannot change its attention: its layers are not in blocks")
    inside = set(blocks[-1].modules())
    inputs = tuple(m for m in before if m in inside)
    return Anatomy(tuple(blocks), "first", output, 0, heads, inputs)


def _same(given: Tensor, averaged: Tensor) -> bool:
    alike = given.shape == averaged.shape and given.dtype == averaged.dtype
    return alike and torch.equal(given, averaged)


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _row(
    blocks: tuple[nn.Module, ...], run: Run, example: Batch, pad: int | None
) -> tuple[Row, int]:
    """The rule of the row that the head reads, on ordinary texts and on texts with padding ids."""
    rules: list[Row] = ["first", "last"]
    batches = [example]
    if pad is not None:
        rules.append("last_not_pad")
        batches.append(with_pads(example, pad))
    tupled, rows = 0, 1
    gradients: list[Tensor] = []
    for batch in batches:
        read, tupled = _rows_read(blocks, run, batch)
        if read.shape != batch.ids.shape:
            raise ModelError("the states of its layers do not lie text by text", hint=_WRAP)
        gradients.append(read)
        rows = max(rows, int(read[0].sum()))
        places = torch.arange(read.shape[1], device=read.device)
        kept: list[Row] = []
        for rule in rules:
            asked = rows_of(rule, batch, pad).to(read.device).unsqueeze(1)
            if torch.equal(read, places == asked):
                kept.append(rule)
        rules = kept
    if rules:
        return rules[0], tupled
    if rows > 1 and all(
        torch.equal(read | _rows_that_move(blocks, run, batch), batch.mask.to(read.device))
        for batch, read in zip(batches, gradients, strict=True)
    ):
        return "every", tupled
    what = (
        "some rows of its last layer, neither one nor all of a text"
        if rows > 1
        else "a row that is not the first or last"
    )
    raise ModelError(
        f"its classification head reads {what}, so that it is not known which attention to audit",
        hint="audit a model that classifies from [CLS], the last token, or a pool of all rows",
    )


def _rows_read(blocks: tuple[nn.Module, ...], run: Run, batch: Batch) -> tuple[Tensor, int]:
    """(B, T) the rows that an answer depends on, by its gradient at what the last block gives.

    Beside it: of how many entries blocks give a tuple; 0 where they give their states alone.
    """
    calls = 0
    leaf: Tensor | None = None
    tupled = 0

    def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal calls, leaf, tupled
        given = own(*args, **kwargs)
        calls += 1
        if calls < len(blocks):
            return given
        tupled = len(given) if isinstance(given, (tuple, list)) else 0
        leaf = (given[0] if tupled else given).detach().requires_grad_()
        return (leaf, *given[1:]) if tupled else leaf

    with torch.enable_grad(), forwarding(list(blocks), forward):
        logits = run(batch)
        mixed = (logits * torch.arange(1, logits.shape[1] + 1).to(logits)).sum()
        assert leaf is not None
        (grad,) = torch.autograd.grad(mixed, leaf, materialize_grads=True)
    return grad.abs().sum(-1) > 0, tupled


@torch.no_grad()
def _rows_that_move(blocks: tuple[nn.Module, ...], run: Run, batch: Batch) -> Tensor:
    """(B, T) the rows of what the last block gives without which an answer is another.

    Each is moved far both ways, one after the other: the head of a model that takes maxima over
    rows sees that, wherever its maxima were.
    """

    def answer(row: int | None, sign: int) -> Tensor:
        calls = 0

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            given = own(*args, **kwargs)
            calls += 1
            if calls < len(blocks) or row is None:
                return given
            many = isinstance(given, (tuple, list))
            states = (given[0] if many else given).clone()
            noise = torch.randn(states.shape[2], generator=torch.Generator().manual_seed(0))
            states[:, row] += sign * FAR * states.std() * noise.to(states)
            return (states, *given[1:]) if many else states

        with forwarding(list(blocks), forward):
            return run(batch)

    plain = answer(None, 1)
    moved = [
        torch.stack([(answer(row, sign) != plain).any(1) for sign in (1, -1)]).any(0)
        for row in range(batch.ids.shape[1])
    ]
    return torch.stack(moved, dim=1)
