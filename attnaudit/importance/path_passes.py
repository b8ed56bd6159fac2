"""The passes that integrated gradients take: the model's gradients along a path of embeddings.

What integrated gradients mean stands in `integrated_gradients`, where the panels lie in `panels`.

The gradient is taken of the log-odds z of the class, and made one of the probability
p = 1 / (1 + exp(-z)) by its slope p (1 - p) in float64: where the model is sure of itself, p in
float32 is 1, and its gradient noise.

Letters in shape comments: B batch, K points, T tokens, W words, D embedding.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from attnaudit.data.batch import Batch, within_budget
from attnaudit.importance.entry import LEAST, Entry
from attnaudit.importance.gradient_passes import differentiable, dtype_of, gradient
from attnaudit.importance.panels import Array, Counts, Integrals, Points, integrate
from attnaudit.models.distances import log_odds
from attnaudit.models.interface import AttentionModel

SMALL = 1024  # tokens that a call may have, however small the batch is
ROUNDING = 8  # units in the last place that are put down to a network's own arithmetic


def without_words(model: AttentionModel, batch: Batch, token: int | None = None) -> Tensor:
    """Embeddings (B, T, D) of the texts with nothing, or with `token`, in place of their words.

    Nothing is the zero vector. Specials and a query stay as they are.
    """
    embeddings = model.embed(batch).detach()
    content = batch.content.unsqueeze(-1)
    if token is None:
        return embeddings.masked_fill(content, 0)
    other = model.embed(batch.replace(batch.content, token)).detach()
    return torch.where(content, other, embeddings)


class Path:
    """The straight way from a `baseline` (B, T, D), at 0, to the embeddings of a batch, at 1.

    The output is the probability of the class `target` (B,), attention flowing.
    """

    def __init__(
        self, model: AttentionModel, batch: Batch, target: Tensor, baseline: Tensor
    ) -> None:
        self.model, self.batch, self.target = model, batch, target
        way = model.embed(batch).detach() - baseline
        self._ways = [
            (entry, entry.point(baseline), entry.direction(way))
            for entry in (Entry(model, texts, way.device) for texts in (0, LEAST))
        ]
        self.rounding = ROUNDING * float(torch.finfo(dtype_of(model)).eps)
        self._lengths = batch.mask.sum(1).cpu().numpy()
        self._queries, tokens = np.zeros_like(self._lengths), batch.ids.numel()
        if batch.query_mask is not None:
            self._queries = batch.query_mask.sum(1).cpu().numpy()
            tokens += batch.query_mask.numel()
        self._room = max(tokens, SMALL)

    def look(self, text: Counts, place: Array) -> Points:
        """The gradients at places (K,) of texts (K,); no call exceeds the batch, or `SMALL`."""
        terms = np.zeros((len(text), int(self.batch.word_counts.max())))
        odds, size = np.zeros(len(text)), np.zeros(len(text))
        groups = within_budget(self._lengths[text], self._queries[text], self._room)
        for some in groups:
            found = self._gradients(text[some], place[some])
            terms[some, : found[0].shape[1]], odds[some], size[some] = map(_numbers, found)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told by that
            p, rest = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))
            slope = p * rest
            doubt = self.rounding * slope * (1 + size) + np.finfo(np.float64).eps
            return Points(slope[:, None] * terms, p, doubt)

    def _gradients(self, text: Counts, place: Array) -> tuple[Tensor, Tensor, Tensor]:
        """The derivatives of the log-odds (K, W), the log-odds (K,), the largest logits (K,)."""
        rows = torch.from_numpy(text).to(self.batch.ids.device)
        part = self.batch.select(rows)
        width = part.ids.shape[1]
        entry, start, way = self._ways[len(text) >= LEAST]  # these (B, T, D), or (B, T, G)
        # As they lie in memory, token by token.
        start, way = (x.transpose(0, 1)[:width, rows].transpose(0, 1) for x in (start, way))
        s = torch.tensor(place, dtype=way.dtype).to(way.device).view(-1, 1, 1)
        point = (start + s * way).requires_grad_()
        with differentiable():
            encoded = entry.encode(part, point)
        alpha = self.model.attend(encoded).unsqueeze(1)
        logits = self.model.read(encoded, alpha).squeeze(1)  # (K, C)
        odds = log_odds(logits, self.target[rows])
        terms = part.per_word((gradient(odds, point) * way).sum(-1))
        return terms, odds.detach(), logits.detach().abs().amax(-1)


def integrated_gradients(
    model: AttentionModel,
    batch: Batch,
    target: Tensor,
    token: int | None = None,
    *,
    tolerance: float,
    most: int,
) -> Integrals:
    """Integrated gradients of p[target] by word, from nothing or from `token` at the words.

    (Sundararajan et al. 2017, section 3.) A text takes as many gradients as it needs for its error
    to be within `tolerance`, and no more than `most`; see `panels`.
    """
    path = Path(model, batch, target, without_words(model, batch, token))
    return integrate(path.look, len(batch), tolerance=tolerance, most=most, rounding=path.rounding)


def _numbers(values: Tensor) -> Array:
    numbers: Array = values.detach().cpu().double().numpy()
    return numbers
