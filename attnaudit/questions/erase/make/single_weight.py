"""One weight erased: the largest, and a random other one. Serrano & Smith 2019, section 4.

Items are the content positions that the attention reads (representations, not words of the input),
the top one the item of the largest weight, of several heads as it is shown (by default their mean);
the other is drawn among the rest, by the instance's id and the seed. (The authors' code draws a
position in place of a rank, so that its other item may be the top one.)

Letters in shape comments: B batch, H heads, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.data.transfer import sent
from attnaudit.execution.seeds import generator_for
from attnaudit.measures.divergences import jsd
from attnaudit.measures.order import descending
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.answers import Answered
from attnaudit.questions.variants import answers, erased
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]
Single = Mapping[str, Any]
STREAM = 2  # of the random generators of an instance; 0 and 1 belong to importances


@torch.no_grad()
def single_weights(model: AttentionModel, known: Answered, seed: int) -> list[Single | None]:
    """What each instance answers without its top item, and without a random other one.

    `gap`: the difference of the two weights, renormalised over the content, in [0, 1]. `jsd` and
    `flip`: for `top` and `random`, the Jensen-Shannon divergence of the answer without that item
    from the model's answer (in [0, ln 2]), and whether the decision differs. None for an instance
    with a single item, or without a reading that ranks the items.
    """
    content = known.encoded.content
    weights = (known.shown * content).cpu().double().numpy()  # (B, T)
    inside = content.cpu().numpy()
    gone = torch.zeros(len(weights), 3, weights.shape[1], dtype=torch.bool)
    gaps: list[float | None] = []
    for b, instance in enumerate(known.instances):
        (places,) = inside[b].nonzero()
        if len(places) < 2 or b in known.undefined:
            gaps.append(None)
            continue
        generator = generator_for(instance.id, seed, STREAM)
        order = places[descending(weights[b, places], generator)]
        pair = [order[0], generator.choice(order[1:])]
        gone[b, [1, 2], pair] = True  # the first variant is the model's own
        mass = max(weights[b].sum(), np.finfo(np.float64).tiny)
        gaps.append(float(weights[b, pair[0]] - weights[b, pair[1]]) / mass)
    left = erased(known.alpha, known.encoded.entries, sent(gone, content.device))
    said = answers(model, known.encoded, left)
    flips = (said.argmax(-1) != said[:, :1].argmax(-1)).tolist()  # (B, 3)
    probs = said.cpu().double().numpy()
    moved = jsd(probs, probs[:, :1])  # (B, 3)
    return [
        None
        if gap is None
        else {
            "gap": compact([gap])[0],
            "jsd": _pair(compact(moved[b, 1:])),
            "flip": _pair(flips[b][1:]),
        }
        for b, gap in enumerate(gaps)
    ]


def _pair(values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(("top", "random"), values, strict=True))
