"""Words deleted, or kept alone: comprehensiveness and sufficiency (ERASER, DeYoung et al. 2020).

For a ranking of words and its top share r of a text x, with j the predicted class:
comprehensiveness = p_j(x) - p_j(x without r), sufficiency = p_j(x) - p_j(r alone), both in [-1, 1].
They are averaged over the shares 1, 5, 10, 20 and 50 % (AOPC), of which each takes at least one
word and rounds up. The paper divides by one more, the authors' code by their number, as here.
Token ids are deleted, never text edited or masked; specials and a query stay. A text is never left
empty: of a single word nothing is deleted. Rankings are by magnitude, attention's and the others':
words that speak against the class count as important too.

Letters in shape comments: B batch, V variants, T tokens, W words, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.audits.common import Answered
from attnaudit.data.batch import within_budget
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.models.interface import AttentionModel
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]
Order = NDArray[np.int64]  # the words of one instance, the most important first
BINS = (1, 5, 10, 20, 50)  # per cent of the words
KINDS = ("comprehensiveness", "sufficiency")


@torch.no_grad()
def deletions(
    model: AttentionModel, known: Answered, orders: Mapping[str, Sequence[Order]], budget: int
) -> list[dict[str, dict[str, list[float | None]]]]:
    """For each instance, `KINDS` by ranking, with one figure for each of `BINS`.

    `orders` holds a ranking of the words of each instance, by name; `budget` says how many tokens
    a call takes, where a text is not longer.
    """
    variants = _Variants()
    places = [
        {
            kind: {
                name: [variants.place(b, kept) for kept in _kept(order[b], kind)]
                for name, order in orders.items()
            }
            for kind in KINDS
        }
        for b in range(len(known.instances))
    ]
    lost = _lost(model, known, variants, budget).cpu().numpy()
    return [
        {
            kind: {name: compact(lost[index]) for name, index in by_name.items()}
            for kind, by_name in by_kind.items()
        }
        for by_kind in places
    ]


def top_size(share: int, words: int) -> int:
    """How many of so many words are the top `share` per cent: rounded up, exactly, at least 1."""
    return -(-share * words // 100)


class _Variants:
    """The distinct texts to be answered: an instance, and which of its words are kept.

    Rankings often agree on their top words, and short texts have one and the same top at several
    shares; each text is answered once.
    """

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.kept: list[NDArray[np.bool_]] = []
        self._known: dict[tuple[int, bytes], int] = {}

    def place(self, row: int, kept: NDArray[np.bool_]) -> int:
        """Where the answer to this text will stand."""
        place = self._known.setdefault((row, kept.tobytes()), len(self.rows))
        if place == len(self.rows):
            self.rows.append(row)
            self.kept.append(kept)
        return place


def _kept(order: Order, kind: str) -> Iterable[NDArray[np.bool_]]:
    """Which words are kept, (words,), for each of `BINS`."""
    words = len(order)
    for share in BINS:
        top, k = np.zeros(words, bool), top_size(share, words)
        top[order[: k if kind == "sufficiency" else min(k, words - 1)]] = True
        yield top if kind == "sufficiency" else ~top


def _lost(model: AttentionModel, known: Answered, variants: _Variants, budget: int) -> Tensor:
    """By how much the predicted class is less probable in each variant than in its text: (V,)."""
    batch, target = known.batch, known.probs.argmax(1)
    whole = known.probs.gather(1, target.unsqueeze(1)).squeeze(1)  # (B,)
    rows = torch.tensor(variants.rows, device=target.device)
    padded = np.zeros((len(rows), batch.words.shape[1]), bool)
    for v, words in enumerate(variants.kept):
        padded[v, : len(words)] = words
    keep = torch.from_numpy(padded).to(rows.device)  # (V, W)
    lost = torch.zeros_like(whole[rows])
    gone = batch.content[rows] & ~_by_token(batch.words[rows], keep)  # (V, T)
    lengths = batch.mask[rows].sum(1) - gone.sum(1)
    queries = torch.zeros_like(lengths)
    if batch.query_mask is not None:
        queries = batch.query_mask.sum(1)[rows]
    for group in within_budget(lengths.cpu(), queries.cpu(), budget):
        some = torch.from_numpy(group).to(rows.device)
        copies = batch.select(rows[some])
        left = copies.keep(_by_token(copies.words, keep[some]))
        probs = model(left).softmax(-1)  # (V, C)
        asked = target[rows[some]].unsqueeze(1)
        lost[some] = whole[rows[some]] - probs.gather(1, asked).squeeze(1)
    return lost


def _by_token(words: Tensor, keep: Tensor) -> Tensor:
    """`keep` (V, W) of each word, for each of its tokens: (V, T); `words` (V, T) number them."""
    return keep.gather(1, words.clamp_min(0))


def deletion_figures(record: Mapping[str, Any], names: Sequence[str]) -> Array:
    """The figures of one record, (kinds, rankings, bins)."""
    return np.array([[record[kind][name] for name in names] for kind in KINDS], float)


def deletion_columns(
    figures: Sequence[Array], names: Sequence[str]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """One value an instance, (n,) each: by metric, the mean over the bins; and `KIND.NAME.BIN`.

    `figures` holds what `deletion_figures` takes from each record.
    """
    stacked = np.stack(figures, axis=2)  # (kinds, rankings, instances, bins)
    means: dict[str, Array] = {}
    by_bin: dict[str, Array] = {}
    for i, kind in enumerate(KINDS):
        for k, name in enumerate(names):
            means[f"erase.{kind}.{name}"] = stacked[i, k].mean(1)
            by_bin |= {f"{kind}.{name}.{b}": stacked[i, k, :, j] for j, b in enumerate(BINS)}
    return means, by_bin


def deletion_tables(
    metrics: Mapping[str, Estimate],
    by_bin: Mapping[str, Array],
    names: Sequence[str],
) -> dict[str, Table]:
    """Averages over the bins, and each bin in detail."""
    rows: list[list[Cell]] = []
    for name in names:
        row: list[Cell] = [name]
        for kind in KINDS:
            mean = metrics[f"erase.{kind}.{name}"]
            row += [mean.value, mean.ci_low, mean.ci_high]
        rows.append(row)
    notes = [
        "Drop of the predicted class's probability, mean over the top 1, 5, 10, 20 and 50 % of",
        "words: when they are deleted (comprehensiveness, more is better) and when all others are",
        "(sufficiency, less is better). random is the floor: what deleting any words does.",
        "Rankings have no sign: some top words may speak against the predicted class.",
    ]
    columns = ["ranking", "compr.", "low", "high", "suff.", "low", "high"]
    detail: list[list[Cell]] = [
        [kind, name, *(_mean(by_bin[f"{kind}.{name}.{b}"]) for b in BINS)]
        for kind in KINDS
        for name in names
    ]
    return {
        "erase.deletions": Table("Words deleted, or kept alone", columns, rows, notes),
        "erase.deletions_detail": Table(
            "Words deleted, or kept alone, by share of words",
            ["", "ranking", *(f"{share} %" for share in BINS)],
            detail,
            detail=True,
        ),
    }


def _mean(values: Array) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
