"""The exact largest divergence at an unchanged answer, against searching for it.

The search of a text is Jain & Wallace's (2019, section 4.2.2) with one alternative, which a
diversity term would only disturb: 500 steps of Adam with amsgrad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.measures.divergences import jsd
from attnaudit.questions.answers import Answered
from attnaudit.questions.instance_adversary.make.detached import Detached
from attnaudit.questions.instance_adversary.make.relaxed_search import Relaxed, relaxed_search
from attnaudit.questions.instance_adversary.make.weights import SLACK, adversaries, moved
from tests.benchmarks.case import Benchmark, Build, Case, DisagreementError, Rival, Side, Target
from tests.benchmarks.subjects import Subject

Array = NDArray[np.float64]
EPSILON = 0.01
STEPS = 500
SEARCH = "500 Adam steps a text"
BATCHED = "our own search, batched"
ROUNDING = 1e-5  # of a search in float32


@dataclass(frozen=True)
class Task:
    """Batches whose attention an adversary works on, as the audit hands them over."""

    subject: Subject
    known: list[Answered]

    @classmethod
    def of(cls, count: int, tokens: int, toy: bool) -> Task:
        """Texts of one length."""
        subject = Subject.of_bilstm([tokens] * count, toy, pointed=True)
        return cls(subject, [subject.answered(batch) for batch in subject.batches])

    def exact(self) -> Array:
        """Ours: the divergence of each text, (texts,)."""
        found = []
        for known in self.known:
            answers = adversaries(Detached.of(self.subject.model, known), EPSILON, 1)
            found.append(answers.jsd[:, 0])
        return np.concatenate(found)

    def batched(self, steps: int) -> Array:
        """The search that the program offers for comparison."""
        found = []
        for known in self.known:
            detached = Detached.of(self.subject.model, known)
            ids = [i.id for i in known.instances]
            how = Relaxed(alternatives=1, steps=steps, diversity=0.0)
            weights = relaxed_search(detached, EPSILON, how, ids, 0)  # (B, 1, 1, T)
            own = detached.own[:, None]
            tvd = moved(detached.logits(weights), detached.logits(own))
            apart = jsd(detached.shown(weights), detached.shown(own))
            found.append(np.where(tvd <= EPSILON + SLACK, apart, 0.0)[:, 0])
        return np.concatenate(found)

    def text_by_text(self, steps: int, count: int) -> Array:
        """The search as the obvious loop, for the first texts."""
        known = self.known[0]
        detached = Detached.of(self.subject.model, known)
        assert detached.linear is not None
        found = []
        for b in range(count):
            own = torch.from_numpy(detached.own[b, 0]).float()
            tokens = torch.from_numpy(detached.linear.tokens[b]).float()
            content = torch.from_numpy(detached.content[b])
            found.append(_search(own[content], tokens[content], steps, seed=b))
        return np.array(found)


def _search(own: torch.Tensor, tokens: torch.Tensor, steps: int, seed: int) -> float:
    """The divergence (of a text) that Adam finds; 0 where the answer has moved too far."""
    answer = (own @ tokens).softmax(-1)
    z = 3 * torch.randn(len(own), generator=torch.Generator().manual_seed(seed))
    z.requires_grad_()
    optimiser = torch.optim.Adam([z], lr=0.01, amsgrad=True)

    def weigh() -> tuple[torch.Tensor, torch.Tensor]:
        weights = z.softmax(-1)
        mean = (weights + own) / 2
        apart = (
            torch.special.entr(mean).sum()
            - (torch.special.entr(weights).sum() + torch.special.entr(own).sum()) / 2
        )
        tvd = ((weights @ tokens).softmax(-1) - answer).abs().sum() / 2
        return apart, tvd

    for _ in range(steps):
        optimiser.zero_grad()
        apart, tvd = weigh()
        (500 * (tvd - EPSILON).relu() - apart).backward()
        optimiser.step()
    with torch.no_grad():
        apart, tvd = weigh()
    return float(apart) if tvd <= EPSILON else 0.0


def _never_lower(ours: Array, theirs: Array) -> None:
    behind = float((theirs - ours[: len(theirs)]).max())
    if behind > ROUNDING:
        raise DisagreementError(f"the search lies {behind:.3g} above the exact maximum")


def _case(count: int, tokens: int, searched: int, targets: tuple[Target, ...], toy: bool) -> Case:
    task = Task.of(count, tokens, toy)
    steps = 5 if toy else STEPS
    return Case(
        size={"tokens": tokens, "instances": count},
        unit="text",
        ours=Side(task.exact, count),
        rivals={
            SEARCH: Rival(lambda: task.text_by_text(steps, searched), searched, agree=_never_lower),
            BATCHED: Rival(lambda: task.batched(steps), count, agree=_never_lower),
        },
        targets=targets,
        figures=lambda found: {
            "mean JSD": float(found.mean()),
            "mean JSD of the search": float(task.text_by_text(steps, searched).mean()),
        },
        rounds=3,
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """Texts of one length."""
    ratio, fast = Target(f"ratio: {SEARCH}", 300.0), Target("milliseconds", 1.0, at_most=True)
    if toy:
        return {"toy": lambda: _case(3, 6, 2, (ratio, fast), True)}
    return {
        "20 tokens": lambda: _case(256, 20, 4, (ratio,), False),
        "200 tokens": lambda: _case(64, 200, 4, (ratio,), False),
        "1000 tokens": lambda: _case(32, 1000, 4, (ratio, fast), False),
    }


ADVERSARY = Benchmark(
    "adversary", "the exact largest JSD within a TVD of .01, a BiLSTM of two classes", cases
)
