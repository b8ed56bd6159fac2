"""How an answer changes along paths through a network: derivatives, layer by layer.

A path goes from the embeddings of some words through one position of each layer, and there through
one head or past all heads, to the answer. What changes at its beginning is followed by forward-mode
derivatives; what the answer asks for, by reverse mode. Both are taken at points on the straight way
from a baseline to a text.

A block is looked at in two parts. Up to what its heads give, all positions of a text take part (see
`sending`). Behind that each position stands alone, as in `read`: so one row is run by itself.

Letters in shape comments: N patterns, S points on the way, L layers, H heads, T tokens, E the size
of what a head gives, D that of states.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.errors import ModelError
from attnaudit.models.distances import log_odds
from attnaudit.models.interface import agree
from attnaudit.models.transformer.blocks import Blocks, averaged
from attnaudit.models.transformer.calls import Call
from attnaudit.models.transformer.derivatives import moved, slopes, split_rows
from attnaudit.models.transformer.interception import forwarding, hidden, with_hidden
from attnaudit.models.transformer.sending import Sending, sending

if TYPE_CHECKING:
    from attnaudit.models.transformer.classifier import TransformerClassifier


class Paths(Blocks):
    """The derivatives of an answer along paths, at points between a baseline and a text.

    The answer is the log-odds of the class `target` against all other classes. The points lie in
    the middle of `steps` stretches of equal length, so that a mean over them is an integral by the
    midpoint rule. All that is held begins with the points:

    * `states` has L + 1 of (S, T, D): what each block begins with, and what the last one gives;
    * `slopes` the gradients of the answer there;
    * `heads` has L of (S, T, H, E): what the heads of each block give;
    * `head_slopes` the gradients of the answer there;
    * `change` (S, T, D): how far what the first block begins with moves, at each position, for the
      whole way from the baseline to the text;
    * `sending` has L ways to see what the heads of a block are sent.

    Raises ModelError for a network that has an operation without such derivatives, or whose layers
    let positions meet elsewhere than in their attention.
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
        self._check_parts()
        self.change = moved(self.begun, (points,), (way.expand_as(points),))
        self.sending: list[Sending] = [
            sending(self, layer, self._call(layer)) for layer in range(self.layers)
        ]

    def odds(self, embeddings: Tensor) -> Tensor:
        """The answers (N,) to embeddings (N, T, size)."""
        with torch.no_grad(), self.model._embedded(embeddings):
            return self._odds(self.model(self.texts(len(embeddings))))

    def moved(self, layer: int, place: Tensor, change: Tensor, heads: Tensor) -> Tensor:
        """How far what a block gives at positions `place` (N,) moves, (N, S, D).

        There what it begins with moves by `change` (N, S, D), and what its heads give by `heads`
        (N, S, H, E). Heads do not follow what it begins with: that is for `sending`.
        """
        points, places = self.rows(place)
        by, found = (change.flatten(0, 1), heads.flatten(0, 1)), []
        for part in self.parts(len(points), 1):
            at = (points[part], places[part])
            given = (self.states[layer][at], self.heads[layer][at])
            found.append(
                moved(lambda x, y: self.joined(layer, x, y), given, (by[0][part], by[1][part]))
            )
        return split_rows(torch.cat(found), len(place), self.steps)

    def asked_of(self, layer: int, place: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of `wanted` (N, S, D) times what a block gives at `place` (N,).

        At what its heads give there (N, S, H, E), and at what it begins with there (N, S, D), while
        heads are held.
        """
        points, places = self.rows(place)
        wanted, found = wanted.flatten(0, 1), []
        for part in self.parts(len(points), 1):
            at = (points[part], places[part])
            with torch.enable_grad():
                heads = self.heads[layer][at].requires_grad_()
                states = self.states[layer][at].requires_grad_()
                given = self.joined(layer, states, heads)
                found.append(slopes((given * wanted[part]).sum(), (heads, states)))
        shape = (len(place), self.steps)
        of_heads, of_states = (split_rows(torch.cat(x), *shape) for x in zip(*found, strict=True))
        return of_heads, of_states

    @cached_property
    def past_slopes(self) -> list[Tensor]:
        """L of (S, T, D): the gradients of the answer at states, past the heads of their layer."""
        every = torch.arange(self.tokens, device=self.change.device)
        return [
            self.asked_of(layer, every, self.slopes[layer + 1].transpose(0, 1))[1].transpose(0, 1)
            for layer in range(self.layers)
        ]

    def rows(self, place: Tensor) -> tuple[Tensor, Tensor]:
        """(N * S,) the point and the position of each row of `place` (N,)."""
        points = torch.arange(self.steps, device=place.device).repeat(len(place))
        return points, place.repeat_interleave(self.steps)

    def _odds(self, logits: Tensor) -> Tensor:
        return log_odds(logits, torch.full((len(logits),), self.target, device=logits.device))

    @torch.no_grad()
    def _check_parts(self) -> None:
        """Raise ModelError where a position behind the heads does not stand alone."""
        for layer in range(self.layers):
            states, heads = self.states[layer][0], self.heads[layer][0]
            if not agree(self.joined(layer, states, heads), self.states[layer + 1][0]):
                raise ModelError(
                    f"layer {layer + 1} of it lets positions meet elsewhere than in its attention,"
                    " so that there are no paths from position to position"
                )

    def _call(self, layer: int) -> Call:
        """The call of a block's attention at all points."""
        found: list[Call] = []

        def handler(call: Call) -> Tensor:
            found.append(call)
            return averaged(call)

        with torch.no_grad():
            self._reached(self.steps, layer, self.states[layer], handler)
        return found[0]

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
            heads.append(averaged(call))
            return heads[-1]

        with (
            torch.enable_grad(),
            self.model._embedded(points),
            self.model.seam.handling(handler),
            forwarding(list(self.model.anatomy.blocks), forward),
        ):
            odds = self._odds(self.model(self.texts(len(points))))
            found = slopes(odds.sum(), (*states, *heads))
        return (
            [one.detach() for one in states],
            list(found[: len(states)]),
            [one.detach() for one in heads],
            list(found[len(states) :]),
        )
