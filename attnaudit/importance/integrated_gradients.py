"""Integrated gradients: the gradient along the whole way from a text without its words to the text.

What stands in place of the words at the beginning, the baseline, moves the ranking more than any
quadrature does. Each baseline is therefore an importance of its own, and a model gets two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from attnaudit.importance.importance import Importance, Integral, Request

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from attnaudit.importance.panels import Integrals
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes

TOLERANCE = 0.01  # the error of a text's scores, as a share of the largest of them
MOST = 384  # gradients that a text may take
UNSETTLED = f"not converged after {MOST} gradients"
NOT_FINITE = "a gradient or an answer along the path is not finite"

_Token = Callable[["AttentionModel"], "int | None"]


def _compute(name: str, token: _Token, request: Request) -> Tensor:
    import torch

    from attnaudit.importance.path_passes import integrated_gradients

    place = token(request.model)
    found = integrated_gradients(
        *(request.model, request.batch, request.target), place, tolerance=TOLERANCE, most=MOST
    )
    request.integrals[name] = [_integral(found, text) for text in range(len(request.batch))]
    # They stay on the host, which has computed them.
    scores = request.without_sign(name, torch.from_numpy(found.signed).float())
    there = torch.arange(scores.shape[1]) < request.batch.host.word_counts.unsqueeze(1)
    undefined = ~torch.from_numpy(found.settled)
    return scores.masked_fill(undefined.unsqueeze(1) & there, torch.nan)


def _integral(found: Integrals, text: int) -> Integral:
    def number(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float | None:
        return float(f"{values[text]:.9g}") if found.finite[text] else None

    reason = None if found.settled[text] else UNSETTLED if found.finite[text] else NOT_FINITE
    gradients = int(found.gradients[text])
    return Integral(gradients, TOLERANCE, number(found.error), number(found.gap), reason)


def _work(name: str, model: AttentionModel, texts: Texts) -> Mapping[str, Passes]:
    from attnaudit.models.passes import Passes, learning

    return {name: learning(MOST * len(texts)) + Passes(exact=False)}


def _no_mask(model: AttentionModel) -> str | None:
    if model.mask_token is not None:
        return None
    return (
        "integrated_gradients_mask starts from a mask token, and the model has none; "
        "integrated_gradients starts from zeros"
    )


def _no_unknown(model: AttentionModel) -> str | None:
    if model.mask_token is not None:
        return (
            "the model has a mask token, which hides words better than the unknown word does: "
            "use integrated_gradients_mask instead of integrated_gradients_unknown"
        )
    if model.unknown_token is not None:
        return None
    return (
        "integrated_gradients_unknown starts from the token for unknown words, and the model "
        "has none of its own; integrated_gradients starts from zeros"
    )


def _importance(
    name: str, baseline: str, trap: str, token: _Token, needs: Callable[..., str | None]
) -> Importance:
    return Importance(
        name=name,
        definition="The gradient times the input, integrated along the straight path from a"
        f" baseline without the words: {baseline}.",
        formula="|(e_t - b_t) . integral over s in [0, 1] of dp/de_t at b + s (e - b)|, with e the"
        " word embeddings and b those of the baseline; attention flowing; by Boole's rule on"
        f" panels that are bisected until the estimated error is at most {TOLERANCE:g} of the"
        f" text's largest score, with at most {MOST} gradients a text, beyond which the text is"
        " undefined",
        source="Sundararajan et al. 2017, section 3; adaptive quadrature: Lyness 1969",
        traps=f"Another baseline gives another ranking, often a very different one. {trap} The "
        "completeness error, |sum of the signed scores - (p(x) - p(baseline))|, is small "
        "if the integral is right. It can also be small if single words are wrong.",
        compute=partial(_compute, name, token),
        work=partial(_work, name),
        needs=needs,
        baseline=baseline,
    )


def _able(model: AttentionModel) -> str | None:
    return None


FAMILY = (
    _importance(
        "integrated_gradients",
        "zeros in place of the words",
        "No text has zeros in place of words, so the path starts at a point where the model "
        "was never trained.",
        lambda model: None,
        _able,
    ),
)
# Younger than the other importances, whose pairs keep their names.
OTHER_BASELINES = (
    _importance(
        "integrated_gradients_unknown",
        "the unknown word in place of every word",
        "A word that the model does not know has a score of 0.",
        lambda model: model.unknown_token,
        _no_unknown,
    ),
    _importance(
        "integrated_gradients_mask",
        "the mask token in place of every word",
        "A fine-tuned classifier may never have seen a mask token.",
        lambda model: model.mask_token,
        _no_mask,
    ),
)
