"""Encoders of the classic models: embeddings (B, T, D) to states (B, T, M), 0 at padding.

Jain & Wallace 2019, section 3 and their released configuration: a one-layer BiLSTM, a CNN of four
kernel sizes, and a per-token projection ("Average"), which has no context at all.

Letters in shape comments: B batch, T tokens, D embedding, H one direction, M state, V deletions.
"""

from __future__ import annotations

import abc
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.models.classic.branches import together
from attnaudit.models.classic.inlet import BothWays, weights_of
from attnaudit.models.classic.recurrence import run_apart, run_locally
from attnaudit.models.interface import Inlet

LINE = 16  # numbers in a line of a cache, in float32


class Encoder(nn.Module, abc.ABC):
    """Turns embeddings into states; `width` is the size M of a state."""

    width: int

    reach = 0
    """How far a token can stand from a state that it moves; of no meaning where all move all."""

    @abc.abstractmethod
    def forward(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """States (B, T, M) of embeddings (B, T, D), `mask` (B, T) true at real positions."""

    @abc.abstractmethod
    def summary(self, states: Tensor, mask: Tensor) -> Tensor:
        """One vector (B, M) for a whole text: what represents the query of a paired task."""

    @abc.abstractmethod
    def local(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """The values of `forward`; the graph of state t reaches embedding t only."""

    def inlet(self) -> Inlet | None:
        """The affine map by which embeddings enter; None where it is of no use. See `interface`."""
        return None

    def from_inlet(self, entered: Tensor, mask: Tensor) -> Tensor:
        """States (B, T, M) from what the inlet makes of embeddings, (B, T, G)."""
        raise NotImplementedError

    def deletions(
        self,
        embeddings: Tensor,
        first: int,
        last: int,
        weight: Tensor,
        bias: Tensor,
        margin: int = 0,
    ) -> Tensor:
        """`weight` (K, M) times the states plus `bias`, with position first, ..., last-1 deleted.

        (P, V, B, K), without a graph: the P = T - 1 - 2 * margin places of a shorter text, without
        so many at either end. No padding is allowed. States further from a deletion than `reach`
        are those of the whole text.
        """
        batch, tokens, _ = embeddings.shape
        mask = torch.ones(batch, tokens, dtype=torch.bool, device=embeddings.device)
        place = torch.arange(margin, tokens - 1 - margin, device=embeddings.device)
        deleted = torch.arange(first, last, device=embeddings.device).unsqueeze(1)
        known = nn.functional.linear(self(embeddings, mask), weight, bias).transpose(0, 1)
        seen = known[(place + (place >= deleted)).T]  # (P, V, B, K)
        if not self.reach:
            return seen
        # Of what stands twice as far from a deletion, the half that is near does not know of ends.
        near = torch.arange(-2 * self.reach, 2 * self.reach, device=embeddings.device)
        around = deleted + near  # (V, N) places in the shorter texts
        there = (around >= 0) & (around < tokens - 1)
        source = (around + (near >= 0)).clamp(0, tokens - 1)
        windows = embeddings[:, source].flatten(0, 1)  # (B*V, N, D)
        states = self(windows, there.repeat(batch, 1))[:, self.reach : -self.reach]
        fresh = nn.functional.linear(states, weight, bias)
        fresh = fresh.view(batch, last - first, *fresh.shape[1:])
        fresh = fresh.permute(2, 1, 0, 3)  # (N/2, V, B, K)
        at = around[:, self.reach : -self.reach] - margin
        rows, columns = ((at >= 0) & (at < len(place))).nonzero().unbind(1)
        seen[at[rows, columns], rows] = fresh[columns, rows]
        return seen


class BiLSTM(Encoder):
    """One LSTM in each direction; states of both, next to each other (M = 2H).

    The backward direction is an LSTM of its own over each text reversed within its length: two
    plain calls are 1.7 times as fast as one over packed sequences on a CPU, and padding behind a
    text cannot reach its states.
    """

    kept_apart = False
    """Whether each state is made orthogonal to the mean of those before it in its direction."""

    def __init__(self, embedding: int, hidden: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(embedding, hidden, batch_first=True)
        self.back = nn.LSTM(embedding, hidden, batch_first=True)
        self.width = 2 * hidden

    @override
    def forward(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        turn = _reversal(mask)
        ahead = self._run(self.ahead, embeddings)
        back = self._run(self.back, _take(embeddings, turn))
        both = torch.cat([ahead, _take(back, turn)], dim=-1)  # (B, T, M)
        return both * mask.unsqueeze(-1)

    @override
    def summary(self, states: Tensor, mask: Tensor) -> Tensor:
        """The last state of each direction."""
        end = (mask.sum(1) - 1).view(-1, 1, 1).expand(-1, 1, states.shape[-1])
        half = self.width // 2
        ahead = states.gather(1, end)[:, 0, :half]
        return torch.cat([ahead, states[:, 0, half:]], dim=-1)  # (B, M)

    @override
    def local(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        turn = _reversal(mask)
        ahead = run_locally(self.ahead, embeddings, self.kept_apart)
        back = _take(run_locally(self.back, _take(embeddings, turn), self.kept_apart), turn)
        return torch.cat([ahead, back], dim=-1) * mask.unsqueeze(-1)

    @override
    def inlet(self) -> Inlet | None:
        if self.kept_apart:
            return None
        ahead, back = (weights_of(lstm) for lstm in (self.ahead, self.back))
        return Inlet(torch.cat([ahead[0], back[0]]), torch.cat([ahead[1], back[1]]))

    @override
    def from_inlet(self, entered: Tensor, mask: Tensor) -> Tensor:
        recurrent = (weights_of(lstm)[2] for lstm in (self.ahead, self.back))
        states: Tensor = BothWays.apply(entered, mask, *recurrent)  # type: ignore[no-untyped-call]
        return states

    @override
    @torch.no_grad()
    def deletions(
        self,
        embeddings: Tensor,
        first: int,
        last: int,
        weight: Tensor,
        bias: Tensor,
        margin: int = 0,
    ) -> Tensor:
        """As in `Encoder`. States before a deletion are shared, not recomputed.

        On a GPU they are recomputed: cuDNN takes all of the shorter texts in one go, and a step of
        `branches` takes a dozen small kernels.
        """
        batch, tokens, _ = embeddings.shape
        if embeddings.is_cuda and not self.kept_apart:
            return recomputed(self, embeddings, first, last, weight, bias, margin)
        lines = -(-len(weight) // LINE) * LINE  # rows that begin where lines of a cache do
        room = 0, lines - len(weight)
        wide, added = nn.functional.pad(weight, (0, 0, *room)), nn.functional.pad(bias, room)
        seen = embeddings.new_empty(tokens - 1 - 2 * margin, last - first, batch, lines)
        directions = self.ahead, self.back
        together(*directions, embeddings, first, wide, added, seen, self.kept_apart)
        return seen[..., : len(weight)]

    def _run(self, lstm: nn.LSTM, embeddings: Tensor) -> Tensor:
        """The states (B, T, H) of one direction."""
        if self.kept_apart:
            return run_apart(lstm, embeddings)
        states: Tensor = lstm(embeddings)[0]
        return states


class OrthogonalBiLSTM(BiLSTM):
    """A BiLSTM that keeps its states apart, see `recurrence` (Mohankumar et al. 2020).

    In each direction a state is orthogonal to the mean of those before it, so that states cannot
    all point the same way. It has the weights of a BiLSTM. It is a loop over the text: on a CPU, a
    step of training takes about twice as long as a BiLSTM's for texts of 20 words, and three times
    as long for texts of 60.
    """

    kept_apart = True


class CNN(Encoder):
    """Kernels of 1, 3, 5 and 7 tokens, `hidden / 4` filters each, same padding, ReLU (M = hidden).

    `hidden` is a multiple of 4. Positions beyond a text are zero vectors, whatever the batch is
    padded to.
    """

    kernels = (1, 3, 5, 7)
    reach = max(kernels) // 2

    def __init__(self, embedding: int, hidden: int) -> None:
        super().__init__()
        filters = hidden // len(self.kernels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(embedding, filters, k, padding=(k - 1) // 2) for k in self.kernels
        )
        self.width = filters * len(self.kernels)

    def _scores(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        channels = (embeddings * mask.unsqueeze(-1)).transpose(1, 2)  # (B, D, T)
        return torch.cat([c(channels) for c in self.convolutions], dim=1).transpose(1, 2)

    @override
    def forward(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        return self._scores(embeddings, mask).relu() * mask.unsqueeze(-1)

    @override
    def summary(self, states: Tensor, mask: Tensor) -> Tensor:
        """The largest value of each filter over the text."""
        return states.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(1)

    @override
    def local(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        centres = torch.cat(
            [c.weight[:, :, c.kernel_size[0] // 2] for c in self.convolutions]  # type: ignore[index]
        )  # (M, D): what each filter sees of its own position
        own = (embeddings - embeddings.detach()) @ centres.T  # zero, with the local gradient
        scores = self._scores(embeddings.detach(), mask) + own
        return scores.relu() * mask.unsqueeze(-1)


class Average(Encoder):
    """tanh(W e_t + b) of each token alone (M = hidden)."""

    def __init__(self, embedding: int, hidden: int) -> None:
        super().__init__()
        self.projection = nn.Linear(embedding, hidden)
        self.width = hidden

    @override
    def forward(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        states: Tensor = self.projection(embeddings).tanh()
        return states * mask.unsqueeze(-1)

    @override
    def summary(self, states: Tensor, mask: Tensor) -> Tensor:
        """The mean over the text."""
        return (states * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)

    @override
    def local(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        states: Tensor = self(embeddings, mask)
        return states

    @override
    def inlet(self) -> Inlet:
        return Inlet(self.projection.weight.detach(), self.projection.bias.detach())

    @override
    def from_inlet(self, entered: Tensor, mask: Tensor) -> Tensor:
        return entered.tanh() * mask.unsqueeze(-1)


ENCODERS: dict[str, type[BiLSTM] | type[CNN] | type[Average]] = {
    "bilstm": BiLSTM,
    "orthogonal_bilstm": OrthogonalBiLSTM,
    "cnn": CNN,
    "average": Average,
}


def recomputed(
    encoder: Encoder,
    embeddings: Tensor,
    first: int,
    last: int,
    weight: Tensor,
    bias: Tensor,
    margin: int = 0,
) -> Tensor:
    """What `Encoder.deletions` gives, from the states of all shorter texts, each from its start."""
    batch, tokens, _ = embeddings.shape
    place = torch.arange(tokens - 1, device=embeddings.device)
    deleted = torch.arange(first, last, device=embeddings.device).unsqueeze(1)
    shorter = embeddings[:, place + (place >= deleted)].flatten(0, 1)  # (B*V, T-1, D)
    mask = torch.ones(shorter.shape[:2], dtype=torch.bool, device=shorter.device)
    states: Tensor = encoder(shorter, mask)[:, margin : tokens - 1 - margin]
    found = nn.functional.linear(states, weight, bias)  # (B*V, P, K)
    return found.view(batch, last - first, *found.shape[1:]).permute(2, 1, 0, 3)  # (P, V, B, K)


def _reversal(mask: Tensor) -> Tensor:
    """(B*T,) which rows, of all texts one after another, reverse each text within its length.

    Padding stays in its place.
    """
    place = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    turn = torch.where(mask, mask.sum(1, keepdim=True) - 1 - place, place)
    first = torch.arange(len(mask), device=mask.device).unsqueeze(1) * mask.shape[1]
    return (first + turn).flatten()


def _take(states: Tensor, rows: Tensor) -> Tensor:
    """States (B, T, M) in the order that a `_reversal` says."""
    taken: Tensor = _Taken.apply(states, rows)  # type: ignore[no-untyped-call]
    return taken


class _Taken(torch.autograd.Function):
    """States whose rows change places. A reversal undoes itself, so it turns gradients back, too.

    Copies of whole rows: `gather` and its gradient look up every number by itself, which takes
    two to three times as long.
    """

    @staticmethod
    @override
    def forward(ctx: Any, states: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        return states.flatten(0, 1).index_select(0, rows).view(states.shape)

    @staticmethod
    @override
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (rows,) = ctx.saved_tensors
        return _take(grads[0], rows), None
