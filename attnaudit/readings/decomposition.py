"""What each position's vectors put into the answer, all layers above the attention included.

What lies above the audited row is written as a sum over positions. Linear maps take sums apart
exactly. Other steps do so with some factor held, which `parts` lists. So the parts add up to the
answer itself, not to a linear estimate.
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


def _contributions(seen: Seen) -> Tensor:
    from attnaudit.readings.decomposition_passes import contributions

    return contributions(seen)[0]


def _twice(model: AttentionModel, texts: Texts) -> Passes:
    from attnaudit.models.passes import answering

    return answering(len(texts))


CONTRIBUTIONS = Reading(
    name="contributions",
    definition="What the vectors of a position, times their weights, put into the score of the"
    " explained class, through all that lies above the attention.",
    formula="l = sum_t c(t) + rest, l the logit of the class less the mean of the others; LayerNorm"
    " and RMSNorm with the deviation or root mean square of the whole, f(z) as (f(z)/z) z, a gate"
    " u v as (u/2) v + (v/2) u; rest holds the residual of the row and the biases",
    source="Modarressi et al. 2023, section 3, from the audited row's attention upwards; RMSNorm"
    " and gates are this tool's own",
    traps="It is of the audited layer alone: what the residual of the row brings up from below is"
    " in the rest, which no position is given. The authors go through all layers, and share the"
    " biases out. Factors that are held depend on the words as well. Of a product of two layers, as"
    " in gated feed-forward layers, each gets half. Integrated gradients from 0 and the Shapley"
    " value of two factors say so, too, but other rules give all of it to one factor. Numbers below"
    " 0 speak against the class; magnitudes are ranked.",
    of_model=_contributions,
    needs=needs.one_row,
    signed=True,
    directed=True,
    asks="a model in which all above the attention is linear maps, sums, LayerNorms, RMSNorms,"
    " gates and functions of single numbers that are 0 at 0, as in a BiLSTM, BERT or LLaMA; of an"
    " encoder-decoder, the attention to the encoder",
    takes="each text once more, by itself, and what lies above the attention written down step by"
    " step: about half a second a text on one core",
    passes=_twice,
)
FAMILY = (CONTRIBUTIONS,)
