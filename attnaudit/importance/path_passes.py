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
from torch import Tensor, nn

from attnaudit.data.batch import Batch, within_budget
from attnaudit.data.transfer import sent
from attnaudit.importance.entry import LEAST, Entry
from attnaudit.importance.gradient_passes import dtype_of, gradient
from attnaudit.importance.panels import Array, Counts, Integrals, Points, integrate
from attnaudit.models.distances import log_odds
from attnaudit.models.interface import AttentionModel
from attnaudit.models.recurrent import differentiable

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
        host = batch.host
        self._lengths = host.mask.sum(1).numpy()
        self._queries, tokens = np.zeros_like(self._lengths), batch.ids.numel()
        if host.query_mask is not None:
            self._queries = host.query_mask.sum(1).numpy()
            tokens += host.query_mask.numel()
        self._room = max(tokens, SMALL)
        self._words = int(host.word_counts.max())

    def look(self, text: Counts, place: Array) -> Points:
        """The gradients at places (K,) of texts (K,); no call exceeds the batch, or `SMALL`."""
        groups = list(within_budget(self._lengths[text], self._queries[text], self._room))
        # A GPU computes all of them before the host looks at any.
        found = torch.cat([self._gradients(text[some], place[some]) for some in groups])
        known = np.empty((len(text), 2 + self._words))
        known[np.concatenate(groups)] = found.cpu().double().numpy()
        odds, size, terms = known[:, 0], known[:, 1], known[:, 2:]
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told by that
            p, rest = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))
            slope = p * rest
            doubt = self.rounding * slope * (1 + size) + np.finfo(np.float64).eps
            return Points(slope[:, None] * terms, p, doubt)

    def _gradients(self, text: Counts, place: Array) -> Tensor:
        """(K, 2 + W) the log-odds, the largest logits, and the derivatives of the log-odds."""
        chosen = torch.from_numpy(text)
        part = self.batch.select(chosen)
        entry, start, way = self._ways[len(text) >= LEAST]  # these (B, T, D), or (B, T, G)
        width, rows = part.ids.shape[1], sent(chosen, way.device)
        # As they lie in memory, token by token.
        start, way = (x.transpose(0, 1)[:width, rows].transpose(0, 1) for x in (start, way))
        s = sent(torch.tensor(place, dtype=way.dtype), way.device).view(-1, 1, 1)
        point = (start + s * way).requires_grad_()
        with differentiable(self.model):
            encoded = entry.encode(part, point)
        alpha = self.model.attend(encoded).unsqueeze(1)
        logits = self.model.read(encoded, alpha).squeeze(1)  # (K, C)
        odds = log_odds(logits, self.target[rows])
        terms = part.per_word((gradient(odds, point) * way).sum(-1))
        terms = nn.functional.pad(terms, (0, self._words - terms.shape[1]))
        both = torch.stack([odds.detach(), logits.detach().abs().amax(-1)], dim=1)
        return torch.cat([both, terms], dim=1)


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
