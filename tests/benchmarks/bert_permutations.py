"""One hundred permutations of a BERT's audited attention, in units of one plain forward pass.

A run of `permute` answers the texts as they are, and makes records. What its permutations alone
take is what it takes longer than a run with one permutation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.benchmarks.alike import alike, equal
from tests.benchmarks.bert_deletion import answer
from tests.benchmarks.case import Benchmark, Build, Case, Rival, Side, Target
from tests.benchmarks.subjects import Subject, bert_on_pieces, plain_bert

Array = NDArray[np.float64]
COUNT = 100
FORWARD = "one plain forward pass of transformers"
ONE = "ours, with one permutation"
PASSES = "a forward pass per permutation"
FEW = 4  # permutations that are worked on by whole passes
ALONE = "forwards that the permutations take"


class Task:
    """Texts of one length, and the network as transformers gives it."""

    def __init__(self, count: int, pieces: int, toy: bool) -> None:
        self.subject: Subject = bert_on_pieces(count, pieces, toy)
        self.network: Any = plain_bert(toy)

    def ours(self, permutations: int = COUNT) -> dict[str, Array]:
        """Answers (B, C), and how far the permutations move them: mean, median, most (B, 3)."""
        made = self.subject.records("permute", permutations=permutations)
        moved = [[r["tvd"]["mean"], r["tvd"]["median"], r["tvd"]["max"]] for r in made]
        return {"answers": np.array([r["probs"] for r in made]), "moved": np.array(moved)}

    @torch.no_grad()
    def forward(self) -> Array:
        """Answers (B, C), 32 texts at a time."""
        batches = self.subject.batches
        found = np.concatenate([answer(self.network, batch).numpy() for batch in batches])
        rows = np.concatenate([batch.rows.numpy() for batch in batches])
        ordered: Array = found[rows.argsort()]
        return ordered

    @torch.no_grad()
    def passes(self) -> Array:
        """How far FEW permutations of the last layer's first row move the answers: (B, FEW).

        Whole passes; the row is put together anew from the layer's own values.
        """
        layer = self.network.base_model.encoder.layer[-1].attention
        chance = torch.Generator().manual_seed(0)
        moved = []
        for batch in self.subject.batches:
            own = answer(self.network, batch)
            inside = batch.content.nonzero()[:, 1].view(len(batch), -1)  # of one length
            each = []
            for _ in range(FEW):
                order = torch.rand(inside.shape, generator=chance).argsort(1)
                places = torch.arange(batch.ids.shape[1]).repeat(len(batch), 1)
                places.scatter_(1, inside, inside.gather(1, order))
                hooks = _shuffling(layer, places)
                said = answer(self.network, batch)
                for hook in hooks:
                    hook.remove()
                each.append((said - own).abs().sum(-1) / 2)
            moved.append(torch.stack(each, dim=1))
        rows = torch.cat([batch.rows for batch in self.subject.batches])
        found: Array = torch.cat(moved)[rows.argsort()].double().numpy()
        return found


def _shuffling(layer: Any, places: Tensor) -> list[Any]:
    """Hooks under which the first row of a BERT's attention weighs its positions in another order.

    `places` (B, T): where each position gets its weight from.
    """
    part, heard = layer.self, {}
    heads = part.num_attention_heads

    def hear(name: str) -> Any:
        def hook(_: Any, __: Any, output: Tensor) -> None:
            heard[name] = output.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, H, T, D)

        return hook

    def replace(_: Any, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        row, keys, values = heard["query"][:, :, :1], heard["key"], heard["value"]
        weights = (row @ keys.transpose(2, 3) / keys.shape[-1] ** 0.5).softmax(-1)  # (B, H, 1, T)
        order = places.view(len(places), 1, 1, -1).expand_as(weights)
        context = weights.gather(3, order) @ values  # (B, H, 1, D)
        changed = given[0].clone()
        changed[:, 0] = context.squeeze(2).flatten(1)
        return (changed, *given[1:])

    return [
        getattr(part, name).register_forward_hook(hear(name)) for name in ("query", "key", "value")
    ] + [layer.output.register_forward_pre_hook(replace)]


def _case(count: int, pieces: int, toy: bool) -> Case:
    task = Task(count, pieces, toy)

    def own(ours: dict[str, Array], theirs: Array) -> None:
        equal(1e-5)(ours["answers"], theirs)

    def one(ours: dict[str, Array], theirs: dict[str, Array]) -> None:
        equal(1e-5)(ours["answers"], theirs["answers"])

    def other(ours: dict[str, Array], theirs: Array) -> None:
        mean, most = ours["moved"][:, 0].mean(), ours["moved"][:, 2].mean()
        chance = 5 * theirs.std(1, ddof=1).mean() / (theirs.size**0.5) + 1e-6
        equal(chance)(np.array(mean), np.array(theirs.mean()))
        assert most >= mean

    def derived(figures: Mapping[str, float]) -> Mapping[str, float]:
        alone = (1 - figures[f"ratio: {ONE}"]) / figures[f"ratio: {FORWARD}"]
        return {ALONE: alone * COUNT / (COUNT - 1)}

    return Case(
        size={"tokens": pieces, "instances": count},
        unit="text",
        ours=Side(task.ours, count),
        rivals={
            FORWARD: Rival(task.forward, count, agree=own),
            ONE: Rival(lambda: task.ours(1), count, agree=one),
            PASSES: Rival(task.passes, count * FEW / COUNT, agree=other),
        },
        targets=(Target(ALONE, 0.5, at_most=True),),
        derived=derived,
        same=alike(1e-5),
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """A few texts and many."""
    if toy:
        return {"toy": lambda: _case(2, 6, True)}
    return {
        "4 texts of 24 pieces": lambda: _case(4, 24, False),
        "32 texts of 24 pieces": lambda: _case(32, 24, False),
    }


BERT_PERMUTATIONS = Benchmark(
    "bert-permutations", "100 permutations of the audited attention of minilm-sst2", cases
)
