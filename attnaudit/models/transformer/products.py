"""The second seam: the product of weights and values, found by its numbers.

A network that does not use the attention interface of transformers still reports its attention
(`output_attentions`). One run shows which softmax gives the reported weights, and which product
with a second tensor uses them: what that averages are the values. Both are known from then on by
their number among the softmaxes and the products of their block, and that product can be answered
in the network's place. The laws that are checked afterwards decide whether that is right.

Letters in shape comments: B batch, H heads, G value heads (H or 1), Q queries, T tokens,
D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from attnaudit.errors import ModelError
from attnaudit.models.transformer.axes import Axes
from attnaudit.models.transformer.calls import Call, Handler, by_query, wide
from attnaudit.models.transformer.interception import forwarding

# Names of functions of torch.
SOFTMAX = "softmax"
PRODUCTS = frozenset({"matmul", "__matmul__", "bmm", "einsum"})
# Networks mask scores by -10,000 or less; below -104 a weight is 0 in any case.
MASKED = 5_000


@dataclass(frozen=True)
class Place:
    """Where the attention of a block is: the numbers of its softmax and of its product.

    `heads` is how many it has; the rest says how the scores, the values and the result lie.
    """

    softmax: int
    product: int
    heads: int
    scores: Axes
    values: Axes
    result: Axes


@dataclass(frozen=True)
class Product:
    """What the attention of a block computes from; see `calls.Call`.

    `scores` (B, H, Q, T) go into the softmax; `value` is (B, G, T, D); `dropout` is the share of
    weights that training drops; `own` makes the product as the network does: (B, Q, H, D). It is
    None where the call is no longer the network's. `kept` is false where a position is hidden.
    """

    scores: Tensor
    value: Tensor
    dropout: float
    own: Callable[[], Tensor] | None
    kept: Tensor | None = None

    @property
    def heads(self) -> int:
        """See `calls.Call`, as for all that follows."""
        return self.scores.shape[1]

    def plain(self) -> Tensor:
        """What the network computes by itself: (B, Q, H, D)."""
        return self.output(self.dropped(self.weights())) if self.own is None else self.own()

    def weights(self) -> Tensor:
        """The attention (B, H, Q, T)."""
        scores = wide(self.scores)
        if self.kept is not None:
            scores = scores.masked_fill(~self.kept, torch.finfo(scores.dtype).min)
        return scores.softmax(-1)

    def vectors(self) -> Tensor:
        """The values of each head: (B, H, T, D)."""
        return self.value.expand(-1, self.heads, -1, -1)

    def keys(self) -> None:
        """Of the scores nothing but their sums is at hand."""

    def output(self, weights: Tensor) -> Tensor:
        """The values averaged under weights (B, H, Q, T): (B, Q, H, D)."""
        return (weights.to(self.value.dtype) @ self.value).transpose(1, 2)

    def dropped(self, weights: Tensor) -> Tensor:
        """The weights after dropout."""
        return nn.functional.dropout(weights, self.dropout, self.dropout > 0)

    def reach(self) -> Tensor | None:
        """True where the score is not one of a masked position."""
        scores = wide(self.scores.detach())
        reach = scores > scores.amax(-1, keepdim=True) - MASKED
        return reach if self.kept is None else reach & self.kept

    def hiding(self, hidden: Tensor) -> Call:
        """The call in which no query sees some positions."""
        kept = ~by_query(hidden).to(self.scores.device)  # (B, 1, 1 or Q, T)
        return replace(self, own=None, kept=kept if self.kept is None else kept & self.kept)

    def of_rows(self, rows: Tensor) -> Call:
        """The call of one query of each text."""
        each = torch.arange(len(rows), device=self.scores.device)
        rows, kept = rows.to(each.device), self.kept
        scores = self.scores[each, :, rows].unsqueeze(2)
        if kept is not None and kept.shape[2] > 1:
            kept = kept[each, :, rows].unsqueeze(2)
        # What the network computes itself holds the queries of all rows.
        return replace(self, scores=wide(scores), own=None, kept=kept)


@dataclass(frozen=True)
class Products:
    """The seam of a network whose blocks weigh and average at known places."""

    places: Mapping[nn.Module, Place]

    @contextmanager
    def handling(self, handler: Handler) -> Iterator[None]:
        """See `calls.Seam`."""
        with ExitStack() as stack:
            for block, place in self.places.items():
                stack.enter_context(forwarding([block], _answering(place, handler)))
            yield


def _answering(place: Place, handler: Handler) -> Callable[..., Any]:
    def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        answering = _Answering(place, handler)
        with answering:
            given = own(*args, **kwargs)
        if not answering.done:
            raise _another_way()
        return given

    return forward


class _Answering(TorchFunctionMode):
    """While one block runs: its product goes to the handler."""

    def __init__(self, place: Place, handler: Handler) -> None:
        super().__init__()
        self._place, self._handler = place, handler
        self._softmaxes = self._products = 0
        self._scores: Tensor | None = None
        self._dropout = 0.0
        self.done = False

    @override
    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == SOFTMAX:
            self._softmaxes += 1
            if self._softmaxes == self._place.softmax:
                self._scores = operands(args, kwargs)[0]
        elif name == "dropout" and self._scores is not None:
            share, training = kwargs.get("p", 0.5), kwargs.get("training", True)
            self._dropout = share if training else 0.0
        elif name in PRODUCTS:
            self._products += 1
            if self._products == self._place.product and self._scores is not None:
                if operands(args, kwargs)[0].numel() != self._scores.numel():
                    raise _another_way()
                self.done = True
                scores = self._place.scores.apart(self._scores, self._place.heads, "bhqt")
                call = product_of(self._place, scores, func, args, kwargs, self._dropout)
                return self._place.result.together(self._handler(call), "bqhd").contiguous()
        return func(*args, **kwargs)


def _another_way() -> ModelError:
    return ModelError(
        "its attention is computed in another way for some texts",
        hint="wrap it as package.module:factory",
    )


def product_of(
    place: Place, scores: Tensor, func: Any, args: Sequence[Any], kwargs: Any, dropout: float = 0
) -> Product:
    """The call that a product of torch stands for, with its scores (B, H, Q, T)."""

    def own() -> Tensor:
        return place.result.apart(func(*args, **kwargs), place.heads, "bqhd")

    value = operands(args, kwargs)[1]
    return Product(scores, place.values.apart(value, place.heads, "bhtd"), dropout, own)


def operands(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """The tensors that a function of torch is called with, in order."""
    given = [*args, *kwargs.values()]
    flat = [x for each in given for x in (each if isinstance(each, (list, tuple)) else [each])]
    return [x for x in flat if isinstance(x, Tensor)]
