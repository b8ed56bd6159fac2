"""The BiLSTM classifier as a researcher writes it first, with the weights of ours.

One bidirectional LSTM over packed sequences, additive attention, one output unit; texts in the
order of the data, 32 in a batch, padded to the longest. The loops over it are the obvious ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from typing_extensions import override

from attnaudit.data.instance import Instance
from attnaudit.data.vocabulary import EOS, PAD, SOS, Vocabulary
from attnaudit.models.classic.classifier import ClassicModel


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
        """The same function as `model`, a BiLSTM with additive attention."""
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
        packed = pack_padded_sequence(
            self.embedding(ids), lengths, batch_first=True, enforce_sorted=False
        )
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
        states = self.states(ids, lengths)
        return self.answer(states, self.weights(states, lengths))


def inner(lengths: Tensor, tokens: int) -> Tensor:
    """(B, T) true at the words."""
    place = torch.arange(tokens)
    return (place >= 1) & (place < lengths.unsqueeze(1) - 1)


def padded(instances: Sequence[Instance], vocabulary: Vocabulary) -> tuple[Tensor, Tensor]:
    """Token ids (B, T) and lengths (B,)."""
    rows = [torch.tensor([SOS, *vocabulary.ids(i.tokens), EOS]) for i in instances]
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
    return ids, torch.tensor([len(row) for row in rows])
