"""The exact largest divergence at an unchanged answer, against searching for it.

The search is Jain & Wallace's (2019, section 4.2.2), as `original` has it: 500 steps of Adam with
amsgrad. Their code looks for 5 alternatives of 32 texts at once; a researcher who wants the largest
divergence alone would look for one, in as many texts as there are. Text by text, as a target was
once held against, it is slowest. All three know the network's states, and find out no more than
their divergence, while ours answers the texts first, and makes records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.benchmarks.alike import alike
from tests.benchmarks.case import Benchmark, Build, Case, DisagreementError, Rival, Side, Target
from tests.benchmarks.original import ALTERNATIVES, STEPS, search
from tests.benchmarks.researcher import Plain, inner, padded
from tests.benchmarks.subjects import Subject

Array = NDArray[np.float64]
EPSILON = 0.01
SLOWEST = "J&W's search, text by text, one alternative"
BATCHED = "J&W's search, batched, one alternative"
ORIGINAL = "J&W's search, 32 texts at a time, 5 alternatives"
ROUNDING = 1e-5  # of a search in float32


@dataclass(frozen=True)
class Task:
    """Texts whose attention an adversary works on, with their states as the plain network has."""

    subject: Subject
    read: list[tuple[Tensor, Tensor, Tensor]]  # states (B, T, M), attention (B, T), words (B, T)
    plain: Plain

    @classmethod
    @torch.no_grad()
    def of(cls, count: int, tokens: int, toy: bool) -> Task:
        """Texts of one length."""
        subject = Subject.of_bilstm([tokens] * count, toy, pointed=True)
        plain = Plain.like(subject.model)  # type: ignore[arg-type]
        read = []
        for some in subject.by_length():
            ids, lengths = padded(some, subject.vocabulary)
            states = plain.states(ids, lengths)
            read.append((states, plain.weights(states, lengths), inner(lengths, ids.shape[1])))
        return cls(subject, read, plain)

    def exact(self) -> Array:
        """Ours: the divergence of each text, (texts,)."""
        made = self.subject.records("instance-adversary", epsilons=(EPSILON,))
        return np.array([record["adversary"][0]["jsd"] for record in made])

    def search(self, steps: int, alternatives: int, rows: int, count: int) -> Array:
        """The divergence that Adam finds in the first `count` texts, `rows` of them at once."""
        states, alpha, words = (torch.cat(part) for part in zip(*self.read, strict=True))
        found = []
        for start in range(0, count, rows):
            some = slice(start, min(start + rows, count))
            these = states[some]

            def answer(weights: Tensor, these: Tensor = these) -> Tensor:
                return self.plain.output(weights @ these).squeeze(-1).sigmoid()

            found.append(search(alpha[some], answer, words[some], alternatives, steps, start)[0])
        return np.concatenate(found)


def never_lower(ours: Array, theirs: Array) -> None:
    """An `agree`: of an exact maximum and what a search found of the first texts."""
    behind = float((theirs - ours[: len(theirs)]).max())
    if behind > ROUNDING:
        raise DisagreementError(f"the search lies {behind:.3g} above the exact maximum")


def _case(count: int, tokens: int, searched: int, targets: tuple[Target, ...], toy: bool) -> Case:
    task = Task.of(count, tokens, toy)
    steps = 5 if toy else STEPS
    few = min(count, 32)

    def rival(alternatives: int, rows: int, of: int) -> Rival:
        return Rival(lambda: task.search(steps, alternatives, rows, of), of, agree=never_lower)

    return Case(
        size={"tokens": tokens, "instances": count},
        unit="text",
        ours=Side(task.exact, count),
        rivals={
            BATCHED: rival(1, count, count),
            ORIGINAL: rival(ALTERNATIVES, 32, few),
            SLOWEST: rival(1, 1, searched),
        },
        targets=targets,
        figures=lambda found: {"mean JSD": float(found.mean())},
        rounds=3,
        same=alike(1e-5),
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """Texts of one length."""
    targets = (Target(f"ratio: {ORIGINAL}", 300.0),)
    fast = Target("milliseconds", 1.0, at_most=True)
    if toy:
        return {"toy": lambda: _case(3, 6, 2, (*targets, fast), True)}
    return {
        "20 tokens": lambda: _case(256, 20, 4, targets, False),
        "200 tokens": lambda: _case(64, 200, 4, targets, False),
        "1000 tokens": lambda: _case(32, 1000, 2, (*targets, fast), False),
    }


ADVERSARY = Benchmark(
    "adversary", "the exact largest JSD within a TVD of .01, a BiLSTM of two classes", cases
)
