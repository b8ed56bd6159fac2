"""The gap in score between two kinds of model, which two of the findings rest on."""

from __future__ import annotations

from collections.abc import Sequence

from attnaudit.findings.evidence import Evidence
from attnaudit.measures.summary import Estimate
from attnaudit.questions.runs import Kind, Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds


def score_gap(
    evidence: Evidence, runs: Runs, ours: Kind, theirs: Kind, seeds: Sequence[int]
) -> Estimate:
    """The score of one kind of model less that of another, in [-1, 1], paired by seed."""
    score = ScoreOfSeeds.of(runs, len(evidence.labels), evidence.score)
    first, second = (score.values(runs.probs(kind, seeds)) for kind in (ours, theirs))
    return score.gap(first, second, evidence.level)
