"""Where a classifier's audited attention is: found by watching it run, not by its family.

One forward pass shows which block of layers makes each attention call; the last call is the one
that is audited, unless a site says else. The gradient of the answer with respect to what the last
block gives shows which row the classification head reads, or that it reads every row, as heads do
that pool. A head that takes maxima has a gradient at few rows: there each row is changed a lot
instead.

Letters in shape comments: B batch, T tokens, D dimensions, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
# `last_end`: the last position whose id is what the network calls the end of a text.
# `every`: the head pools, and no one row explains an answer.
Row = Literal["first", "last", "last_not_pad", "last_end", "every"]
FAR = 10  # standard deviations by which a row is moved
_WRAP = "wrap it as package.module:factory"
Run = Callable[[Batch], Tensor]  # runs the model on some texts: logits (B, C)


@dataclass(frozen=True)
class Attention:
    """One attention call of a forward pass.

    `run` is the number of the block run that makes it, from 0. It has `heads` heads. `output` is
    the linear layer that takes what it gives; None where something else does. `inputs` are the
    linear layers that its block uses before it, but for the outputs of earlier calls.
    """

    run: int
    heads: int
    inputs: tuple[nn.Module, ...]
    output: nn.Module | None = None


@dataclass(frozen=True)
class Anatomy:
    """Where the attention of a network is.

    `blocks` are those that make its `calls`, in the order in which they run: ALBERT's is one block
    that runs several times. Blocks give their states as the first of the `tupled` entries of a
    tuple, or bare where that is 0; there is a number for each run. `row` is the rule by which the
    classification head picks the position that it reads. `audited` is the number of the audited
    call.
    """

    blocks: tuple[nn.Module, ...]
    calls: tuple[Attention, ...]
    row: Row
    tupled: tuple[int, ...]
    audited: int

    @property
    def last(self) -> int:
        """The number of the block run that makes the audited call."""
        return self.calls[self.audited].run

    @property
    def heads(self) -> int:
        """The heads of the audited call."""
        return self.calls[self.audited].heads

    @property
    def output(self) -> nn.Module | None:
        """See `Attention`, of the audited call; as `inputs`."""
        return self.calls[self.audited].output

    @property
    def inputs(self) -> tuple[nn.Module, ...]:
        """The linear layers that its block uses before it, for this call and for earlier ones."""
        audited = self.calls[self.audited]
        return tuple(
            layer
            for call in self.calls[: self.audited + 1]
            if call.run == audited.run
            for layer in call.inputs
        )


def study(
    model: nn.Module,
    seam: Seam,
    run: Run,
    example: Batch,
    pad: int | None,
    end: int | None = None,
) -> Anatomy:
    """The anatomy of `model`, whose attention `seam` gets hold of and `run` runs on a batch.

    `example` holds two texts of different lengths, the longer one first. `pad` is the id that the
    network's own configuration calls padding; None where it names none. `end` is given for an
    encoder-decoder, whose layers hold several attentions: the id at the end of its texts.

    Raises ModelError where there is no attention that could be intervened on, naming why.
    """
    blocks, calls = _calls(model, seam, run, example, parts=end is not None)
    row, tupled = _row(blocks, run, examples_of(example, pad, end), pad, end)
    return Anatomy(blocks, calls, row, tupled, len(calls) - 1)


def rows_of(rule: Row, batch: Batch, pad: int | None, end: int | None = None) -> Tensor:
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
    looked_for = batch.ids == end if rule == "last_end" else batch.ids != pad
    return (places * (batch.mask & looked_for)).amax(1)


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


def examples_of(example: Batch, pad: int | None, end: int | None = None) -> list[Batch]:
    """The texts as they are, and with ids in them that a rule of rows may look for, see `study`.

    An encoder-decoder needs the id of the end where it is; another one is put into each text.
    """
    if end is None:
        return [example] if pad is None else [example, with_pads(example, pad)]
    middle = example.mask.sum(1, keepdim=True) // 2
    there = torch.arange(example.ids.shape[1], device=middle.device) == middle  # (B, T)
    inside = [end] if pad is None else [end, pad]
    changed = (example.ids.masked_fill(there, token) for token in inside)
    return [example, *(replace(example, ids=ids) for ids in changed)]


def _calls(
    model: nn.Module, seam: Seam, run: Run, example: Batch, parts: bool
) -> tuple[tuple[nn.Module, ...], tuple[Attention, ...]]:
    """The blocks in the order of their runs, and the attention calls that these make.

    `parts` says that the parts of a layer may stand in a list, too, and are no blocks.
    """
    repeated = repeated_in(model)
    alike = _of_one_kind(model) if parts else repeated
    linear = [m for m in model.modules() if _is_linear(m)]
    stack: list[tuple[nn.Module, int]] = []  # what runs, and the how many-th run it is
    entered = 0
    runs: dict[int, nn.Module] = {}  # those in which calls are made
    found: list[Attention] = []
    since: list[nn.Module] = []  # linear layers in the block of the latest call, since it
    averaged = torch.empty(0)  # what the latest call gave

    def enter(module: nn.Module, args: Any) -> None:
        nonlocal entered
        stack.append((module, entered))
        entered += 1
        since.clear()

    def leave(module: nn.Module, args: Any, given: Any) -> None:
        stack.pop()

    def used(module: nn.Module, args: Any) -> None:
        if not since and found and args and _same(args[0], averaged):
            found[-1] = replace(found[-1], output=module)
        since.append(module)

    def handler(call: Call) -> Tensor:
        nonlocal averaged
        if not stack:
            raise _not_in_blocks()
        inner = [each for each in stack if each[0] in alike] or stack
        block, at = inner[-1]
        runs[at] = block
        inside = set(block.modules())
        outputs = {each.output for each in found if each.run == at}
        inputs = tuple(m for m in since if m in inside and m not in outputs)
        found.append(Attention(at, call.heads, inputs))
        since.clear()
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
    if not found:
        raise _not_in_blocks()
    order = {at: number for number, at in enumerate(sorted(runs))}
    calls = tuple(replace(each, run=order[each.run]) for each in found)
    return tuple(runs[at] for at in sorted(runs)), calls


def _not_in_blocks() -> ModelError:
    return ModelError("attnaudit cannot change its attention: its layers are not in blocks")


def _of_one_kind(model: nn.Module) -> set[nn.Module]:
    """The modules of lists that hold one kind: not the parts of a layer, which differ."""
    lists = [m for m in model.modules() if isinstance(m, nn.ModuleList)]
    return {child for many in lists if len({type(m) for m in many}) == 1 for child in many}


def _same(given: Tensor, averaged: Tensor) -> bool:
    alike = given.shape == averaged.shape and given.dtype == averaged.dtype
    return alike and torch.equal(given, averaged)


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _row(
    blocks: tuple[nn.Module, ...],
    run: Run,
    batches: Sequence[Batch],
    pad: int | None,
    end: int | None,
) -> tuple[Row, tuple[int, ...]]:
    """The rule of the row that the head reads, which holds on all batches."""
    rules: list[Row] = ["first", "last"]
    if pad is not None:
        rules.append("last_not_pad")
    if end is not None:
        rules.insert(0, "last_end")
    tupled: tuple[int, ...] = ()
    rows = 1
    gradients: list[Tensor] = []
    for batch in batches:
        read, tupled = _rows_read(blocks, run, batch)
        if read.shape != batch.ids.shape:
            raise ModelError(_laid_out(read, batch), hint=_WRAP)
        gradients.append(read)
        rows = max(rows, int(read[0].sum()))
        places = torch.arange(read.shape[1], device=read.device)
        kept: list[Row] = []
        for rule in rules:
            asked = rows_of(rule, batch, pad, end).to(read.device).unsqueeze(1)
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


def _laid_out(read: Tensor, batch: Batch) -> str:
    """What is said of states that do not lie text by text; `read` is what `_rows_read` gives."""
    if read.shape != batch.ids.T.shape:
        return "the states of its layers do not lie text by text"
    said = "its layers take the positions of a batch first and its texts second"
    if bool(read[-1].all()):
        said += (
            ", and its head reads the last position of a batch. So the padding must stand before"
            " a text, but attnaudit puts it behind"
        )
    return said


def _rows_read(
    blocks: tuple[nn.Module, ...], run: Run, batch: Batch
) -> tuple[Tensor, tuple[int, ...]]:
    """(B, T) the rows that an answer depends on, by its gradient at what the last block gives.

    Beside it: of how many entries each block gives a tuple; 0 where it gives its states alone.
    """
    leaf: Tensor | None = None
    tupled: list[int] = []

    def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal leaf
        given = own(*args, **kwargs)
        many = len(given) if isinstance(given, (tuple, list)) else 0
        tupled.append(many)
        if len(tupled) < len(blocks):
            return given
        leaf = (given[0] if many else given).detach().requires_grad_()
        return (leaf, *given[1:]) if many else leaf

    with torch.enable_grad(), forwarding(list(blocks), forward):
        logits = run(batch)
        mixed = (logits * torch.arange(1, logits.shape[1] + 1).to(logits)).sum()
        assert leaf is not None
        (grad,) = torch.autograd.grad(mixed, leaf, materialize_grads=True)
    return grad.abs().sum(-1) > 0, tuple(tupled)


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
