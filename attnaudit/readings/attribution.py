"""Attention attribution: what the answer gains as the attention grows from nothing to what it is.

Integrated gradients of the weights in place of the input, so that the numbers of all positions add
up to the answer less the answer without attention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.readings import needs
from attnaudit.readings.reading import Reading

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes
    from attnaudit.readings.seen import Seen

STEPS = 32  # points of the integral, each in the middle of its stretch


def _attribution(seen: Seen) -> Tensor:
    from attnaudit.readings.attribution_passes import attributed

    return attributed(seen, STEPS)


def _steps(model: AttentionModel, texts: Texts) -> Passes:
    from attnaudit.models.passes import Passes

    return Passes(backward=STEPS * len(texts), answers=STEPS * len(texts))


ATTRIBUTION = Reading(
    name="attention_attribution",
    definition="The integral of the gradient at the weight of a position, from no attention to the"
    " model's own, times the weight, summed over heads.",
    formula=f"sum_h a_h(t) (1/m) sum_k dF(u_k a)/da_h(t), u_k = (k - 1/2)/m, m = {STEPS}; F the"
    " probability of the explained class; all heads of the audited row grow together",
    source="Hao et al. 2021, section 3, with midpoints in place of left ends",
    traps="The numbers of all positions, also those outside the words, add up to F(a) - F(0). No"
    " attention at all is a state that the model has never seen. In rows with a residual connection"
    " F(0) may be far from any constant. The authors take the predicted class in one script and the"
    " gold class in another; here it is the predicted one unless --target gold is asked for."
    " Numbers below 0 speak against the class; magnitudes are ranked.",
    of_model=_attribution,
    needs=needs.one_row,
    signed=True,
    directed=True,
    asks="any model in which one row is audited",
    takes=f"{STEPS} answers under given weights, each with a backward pass",
    passes=_steps,
)
FAMILY = (ATTRIBUTION,)
