"""How often each audit sends texts through a model, from their lengths and its settings alone.

What an audit does with a batch is said in its own module; here stands how much that is. Where it
depends on the answers, as where a search stops once it has found something, the most is given, and
`Passes.exact` is false.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from attnaudit.importance.gradients import QUADRATURE
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.erase.make.flip_fraction import SHUFFLES
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.erase.shares import BINS, top_size
from attnaudit.questions.instance_adversary.settings import InstanceSettings
from attnaudit.questions.permute.settings import PermuteSettings
from attnaudit.running.planning.lengths import Texts
from attnaudit.running.planning.plan import Passes

Cost = Callable[[AttentionModel, Texts, Any], Passes]


def answering(count: int) -> Passes:
    """To have `count` texts answered, once each."""
    return Passes(forward=count, answers=count)


def learning(count: int) -> Passes:
    """To learn from `count` texts, once each."""
    return answering(count) + Passes(backward=count)


def _permute(model: AttentionModel, texts: Texts, settings: PermuteSettings) -> Passes:
    n = len(texts)
    own_and_shuffled, all_erased = 1 + settings.permutations, 2
    return answering(n) + Passes(answers=n * (own_and_shuffled + all_erased))


def _correlate(model: AttentionModel, texts: Texts, settings: CorrelateSettings) -> Passes:
    return answering(len(texts)) + _importances(model, texts, settings.names)


def _importances(model: AttentionModel, texts: Texts, measures: Sequence[str]) -> Passes:
    """See `importance.compute`."""
    n, words = len(texts), int(texts.words.sum())
    made = Passes()
    if {"gradient", "gradient_flowing", "gradient_l2"} & set(measures):
        made += Passes(forward=n, backward=2 * n, answers=2 * n)
    if "attention_gradient" in measures:
        made += learning(n)
    if {"gradient_own_logit", "attention_null"} & set(measures):
        each = int(texts.padded(texts.tokens).sum())  # padding is answered with the rest
        back = n if capability(model, "encode_locally") else each
        made += Passes(forward=n, backward=back, answers=each)
    for measure in ("leave_one_out", "leave_one_out_mask"):
        if measure in measures:
            made += answering(words)
    if "integrated_gradients" in measures:
        made += learning(QUADRATURE * n) + answering(2 * n)
    return made


def _erase(model: AttentionModel, texts: Texts, settings: EraseSettings) -> Passes:
    n = len(texts)
    single, all_erased, decided, slopes = 3, 2, 1, 1
    flips = (3 + SHUFFLES) * int(texts.padded(texts.items).sum())
    weights = n * (single + all_erased + decided + slopes) + flips
    made = answering(n) + Passes(backward=n, answers=weights)
    made += _importances(model, texts, settings.names)
    made += answering(len(settings.rankings) * _deleted(texts))
    short = texts.items <= settings.optimum_items
    if short.any():
        most = texts.padded(np.where(short, texts.items, 0))[short]
        sets = sum(2 ** int(items) - 1 for items in most)
        made += answering(int(short.sum())) + Passes(answers=sets)
    return made + Passes(exact=False)


def _deleted(texts: Texts) -> int:
    """The different texts that one ranking of each text's words leaves at the shares of ERASER."""
    counts, instances = np.unique(texts.words, return_counts=True)
    left = 0
    for words, count in zip(counts.tolist(), instances.tolist(), strict=True):
        sizes = {top_size(share, words) for share in BINS}
        left += count * (len({min(k, words - 1) for k in sizes}) + len(sizes))
    return left


def _instance_adversary(model: AttentionModel, texts: Texts, settings: InstanceSettings) -> Passes:
    n = len(texts)
    # A search asks for answers as it needs them; without a linear readout, for each text by itself.
    made = answering(n if capability(model, "token_logits") else 2 * n) + Passes(answers=None)
    if settings.search:
        made += Passes(
            backward=n * settings.search_alternatives * settings.restarts * settings.search_steps
        )
    return made


PER_INSTANCE: Mapping[str, Cost] = {
    "permute": _permute,
    "correlate": _correlate,
    "erase": _erase,
    "instance-adversary": _instance_adversary,
}
"""What the records of the audited model's own texts take, by audit."""


def _controls(model: AttentionModel, count: int) -> Passes:
    uniform = answering(count) if capability(model, "uniform_layers") else Passes()
    return Passes(answers=2 * count) + uniform


ASKED: Mapping[str, Callable[[AttentionModel, int], Passes]] = {"seed-baseline": _controls}
"""What is asked of the audited model besides, of so many texts, by an audit that trains others."""


def steps_of(texts: int, batch_size: int) -> int:
    """The optimiser steps of an epoch."""
    return math.ceil(texts / batch_size)
