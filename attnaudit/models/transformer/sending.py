"""How what heads give moves, at every position, where states move at a few positions only.

There are two ways. One is for any network: the block runs on the whole text, in forward mode. The
other is for blocks whose queries, keys and values at a position depend on the state there alone,
and not on where it stands: then one position is run by itself, and what that does to the softmax is
written out. It takes a small part of the time, and gives the same. Whether it holds is not asked of
the architecture but seen from the numbers.

With weights a, scores s, values v and what the head gives o = sum_t a_t v_t, a change of the key
and the value of position p moves what position j is given by

    a_jp (v'_p + s'_jp (v_p - o_j)),

and a change of the query of position p itself by sum_t a_pt s'_pt (v_t - o_p).

Letters in shape comments: N patterns, S points, P positions that move, H heads, T tokens, E the
size of what a head gives, D that of states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from attnaudit.models.interface import agree
from attnaudit.models.transformer.blocks import FoundError
from attnaudit.models.transformer.calls import Call
from attnaudit.models.transformer.derivatives import moved, slopes, split_rows
from attnaudit.models.transformer.interception import Call as InterfaceCall

if TYPE_CHECKING:
    from attnaudit.models.transformer.paths import Paths


class Sent(Protocol):
    """What the heads of a layer are sent."""

    def shares(self) -> Tensor:
        """(N, S, T) how far the answer moves by what heads give at each position."""

    def at(self, place: Tensor) -> Tensor:
        """(N, S, H, E) how far what heads give moves at the positions `place` (N,)."""


class Sending(Protocol):
    """A way to see what a layer sends."""

    def send(self, senders: Tensor, change: Tensor) -> Sent:
        """States move at the positions `senders` (N, P) by `change` (N, S, P, D)."""

    def asked(self, place: Tensor, sender: Tensor, wanted: Tensor) -> Tensor:
        """(N, S, D) the gradient of `wanted` (N, S, H, E) times what heads give at `place` (N,).

        At the states of the positions `sender` (N,).
        """


def sending(paths: Paths, layer: int, call: Call) -> Sending:
    """The quickest way for a layer of a network, by one of its calls (S, ...)."""
    if isinstance(call, InterfaceCall) and call.softcap is None:
        way = Alone(paths, layer, call)
        if way.holds():
            return way
    return Whole(paths, layer)


@dataclass(frozen=True)
class _SentWhole:
    heads: Tensor  # (N, S, T, H, E)
    wanted: Tensor  # (S, T, H, E)

    def shares(self) -> Tensor:
        return (self.heads * self.wanted).sum((-1, -2))

    def at(self, place: Tensor) -> Tensor:
        return self.heads[torch.arange(len(place), device=place.device), :, place]


class Whole:
    """The block runs on the whole text."""

    def __init__(self, paths: Paths, layer: int) -> None:
        self.paths, self.layer = paths, layer

    def send(self, senders: Tensor, change: Tensor) -> Sent:
        """See `Sending`."""
        paths, states = self.paths, self.paths.states[self.layer]
        whole = change.new_zeros(*change.shape[:2], paths.tokens, change.shape[-1])
        index = senders[:, None, :, None].expand_as(change)
        whole = whole.scatter_add(2, index, change).flatten(0, 1)  # (N * S, T, D)
        points = torch.arange(paths.steps, device=change.device).repeat(len(change))
        found = [
            moved(lambda x: paths.attended(self.layer, x), (states[points[part]],), (whole[part],))
            for part in paths.parts(len(whole), paths.tokens)
        ]
        heads = split_rows(torch.cat(found), *change.shape[:2])
        return _SentWhole(heads, paths.head_slopes[self.layer])

    def asked(self, place: Tensor, sender: Tensor, wanted: Tensor) -> Tensor:
        """See `Sending`."""
        paths, found = self.paths, []
        points, places = paths.rows(place)
        _, senders = paths.rows(sender)
        wanted = wanted.flatten(0, 1)
        for part in paths.parts(len(points), paths.tokens):
            each = torch.arange(len(points[part]), device=points.device)
            with torch.enable_grad():
                states = paths.states[self.layer][points[part]].requires_grad_()
                given = paths.attended(self.layer, states)[each, places[part]]
                (slope,) = slopes((given * wanted[part]).sum(), (states,))
            found.append(slope[each, senders[part]])
        return split_rows(torch.cat(found), len(place), paths.steps)


class Alone:
    """Single positions run by themselves. The call holds (S, H, T, E) queries, keys and values."""

    def __init__(self, paths: Paths, layer: int, call: InterfaceCall) -> None:
        self.paths, self.layer, self.scaling = paths, layer, call.scaling
        self.query = call.query.detach()
        self.key, self.value = (call.by_head(x).detach() for x in (call.key, call.value))
        self.weights = call.weights().detach()  # (S, H, T, T)
        self.sizes = [x.shape[-1] for x in (self.query, self.key, self.value)]
        wanted = paths.head_slopes[layer].transpose(1, 2)  # (S, H, T, E)
        self.wanted = wanted
        self.sent_value = wanted @ self.value.transpose(-1, -2)  # (S, H, receiver, sender)
        self.given = paths.heads[layer].transpose(1, 2)  # (S, H, T, E)
        self.kept = (wanted * self.given).sum(-1)  # (S, H, T)

    def holds(self) -> bool:
        """Whether a position by itself has the queries, keys and values that it has in the text."""
        tokens = self.paths.tokens
        states = self.paths.states[self.layer][0]  # (T, D)
        try:
            with torch.no_grad():
                found = torch.split(self._projected(states), self.sizes, -1)  # (T, H, E) each
        except RuntimeError:  # the network looks for where it stands, which nobody says
            return False
        there = (x[0].transpose(0, 1) for x in (self.query, self.key, self.value))
        same = all(agree(one, own) for one, own in zip(found, there, strict=True))
        return same and len(found[0]) == tokens

    def send(self, senders: Tensor, change: Tensor) -> _SentAlone:
        """See `Sending`."""
        count, steps, many = change.shape[:3]
        points = torch.arange(steps, device=change.device).view(1, -1, 1).expand(count, -1, many)
        places = senders.unsqueeze(1).expand(-1, steps, -1).flatten()
        states = self.paths.states[self.layer][points.flatten(), places]  # (N * S * P, D)
        rows, found = change.flatten(0, 2), []
        for part in self.paths.parts(len(rows), 1):
            found.append(moved(self._projected, (states[part],), (rows[part],)))
        projected = split_rows(torch.cat(found), count, steps, many)  # (N, S, P, H, 3 E)
        return _SentAlone(self, senders, *torch.split(projected, self.sizes, -1))

    def asked(self, place: Tensor, sender: Tensor, wanted: Tensor) -> Tensor:
        """See `Sending`."""
        weights = self.at(self.weights, place, sender).unsqueeze(-1)  # (N, S, H, 1)
        query, given = (self.at(x, place) for x in (self.query, self.given))
        spread = (wanted * (self.at(self.value, sender) - given)).sum(-1, keepdim=True)
        of_value = weights * wanted
        of_key = self.scaling * weights * spread * query
        pulls = torch.einsum("nshe,shte->nsht", wanted, self.value)
        pulls = (pulls - (wanted * given).sum(-1, keepdim=True)) * self.rows_of(self.weights, place)
        of_query = self.scaling * torch.einsum("nsht,shte->nshe", pulls, self.key)
        of_query = of_query * (place == sender)[:, None, None, None]
        asked = torch.cat([of_query, of_key, of_value], dim=-1).flatten(0, 1)
        points, senders = self.paths.rows(sender)
        found = []
        for part in self.paths.parts(len(points), 1):
            with torch.enable_grad():
                states = self.paths.states[self.layer][points[part], senders[part]]
                states = states.requires_grad_()
                (slope,) = slopes((self._projected(states) * asked[part]).sum(), (states,))
            found.append(slope)
        return split_rows(torch.cat(found), len(place), self.paths.steps)

    def at(self, values: Tensor, place: Tensor, sender: Tensor | None = None) -> Tensor:
        """(N, S, H, ...) of values (S, H, T, ...), those at `place` (N,), and at `sender`."""
        found = values[:, :, place] if sender is None else values[:, :, place, sender]
        return found.movedim(2, 0)

    def rows_of(self, weights: Tensor, place: Tensor) -> Tensor:
        """(N, S, H, T) what the positions `place` (N,) attend to."""
        return weights[:, :, place].movedim(2, 0)

    def _projected(self, states: Tensor) -> Tensor:
        """Queries, keys and values (N, H, 3 E) next to each other, of states (N, D)."""

        def handler(call: Call) -> Tensor:
            assert isinstance(call, InterfaceCall)
            parts = (call.query, call.by_head(call.key), call.by_head(call.value))
            raise FoundError(torch.cat([x.transpose(1, 2) for x in parts], dim=-1))

        return self.paths.alone(self.layer, states, handler)


@dataclass(frozen=True)
class _SentAlone:
    way: Alone
    senders: Tensor  # (N, P)
    query: Tensor  # (N, S, P, H, E), how far it moves; as the others
    key: Tensor
    value: Tensor

    def shares(self) -> Tensor:
        way, total = self.way, torch.zeros(0)
        for k, sender in enumerate(self.senders.unbind(1)):
            scores = self._scores(k)  # (N, S, H, T)
            weights = way.weights[..., sender].movedim(-1, 0)  # (N, S, H, receiver)
            values = torch.einsum("nshe,shte->nsht", self.value[:, :, k], way.wanted)
            spread = way.sent_value[..., sender].movedim(-1, 0) - way.kept
            found = (weights * (values + scores * spread)).sum(2)  # (N, S, T)
            at = torch.arange(len(sender), device=sender.device)
            pulled = self._pulled(k, sender)
            own = (pulled * way.rows_of(way.sent_value, sender)).sum((-1, -2))  # (N, S)
            found[at, :, sender] += own
            total = found if k == 0 else total + found
        return total

    def at(self, place: Tensor) -> Tensor:
        way, total = self.way, torch.zeros(0)
        query, given = (way.at(x, place) for x in (way.query, way.given))
        for k, sender in enumerate(self.senders.unbind(1)):
            weights = way.at(way.weights, place, sender).unsqueeze(-1)  # (N, S, H, 1)
            scores = way.scaling * (query * self.key[:, :, k]).sum(-1, keepdim=True)
            spread = way.at(way.value, sender) - given
            found = weights * (self.value[:, :, k] + scores * spread)
            own = torch.einsum("nsht,shte->nshe", self._pulled(k, sender), way.value)
            found = found + own * (place == sender)[:, None, None, None]
            total = found if k == 0 else total + found
        return total

    def _scores(self, k: int) -> Tensor:
        """(N, S, H, T) how far the score of each position for the k-th sender moves by its key."""
        moves = torch.einsum("shte,nshe->nsht", self.way.query, self.key[:, :, k])
        return self.way.scaling * moves

    def _pulled(self, k: int, sender: Tensor) -> Tensor:
        """(N, S, H, T) how far the weights of the k-th sender's own row move by its query."""
        way = self.way
        scores = way.scaling * torch.einsum("nshe,shte->nsht", self.query[:, :, k], way.key)
        weights = way.rows_of(way.weights, sender)
        return weights * (scores - (weights * scores).sum(-1, keepdim=True))
