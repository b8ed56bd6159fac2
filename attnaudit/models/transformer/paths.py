"""How an answer changes along paths through a network: derivatives, layer by layer.

A path goes from the embeddings of some words through one position of each layer, and there through
one head or past all heads, to the answer. What changes at its beginning is followed by forward-mode
derivatives; what the answer asks for, by reverse mode. Both are taken at points on the straight way
from a baseline to a text.

A block is looked at in two parts. Up to what its heads give, all positions of a text take part.
Behind that each position stands alone, as in `read`: so one row is run by itself.

Letters in shape comments: N rows, S points on the way, L layers, H heads, T tokens, E the size of
what a head gives, D that of states, C classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from attnaudit.data.batch import Batch
from attnaudit.errors import ModelError
from attnaudit.models.distances import log_odds
from attnaudit.models.transformer.calls import Call, Handler
from attnaudit.models.transformer.interception import forwarding, hidden, with_hidden
from attnaudit.models.transformer.quiet import quiet

if TYPE_CHECKING:
    from attnaudit.models.transformer.classifier import TransformerClassifier


class FoundError(Exception):
    """Ends a forward pass where nothing above is needed; holds what was reached."""

    def __init__(self, found: Tensor) -> None:
        super().__init__()
        self.found = found


class Blocks:
    """The blocks of a network on one text, each run by itself.

    `batch` holds the text alone, without padding. `room` is how many tokens a call may have.
    """

    def __init__(self, model: TransformerClassifier, batch: Batch, room: int) -> None:
        self.model, self.batch, self.room = model, batch, room
        self.layers, self.tokens = len(model.anatomy.blocks), batch.ids.shape[1]
        self.row = int(model.audited_row(batch)[0])

    def begun(self, embeddings: Tensor) -> Tensor:
        """What the first block begins with (N, T, D), from embeddings (N, T, size of those)."""
        with self.model._embedded(embeddings):
            return self._reached(len(embeddings), 0, None, lambda call: call.plain())

    def attended(self, layer: int, states: Tensor) -> Tensor:
        """What the heads of a block give (N, T, H, E), which begins with states (N, T, D)."""

        def handler(call: Call) -> Tensor:
            raise FoundError(_averaged(call))

        return self._reached(len(states), layer, states, handler)

    def joined(self, layer: int, states: Tensor, heads: Tensor) -> Tensor:
        """What a block gives at positions alone (N, D), from what it begins with there (N, D).

        `heads` (N, H, E) is what its heads give there.
        """
        given = heads.unsqueeze(1)  # (N, 1, H, E)
        inputs = self.model._nothing(states.unsqueeze(1))

        def run() -> None:
            self.model._logits(**inputs)

        return self._run(run, layer, states.unsqueeze(1), lambda call: given).squeeze(1)

    @torch.no_grad()
    def answers(self, states: Tensor) -> Tensor:
        """Logits (N, C) where the last block gives states (N, T, D)."""

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            nonlocal at
            found = states if at == self.layers - 1 else hidden(args, kwargs)
            at += 1
            return self.model._as_given(found, at - 1)

        at = 0
        with forwarding(list(self.model.anatomy.blocks), forward):
            return self.model(self.texts(len(states)))

    def texts(self, count: int) -> Batch:
        """The text, so many times."""
        return self.batch.select(torch.zeros(count, dtype=torch.long, device=self.batch.ids.device))

    def parts(self, rows: int, tokens: int) -> Iterator[slice]:
        """All rows of so many tokens each in parts that fit into the room."""
        size = max(1, self.room // tokens)
        return (slice(first, first + size) for first in range(0, rows, size))

    def _reached(self, count: int, layer: int, states: Tensor | None, handler: Handler) -> Tensor:
        texts = self.texts(count)
        return self._run(lambda: self.model(texts), layer, states, handler)

    def _run(
        self, run: Callable[[], Any], layer: int, states: Tensor | None, handler: Handler
    ) -> Tensor:
        """What is reached of a block: what its heads give, what it gives, or it begins with.

        The last where there are no `states` for it to begin with.
        """
        tupled = self.model.anatomy.tupled[layer]
        at = 0

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            nonlocal at
            at += 1
            if at <= layer:
                return self.model._as_given(hidden(args, kwargs), at - 1)
            if states is None:
                raise FoundError(hidden(args, kwargs))
            args, kwargs = with_hidden(args, kwargs, states)
            given = own(*args, **kwargs)
            raise FoundError(given[0] if tupled else given)

        with ExitStack() as stack:
            stack.enter_context(self.model.seam.handling(handler))
            stack.enter_context(forwarding(list(self.model.anatomy.blocks), forward))
            stack.enter_context(quiet())
            try:
                run()
            except FoundError as reached:
                return reached.found
        raise AssertionError("a block was not reached")


class Paths(Blocks):
    """The derivatives of an answer along paths, at points between a baseline and a text.

    The answer is the log-odds of the class `target` against all other classes. The points lie in
    the middle of `steps` stretches of equal length, so that a mean over them is an integral by the
    midpoint rule. All tensors begin with the points (S, ...):

    * `states` has L + 1 of (S, T, D): what each block begins with, and what the last one gives;
    * `slopes` the gradients of the answer there;
    * `heads` has L of (S, T, H, E): what the heads of each block give;
    * `head_slopes` the gradients of the answer there;
    * `change` (S, T, D): how far what the first block begins with moves, at each position, for the
      whole way from the baseline to the text.

    Raises ModelError for a network that has an operation without such derivatives.
    """

    def __init__(
        self,
        model: TransformerClassifier,
        batch: Batch,
        baseline: Tensor,
        target: int,
        steps: int,
        room: int,
    ) -> None:
        super().__init__(model, batch, room)
        self.target, self.steps = target, steps
        text = model.embed(batch).detach()
        way = text - baseline  # (1, T, size)
        places = (torch.arange(steps, dtype=way.dtype, device=way.device) + 0.5) / steps
        points = baseline + places.view(-1, 1, 1) * way  # (S, T, size)
        looks = [self._look(points[part]) for part in self.parts(steps, self.tokens)]
        self.states, self.slopes, self.heads, self.head_slopes = (
            [torch.cat(same) for same in zip(*each, strict=True)]
            for each in zip(*looks, strict=True)
        )
        self.change = self._forward(self.begun, points, way.expand_as(points))

    def odds(self, embeddings: Tensor) -> Tensor:
        """The answers (N,) to embeddings (N, T, size)."""
        with torch.no_grad(), self.model._embedded(embeddings):
            return self._odds(self.model(self.texts(len(embeddings))))

    def moved_heads(self, layer: int, points: Tensor, change: Tensor) -> Tensor:
        """How far what heads give moves (N, T, H, E), where states move by `change` (N, T, D).

        `points` (N,) says at which point each row is.
        """
        found = []
        for part in self.parts(len(points), self.tokens):
            states = self.states[layer][points[part]]
            found.append(self._forward(lambda x: self.attended(layer, x), states, change[part]))
        return torch.cat(found)

    def moved(
        self, layer: int, points: Tensor, places: Tensor, change: Tensor, heads: Tensor
    ) -> Tensor:
        """How far what a block gives at positions `places` (N,) moves, (N, D).

        There what it begins with moves by `change` (N, D), and what its heads give by `heads` (N,
        H, E). Heads do not follow what it begins with: that is for `moved_heads`.
        """
        found = []
        for part in self.parts(len(points), 1):
            at = (points[part], places[part])

            def give(x: Tensor, y: Tensor) -> Tensor:
                return self.joined(layer, x, y)

            primal = (self.states[layer][at], self.heads[layer][at])
            found.append(self._forward(give, *primal, change[part], heads[part]))
        return torch.cat(found)

    def asked_of(
        self, layer: int, points: Tensor, places: Tensor, wanted: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The gradients of `wanted` (N, D) times what a block gives at `places` (N,).

        At what its heads give there (N, H, E), and at what it begins with there (N, D), heads held.
        """
        found = []
        for part in self.parts(len(points), 1):
            at = (points[part], places[part])
            with torch.enable_grad():
                heads = self.heads[layer][at].requires_grad_()
                states = self.states[layer][at].requires_grad_()
                given = self.joined(layer, states, heads)
                found.append(_gradients((given * wanted[part]).sum(), heads, states))
        of_heads, of_states = zip(*found, strict=True)
        return torch.cat(of_heads), torch.cat(of_states)

    def asked_before(
        self, layer: int, points: Tensor, places: Tensor, senders: Tensor, wanted: Tensor
    ) -> Tensor:
        """(N, D) the gradient of `wanted` (N, H, E) times what heads give at `places` (N,).

        At what the block begins with at the positions `senders` (N,).
        """
        found = []
        for part in self.parts(len(points), self.tokens):
            each = torch.arange(len(points[part]), device=points.device)
            with torch.enable_grad():
                states = self.states[layer][points[part]].requires_grad_()
                given = self.attended(layer, states)[each, places[part]]
                (slopes,) = _gradients((given * wanted[part]).sum(), states)
            found.append(slopes[each, senders[part]])
        return torch.cat(found)

    def _odds(self, logits: Tensor) -> Tensor:
        return log_odds(logits, torch.full((len(logits),), self.target, device=logits.device))

    def _look(self, points: Tensor) -> tuple[list[Tensor], ...]:
        """States, slopes, heads and slopes of those at some points (N, T, size)."""
        states: list[Tensor] = []
        heads: list[Tensor] = []
        tupled = self.model.anatomy.tupled[-1]

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            begun = hidden(args, kwargs)
            if not states:
                begun = begun.detach().requires_grad_()
                args, kwargs = with_hidden(args, kwargs, begun)
            states.append(begun)
            given = own(*args, **kwargs)
            if len(states) == self.layers:
                states.append(given[0] if tupled else given)
            return given

        def handler(call: Call) -> Tensor:
            heads.append(_averaged(call))
            return heads[-1]

        with (
            torch.enable_grad(),
            self.model._embedded(points),
            self.model.seam.handling(handler),
            forwarding(list(self.model.anatomy.blocks), forward),
        ):
            odds = self._odds(self.model(self.texts(len(points))))
            slopes = _gradients(odds.sum(), *states, *heads)
        return (
            [one.detach() for one in states],
            list(slopes[: len(states)]),
            [one.detach() for one in heads],
            list(slopes[len(states) :]),
        )

    @torch.no_grad()
    def _forward(self, function: Callable[..., Tensor], *given: Tensor) -> Tensor:
        """How far a function moves: its arguments, and then how far each of them moves."""
        count = len(given) // 2
        _load_derivatives()
        with forward_ad.dual_level():
            pairs = zip(given[:count], given[count:], strict=True)
            dual = [forward_ad.make_dual(x, move.contiguous()) for x, move in pairs]
            try:
                primal, moved = forward_ad.unpack_dual(function(*dual))
            except NotImplementedError as error:
                raise ModelError(
                    "an operation of it has no forward-mode derivative"
                    f" ({str(error).splitlines()[0]:.100})"
                ) from error
            return torch.zeros_like(primal) if moved is None else moved


def _averaged(call: Call) -> Tensor:
    """What a layer computes by itself: (B, Q, H, E), by steps that all have derivatives."""
    return call.output(call.dropped(call.weights()))


@cache
def _load_derivatives() -> None:
    """Let torch load what forward mode needs, which warns of how torch itself is written."""
    with warnings.catch_warnings(), forward_ad.dual_level():
        warnings.simplefilter("ignore")
        forward_ad.make_dual(torch.ones(1), torch.ones(1))


def _gradients(value: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
    if not value.requires_grad:
        return tuple(torch.zeros_like(leaf) for leaf in leaves)
    return torch.autograd.grad(value, leaves, materialize_grads=True)
