"""The BiLSTM classifier as a researcher writes it first, with the weights of ours.

One bidirectional LSTM over packed sequences, additive attention, one output unit; texts sorted by
length, 32 in a batch, padded to the longest, as Jain & Wallace's code has them. The module imports
nothing of ours, so that a process of the rival need not either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from typing_extensions import override

if TYPE_CHECKING:
    from attnaudit.data.instance import Instance
    from attnaudit.data.vocabulary import Vocabulary
    from attnaudit.models.classic.classifier import ClassicModel

PAD, UNK, SOS, EOS = 0, 1, 2, 3  # as in the authors' code, and in ours
BATCH = 32


class Plain(nn.Module):
    """Token ids (B, T) and lengths (B,), both with <SOS> and <EOS>, to p(positive)."""

    def __init__(self, words: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embedding, padding_idx=PAD)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.attention = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False)
        )
        self.output = nn.Linear(2 * hidden, 1)

    @classmethod
    def like(cls, model: ClassicModel) -> Plain:
        """The same function as `model`, a BiLSTM with additive attention and two classes."""
        recipe = model.recipe
        plain = cls(len(model.spec.vocabulary), recipe.embedding, recipe.hidden)
        weights = {}
        for name, weight in model.state_dict().items():
            room, _, rest = name.partition(".")
            if room == "encoder":
                way, _, rest = rest.partition(".")
                room, rest = "lstm", rest + ("_reverse" if way == "back" else "")
            elif room == "attention":
                rest = rest.replace("states", "0").replace("score", "2")
            weights[f"{room}.{rest}"] = weight
        plain.load_state_dict(weights)
        return plain.eval()

    def states(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """What the LSTM makes of the texts: (B, T, 2H)."""
        return self.read(self.embedding(ids), lengths)

    def read(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """The same of embeddings (B, T, D)."""
        packed = pack_padded_sequence(embeddings, lengths, batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return out

    def weights(self, states: Tensor, lengths: Tensor) -> Tensor:
        """The attention (B, T): nothing on <SOS>, <EOS> and padding."""
        scores = self.attention(states).squeeze(-1)
        return scores.masked_fill(~inner(lengths, states.shape[1]), -torch.inf).softmax(-1)

    def answer(self, states: Tensor, alpha: Tensor) -> Tensor:
        """p(positive), (B,)."""
        context = (alpha.unsqueeze(-1) * states).sum(1)
        return self.output(context).squeeze(-1).sigmoid()

    @override
    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.from_embeddings(self.embedding(ids), lengths)

    def from_embeddings(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """p(positive) (B,) of embeddings (B, T, D)."""
        states = self.read(embeddings, lengths)
        return self.answer(states, self.weights(states, lengths))


def inner(lengths: Tensor, tokens: int) -> Tensor:
    """(B, T) true at the words."""
    place = torch.arange(tokens)
    return (place >= 1) & (place < lengths.unsqueeze(1) - 1)


def padded(instances: Sequence[Instance], vocabulary: Vocabulary) -> tuple[Tensor, Tensor]:
    """Token ids (B, T) and lengths (B,)."""
    return pad([[SOS, *vocabulary.ids(i.tokens), EOS] for i in instances])


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """The same of token ids with <SOS> and <EOS>."""
    ids = nn.utils.rnn.pad_sequence(
        [torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD
    )
    return ids, torch.tensor([len(row) for row in rows])
