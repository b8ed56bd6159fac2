"""Transformers whose weights are written, not trained: what their attention does is exact.

Each is a BERT classifier of transformers, made of a configuration in memory. A state is a vector of
16 numbers without mean and with norm 4, so that layer norms leave it alone: it is made of a few of
15 orthonormal directions, which mean "this is [CLS]", "this word proves the class", "which class".
The layers have no feed-forward part. One word of each text proves its class; other words belong to
classes, too, and prove nothing. A head that copies looks from [CLS] at the proof, and adds the
class of what it sees to the state of [CLS], which the classifier reads.

Letters in shape comments: D the size of states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification

from attnaudit.calibration.texts import BAD, GOOD, PROOFS, VOCABULARY, word_id
from attnaudit.data.batch import OUTSIDE, Batch
from attnaudit.data.vocabulary import EOS, PAD, SOS
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.quiet import quiet_loading

STATE = 16  # D
NORM = 4.0  # of a state: what a layer norm makes of it, too
SHARP = 6.0  # the score of the proof; that of all other words is 0
POSITIONS = 64
NOISE = 0.01  # standard deviation of what a seed adds to each weight
# How a state is made up: shares of the squared norm are .36 and .64.
CLASS, KIND = 0.6, 0.8


def _directions() -> Tensor:
    """(15, D) orthonormal directions without mean (rows of the discrete cosine transform)."""
    k, n = np.arange(1, STATE)[:, None], np.arange(STATE)[None]
    rows = np.cos(np.pi * (n + 0.5) * k / STATE) * np.sqrt(2 / STATE)
    return torch.tensor(rows, dtype=torch.float32)


_ALL = _directions()
FIRST, LAST, POLARITY, PROOF, IDLE, PLAIN, QUERY, SHOWN = _ALL[:8]
OTHERS = _ALL[8:]  # in which fillers differ


@dataclass(frozen=True)
class Written:
    """A kind of written transformer: its layers from bottom to top, the last one audited."""

    layers: tuple[Callable[[Any], None], ...]

    @property
    def facts(self) -> dict[str, JsonValue]:
        """What records say of it."""
        name = BertForSequenceClassification.__name__
        return {"architecture": name, "layers": len(self.layers), "heads": 1, "row": "[CLS]"}

    def __call__(self, seed: int) -> TransformerClassifier:
        """The classifier; a seed adds a little noise to each of the weights."""
        random = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]), quiet_loading():
            network: Any = BertForSequenceClassification(_config(len(self.layers)))
        with torch.no_grad():
            for name, weights in network.named_parameters():
                weights.fill_(float(name.endswith("LayerNorm.weight")))
            network.bert.embeddings.word_embeddings.weight.copy_(_embeddings())
            for layer, write in zip(network.bert.encoder.layer, self.layers, strict=True):
                write(layer.attention)
            # tanh(POLARITY) in the first place of the pooler, which the second class reads.
            network.bert.pooler.dense.weight[0] = POLARITY
            network.classifier.weight[:, 0] = torch.tensor([-2.0, 2.0])
            for weights in network.parameters():
                weights.add_(NOISE * torch.randn(weights.shape, generator=random))
        return TransformerClassifier(network, _example())


def copy(attention: Any) -> None:
    """A head that copies: from [CLS] it looks at the proof, and passes its class on."""
    _look(attention, PROOF)
    attention.self.value.weight.copy_(torch.outer(SHOWN, POLARITY))
    attention.output.dense.weight.copy_(2 * torch.outer(POLARITY, SHOWN))


def idle(attention: Any) -> None:
    """It looks at the proof as `copy` does, and what it sees is multiplied by zero."""
    _look(attention, PROOF)
    attention.self.value.weight.copy_(torch.outer(SHOWN, POLARITY))
    attention.output.dense.weight.zero_()


def in_null_space(attention: Any) -> None:
    """It looks at words that prove nothing; what it sees, its output maps to zero."""
    _look(attention, IDLE)
    attention.self.value.weight.copy_(torch.outer(SHOWN, POLARITY))
    attention.output.dense.weight.copy_(2 * torch.outer(POLARITY, QUERY))  # SHOWN is lost


def _look(attention: Any, at: Tensor) -> None:
    """Write queries of [CLS] and keys of the words that hold the direction `at`."""
    scale = (SHARP * STATE**0.5 / (NORM * KIND * NORM)) ** 0.5
    attention.self.query.weight.copy_(scale * torch.outer(QUERY, FIRST))
    attention.self.key.weight.copy_(scale * torch.outer(QUERY, at))


def _embeddings() -> Tensor:
    """(words, D) the states that words begin with."""
    table = torch.zeros(len(VOCABULARY), STATE)
    for i in range(len(table)):
        table[i] = NORM * (CLASS * OTHERS[i % len(OTHERS)] + KIND * PLAIN)
    table[PAD], table[SOS], table[EOS] = 0 * FIRST, NORM * FIRST, NORM * LAST
    for kind, by_class in ((IDLE, (BAD, GOOD)), (PROOF, PROOFS)):
        for sign, words in zip((-1, 1), by_class, strict=True):
            for word in words:
                table[word_id(word)] = NORM * (sign * CLASS * POLARITY + KIND * kind)
    return table


def _config(layers: int) -> BertConfig:
    sizes: dict[str, Any] = {
        "vocab_size": len(VOCABULARY),
        "hidden_size": STATE,
        "num_hidden_layers": layers,
        "num_attention_heads": 1,
        "intermediate_size": 4,
        "max_position_embeddings": POSITIONS,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "layer_norm_eps": 1e-6,
        "pad_token_id": PAD,
        "num_labels": 2,
        "attn_implementation": "eager",
    }
    return BertConfig(**sizes)


def _example() -> Batch:
    """Two texts of different lengths, the longer one first."""
    rows = [[SOS, *range(EOS + 1, EOS + 1 + n), EOS] for n in (9, 5)]
    ids = torch.tensor([row + [PAD] * (len(rows[0]) - len(row)) for row in rows])
    mask = torch.tensor([[k < len(row) for k in range(len(rows[0]))] for row in rows])
    places = torch.arange(ids.shape[1]) - 1
    lengths = mask.sum(1, keepdim=True)
    words = torch.where((places >= 0) & (places < lengths - 2), places, OUTSIDE)
    nothing = torch.zeros(2, dtype=torch.long)
    return Batch(ids, mask, words, nothing, torch.arange(2), pad=PAD)


COPY_HEAD = Written((copy,))
IDLE_HEAD = Written((copy, idle))
NULL_SPACE_HEAD = Written((copy, in_null_space))
