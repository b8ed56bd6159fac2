"""How large what the audited row takes from a position is, not how large its weight is.

A head averages vectors, and a large weight on a short vector gives little. Kobayashi et al. take
the length of weight times vector, after the output map of the heads. Their later work adds what
bypasses the attention, and the LayerNorm that follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attnaudit.readings import needs
from attnaudit.readings.reading import Reading

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel
    from attnaudit.readings.seen import Seen


def _needs_norm(model: AttentionModel) -> str | None:
    from attnaudit.models.interface import capability

    if reason := needs.added(model):
        return reason
    joins = capability(model, "joins")
    assert joins is not None
    if joins()[-1].norm is None:
        return (
            "no LayerNorm takes the sum of the attention and its residual in this model, so that"
            " norms_residual is all there is"
        )
    return None


def _norms(seen: Seen) -> Tensor:
    from attnaudit.readings.norm_passes import norms

    return norms(seen.alpha, seen.values)


def _residual(seen: Seen) -> Tensor:
    from attnaudit.readings.norm_passes import joined_norms

    joined = seen.joins[-1]
    assert joined is not None
    return seen.by_layers(lambda batch, layers, row: joined_norms(layers[-1], joined, row, False))


def _normed(seen: Seen) -> Tensor:
    from attnaudit.readings.norm_passes import joined_norms

    joined = seen.joins[-1]
    assert joined is not None
    return seen.by_layers(lambda batch, layers, row: joined_norms(layers[-1], joined, row, True))


_ALL = (
    "Lengths do not add up: two long parts may cancel each other out. They say nothing of the"
    " class, and are of the audited layer alone, whose positions have mixed with others below."
)
_OWN = (
    " The residual counts for the row's own position, which is most often outside the words; of a"
    " decoder it is the last token."
)

NORMS = Reading(
    name="norms",
    definition="The length of what the audited row takes from a position: its value vectors times"
    " their weights, after the output map, summed over heads.",
    formula="||sum_h a_h(t) v_h(t) W_h||, without the biases after W",
    source="Kobayashi et al. 2020, section 3",
    traps=f"{_ALL} In a classic model of single texts the output map is the classifier itself.",
    of_model=_norms,
    needs=needs.values,
    asks="the vectors that the attention averages, which classic models and transformers show",
    takes="nothing: the values are those that the audit has encoded",
)
RESIDUAL = Reading(
    name="norms_residual",
    definition="The length of what the audited row takes from a position, where its own position"
    " also has what bypasses the attention.",
    formula="||sum_h a_h(t) v_h(t) W_h + [t = row] x||, x the state that the layer begins with",
    source="Kobayashi et al. 2021, section 3",
    traps=_ALL + _OWN,
    of_model=_residual,
    needs=needs.added,
    asks="all layers of a transformer, each of which adds what its heads give to its states"
    " before anything else",
    takes="one forward pass of each text beside the audit's own",
    passes=needs.one_forward,
)
NORMED = Reading(
    name="norms_residual_norm",
    definition="The length of what the audited row takes from a position, its own state included,"
    " after the LayerNorm of the sum.",
    formula="||g(sum_h a_h(t) v_h(t) W_h + [t = row] x)||, g(y) = gamma (y - mean(y)) / s without"
    " beta, s the standard deviation of the whole sum",
    source="Kobayashi et al. 2021, section 3",
    traps=_ALL + _OWN,
    of_model=_normed,
    needs=_needs_norm,
    asks="all layers of a transformer, each of which adds what its heads give to its states,"
    " and a LayerNorm that takes the sum in the last one",
    takes="one forward pass of each text beside the audit's own",
    passes=needs.one_forward,
)
FAMILY = (NORMS, RESIDUAL, NORMED)
