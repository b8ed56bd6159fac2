"""Repairs: what a recipe adds to its loss so that attention can say more of the words.

Each is a weight in `training:` of a configuration. Whatever is trained by that recipe is trained
with it: other seeds, models with uniform attention, imitators and adversaries. Probes are not, for
they are no models of the recipe. The loss on dev, which ends some trainings, is without repairs.

* `conicity`: the conicity of the vectors that attention averages (Mohankumar et al. 2020, the
  Diversity LSTM). If they all point the same way, no weights can move an answer.
* `tying`: how far a state lies from the embedding of its own word, the mean of ||h_t - e_t|| over
  the words (Tutek & Snajder 2020; in this form in the code of their later work). If the state of a
  word tells of that word, its weight does, too.
* `masked_words`: some words are hidden, and each must be guessed from its state: the cross-entropy
  of the softmax of h_t . e_w over all words w. Tutek & Snajder 2020 train with such an objective;
  the details are ours. A word is hidden with a chance of .15 (Devlin et al. 2019, section 3.1), and
  always replaced by the mask token, or by that of unknown words where there is none. The
  embeddings of the words are the ones that the model reads, so that it gets no new parameters. It
  takes a second pass over the texts.

States are those that the audited attention reads. Of a transformer they are what its last layer
begins with.

Letters in shape comments: B batch, T tokens, M state, W words of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from attnaudit.data.batch import Batch
from attnaudit.errors import InputError
from attnaudit.models.interface import AttentionModel, Encoded, capability
from attnaudit.models.schedule import Schedule
from attnaudit.models.states import conicity

HIDDEN = 0.15  # the chance that a word is hidden


def added_losses(
    schedule: Schedule, model: AttentionModel, batch: Batch, encoded: Encoded
) -> Tensor | None:
    """(B,) what the repairs of a recipe add to the loss of each text; None for none.

    `encoded` is the batch as `model` encoded it. Of a model around another, such as one with
    imposed attention, the one within is repaired.
    """
    if not (repairs := schedule.repairs):
        return None
    while within := capability(model, "within"):
        model, batch, encoded = within(batch, encoded)
    losses = {"conicity": _conicity, "tying": _tying, "masked_words": _masked_words}
    return torch.stack(
        [weight * losses[name](model, batch, encoded) for name, weight in repairs.items()]
    ).sum(0)


def _conicity(model: AttentionModel, batch: Batch, encoded: Encoded) -> Tensor:
    vectors: Tensor = _needed(model, "values")(encoded).vectors
    return conicity(vectors, encoded.content)


def _tying(model: AttentionModel, batch: Batch, encoded: Encoded) -> Tensor:
    states: Tensor = _needed(model, "states")(encoded)
    distances: Tensor = (states - model.embed(batch)).norm(dim=-1)  # (B, T)
    return _mean(distances, encoded.content)


def _masked_words(model: AttentionModel, batch: Batch, encoded: Encoded) -> Tensor:
    token = _hiding(model)
    assert token is not None  # `check_repairs` has seen to it
    known = encoded.content & (batch.ids != token)
    hidden = known & (torch.rand(batch.ids.shape, device=batch.ids.device) < HIDDEN)
    losses = torch.zeros(batch.ids.shape, device=batch.ids.device)
    if bool(hidden.any()):
        states = _needed(model, "states")(model.encode(batch.replace(hidden, token)))[hidden]
        scores = states @ _needed(model, "word_vectors")().T  # (hidden words, W)
        found = nn.functional.cross_entropy(scores.float(), batch.ids[hidden], reduction="none")
        losses = losses.masked_scatter(hidden, found)
    return _mean(losses, hidden)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """(B,) the mean of values (B, T) where that is true; 0 of a text in which it nowhere is."""
    mean: Tensor = (values * where).sum(1) / where.sum(1).clamp_min(1)
    return mean


def check_repairs(schedule: Schedule, model: AttentionModel, batch: Batch) -> None:
    """Raise InputError, with the reason, for a repair with which `model` cannot be trained.

    Two texts of the batch are looked at. The model is left in eval mode.
    """
    asked = schedule.repairs
    if "conicity" in asked and capability(model, "values") is None:
        raise _refused(
            "conicity",
            "the model does not show the vectors that its attention averages",
            "leave it out; a plug-in shows them with the method `values`",
        )
    for name in [name for name in ("tying", "masked_words") if name in asked]:
        if not (capability(model, "states") and capability(model, "word_vectors")):
            raise _refused(
                name,
                "the model does not show a state for each word, or the embeddings of the words",
                "leave it out; classic models show both, and so do transformers but for"
                " encoder-decoders",
            )
        model.eval()
        few = batch.select(torch.arange(min(2, len(batch)), device=batch.ids.device))
        with torch.enable_grad():  # without a graph some models keep no states
            encoded = model.encode(few)
        state = _needed(model, "states")(encoded).shape[-1]
        embedded = _needed(model, "word_vectors")().shape[-1]
        if state != embedded:
            raise _refused(
                name,
                f"it compares states with the embeddings of words, but a state has {state} numbers"
                f" and an embedding {embedded}",
                "choose sizes that are equal; the states of a BiLSTM have twice `hidden` numbers",
            )
    if "masked_words" in asked and _hiding(model) is None:
        raise _refused(
            "masked_words",
            "the model has no token that could stand in the place of a hidden word",
            "leave it out, or use `tying`",
        )


def _refused(name: str, why: str, hint: str) -> InputError:
    return InputError(f"the training setting {name} does not fit the model: {why}", hint=hint)


def _hiding(model: AttentionModel) -> int | None:
    """The id that stands in the place of a hidden word."""
    return model.unknown_token if model.mask_token is None else model.mask_token


def _needed(model: AttentionModel, name: str) -> Callable[..., Any]:
    found = capability(model, name)
    assert found is not None  # `check_repairs` has seen to it
    return found
