"""What changes if one position's values are zero: in a layer, through all layers, in the answer.

The weights stay as they are and are not scaled up, so that the other positions say neither more nor
less. That is what sets value zeroing apart from erased weights (Serrano & Smith 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attnaudit.readings import needs
from attnaudit.readings.reading import Reading

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes
    from attnaudit.readings.seen import Seen


def _needs(model: AttentionModel) -> str | None:
    from attnaudit.models.interface import capability

    if reason := needs.layers(model):
        return reason
    if capability(model, "without_values") is None or model.layer_count is None:
        return "it runs single layers again without some values, which this model does not offer"
    return None


def _last(seen: Seen) -> Tensor:
    from attnaudit.readings.value_zeroing_passes import of_last_layer

    return of_last_layer(seen)


def _rollout(seen: Seen) -> Tensor:
    from attnaudit.readings.value_zeroing_passes import through_layers

    return through_layers(seen)


def _answer(seen: Seen) -> Tensor:
    from attnaudit.readings.value_zeroing_passes import of_answer

    return of_answer(seen)


def _layers(some: int | None) -> Callable[[AttentionModel, Texts], Passes]:
    def passes(model: AttentionModel, texts: Texts) -> Passes:
        from attnaudit.models.passes import Passes, answering

        each = texts.padded(texts.tokens)  # a layer runs once for each position of its batch
        layers = model.layer_count or 1
        again = -(-int(each.sum()) * (some or layers) // layers)
        return answering(len(texts)) + Passes(forward=again)

    return passes


def _answers(model: AttentionModel, texts: Texts) -> Passes:
    from attnaudit.models.passes import Passes

    return Passes(answers=len(texts) + int(texts.padded(texts.tokens).sum()))


_LAYERS = (
    "Distances between states say how much a position changes them, not what for: they are the same"
    " for every class. Cosine distances do not see changes of length."
)

ZEROING = Reading(
    name="value_zeroing",
    definition="How far the audited layer's result at the audited row moves if the values of a"
    " position are zero in all heads.",
    formula="1 - cos(y_row, y_row with v_h(t) = 0 for all h), y what the whole last layer gives",
    source="Mohebbi et al. 2023, section 3",
    traps=f"{_LAYERS} The positions of the last layer have mixed with others below.",
    of_model=_last,
    needs=_needs,
    asks="a transformer, whose layers can be run again without some values",
    takes="the last layer once for each token of a text, and one forward pass",
    passes=_layers(1),
)
ZEROING_ROLLOUT = Reading(
    name="value_zeroing_rollout",
    definition="Value zeroing of every layer, followed from the audited row down to the input.",
    formula="the audited row of C_L ... C_1, each row of C_l divided by its sum; C_l(i, j) = 1 -"
    " cos(y_i, y_i with v_h(j) = 0 for all h) in layer l",
    source="Mohebbi et al. 2023, section 3",
    traps=f"{_LAYERS} Each layer is asked by itself, on the states that it has in the plain run.",
    of_model=_rollout,
    needs=_needs,
    asks="a transformer, whose layers can be run again without some values",
    takes="as many forward passes as a text has tokens, and one",
    passes=_layers(None),
)
ZEROING_ANSWER = Reading(
    name="value_zeroing_answer",
    definition="How far the answer moves if the values of a position are zero in all heads of the"
    " audited row.",
    formula="TVD(answer, answer with a_h(t) = 0 for all h), without scaling the other weights up",
    source="this tool's own, after Mohebbi et al. 2023",
    traps="What a position says at the audited row alone counts. The residual connection and lower"
    " layers may carry the same elsewhere. Of words in several pieces the pieces are zeroed one by"
    " one, and their effects are summed. Two words that say the same both show a small effect.",
    of_model=_answer,
    needs=needs.one_row,
    asks="any model in which one row is audited",
    takes="as many answers under given weights as a text has tokens",
    passes=_answers,
)
FAMILY = (ZEROING, ZEROING_ROLLOUT, ZEROING_ANSWER)
