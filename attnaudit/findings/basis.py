"""What must hold before anything is found: a model that works, and a recipe that reproduces it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit  # type: ignore[import-untyped]

from attnaudit.findings.evidence import Evidence
from attnaudit.findings.rules import LEAST_RARE, LEAST_SEEDS
from attnaudit.measures import influence
from attnaudit.questions.runs import BASE, SEED, Floats, Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.records.metric import UNIT


def barrier(evidence: Evidence, runs: Runs) -> str | None:
    """Why no finding can rest on this model, recipe and data; None if one can.

    `runs` are those of seed-baseline on the audited split.
    """
    return unusable(evidence, runs) or useless(evidence, runs) or not_reproduced(evidence, runs)


def unusable(evidence: Evidence, runs: Runs) -> str | None:
    """Why the instances say too little; None if they do not."""
    if evidence.partial:
        return "a limit kept some rows from being audited"
    rarest = int(np.bincount(runs.gold, minlength=len(evidence.labels)).min())
    if rarest < LEAST_RARE:
        return f"the rarest class has {rarest} instances, and {LEAST_RARE} are needed"
    if runs.sample().units < 2:
        return "all instances are of one group, which does not tell how groups differ"
    return None


def useless(evidence: Evidence, runs: Runs) -> str | None:
    """Why the audited model is no better than a constant answer; None if it is."""
    scored = _scored(evidence, runs, runs.probs(BASE, [0]))
    # One model as it is, not one of many: there is no level of seeds.
    better = scored.score.difference(scored.values[0], scored.constant)
    if better.ci_low is None or better.ci_low <= 0:
        words = scored.words(0)
        return f"the model is not better, by interval, than a constant answer ({words})"
    if len(evidence.labels) == 2:
        positive = runs.probs(BASE, [0])[0, :, 1]
        ranked = runs.sample().score(influence.auroc(runs.gold, positive), UNIT)
        if ranked.ci_low is None or ranked.ci_low <= 0.5:
            return "the model ranks instances no better than chance (AUROC .5), by interval"
    return None


def not_reproduced(evidence: Evidence, runs: Runs) -> str | None:
    """Why the retrained seeds say nothing of this model: their score is another one; or None.

    The model's score must lie where one more training of the recipe would: the seeds' mean, give
    or take their own spread (t-based prediction interval) and the sampling of the instances. Seeds
    must themselves be better than a constant answer: where each answers another class nearly
    always, their F1 spreads from 0 to that of a constant, and any score lies within.
    """
    seeds = runs.seeds(model="seed")
    count = len(seeds)
    if count < LEAST_SEEDS:
        return f"{count} seeds were trained, and {LEAST_SEEDS} are needed"
    probs = np.concatenate([runs.probs(BASE, [0]), runs.probs(SEED, seeds)])
    scored = _scored(evidence, runs, probs)
    base, others = scored.values[0], scored.values[1:]
    over = scored.score.gap(others, scored.constant[None])
    if over.ci_low is None or over.ci_low <= 0:
        return (
            f"the recipe does not reproduce this model: {count} seeds are not better, by"
            f" interval, than a constant answer ({scored.words(slice(1, None))})"
        )
    apart = (base - others.mean(0))[None]
    sampling = float(scored.score.sample.covariance(apart)[0, 0]) ** 0.5
    spread = float(others.mean(1).std(ddof=1)) * (1 + 1 / count) ** 0.5
    room = float(stdtrit(count - 1, 0.975)) * spread + 1.96 * sampling
    if abs(base.mean() - others.mean()) > room + 1e-12:
        return (
            f"the recipe does not reproduce this model: its {scored.score.words} is"
            f" {base.mean():.3f}, that of {count} seeds {others.mean():.3f}"
        )
    return None


@dataclass(frozen=True)
class _Scored:
    """Scores of models, as means over instances: `values` (S, n), the best constant's (n,)."""

    score: ScoreOfSeeds
    values: Floats
    constant: Floats

    def words(self, models: int | slice) -> str:
        mean, constant = self.values[models].mean(), self.constant.mean()
        return f"{self.score.words} {mean:.3f}, always guessing one class {constant:.3f}"


def _scored(evidence: Evidence, runs: Runs, probs: Floats) -> _Scored:
    """The scores of models that answer `probs` (S, n, classes)."""
    score = ScoreOfSeeds.of(runs, len(evidence.labels), evidence.score)
    return _Scored(score, score.values(probs), score.constant())
