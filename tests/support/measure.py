"""How exactly an architecture is audited, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from inspect import signature

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from attnaudit.data.batch import OUTSIDE, Batch
from attnaudit.importance.deletion_passes import leave_one_out
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.encoder_decoder import EncoderDecoder
from tests.models.transformer.conftest import LAST
from tests.support.references import behind, overridden

VARIANTS = 100


@dataclass(frozen=True)
class Errors:
    """The largest difference of a logit from that of the network itself, and from the reference.

    `moved`: the least by which uniform attention moves an answer, so that `uniform` says something.
    """

    identity: float
    uniform: float
    moved: float


def paired(batch: Batch, network: nn.Module) -> Batch:
    """The texts with a query behind them: their later half is no content, in a segment of its own.

    Networks that know no second segment get one segment.
    """
    places = torch.arange(batch.ids.shape[1])
    later = places >= (batch.mask.sum(1, keepdim=True) // 2)
    segments = getattr(network.config, "type_vocab_size", 2)
    types = (later & batch.mask).long() * min(1, max(segments - 1, 0))
    return replace(batch, words=batch.words.masked_fill(later, OUTSIDE), types=types)


@torch.no_grad()
def errors(kind: str, model: TransformerClassifier, network: nn.Module, batch: Batch) -> Errors:
    """Of a model against `network`, the same under its eager attention, given each text alone."""
    encoded = model.encode(batch)
    alpha = model.attend(encoded)
    spread = encoded.attendable / encoded.attendable.sum(1, keepdim=True)
    uniform = spread.unsqueeze(1).expand_as(alpha).to(alpha)
    read, moved = model.read(encoded, torch.stack([alpha, uniform], 1)).unbind(1)
    own, reference = [], []
    for b, length in enumerate(batch.mask.sum(1).tolist()):
        inputs = inputs_of(network, batch, b, length)
        own.append(network(**inputs).logits[0])
        row, weights, back = _there(model, inputs["input_ids"][0].tolist(), uniform[b, :, :length])
        reference.append(overridden(kind, network, inputs, row, weights, back))
    theirs, changed = torch.stack(own), torch.stack(reference)
    return Errors(
        (read - theirs).abs().max().item(),
        (moved - changed).abs().max().item(),
        (changed - theirs).abs().amax(1).min().item(),
    )


def _there(
    model: TransformerClassifier, ids: list[int], weights: Tensor
) -> tuple[int, Tensor, int]:
    """The row that is read of a text, its weights as it has them, and how many calls follow."""
    rule = model.anatomy.row
    if rule != "last_end":
        return (0 if rule == "first" else len(ids) - 1), weights, 0
    row = len(ids) - 1 - ids[::-1].index(LAST)
    assert isinstance(model, EncoderDecoder)
    if model.kind == "cross":
        return row, weights, 0
    return row, behind(weights, row), 1


def inputs_of(network: nn.Module, batch: Batch, b: int, length: int) -> dict[str, Tensor]:
    """What a user of transformers gives the network for one text."""
    ids = batch.ids[b : b + 1, :length]
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if batch.types is not None and "token_type_ids" in signature(network.forward).parameters:
        inputs["token_type_ids"] = batch.types[b : b + 1, :length]
    return inputs


@dataclass(frozen=True)
class Costs:
    """What 100 variants and leave-one-out of a text cost, in passes through the whole network.

    Multiplications are counted, not timed.
    """

    variants: float
    deletions: float
    words: int


@torch.no_grad()
def costs(model: TransformerClassifier, text: Batch) -> Costs:
    probs = model(text).softmax(-1)

    def variants() -> None:
        encoded = model.encode(text)
        alpha = model.attend(encoded).unsqueeze(1)
        model.read(encoded, alpha.expand(-1, VARIANTS, -1, -1))

    whole = _counted(lambda: model(text))
    return Costs(
        _counted(variants) / whole,
        _counted(lambda: leave_one_out(model, text, probs, 1 << 20)) / whole,
        int(text.word_counts[0]),
    )


def _counted(work) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()
