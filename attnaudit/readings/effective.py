"""The part of the attention that the layer's output depends on (Brunner et al. 2020).

What a head gives is the sum of its vectors times their weights. If a text has more positions than
the vectors have dimensions, some changes of the weights change nothing: those in the left null
space of the vectors. Effective attention is what is left without that part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.readings import needs
from attnaudit.readings.reading import Reading

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.readings.seen import Seen


def _effective(seen: Seen) -> Tensor:
    from attnaudit.readings.effective_passes import effective

    return effective(seen.alpha, seen.values, seen.encoded.attendable).mean(1)


EFFECTIVE = Reading(
    name="effective",
    definition="The attention without the part that changes nothing in what the heads give, as a"
    " mean over heads.",
    formula="mean_h Q_h Q_h' a_h, with Q_h an orthonormal basis of the columns of T_h; T_h the"
    " vectors of head h, or, if the output map is not regular, all heads' mapped vectors at once",
    source="Brunner et al. 2020, section 3; Sun & Marasovic 2021, section 2",
    traps="It is no distribution: numbers may be below 0, and magnitudes are ranked. It is the"
    " smallest set of weights with this output, and others have it, too. What it removes may still"
    " have mattered in training. In texts no longer than a head's vectors it is the attention"
    " itself. In a classic model with two classes it ranks words by their own logit alone. Singular"
    " values below the rounding of the model's own numbers count as 0.",
    of_model=_effective,
    needs=needs.values,
    signed=True,
    asks="the vectors that the attention averages, which classic models and transformers show",
    takes="one singular value decomposition of each head and text",
)
FAMILY = (EFFECTIVE,)
