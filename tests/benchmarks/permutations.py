"""One hundred permutations of the attention, against a decoder that is run anew for each.

Ours makes records from token ids on; the rivals are given the states of the texts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.benchmarks.alike import alike, equal
from tests.benchmarks.case import Benchmark, Build, Case, Rival, Side, Target
from tests.benchmarks.researcher import BATCH, Plain, padded
from tests.benchmarks.subjects import Subject, lengths_of

Array = NDArray[np.float64]
COUNT = 100
DECODER = "J&W: sorted, attention and decoder per permutation"
MODEL = "the whole model per permutation"


class Task:
    """Texts that the rivals have encoded already."""

    def __init__(self, lengths: list[int], toy: bool) -> None:
        self.subject = Subject.of_bilstm(lengths, toy, pointed=True)
        self.plain = Plain.like(self.subject.model)  # type: ignore[arg-type]
        self.rows: list[int] = []
        self.read: list[tuple[Tensor, Tensor, Tensor]] = []  # ids, lengths, states
        for some in self.subject.by_length():
            ids, lengths_of_some = padded(some, self.subject.vocabulary)
            self.rows += [instance.row for instance in some]
            with torch.no_grad():
                states = self.plain.states(ids, lengths_of_some)
            self.read.append((ids, lengths_of_some, states))

    def ours(self) -> Array:
        """How far permutations move the answer of each text: mean, median, most; (texts, 3)."""
        made = self.subject.records("permute", permutations=COUNT)
        return np.array([[r["tvd"]["mean"], r["tvd"]["median"], r["tvd"]["max"]] for r in made])

    @torch.no_grad()
    def one_by_one(self, count: int, batches: int, whole: bool = False) -> Array:
        """The obvious loop over `count` permutations: how far each moves an answer (texts, count).

        As Jain & Wallace 2019 have it, texts are encoded once, and attention and output are
        computed anew for each permutation of a batch; `whole` encodes anew as well. Texts of the
        first `batches`, shortest first.
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
        return torch.cat(moved).double().numpy()

    def agree(self, ours: Array, theirs: Array) -> None:
        """Text by text the permutations move the answer as far as the rival's other ones do.

        As exactly as chance allows, at five standard errors; none moves it farther by much.
        """
        mine = ours[self.rows[: len(theirs)]]
        deviation = theirs.std(1, ddof=1)
        error = deviation * (1 / COUNT + 1 / theirs.shape[1]) ** 0.5
        chance = 5 * np.maximum(error, np.sqrt((error**2).mean())) + 1e-6
        equal(1.0)((mine[:, 0] - theirs.mean(1)) / chance, np.zeros(len(theirs)))


def _case(lengths: list[int], toy: bool, target: float | None) -> Case:
    task, few = Task(lengths, toy), min(len(lengths), BATCH)
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
        same=alike(1e-5),
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """The lengths of real data, and one length after another."""
    if toy:
        return {"toy": lambda: _case([3, 5, 4], True, 25.0)}
    return {
        "18 tokens": lambda: _case([18] * 256, False, 25.0),
        "200 tokens": lambda: _case([200] * 64, False, 25.0),
        "lengths of sst2": lambda: _case(lengths_of("sst2", 256), False, 25.0),
        "lengths of movie_rationales": lambda: _case(
            lengths_of("movie_rationales", 16), False, 25.0
        ),
    }


BILSTM_PERMUTATIONS = Benchmark(
    "bilstm-permutations",
    "100 permutations of the attention of a BiLSTM, from token ids to records",
    cases,
)
