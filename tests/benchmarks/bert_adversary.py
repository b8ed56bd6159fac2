"""The adversary of a text for a BERT, whose readout is not linear: a search on both sides.

The rival is Jain & Wallace's search (2019, section 4.2.2) with one alternative, all texts at once,
over the weights of every head of the last layer's first row; the mass that the model leaves on
specials stays there. Both give a divergence that other weights may exceed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.batch import Batch, collate
from tests.benchmarks.case import (
    BESIDE,
    Benchmark,
    Build,
    Case,
    DisagreementError,
    Rival,
    Side,
    Target,
)
from tests.benchmarks.original import EPSILON, NOISE, PENALTY, RATE, STEPS, jsd
from tests.benchmarks.subjects import Subject, bert_on_sst2, plain_bert

Array = NDArray[np.float64]
SEARCH = "J&W's search on the last layer, batched, one alternative"
WORSE = 0.02  # nats in the mean over texts, by which a search may find more than another


class Last:
    """What a BERT's last layer and head make of a batch under other weights of the first row."""

    def __init__(self, network: Any, batch: Batch) -> None:
        self.network, self.batch = network, batch
        self.layer = network.base_model.encoder.layer[-1]
        part = self.layer.attention.self
        with torch.no_grad():
            below = network.base_model(
                input_ids=batch.ids,
                attention_mask=batch.mask.long(),
                output_hidden_states=True,
            ).hidden_states[-2]  # (B, T, D)
            heads = part.num_attention_heads
            row, keys, self.values = (
                getattr(part, name)(below).unflatten(-1, (heads, -1)).transpose(1, 2)
                for name in ("query", "key", "value")
            )  # (B, H, T, D/H)
            scores = (row[:, :, :1] @ keys.transpose(2, 3)).squeeze(2) / keys.shape[-1] ** 0.5
            outside = ~batch.mask.unsqueeze(1)
            self.own = scores.masked_fill(outside, -torch.inf).softmax(-1)  # (B, H, T)
            self.first = below[:, 0]

    def answer(self, weights: Tensor) -> Tensor:
        """Probabilities (B, C) under weights (B, H, T)."""
        context = (weights.unsqueeze(2) @ self.values).squeeze(2).flatten(1)
        attended = self.layer.attention.output(context, self.first)
        out = self.layer.output(self.layer.intermediate(attended), attended)
        pooled = self.network.base_model.pooler(out.unsqueeze(1))
        said: Tensor = self.network.classifier(pooled).softmax(-1)
        return said

    def shown(self, weights: Tensor) -> Tensor:
        """The mean over heads on the words, renormalised: (B, T)."""
        mean = weights.mean(1) * self.batch.content
        return mean / mean.sum(-1, keepdim=True)


def search(last: Last, steps: int) -> tuple[Array, Array]:
    """The divergence found of each text, 0 where the answer moves too far; its own answers."""
    chance = torch.Generator().manual_seed(0)
    content = last.batch.content.unsqueeze(1)  # (B, 1, T)
    inside = (last.own * content).sum(-1, keepdim=True)
    z = (NOISE * torch.randn(last.own.shape, generator=chance)).requires_grad_()
    optimiser = torch.optim.Adam([z], lr=RATE, amsgrad=True)
    before, shown = last.answer(last.own).detach(), last.shown(last.own)

    def weigh() -> tuple[Tensor, Tensor]:
        moved = z.masked_fill(~content, -torch.inf).softmax(-1) * inside
        weights = torch.where(content, moved, last.own)
        change = (last.answer(weights) - before).abs().sum(-1) / 2
        return jsd(last.shown(weights), shown), change

    for _ in range(steps):
        optimiser.zero_grad()
        apart, change = weigh()
        (PENALTY * (change - EPSILON).relu() - apart).sum().backward()
        optimiser.step()
    with torch.no_grad():
        apart, change = weigh()
    kept = torch.where(change <= EPSILON, apart, 0)
    return kept.double().numpy(), before.double().numpy()


def _case(subject: Subject, network: Any, steps: int) -> Case:
    count = len(subject.instances)
    whole = collate(subject.instances, subject.vocabulary, boundaries=True)

    def ours() -> tuple[Array, Array]:
        made = subject.records("instance-adversary", epsilons=(EPSILON,))
        found = np.array([record["adversary"][0]["jsd"] for record in made])
        return found, np.array([record["probs"] for record in made])

    def agree(mine: tuple[Array, Array], theirs: tuple[Array, Array]) -> None:
        apart = np.abs(mine[1] - theirs[1]).max()
        if apart > 1e-5:
            raise DisagreementError(f"answers differ by {apart:.3g}")
        same(mine, theirs)

    def same(mine: tuple[Array, Array], theirs: tuple[Array, Array]) -> None:
        behind = float((theirs[0] - mine[0]).mean())
        if behind > WORSE:
            raise DisagreementError(f"the other search finds {behind:.3g} more in the mean")

    return Case(
        size={"instances": count},
        unit="text",
        ours=Side(ours, count),
        rivals={SEARCH: Rival(lambda: search(Last(network, whole), steps), count, agree=agree)},
        targets=(Target(f"ratio: {BESIDE}", 2.0),),
        figures=lambda found: {"mean JSD": float(found[0].mean())},
        rounds=1,
        same=same,
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """Sentences of mixed lengths."""
    if toy:
        return {"toy": lambda: _case(bert_on_sst2(3, True), plain_bert(True), 5)}
    return {
        "16 sentences of sst2": lambda: _case(bert_on_sst2(16, False), plain_bert(False), STEPS)
    }


BERT_ADVERSARY = Benchmark("bert-adversary", "the adversary per text of minilm-sst2", cases)
