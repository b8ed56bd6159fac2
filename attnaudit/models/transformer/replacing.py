"""What a network answers if parts of it are as they would be for another text of the same length.

Letters in shape comments: V variants, L layers, H heads, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.models.transformer.blocks import Blocks
from attnaudit.models.transformer.calls import wide
from attnaudit.models.transformer.interception import forwarding, hidden

if TYPE_CHECKING:
    from attnaudit.models.transformer.classifier import TransformerClassifier


class Replaced(Blocks):
    """Answers to one text in which some parts are those of a baseline.

    `batch` holds the text alone; `baseline` (1, T, size) are the embeddings of what the parts are
    taken from. `states` has L + 1 of (1, T, D), what each block begins with there and what the last
    one gives; `heads` has L of (1, T, H, E), what its heads give.
    """

    @torch.no_grad()
    def __init__(
        self, model: TransformerClassifier, batch: Batch, baseline: Tensor, room: int
    ) -> None:
        super().__init__(model, batch, room)
        self.baseline, self.text = baseline, model.embed(batch)
        self.states: list[Tensor] = []
        tupled = model.anatomy.tupled[-1]

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            self.states.append(wide(hidden(args, kwargs)))
            given = own(*args, **kwargs)
            if len(self.states) == self.layers:
                self.states.append(wide(given[0] if tupled else given))
            return given

        with model._embedded(baseline), forwarding(list(model.anatomy.blocks), forward):
            model(batch)
        self.heads = [self.attended(layer, self.states[layer]) for layer in range(self.layers)]

    @torch.no_grad()
    def by_states(self, words: Tensor, kept: Tensor) -> Tensor:
        """Logits (V, C) where states are kept at some positions only.

        `words` (V, T) is true where the embedding is the text's own. `kept` (V, L, T) is true where
        what a layer gives is computed; elsewhere it is what it was for the baseline.
        """
        found = [self._by_states(words[p], kept[p]) for p in self.parts(len(words), self.tokens)]
        return torch.cat(found)

    @torch.no_grad()
    def by_heads(self, words: Tensor, kept: Tensor) -> Tensor:
        """Logits (V, C) where of each layer some heads are kept at some positions only.

        `kept` (V, L, H + 1, T) is true where what a head gives at a position is computed, and last
        where what goes past all heads is. Elsewhere it is what it was for the baseline.
        """
        found = [self._by_heads(words[p], kept[p]) for p in self.parts(len(words), self.tokens)]
        return torch.cat(found)

    def _mixed(self, words: Tensor) -> Tensor:
        return torch.where(words.unsqueeze(-1), self.text, self.baseline)

    def _by_states(self, words: Tensor, kept: Tensor) -> Tensor:
        at = 0

        def forward(own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            nonlocal at
            given, tupled = own(*args, **kwargs), self.model.anatomy.tupled[at]
            at += 1
            states = given[0] if tupled else given
            there = kept[:, at - 1].unsqueeze(-1)
            states = torch.where(there, states, self.states[at].to(states.dtype))
            return (states, *given[1:]) if tupled else states

        blocks = list(self.model.anatomy.blocks)
        with self.model._embedded(self._mixed(words)), forwarding(blocks, forward):
            logits: Tensor = self.model(self.texts(len(words)))
        return logits

    def _by_heads(self, words: Tensor, kept: Tensor) -> Tensor:
        states, count = self.begun(self._mixed(words)), len(words)
        for layer in range(self.layers):
            there = kept[:, layer].transpose(1, 2).unsqueeze(-1)  # (V, T, H + 1, 1)
            heads = self.attended(layer, states)
            heads = torch.where(there[:, :, :-1], heads, self.heads[layer])
            begun = torch.where(there[:, :, -1], states, self.states[layer])
            given = self.joined(layer, begun.flatten(0, 1), heads.flatten(0, 1))
            states = given.view(count, self.tokens, -1)
        return self.answers(states)
