"""The gap in score between two kinds of model, which two of the findings rest on."""

from __future__ import annotations

from collections.abc import Sequence

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.power import Measured
from attnaudit.findings.rules import LEAST_SEEDS
from attnaudit.questions.runs import Kind, Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds


def score_gap(
    evidence: Evidence, runs: Runs, ours: Kind, theirs: Kind, seeds: Sequence[int]
) -> Measured:
    """The score of one kind of model minus the score of another, in [-1, 1], paired by seed.

    It knows how its variance splits between seeds and texts.
    """
    score = ScoreOfSeeds.of(runs, len(evidence.labels), evidence.score)
    first, second = (score.values(runs.probs(kind, seeds)) for kind in (ours, theirs))
    parts = score.gap_parts(first, second, evidence.level)
    return Measured.of(score.gap(first, second, evidence.level), parts, LEAST_SEEDS)
