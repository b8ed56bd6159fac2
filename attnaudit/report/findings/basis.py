"""What must hold before anything is found: a model that works, and a recipe that reproduces it."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student  # type: ignore[import-untyped]

from attnaudit.measures.scores import auroc
from attnaudit.measures.two_level import f1_draws
from attnaudit.report.findings.evidence import BASE, Evidence, Runs, kind_of
from attnaudit.report.findings.rules import LEAST_RARE, LEAST_SEEDS

SEED, UNIFORM = kind_of(model="seed"), kind_of(model="uniform")


def unusable(evidence: Evidence, runs: Runs) -> str | None:
    """Why no finding can rest on these instances and this model; None if one can."""
    if evidence.partial:
        return "a limit kept some rows from being audited"
    gold = np.array(runs.gold)
    rarest = int(np.bincount(gold, minlength=len(evidence.labels)).min())
    if rarest < LEAST_RARE:
        return f"the rarest class has {rarest} instances, and {LEAST_RARE} are needed"
    return _no_better_than_constant(runs, len(evidence.labels))


def _no_better_than_constant(runs: Runs, classes: int) -> str | None:
    gold, bootstrap = np.array(runs.gold), runs.bootstrap()
    constants = np.tile(np.arange(classes)[:, None], len(gold))  # (classes, n)
    predicted = np.concatenate([runs.predicted(BASE, [0]), constants])
    scores, draws = f1_draws(gold, predicted, classes, bootstrap)
    best = 1 + int(np.nanargmax(scores[1:]))
    low = float(np.nanpercentile(draws[:, 0] - draws[:, best], 2.5))
    if low <= 0:
        return (
            f"the model (F1 {scores[0]:.3f}) is not better, by interval, than always guessing one"
            f" class (F1 {scores[best]:.3f})"
        )
    if classes == 2:
        ranked = bootstrap.statistic(auroc, gold, runs.probs(BASE, [0])[0])
        if ranked.ci_low is None or ranked.ci_low <= 0.5:
            return "the model ranks instances no better than chance (AUROC .5), by interval"
    return None


def not_reproduced(evidence: Evidence, runs: Runs) -> str | None:
    """Why the retrained seeds say nothing of this model: their score is another one; or None.

    The model's score must lie where one more training of the recipe would: the seeds' mean, give
    or take their own spread (t-based prediction interval) and the sampling of the instances.
    """
    seeds = runs.seeds(model="seed")
    if len(seeds) < LEAST_SEEDS:
        return f"{len(seeds)} seeds were trained, and {LEAST_SEEDS} are needed"
    gold, classes = np.array(runs.gold), len(evidence.labels)
    predicted = np.concatenate([runs.predicted(BASE, [0]), runs.predicted(SEED, seeds)])
    scores, draws = f1_draws(gold, predicted, classes, runs.bootstrap())
    others, count = scores[1:], len(seeds)
    gap = float(scores[0] - others.mean())
    sampling = float(np.nanstd(draws[:, 0] - draws[:, 1:].mean(1)))
    spread = float(others.std(ddof=1)) * (1 + 1 / count) ** 0.5
    room = float(student.ppf(0.975, count - 1)) * spread + 1.96 * sampling
    if abs(gap) > room + 1e-12:
        return (
            "the recipe does not reproduce this model: its F1 is"
            f" {scores[0]:.3f}, that of {count} seeds {others.mean():.3f}"
        )
    return None
