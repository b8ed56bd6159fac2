"""How much of an answer passes through the audited attention at all?

Where a residual path goes around it, an answer may stay under any weights by construction. Two
figures tell: the answer with all content erased, and how large what the attention gives is beside
what bypasses it. They are no test of the weights; they say what a test of them can show.

Letters in shape comments: B batch, H heads, T tokens, D dimensions of a head, O of the output.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.models.arithmetic import in_float64
from attnaudit.models.distances import tvd
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.questions.answers import Answered
from attnaudit.questions.variants import answers, erased
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]


@torch.no_grad()
def all_erased(model: AttentionModel, known: Answered) -> list[dict[str, Any]]:
    """What each answer does when all content entries of all heads are 0.

    The rest of the mass stays where it was, and so does what bypasses the attention. `tvd`, in
    [0, 1], between that answer and the model's; `flips`, whether the decision differs.
    """
    gone = known.encoded.content.unsqueeze(1)  # (B, 1, T)
    nothing = erased(known.alpha, known.encoded.entries, gone)
    # The model's own weights go with it, so that rounding moves no answer.
    both = torch.cat([known.alpha.unsqueeze(1), nothing], dim=1)  # (B, 2, H, T)
    own, left = answers(model, known.encoded, both).unbind(1)  # (B, C)
    return movements(left, own)


@torch.no_grad()
def all_uniform(model: AttentionModel, known: Answered) -> list[dict[str, Any]] | None:
    """What each answer does when the attention of all layers, heads and rows is uniform.

    As `all_erased`. None of a model that cannot give it (capability `uniform_layers`).
    """
    uniform_layers = capability(model, "uniform_layers")
    if uniform_layers is None:
        return None
    return movements(uniform_layers(known.whole).softmax(-1), known.probs)


def movements(said: Tensor, own: Tensor) -> list[dict[str, Any]]:
    """How far each answer of `said` (B, C) is from that of `own`: TVD, and whether it flips."""
    moved = compact(tvd(said, own).cpu().double().numpy())
    flips = (said.argmax(-1) != own.argmax(-1)).tolist()
    return [{"tvd": far, "flips": flip} for far, flip in zip(moved, flips, strict=True)]


@torch.no_grad()
def residual_ratios(model: AttentionModel, known: Answered) -> list[float | None] | None:
    """||what the attention gives|| / ||the residual that it is added to||, of each instance.

    None where the model shows no residual. At least 0; small where the attention has little to
    say. The bias of the output projection, which no weights change, is left out.
    """
    show = capability(model, "values")
    values = show(known.encoded) if show else None
    if values is None or values.residual is None or values.output is None:
        return None
    averaged = torch.einsum("bht,bhtd->bhd", known.alpha, values.vectors)
    given = torch.einsum("bhd,hdo->bo", averaged, values.output)
    ratio = in_float64(given.norm(dim=-1)) / in_float64(values.residual.norm(dim=-1))
    return compact(ratio.where(ratio.isfinite(), torch.nan).cpu().numpy())
