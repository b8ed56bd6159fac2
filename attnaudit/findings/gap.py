"""The gap in F1 between two kinds of model, which two of the findings rest on."""

from __future__ import annotations

from collections.abc import Sequence

from attnaudit.measures.summary import Estimate
from attnaudit.questions.f1_of_seeds import F1OfSeeds
from attnaudit.questions.runs import Kind, Runs


def score_gaps(
    runs: Runs, ours: Kind, others: Sequence[Kind], seeds: Sequence[int], classes: int
) -> list[Estimate]:
    """F1 of one kind of model less that of each other kind, in [-1, 1], paired by seed."""
    f1 = F1OfSeeds.of(runs, classes)
    first = f1.values(runs.predicted(ours, seeds))  # (S, n)
    return [f1.gap(first, f1.values(runs.predicted(other, seeds))) for other in others]
