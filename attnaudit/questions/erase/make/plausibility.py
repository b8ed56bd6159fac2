"""Do rankings of words agree with what people marked? Plausibility, not faithfulness.

An explanation may convince people and not be the model's reason, or be its reason and convince
nobody (Jacovi & Goldberg 2020): these figures are never evidence of the other kind.

A word is marked if one of its tokens is. The chosen words of a ranking are as many as are marked in
that text, ties broken at random; token F1 is then precision and recall in one. (DeYoung et al. 2020
choose as many as the data set's mean rationale has. Here no record depends on the other instances,
and no ranking is blamed for the length of a rationale.) Average precision and
the trapezoidal AUPRC take the scores themselves.
Instances without a rationale, or with an empty one, are undefined.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.rationales import average_precision, iou_f1, token_f1, trapezoidal_auprc
from attnaudit.questions.answers import Answered
from attnaudit.questions.erase.make.deletions import Order
from attnaudit.questions.erase.shares import AGREEMENTS
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]


def rationale_of(known: Answered, b: int) -> NDArray[np.bool_] | None:
    """Which words of instance `b` people marked, (words,); None where they marked none in reach."""
    flags = known.instances[b].rationale
    if flags is None or not any(flags):
        return None
    words = known.batch.words[b]
    marked = np.zeros(int(known.batch.word_counts[b]), bool)
    flagged = np.array(flags, bool)[known.reached(b).cpu().numpy()]
    marked[words[known.batch.content[b]].cpu().numpy()[flagged]] = True
    return marked if marked.any() else None


def on_marked(known: Answered, b: int, rationale: NDArray[np.bool_]) -> dict[str, float | None]:
    """How much of the shown attention of instance `b`, and of its words, is on the marked words.

    `rationale` (words,) is true at these.
    """
    weights = known.on_words[b, : len(rationale)].double().cpu().numpy()
    shares = compact([min(1.0, float(weights[rationale].sum())), float(rationale.mean())])
    return dict(zip(("attention", "words"), shares, strict=True))


def agreement_with_people(
    scores: Mapping[str, Array], orders: Mapping[str, Order], rationale: NDArray[np.bool_]
) -> dict[str, dict[str, float | None]]:
    """`AGREEMENTS` of each ranking of one instance; scores and orders are (words,).

    All are None of a ranking that has no order: its scores are undefined.
    """
    found: dict[str, dict[str, float | None]] = {}
    for name in scores:
        if name not in orders:
            found[name] = dict.fromkeys(AGREEMENTS)
            continue
        order = orders[name]
        chosen = np.zeros(len(order), bool)
        chosen[order[: rationale.sum()]] = True
        figures = (
            token_f1(chosen, rationale),
            iou_f1(chosen, rationale),
            average_precision(scores[name], rationale),
            trapezoidal_auprc(scores[name], rationale),
        )
        found[name] = dict(zip(AGREEMENTS, compact(figures), strict=True))
    return found
