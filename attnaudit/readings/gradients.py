"""Attention times a gradient: how much the answer hangs on a weight, and which way.

All take the log-odds of one class, the predicted one unless the gold one is asked for. Its gradient
is that of the probability over p (1 - p), so that of one text both rank alike; it does not vanish
where a model is sure.
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


def _needs_graph(model: AttentionModel) -> str | None:
    from attnaudit.models.interface import capability

    if reason := needs.layers(model):
        return reason
    if capability(model, "attention_graph") is None:
        return "it needs gradients at the attention of all layers, which this model does not offer"
    return None


def _weights(seen: Seen) -> Tensor:
    from attnaudit.readings.gradient_passes import times_gradient

    return times_gradient(seen)


def _relevance(seen: Seen) -> Tensor:
    from attnaudit.readings.gradient_passes import relevance

    return relevance(seen)


def _inputs(seen: Seen) -> Tensor:
    from attnaudit.readings.gradient_passes import times_input_gradient

    return times_input_gradient(seen)


def _one_gradient(model: AttentionModel, texts: Texts) -> Passes:
    from attnaudit.models.passes import Passes

    return Passes(backward=len(texts), answers=len(texts))


def _one_step(model: AttentionModel, texts: Texts) -> Passes:
    from attnaudit.models.passes import learning

    return learning(len(texts))


GRADIENT = Reading(
    name="gradient_attention",
    definition="The attention times the derivative of the log-odds of the explained class by it,"
    " summed over heads.",
    formula="sum_h a_h(t) dl/da_h(t), l the log-odds of the class; what the weights are computed"
    " from, and their sum, are held constant",
    source="Serrano & Smith 2019, section 5, who take the probability",
    traps="It is the importance attention_gradient with its sign, so comparing the two says"
    " nothing. To the first order it says what a smaller weight would change, not what none would."
    " Numbers below 0 speak against the class; magnitudes are ranked.",
    of_model=_weights,
    needs=needs.one_row,
    signed=True,
    directed=True,
    asks="any model in which one row is audited",
    takes="an answer and a backward pass through what lies above the attention",
    passes=_one_gradient,
)
RELEVANCE = Reading(
    name="relevance",
    definition="The part of attention times gradient above 0, as a mean over heads, added up over"
    " all paths from the audited row down to the input.",
    formula="the audited row of (I + R_L) ... (I + R_1) - I, R_l = mean_h max(0, a_lh dl/da_lh), l"
    " the log-odds of the class",
    source="Chefer et al. 2021, section 3, the self-attention rule, without relevance propagation",
    traps="The map grows faster than the logits do: a model whose logits are all twice as large has"
    " another map. What speaks against the class counts as nothing. The authors take the logit of"
    " the class and keep the I, which concerns the row's own position alone.",
    of_model=_relevance,
    needs=_needs_graph,
    asks="a transformer, for gradients at the attention of all its layers",
    takes="a forward and a backward pass through the whole network",
    passes=_one_step,
)
INPUTS = Reading(
    name="attention_input_gradient",
    definition="The mean attention of heads times the length of gradient times input at the"
    " embedding of the position.",
    formula="mean_h a_h(t) ||e_t * dl/de_t||, the product number by number and the L2 norm over"
    " dimensions; l the log-odds of the class, whose gradient flows through the attention too",
    source="Edin et al. 2024, AttInGrad; the norm and the logit are those of the authors' code",
    traps="It was made for one layer of attention over contextual states. In a deep model the two"
    " factors are of different things: the weight of a mixed state, and the embedding of a word."
    " The norm has no sign.",
    of_model=_inputs,
    needs=needs.one_row,
    asks="any model in which one row is audited",
    takes="a forward and a backward pass",
    passes=_one_step,
)
FAMILY = (GRADIENT, RELEVANCE, INPUTS)
