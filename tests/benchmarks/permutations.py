"""One hundred permutations of the attention, against a decoder that is run anew for each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from attnaudit.questions.variants import answers, permuted
from tests.benchmarks.case import Benchmark, Build, Case, Rival, Side, Target
from tests.benchmarks.researcher import Plain, padded
from tests.benchmarks.subjects import RESEARCHERS_BATCH, Subject, equal, lengths_of

COUNT = 100
DECODER = "the decoder per permutation"
MODEL = "the whole model per permutation"


class Task:
    """Texts that both sides have encoded and answered already, as the audit has."""

    def __init__(self, lengths: list[int], toy: bool) -> None:
        self.subject = Subject.of_bilstm(lengths, toy, pointed=True)
        self.known = [self.subject.answered(batch) for batch in self.subject.batches]
        self.plain = Plain.like(self.subject.model)  # type: ignore[arg-type]
        self.read: list[tuple[Tensor, Tensor, Tensor]] = []  # ids, lengths, states
        for some in self.subject.in_data_order():
            ids, lengths_of_some = padded(some, self.subject.vocabulary)
            with torch.no_grad():
                states = self.plain.states(ids, lengths_of_some)
            self.read.append((ids, lengths_of_some, states))

    @torch.no_grad()
    def ours(self) -> tuple[list[Tensor], Tensor]:
        """Of each batch the permuted weights (B, V, 1, T); of all texts the TVD (texts, V)."""
        drawn, moved = [], torch.empty(len(self.subject.instances), COUNT)
        for known in self.known:
            ids = [i.id for i in known.instances]
            variants = permuted(known.alpha, known.encoded.content, COUNT, ids, 0)
            weights = torch.cat([known.alpha.unsqueeze(1), variants], dim=1)
            said = answers(self.subject.model, known.encoded, weights)
            moved[known.batch.rows] = (said[:, 1:] - said[:, :1]).abs().sum(-1) / 2
            drawn.append(variants)
        return drawn, moved

    @torch.no_grad()
    def one_by_one(self, count: int, batches: int, whole: bool = False) -> Tensor:
        """The obvious loop over `count` permutations: how far each moves an answer (texts, count).

        As Jain & Wallace 2019 have it, texts are encoded once, and attention and output are
        computed anew for each permutation of a batch; `whole` encodes anew as well.
        """
        random = np.random.default_rng(0)
        moved = []
        for ids, lengths, states in self.read[:batches]:
            own = self.plain.answer(states, self.plain.weights(states, lengths))
            each = []
            for _ in range(count):
                read = self.plain.states(ids, lengths) if whole else states
                alpha = self.plain.weights(read, lengths)
                order = torch.arange(alpha.shape[1]).repeat(len(ids), 1)
                for row, n in enumerate(lengths.tolist()):
                    order[row, 1 : n - 1] = 1 + torch.from_numpy(random.permutation(n - 2))
                each.append((self.plain.answer(read, alpha.gather(1, order)) - own).abs())
            moved.append(torch.stack(each, dim=1))
        return torch.cat(moved)

    @torch.no_grad()
    def agree(self, found: tuple[list[Tensor], Tensor], theirs: Tensor) -> None:
        """The plain model says of our permutations what we say; its own ones move it as far.

        The latter as exactly as chance allows: permutations differ.
        """
        drawn, moved = found
        for known, variants in zip(self.known, drawn, strict=True):
            ids, lengths = known.batch.ids[:1], known.batch.mask.sum(1)[:1]
            states = self.plain.states(ids, lengths)
            own = self.plain.answer(states, self.plain.weights(states, lengths))
            alpha = variants[0, :, 0, : int(lengths)]
            said = self.plain.answer(states.expand(COUNT, -1, -1), alpha)
            equal(1e-5)(moved[known.batch.rows[0]].numpy(), (said - own).abs().numpy())
        mine = moved[: len(theirs)]
        deviation = float(mine.std(1).square().mean().sqrt())
        draws = min(COUNT, theirs.shape[1]) * len(theirs)
        chance = 5 * deviation * (2 / draws) ** 0.5 + 1e-6
        equal(chance)(mine.mean().numpy(), theirs.mean().numpy())


def _case(lengths: list[int], toy: bool, target: float | None) -> Case:
    task, few = Task(lengths, toy), min(len(lengths), RESEARCHERS_BATCH)
    targets = () if target is None else (Target(f"ratio: {DECODER}", target),)
    return Case(
        size={"tokens": max(lengths), "instances": len(lengths)},
        unit="text",
        ours=Side(task.ours, len(lengths)),
        rivals={
            DECODER: Rival(
                lambda: task.one_by_one(COUNT, len(task.read)), len(lengths), agree=task.agree
            ),
            MODEL: Rival(
                lambda: task.one_by_one(COUNT // 10, 1, whole=True), few / 10, agree=task.agree
            ),
        },
        targets=targets,
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """The lengths of real data, and one length after another."""
    if toy:
        return {"toy": lambda: _case([3, 5, 4], True, 100.0)}
    return {
        "18 tokens": lambda: _case([18] * 256, False, 100.0),
        "200 tokens": lambda: _case([200] * 64, False, 100.0),
        "lengths of sst2": lambda: _case(lengths_of("sst2", 256), False, 100.0),
        "lengths of movie_rationales": lambda: _case(
            lengths_of("movie_rationales", 16), False, 100.0
        ),
    }


BILSTM_PERMUTATIONS = Benchmark(
    "bilstm-permutations",
    "100 permutations of the attention of a BiLSTM, from its states on",
    cases,
)
