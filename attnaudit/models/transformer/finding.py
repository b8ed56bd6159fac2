"""Where the blocks of a network weigh and average, found by the numbers of one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from attnaudit.errors import ModelError
from attnaudit.models.interface import agree
from attnaudit.models.transformer.axes import Axes, recognise
from attnaudit.models.transformer.products import (
    PRODUCTS,
    SOFTMAX,
    Place,
    Products,
    operands,
    product_of,
)

_NOT_OURS = "its attention does not go through the attention interface of transformers, and "
_HINT = "wrap it as package.module:factory"


@dataclass
class _Step:
    """A softmax or a product, the how many-th of its kind in a run of a block, from 1."""

    number: int
    func: Any
    args: Sequence[Any]
    kwargs: Any
    result: Tensor


@dataclass
class _Run:
    """One run of a block: what it did, and not within a block inside it."""

    block: nn.Module
    counts: dict[str, int] = field(default_factory=lambda: {SOFTMAX: 0, "product": 0})
    softmaxes: list[_Step] = field(default_factory=list)
    products: list[_Step] = field(default_factory=list)


class _Watching(TorchFunctionMode):
    """Writes down every softmax and every product of the blocks that are running."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[_Run] = []
        self.runs: list[_Run] = []

    def enter(self, block: nn.Module, args: Any) -> None:
        run = _Run(block)
        self.running.append(run)
        self.runs.append(run)

    def leave(self, block: nn.Module, args: Any, given: Any) -> None:
        self.running.pop()

    @override
    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        result = func(*args, **kwargs)
        kind = SOFTMAX if name == SOFTMAX else "product" if name in PRODUCTS else None
        if kind is not None and self.running:
            for run in self.running:
                run.counts[kind] += 1
            inner = self.running[-1]
            step = _Step(inner.counts[kind], func, args, kwargs, result)
            (inner.softmaxes if kind == SOFTMAX else inner.products).append(step)
        return result


def find_products(repeated: set[nn.Module], run: Callable[..., Any]) -> Products:
    """Where the blocks of a network, which are among its `repeated` modules, weigh and average.

    `run` runs it on some texts, with the options that it is given, and gives its output.

    Raises ModelError where the network reports no attention, or no product explains it.
    """
    watching = _Watching()
    hooks = [m.register_forward_pre_hook(watching.enter) for m in repeated]
    hooks += [m.register_forward_hook(watching.leave, always_call=True) for m in repeated]
    try:
        with torch.no_grad(), watching:
            given = run(output_attentions=True)
    finally:
        for hook in hooks:
            hook.remove()
    reported = getattr(given, "attentions", None)
    if getattr(given, "cross_attentions", None):
        raise ModelError(f"{_NOT_OURS}it has several attentions in a layer", hint=_HINT)
    if not reported or any(not isinstance(a, Tensor) or a.ndim != 4 for a in reported):
        raise ModelError(f"{_NOT_OURS}it does not report what it attends to", hint=_HINT)
    left = list(reported)
    places: dict[nn.Module, Place] = {}
    for each in watching.runs:
        found = _place(each, left[0]) if left else None
        if found is not None and places.setdefault(each.block, found) == found:
            left.pop(0)
    if left:
        raise ModelError(
            f"{_NOT_OURS}none of its products averages values under the attention that it reports",
            hint=_HINT,
        )
    kinds = {type(block) for block in places}
    if any(type(each.block) in kinds and each.block not in places for each in watching.runs):
        raise ModelError(f"{_NOT_OURS}it reports that of some layers alone", hint=_HINT)
    return Products(places)


def _place(run: _Run, reported: Tensor) -> Place | None:
    """Where a run of a block averages under the weights (B, H, Q, T) that it reports."""
    found: list[Place] = []
    for step in run.products:
        taken = operands(step.args, step.kwargs)
        weights = recognise(taken[0], reported, "bhqt") if len(taken) == 2 else None
        others = None if weights is None else _others(step, weights)
        if weights is None or others is None:
            continue
        for softmax in run.softmaxes:
            scores = recognise(softmax.result, reported, "bhqt")
            if scores is None:
                continue
            heads = reported.shape[1]
            place = Place(softmax.number, step.number, heads, scores, *others)
            given = operands(softmax.args, softmax.kwargs)[0]
            if _explains(place, scores.apart(given, heads, "bhqt"), step):
                found.append(place)
    return found[0] if len(found) == 1 else None


def _others(step: _Step, weights: Axes) -> tuple[Axes, Axes] | None:
    """How the values and the result of a product lie, from how its weights do."""
    if step.func.__name__ != "einsum":
        if weights.order[2:] != "qt":
            return None
        lead = weights.order[:2]
        return Axes(f"{lead}td", weights.merged), Axes(f"{lead}qd", weights.merged)
    equation = step.args[0] if isinstance(step.args[0], str) else ""
    inputs, _, result = equation.replace(" ", "").partition("->")
    first, _, second = inputs.partition(",")
    letters = dict(zip(first, weights.order, strict=False))
    lie = [Axes("".join(letters.get(each, "d") for each in part)) for part in (second, result)]
    if [sorted(axes.order) for axes in lie] != [sorted("bhtd"), sorted("bhqd")]:
        return None
    return lie[0], lie[1]


def _explains(place: Place, scores: Tensor, step: _Step) -> bool:
    """Whether the scores and the values of a place give what the product gives."""
    try:
        call = product_of(place, scores, step.func, step.args, step.kwargs)
        ours, own = call.output(call.weights()), call.plain()
    except RuntimeError:  # the shapes do not fit
        return False
    return agree(ours, own)
