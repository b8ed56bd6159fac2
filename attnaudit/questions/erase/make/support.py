"""Do the words that the attention highlights carry the answer? See `erase.support_rule`.

The weights of the highlighted words are set to zero, those of all their positions in all heads, and
nothing is scaled up. How far the answer moves is put beside what draws of as many other words do.
The same is asked of

* a random heatmap: the model's own weights, shuffled among the words once a text, choose the words;
* deletion: the words are deleted from the text in place of having their weights zeroed, and so are
  those of the draws. It breaks texts, so that it stands beside the test and never replaces it.

Letters in shape comments: B batch, V variants, H heads, T tokens, W words, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.transfer import sent
from attnaudit.execution.seeds import generator_for
from attnaudit.models.distances import tvd
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.answers import Answered
from attnaudit.questions.erase.support_rule import (
    LEAST_DRAWS,
    Places,
    draws_of,
    highlighted,
    judged,
)
from attnaudit.questions.shorter_texts import ShorterTexts
from attnaudit.questions.variants import answers, room_for, zeroed
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]
STREAM = 5  # of the random generators of an instance
NOT_JUDGED = {"tvd": None, "largest": None, "status": "not_judged"}


@dataclass(frozen=True)
class _Choice:
    """The words of a text that a heatmap highlights, and draws of as many other words."""

    words: Places
    draws: Sequence[Places]

    @property
    def sets(self) -> list[Places]:
        """Whose effects are compared: first the highlighted words, then each draw."""
        return [self.words, *self.draws]

    @property
    def is_judged(self) -> bool:
        """Whether there are draws enough."""
        return len(self.draws) >= LEAST_DRAWS


_NOTHING = _Choice(np.zeros(0, np.int64), ())


@torch.no_grad()
def supports(
    model: AttentionModel, known: Answered, orders: Sequence[Places | None], seed: int, budget: int
) -> list[dict[str, Any] | None]:
    """What a record holds as `support`, for each instance.

    `orders` holds the words of each, those of the largest attention first; where it is None, so is
    what is found. `tvd` is how far the answer moves for the highlighted words, and `largest` the
    most that it moves for a draw, both in [0, 1]; None in a text that is not judged.
    """
    choices = [
        (_NOTHING, _NOTHING) if order is None else _choices(known, b, order, seed)
        for b, order in enumerate(orders)
    ]
    moved = _zeroing(model, known, choices, budget)
    without = _deleting(model, known, [own for own, _ in choices], budget)
    made: list[dict[str, Any] | None] = []
    for (own, _), effects, deleted in zip(choices, moved, without, strict=True):
        if own is _NOTHING:
            made.append(None)
            continue
        size = len(own.draws) + 1
        made.append(
            {
                "words": sorted(own.words.tolist()),
                "draws": len(own.draws),
                **_test(effects[:size]),
                "random": _test(effects[size:]),
                "deleted": _test(deleted),
            }
        )
    return made


def _choices(known: Answered, b: int, order: Places, seed: int) -> tuple[_Choice, _Choice]:
    """Of instance `b`: what its attention highlights, and what the shuffled weights do."""
    generator = generator_for(known.instances[b].id, seed, STREAM)
    weights = known.weights[b][order]
    size = highlighted(weights)
    # Shuffled weights have a random order of words, and the same number of them highlighted.
    ranked = (order, generator.permutation(len(order)))
    own, random = (
        _Choice(some[:size], draws_of(np.sort(some[size:]), size, generator)) for some in ranked
    )
    return own, random


def _test(effects: Sequence[float]) -> dict[str, Any]:
    """Of the TVD of the highlighted words, and then of each draw; of none, if it is not judged."""
    if not effects:
        return dict(NOT_JUDGED)
    own, largest = compact([effects[0], max(effects[1:])])
    assert own is not None
    assert largest is not None
    return {"tvd": own, "largest": largest, "status": judged(own, largest)}


def _zeroing(
    model: AttentionModel,
    known: Answered,
    choices: Sequence[tuple[_Choice, _Choice]],
    budget: int,
) -> list[list[float]]:
    """For each instance, how far its answer moves (TVD) when the weights of each set are zero.

    Of both choices one after the other; empty for an instance that is not judged.
    """
    sets = [[s for choice in both if choice.is_judged for s in choice.sets] for both in choices]
    most = max(map(len, sets))
    if not most:
        return [[] for _ in sets]
    batch, entries = known.batch, known.encoded.entries
    chosen = np.zeros((len(sets), 1 + most, int(batch.host.word_counts.max())), bool)  # own first
    for b, of_text in enumerate(sets):
        for v, places in enumerate(of_text):
            chosen[b, 1 + v, places] = True
    words = batch.words.clamp_min(0)  # content is all that is ever zeroed
    at_once = room_for(known.alpha, budget)
    # Made beforehand: small tensors that stay among large ones that go would keep memory apart.
    probs = known.probs.new_empty(len(sets), 1 + most, known.probs.shape[1])
    for start in range(0, 1 + most, at_once):
        part = torch.from_numpy(chosen[:, start : start + at_once])  # (B, V, W)
        part = sent(part, words.device)
        gone = part.gather(2, words.unsqueeze(1).expand(-1, part.shape[1], -1))  # (B, V, T)
        left = zeroed(known.alpha, entries, gone)
        probs[:, start : start + at_once] = answers(model, known.encoded, left)
    moved = _moved(probs[:, 1:], probs[:, :1])
    return [moved[b, : len(of_text)].tolist() for b, of_text in enumerate(sets)]


def _deleting(
    model: AttentionModel, known: Answered, choices: Sequence[_Choice], budget: int
) -> list[list[float]]:
    """For each instance, how far its answer moves (TVD) when the words of each set are deleted."""
    texts = ShorterTexts()
    places: list[list[int]] = []
    counts = known.batch.host.word_counts.tolist()
    for choice, count, b in zip(choices, counts, range(len(choices)), strict=True):
        kept = np.ones((len(choice.sets), count), bool)
        for row, gone in zip(kept, choice.sets, strict=True):
            row[gone] = False
        places.append([texts.place(b, row) for row in kept] if choice.is_judged else [])
    if not texts.rows:
        return [[] for _ in choices]
    rows = sent(torch.tensor(texts.rows), known.probs.device)
    moved = _moved(texts.answers(model, known, budget), known.probs[rows])
    return [moved[of_text].tolist() for of_text in places]


def _moved(said: Tensor, own: Tensor) -> Array:
    found: Array = tvd(said, own).cpu().double().numpy()
    return found
