"""How near each position's part comes to the whole that a layer makes: ALTI (Ferrando et al. 2022).

The attention, the residual connection and the LayerNorm after them are written as a sum over
positions. A part counts by how much nearer it brings the whole: its L1 distance to the whole,
against the size of the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.readings import needs
from attnaudit.readings.reading import Reading

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.readings.seen import Seen


def _layer(seen: Seen) -> Tensor:
    from attnaudit.readings.alti_passes import of_last_layer

    return of_last_layer(seen)


def _rollout(seen: Seen) -> Tensor:
    from attnaudit.readings.alti_passes import through_layers

    return through_layers(seen)


_FORMULA = (
    "c(i, j) = max(0, |y_i| - |y_i - T_i(j)|), divided by its sum over j, with L1 norms;"
    " T_i(j) = g(sum_h a_h(i, j) v_h(j) W_h + [i = j] x_i), g the LayerNorm with the deviation of"
    " the whole sum and without beta, y_i what the LayerNorm gives"
)
_TRAPS = (
    "It leaves the feed-forward layers out, and is the same for every class. Parts that point away"
    " from the whole count as 0. The whole includes the biases and the parts do not, as in the"
    " authors' code. Where no LayerNorm takes the sum, as in most decoders, the sum is the whole."
)

LAYER = Reading(
    name="alti_layer",
    definition="How near the part of each position comes to what the audited layer's attention and"
    " residual connection make of the audited row.",
    formula=f"c(row, j) of the last layer; {_FORMULA}",
    source="Ferrando et al. 2022, section 3",
    traps=f"{_TRAPS} The positions of the last layer have mixed with others below.",
    of_model=_layer,
    needs=needs.added,
    asks="all layers of a transformer, each of which adds what its heads give to its states"
    " before anything else",
    takes="one forward pass of each text beside the audit's own",
    passes=needs.one_forward,
)
ROLLOUT = Reading(
    name="alti",
    definition="The nearness of each part to the whole in every layer, followed from the audited"
    " row down to the input.",
    formula=f"the audited row of C_L ... C_1, C_l holding the c(i, j) of layer l; {_FORMULA}",
    source="Ferrando et al. 2022, section 3",
    traps=_TRAPS,
    of_model=_rollout,
    needs=needs.added,
    asks="all layers of a transformer, each of which adds what its heads give to its states"
    " before anything else",
    takes="one forward pass, and for each layer as many vectors as pairs of tokens: slow for long"
    " texts",
    passes=needs.one_forward,
)
FAMILY = (LAYER, ROLLOUT)
