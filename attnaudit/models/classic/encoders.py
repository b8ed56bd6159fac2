"""Encoders of the classic models: embeddings (B, T, D) to states (B, T, M), 0 at padding.

Jain & Wallace 2019, section 3 and their released configuration: a one-layer BiLSTM, a CNN of four
kernel sizes, and a per-token projection ("Average"), which has no context at all.

Letters in shape comments: B batch, T tokens, D embedding, H one direction, M state, V deletions.
"""

from __future__ import annotations

import abc

import torch
from torch import Tensor, nn
from typing_extensions import override

from attnaudit.models.classic.branches import branches


class Encoder(nn.Module, abc.ABC):
    """Turns embeddings into states; `width` is the size M of a state."""

    width: int

    @abc.abstractmethod
    def forward(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """States (B, T, M) of embeddings (B, T, D), `mask` (B, T) true at real positions."""

    @abc.abstractmethod
    def summary(self, states: Tensor, mask: Tensor) -> Tensor:
        """One vector (B, M) for a whole text: what represents the query of a paired task."""

    @abc.abstractmethod
    def local(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """The values of `forward`; the graph of state t reaches embedding t only."""

    def deletions(self, embeddings: Tensor, first: int, last: int) -> Tensor:
        """States (B, V, T-1, M) with position first, ..., last-1 deleted; no padding allowed."""
        batch, tokens, _ = embeddings.shape
        shorter = torch.stack(
            [
                torch.cat([embeddings[:, :t], embeddings[:, t + 1 :]], dim=1)
                for t in range(first, last)
            ],
            dim=1,
        ).flatten(0, 1)  # (B*V, T-1, D)
        mask = torch.ones(shorter.shape[:2], dtype=torch.bool, device=shorter.device)
        states: Tensor = self(shorter, mask)
        return states.view(batch, last - first, tokens - 1, -1)


class BiLSTM(Encoder):
    """One LSTM in each direction; states of both, next to each other (M = 2H).

    The backward direction is an LSTM of its own over each text reversed within its length: two
    plain calls are 1.7 times as fast as one over packed sequences on a CPU, and padding behind a
    text cannot reach its states.
    """

    def __init__(self, embedding: int, hidden: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(embedding, hidden, batch_first=True)
        self.back = nn.LSTM(embedding, hidden, batch_first=True)
        self.width = 2 * hidden

    @override
    def forward(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        turn = _reversal(mask)
        ahead, _ = self.ahead(embeddings)
        back, _ = self.back(_take(embeddings, turn))
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
        ahead = _local_steps(self.ahead, embeddings)
        back = _take(_local_steps(self.back, _take(embeddings, turn)), turn)
        return torch.cat([ahead, back], dim=-1) * mask.unsqueeze(-1)

    @override
    @torch.no_grad()
    def deletions(self, embeddings: Tensor, first: int, last: int) -> Tensor:
        """As in `Encoder`; no gradients. States before a deletion are shared, not recomputed."""
        batch, tokens, _ = embeddings.shape
        states = embeddings.new_empty(batch, last - first, tokens - 1, self.width)
        half = self.width // 2
        branches(self.ahead, embeddings, first, last, states[..., :half], backwards=False)
        branches(self.back, embeddings, first, last, states[..., half:], backwards=True)
        return states  # (B, V, T-1, M)


class CNN(Encoder):
    """Kernels of 1, 3, 5 and 7 tokens, `hidden / 4` filters each, same padding, ReLU (M = hidden).

    `hidden` is a multiple of 4. Positions beyond a text are zero vectors, whatever the batch is
    padded to.
    """

    kernels = (1, 3, 5, 7)

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
    def deletions(self, embeddings: Tensor, first: int, last: int) -> Tensor:
        """As in `Encoder`: the states of the other tokens do not change."""
        tokens = embeddings.shape[1]
        states: Tensor = self.projection(embeddings).tanh()
        place = torch.arange(tokens - 1, device=states.device)
        deleted = torch.arange(first, last, device=states.device).unsqueeze(1)
        return states[:, place + (place >= deleted)]  # (B, V, T-1, M)


ENCODERS: dict[str, type[BiLSTM] | type[CNN] | type[Average]] = {
    "bilstm": BiLSTM,
    "cnn": CNN,
    "average": Average,
}


def _reversal(mask: Tensor) -> Tensor:
    """(B, T) indices that reverse each text within its length and leave its padding in place."""
    place = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    return torch.where(mask, mask.sum(1, keepdim=True) - 1 - place, place)


def _take(states: Tensor, index: Tensor) -> Tensor:
    return states.gather(1, index.unsqueeze(-1).expand_as(states))


def _gates(lstm: nn.LSTM, embeddings: Tensor) -> Tensor:
    """The part of every step's gates that comes from the input: (B, T, 4H)."""
    bias = lstm.get_parameter("bias_ih_l0") + lstm.get_parameter("bias_hh_l0")
    return nn.functional.linear(embeddings, lstm.get_parameter("weight_ih_l0"), bias)


def _step(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """New hidden state and cell (..., H) from all gates (..., 4H), in torch's order i, f, g, o."""
    i, f, g, o = gates.chunk(4, dim=-1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def _local_steps(lstm: nn.LSTM, embeddings: Tensor) -> Tensor:
    """The LSTM's states (B, T, H), where step t takes the state before it as a constant."""
    recurrent = lstm.get_parameter("weight_hh_l0").T
    with torch.no_grad():
        inputs = _gates(lstm, embeddings)
        hidden = cell = inputs.new_zeros(len(inputs), lstm.hidden_size)
        before: list[tuple[Tensor, Tensor]] = []
        for t in range(inputs.shape[1]):
            context = hidden @ recurrent
            before.append((context, cell))
            hidden, cell = _step(inputs[:, t] + context, cell)
    contexts, cells = (torch.stack(x, dim=1) for x in zip(*before, strict=True))
    return _step(_gates(lstm, embeddings) + contexts, cells)[0]
