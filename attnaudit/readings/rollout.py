"""Attention followed through the layers to the input: rollout and flow (Abnar & Zuidema 2020).

Both see the layers as a graph in which a position passes on half of what it has to itself, which is
the residual connection, and half as the mean of its heads attends: A = .5 mean_h a_h + .5 I.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.readings import needs
from attnaudit.readings.reading import Reading

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.readings.seen import Seen

LONGEST = 64  # tokens of a text that flows are computed for


def _rollout(seen: Seen) -> Tensor:
    from attnaudit.readings.rollout_passes import rolled_out

    return seen.by_layers(lambda batch, layers, row: rolled_out(layers, row))


def _flow(seen: Seen) -> Tensor:
    from attnaudit.readings.rollout_passes import flows

    return seen.by_layers(lambda batch, layers, row: flows(layers, row, batch.mask, LONGEST))


_BOTH = (
    "It leaves out values, feed-forward layers and signs, is the same for every class, and gives"
    " the residual connection one half, which is a convention. With depth the weights of words"
    " become alike."
)

ROLLOUT = Reading(
    name="rollout",
    definition="The attention of the audited row followed down to the input: the products of the"
    " weights along each path, summed over all paths.",
    formula="the audited row of A_L ... A_2 A_1, with A_l = (mean_h a_lh + I) / 2",
    source="Abnar & Zuidema 2020, section 3",
    traps=_BOTH,
    of_model=_rollout,
    needs=needs.layers,
    asks="the attention of all layers, which transformers show, and one audited row",
    takes="one forward pass of each text beside the audit's own",
    passes=needs.one_forward,
)
FLOW = Reading(
    name="flow",
    definition="The largest flow from the audited row down to each position of the input, where"
    " weights are the capacities of the edges.",
    formula="F(j) = max-flow from (L, row) to (0, j) with capacities A_l(i, k), each position by"
    " itself, divided by their sum",
    source="Abnar & Zuidema 2020, section 3",
    traps=f"{_BOTH} The narrowest place of the graph decides, so that many words get the same"
    f" number. It is only given for texts of at most {LONGEST} tokens, since each token takes a"
    " maximum flow over all layers.",
    of_model=_flow,
    needs=needs.layers,
    asks="the attention of all layers, which transformers show, and one audited row",
    takes="one forward pass, and as many maximum flows as a text has tokens: seconds a text",
    passes=needs.one_forward,
    most=LONGEST,
    beyond="each token takes a maximum flow over all layers",
)
FAMILY = (ROLLOUT, FLOW)
