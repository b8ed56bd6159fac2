"""What the model answers under other weights of some heads.

Letters in shape comments: B batch, V variants, H heads, T tokens, C classes, n positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.models.distances import tvd
from attnaudit.models.interface import AttentionModel
from attnaudit.questions.answers import Answered
from attnaudit.questions.maker import Record
from attnaudit.questions.variants import answers, room_for
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """Other weights of one head (n,) over the attendable positions, or of all heads (H, n)."""

    head: int | None
    weights: Array


@torch.no_grad()
def moved(
    model: AttentionModel, known: Answered, changes: Sequence[Sequence[Change]], budget: int
) -> list[tuple[Array, NDArray[np.bool_]]]:
    """For each text, change by change: how far the answer moves (TVD), and whether it flips.

    `changes` holds those of each text. The model's own weights go with the others, so that rounding
    moves no answer. All heads that a change does not name keep their weights.
    """
    alpha = known.alpha  # (B, H, T)
    places = [there.nonzero().flatten() for there in known.encoded.attendable]
    most, room = max(map(len, changes)), room_for(alpha, budget)
    own = answers(model, known.encoded, alpha.unsqueeze(1))  # (B, 1, C)
    far, flips = own.new_zeros(len(alpha), most), own.new_zeros(len(alpha), most, dtype=torch.bool)
    for begin in range(0, most, room):
        end = min(most, begin + room)
        variants = alpha.unsqueeze(1).repeat(1, end - begin, 1, 1)  # (B, V, H, T)
        for b, some in enumerate(changes):
            for v, change in enumerate(some[begin:end]):
                weights = torch.from_numpy(change.weights).to(variants)
                if change.head is None:
                    variants[b, v][:, places[b]] = weights
                else:
                    variants[b, v, change.head, places[b]] = weights
        said = answers(model, known.encoded, variants)  # (B, V, C)
        far[:, begin:end] = tvd(said, own)
        flips[:, begin:end] = said.argmax(-1) != own.argmax(-1)
    distances, flipped = far.cpu().double().numpy(), flips.cpu().numpy()
    return [(distances[b, : len(some)], flipped[b, : len(some)]) for b, some in enumerate(changes)]


def farthest(far: Array, flips: NDArray[np.bool_]) -> Record:
    """The largest TVD of some answers, and whether any of them flips; 0 for none."""
    return {
        "tvd": compact([float(far.max(initial=0.0))])[0],
        "flips": bool(flips.any()),
    }
