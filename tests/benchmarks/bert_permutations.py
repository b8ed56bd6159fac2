"""One hundred permutations of a BERT's audited attention, in units of one plain forward pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnaudit.models.transformer.interception import Call, Interface
from attnaudit.questions.variants import answers, permuted
from tests.benchmarks.case import Benchmark, Build, Case, Rival, Side, Target
from tests.benchmarks.subjects import bert_on_pieces, equal

COUNT = 100
FORWARD = "one plain forward pass"
PASSES = "a forward pass per permutation"
FEW = 4  # permutations that are worked on by whole passes


class Task:
    """One batch of texts of one length, encoded and answered."""

    def __init__(self, count: int, pieces: int, toy: bool) -> None:
        subject = bert_on_pieces(count, pieces, toy)
        (self.batch,) = subject.batches
        self.model = subject.model
        self.known = subject.answered(self.batch)
        self.ids = [i.id for i in self.known.instances]

    def weights(self) -> Tensor:
        """The model's own, and the permuted ones: (B, 1 + V, H, T)."""
        known = self.known
        variants = permuted(known.alpha, known.encoded.content, COUNT, self.ids, 0)
        return torch.cat([known.alpha.unsqueeze(1), variants], dim=1)

    @torch.no_grad()
    def ours(self) -> Tensor:
        """Answers (B, 1 + V, C)."""
        return answers(self.model, self.known.encoded, self.weights())

    @torch.no_grad()
    def forward(self) -> Tensor:
        """Answers (B, C) under the model's own weights."""
        return self.model(self.batch).softmax(-1)

    @torch.no_grad()
    def passes(self) -> Tensor:
        """Answers (B, FEW, C) from whole passes in which the audited row has other weights."""
        network: Any = self.model
        weights = self.weights()
        said = []
        for v in range(1, 1 + FEW):
            calls = 0

            def handler(call: Call, v: int = v) -> Tensor:
                nonlocal calls
                given = call.plain()
                calls += 1
                if calls == len(network.anatomy.blocks):
                    given = given.clone()
                    given[:, 0] = call.output(weights[:, v].unsqueeze(2))[:, 0]
                return given

            with Interface().handling(handler):
                said.append(self.model(self.batch).softmax(-1))
        return torch.stack(said, dim=1)


def _case(count: int, pieces: int, toy: bool) -> Case:
    task, alike = Task(count, pieces, toy), equal(1e-5)

    def own(ours: Tensor, theirs: Tensor) -> None:
        alike(ours[:, 0].numpy(), theirs.numpy())

    def other(ours: Tensor, theirs: Tensor) -> None:
        alike(ours[:, 1 : 1 + FEW].numpy(), theirs.numpy())

    return Case(
        size={"tokens": pieces, "instances": count},
        unit="text",
        ours=Side(task.ours, count),
        rivals={
            FORWARD: Rival(task.forward, count, agree=own),
            PASSES: Rival(task.passes, count * FEW / COUNT, agree=other),
        },
        targets=(Target(f"share of {FORWARD}", 0.6, at_most=True),),
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
