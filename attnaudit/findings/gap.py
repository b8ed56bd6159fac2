"""The gap in F1 between two kinds of model, which two of the findings rest on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import f1_draws, two_level
from attnaudit.questions.runs import Kind, Runs


def score_gaps(
    runs: Runs, ours: Kind, others: Sequence[Kind], seeds: Sequence[int], classes: int
) -> list[Estimate]:
    """F1 of one kind of model less that of each other kind, in [-1, 1], paired by seed."""
    predicted = np.concatenate([runs.predicted(kind, seeds) for kind in (ours, *others)])
    points, draws = f1_draws(np.array(runs.gold), predicted, classes, runs.bootstrap())
    count = 1 + len(others)
    first, *rest = np.split(points, count)  # (S,) each
    first_drawn, *rest_drawn = np.split(draws, count, axis=1)  # (draws, S) each
    return [
        two_level(first - other, first_drawn - drawn, len(runs.gold), (-1.0, 1.0))
        for other, drawn in zip(rest, rest_drawn, strict=True)
    ]
