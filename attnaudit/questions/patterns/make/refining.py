"""Guided pattern refinement: the influence of words, followed layer by layer.

A pattern is a path from a word to the answer. Its influence is that of the word, as far as it goes
along this path: the product of derivatives from node to node times the way from the baseline to the
word, on average over points on that way (Lu et al. 2021). Patterns that split another one up have
influences that add up to that one's.

Refinement begins with the pattern that is only the word. Layer by layer it puts in the position
with the largest influence of what is left: of the pattern so far, with all that lies above open.
The last layer's position is the one that the answer is read from. With all positions fixed, it puts
in, again layer by layer, one head or the way past all heads. If the influence of a word is
negative, the least influence is looked for instead, as the authors' code does.

Letters in shape comments: N patterns, W words, S points, L layers, H heads, T tokens, E the size of
what a head gives, D that of states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from attnaudit.models.arithmetic import in_float64
from attnaudit.models.transformer.paths import Paths
from attnaudit.models.transformer.sending import Sent


@dataclass(frozen=True)
class Followed:
    """Patterns with what goes along them.

    `chosen` (N, L): the positions, or the heads, of each. `influence` (N,) in log-odds. `gap` is
    the largest difference between an influence and the sum of those that it was split up into.
    """

    chosen: Tensor
    influence: Tensor
    gap: float


class Refinement:
    """Follows the influence of the words of a text; `sources` (W, T) are the positions of each."""

    def __init__(self, paths: Paths, sources: Tensor) -> None:
        self.paths, self.sources = paths, sources
        with torch.no_grad():
            by_place = self._mean((paths.change * paths.slopes[0]).sum(-1).unsqueeze(0))  # (1, T)
            self.whole = (sources * by_place).sum(1)  # (W,)
            self.signs = torch.where(self.whole < 0, -1.0, 1.0)  # the sign rule
            past = (paths.change * paths.past_slopes[0]).sum(-1)  # (S, T)
            self._past = self._mean(past.unsqueeze(0))  # (1, T)
        widest = int(sources.sum(1).max())
        order = (~sources).int().argsort(dim=1, stable=True)  # its own positions first
        self._places = order[:, :widest]  # (W, P)

    @torch.no_grad()
    def positions(self, words: Tensor, places: Tensor | None = None) -> Followed:
        """Through the `places` (N, L) of each pattern, or those of the largest influence.

        `words` (N,) says where each pattern begins.
        """
        found = [
            self._positions(words[part], None if places is None else places[part])
            for part in self._parts(words)
        ]
        return _joined([one[0] for one in found])

    @torch.no_grad()
    def heads(self, words: Tensor, found: Followed, heads: Tensor | None = None) -> Followed:
        """Through the `heads` (N, L) as well, or those of the largest influence.

        H stands for the way past all heads. `found` are the patterns' positions.
        """
        made = []
        for part in self._parts(words):
            along = Followed(found.chosen[part], found.influence[part], found.gap)
            made.append(self._heads(words[part], along, None if heads is None else heads[part]))
        return _joined(made)

    @torch.no_grad()
    def pairs_gap(self, word: int) -> float:
        """How far the influences of all pairs of positions in the first two layers miss the word's.

        This is the authors' own test of conservation. 0 for one layer, which has no such pairs.
        """
        tokens = self.paths.tokens
        if self.paths.layers < 2:
            return 0.0
        words = torch.full((tokens,), word, device=self.sources.device)
        places = torch.full((tokens, self.paths.layers), self.paths.row, device=words.device)
        places[:, 0] = torch.arange(tokens, device=words.device)
        sums = [self._positions(words[p], places[p], layers=2)[1] for p in self._parts(words)]
        return float((torch.cat(sums).sum() - self.whole[word]).abs())

    def _positions(
        self, words: Tensor, places: Tensor | None, layers: int | None = None
    ) -> tuple[Followed, Tensor]:
        """The patterns, and what is left of each (N,) before the last position is put in."""
        paths, count = self.paths, len(words)
        each, first = torch.arange(count, device=words.device), self.sources[words]
        left, signs = self.whole[words], self.signs[words]
        chosen: list[Tensor] = []
        gap, change = 0.0, torch.empty(0)
        for layer in range(paths.layers if layers is None else layers):
            sent = self._sent(layer, words, chosen, change)
            shares = self._mean(sent.shares())  # (N, T)
            if layer == 0:
                shares += self._past * first
            else:
                slopes = self._at(paths.past_slopes[layer], chosen[-1])
                shares[each, chosen[-1]] += self._mean((change * slopes).sum(-1))
            total = shares.sum(1)
            gap = max(gap, float((total - left).abs().max()))
            if layer == paths.layers - 1:
                place = torch.full_like(words, paths.row)
            else:
                place = (signs[:, None] * shares).argmax(1) if places is None else places[:, layer]
            if layer < paths.layers - 1:
                begun = self._begun(layer, first, chosen, change, place)
                change = paths.moved(layer, place, begun, sent.at(place))
            chosen.append(place)
            left = shares[each, place]
        return Followed(torch.stack(chosen, dim=1), left, gap), total

    def _heads(self, words: Tensor, along: Followed, heads: Tensor | None) -> Followed:
        paths = self.paths
        each, first = torch.arange(len(words), device=words.device), self.sources[words]
        places, left = along.chosen.unbind(1), along.influence
        slopes = self._restricted(places) if heads is None else []
        chosen: list[Tensor] = []
        gap, change = 0.0, torch.empty(0)
        for layer, place in enumerate(places):
            given = self._sent(layer, words, places[:layer], change).at(place)
            begun = self._begun(layer, first, places[:layer], change, place)
            if heads is None:
                of_heads, of_states = slopes[layer]
                shares = self._mean((given * of_heads).sum(-1))  # (N, H)
                past = self._mean((begun * of_states).sum(-1))  # (N,)
                gap = max(gap, float((shares.sum(1) + past - left).abs().max()))
                options = torch.cat([shares, past.unsqueeze(1)], dim=1)
                moves = ~(first[each, place] if layer == 0 else places[layer - 1] == place)
                options[moves, -1] = 0
                ranked = self.signs[words].unsqueeze(1) * options
                ranked[moves, -1] = -torch.inf  # a pattern that moves cannot go past all heads
                way = ranked.argmax(1)
                left = options[each, way]
            else:
                way = heads[:, layer]
            ways = torch.arange(given.shape[2] + 1, device=way.device)
            opened = (ways == way.unsqueeze(1)).to(given)  # (N, H + 1): one open, the others closed
            change = paths.moved(
                layer, place, begun * opened[:, None, -1:], given * opened[:, None, :-1, None]
            )
            chosen.append(way)
        final = self._mean((change * self._at(paths.slopes[-1], places[-1])).sum(-1))
        if heads is None:
            gap = max(gap, float((final - left).abs().max()))
        return Followed(torch.stack(chosen, dim=1), final, gap)

    def _restricted(self, places: tuple[Tensor, ...]) -> list[tuple[Tensor, Tensor]]:
        """The gradients of the answer along the positions (N,) of each layer and nowhere else.

        At what heads give (N, S, H, E), and at what a layer begins with at its position (N, S, D).
        """
        paths = self.paths
        wanted = self._at(paths.slopes[-1], places[-1])
        found = []
        for layer in reversed(range(paths.layers)):
            place = places[layer]
            found.append(paths.asked_of(layer, place, wanted))
            if layer:
                of_heads, of_states = found[-1]
                sender = places[layer - 1]
                wanted = paths.sending[layer].asked(place, sender, of_heads)
                wanted = wanted + of_states * (place == sender)[:, None, None]
        return found[::-1]

    def _sent(
        self,
        layer: int,
        words: Tensor,
        before: list[Tensor] | tuple[Tensor, ...],
        change: Tensor,
    ) -> Sent:
        """What the heads of a layer are sent.

        States move by `change` (N, S, D) at the position of the layer before; at the first layer,
        at all positions of the word.
        """
        if layer:
            return self.paths.sending[layer].send(before[-1].unsqueeze(1), change.unsqueeze(2))
        senders = self._places[words]  # (N, P)
        moves = self.paths.change[:, senders].transpose(0, 1)  # (N, S, P, D)
        there = self.sources[words].gather(1, senders)
        return self.paths.sending[0].send(senders, moves * there[:, None, :, None])

    def _begun(
        self,
        layer: int,
        first: Tensor,
        before: list[Tensor] | tuple[Tensor, ...],
        change: Tensor,
        place: Tensor,
    ) -> Tensor:
        """How far what a layer begins with moves at `place` (N,): (N, S, D)."""
        if layer == 0:
            there = first.gather(1, place.unsqueeze(1)).unsqueeze(-1)  # (N, 1, 1)
            return self._at(self.paths.change, place) * there
        return change * (before[-1] == place)[:, None, None]

    def _at(self, values: Tensor, place: Tensor) -> Tensor:
        """(N, S, D) of values (S, T, D), those at `place` (N,)."""
        return values[:, place].transpose(0, 1)

    def _mean(self, values: Tensor) -> Tensor:
        """(N, ...) the mean of values (N, S, ...) over points; in float64, but on Apple GPUs."""
        return (values if values.device.type == "mps" else in_float64(values)).mean(1)

    def _parts(self, words: Tensor) -> Iterator[slice]:
        return self.paths.parts(len(words), self.paths.tokens * self.paths.steps)


def _joined(parts: list[Followed]) -> Followed:
    chosen = torch.cat([one.chosen for one in parts])
    influence = torch.cat([one.influence for one in parts])
    return Followed(chosen, influence, max(one.gap for one in parts))
