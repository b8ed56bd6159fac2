"""What a model answers if all that lies off some patterns is as it is for the baseline.

Lu et al. 2021 keep the nodes of the patterns of all words, and replace all others.

Letters in shape comments: V variants, W words, L layers, H heads, T tokens.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from attnaudit.models.arithmetic import in_float64
from attnaudit.models.distances import log_odds
from attnaudit.models.transformer.replacing import Replaced
from attnaudit.questions.maker import Record
from attnaudit.questions.reliance import movements
from attnaudit.records.rounding import compact


class Kept(NamedTuple):
    """The patterns that are kept: of the words that are true in `words` (W,).

    `places` (W, L) and `heads` (W, L) are those of all words; H stands for the way past all heads.
    """

    words: Tensor
    places: Tensor
    heads: Tensor


@torch.no_grad()
def ablated(
    replaced: Replaced, sources: Tensor, kept: list[Kept], own: Tensor, target: int
) -> list[Record]:
    """For each of some sets of patterns, the answer if nothing else is kept, in two ways.

    `positions` keeps the states at the positions of the patterns, `heads` only the ways by which
    the patterns get there. Each holds `tvd` and `flips`, how far the answer is from the model's
    `own` (C,); `odds`, the log-odds of the class `target`; and `kept`, the share of the positions,
    or of the ways, that was kept below the last layer's position.
    """
    layers, tokens, heads = replaced.layers, replaced.tokens, replaced.heads[0].shape[2]
    device = sources.device
    words = torch.stack([_own_words(sources, one.words) for one in kept])  # (V, T)
    states = torch.zeros(len(kept), layers, tokens, dtype=torch.bool, device=device)
    ways = torch.zeros(len(kept), layers, heads + 1, tokens, dtype=torch.bool, device=device)
    for v, one in enumerate(kept):
        for layer in range(layers):
            places = one.places[one.words, layer]
            states[v, layer, places] = True
            ways[v, layer, one.heads[one.words, layer], places] = True
    made: list[Record] = [{} for _ in kept]
    answers = {
        "positions": (replaced.by_states(words, states), states[:, :-1].flatten(1)),
        "heads": (replaced.by_heads(words, ways), ways.flatten(1)),
    }
    for name, (logits, there) in answers.items():
        moved = movements(logits.softmax(-1), own.unsqueeze(0).expand_as(logits))
        odds = log_odds(logits, torch.full((len(kept),), target, device=device))
        shares = in_float64(there).mean(1) if there.shape[1] else torch.ones(len(kept))
        for record, far, *told in zip(made, moved, odds.tolist(), shares.tolist(), strict=True):
            found = compact(told)
            record[name] = {**far, "odds": found[0], "kept": found[1]}
    return made


def _own_words(sources: Tensor, words: Tensor) -> Tensor:
    """(T,) true but at the words that are not kept: what frames a text is no word."""
    return ~sources[~words].any(0)
