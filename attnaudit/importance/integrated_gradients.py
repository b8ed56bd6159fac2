"""Integrated gradients: the gradient along the whole way from nothing to the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attnaudit.importance.importance import Importance, Request

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes

QUADRATURE = 12  # Gauss-Legendre nodes: on SST, tau .99996 with the ranking of 64


def _compute(request: Request) -> Tensor:
    from attnaudit.importance.gradient_passes import integrated_gradients

    scores, error = integrated_gradients(request.model, request.batch, request.target, QUADRATURE)
    request.extras["completeness_error"] = error
    return scores


def _work(model: AttentionModel, texts: Texts) -> Mapping[str, Passes]:
    from attnaudit.models.passes import answering, learning

    n = len(texts)
    return {"integrated gradients": learning(QUADRATURE * n) + answering(2 * n)}


FAMILY = (
    Importance(
        name="integrated_gradients",
        definition="The gradient times the input, integrated along the straight path from a"
        " baseline without the words.",
        formula="|(e_t - b_t) . integral over s in [0, 1] of dp/de_t at b + s (e - b)|, with e the"
        f" word embeddings and b zeros at the words, by Gauss-Legendre quadrature of {QUADRATURE}"
        " nodes; attention flowing",
        source="Sundararajan et al. 2017, section 3",
        traps="Another baseline gives other scores. The completeness error beside it, |sum of the"
        " signed scores - (p(x) - p(baseline))|, says how far the quadrature is off.",
        compute=_compute,
        work=_work,
    ),
)
