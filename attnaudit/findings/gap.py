"""The gap in score between two kinds of model, which two of the findings rest on, and its words."""

from __future__ import annotations

from collections.abc import Sequence

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.power import Measured
from attnaudit.findings.rules import LEAST_SEEDS
from attnaudit.measures.summary import Estimate
from attnaudit.questions.runs import Kind, Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.wording import decimal, percent_of


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


def in_words(
    gap: Estimate, level: float, words: tuple[str, str] = ("higher", "lower"), of: str = ""
) -> str:
    """A gap as `0.013 higher (95 % interval 0.002 to 0.024)`, turned so that it is not negative.

    `words` are for a gap above 0 and below it; `of` names the score before the interval.
    """
    above, below = words
    if gap.value is None:
        return f"not shown to be {above} or {below}"
    sign, word = (1, above) if gap.value >= 0 else (-1, below)
    told = [of] if of else []
    if gap.ci_low is not None and gap.ci_high is not None:
        low, high = sorted((sign * gap.ci_low, sign * gap.ci_high))
        told.append(f"{percent_of(level)} interval {decimal(low)} to {decimal(high)}")
    behind = f" ({'; '.join(told)})" if told else ""
    return f"{decimal(abs(gap.value))} {word}{behind}"
