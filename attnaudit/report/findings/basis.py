"""What must hold before anything is found: a model that works, and a recipe that reproduces it."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student  # type: ignore[import-untyped]

from attnaudit.measures.intervals import PERCENTILES
from attnaudit.measures.scores import auroc
from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import f1_draws, two_level
from attnaudit.report.findings.evidence import BASE, Evidence, Kind, Runs, kind_of
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


def _over_constant(runs: Runs, kind: Kind, seeds: list[int], classes: int) -> tuple[Estimate, str]:
    """F1 of models of a kind less that of the best constant answer, and both in words."""
    gold = np.array(runs.gold)
    constants = np.tile(np.arange(classes)[:, None], len(gold))  # (classes, n)
    predicted = np.concatenate([runs.predicted(kind, seeds), constants])
    scores, draws = f1_draws(gold, predicted, classes, runs.bootstrap())
    count = len(seeds)
    best = count + int(np.nanargmax(scores[count:]))
    points, drawn = scores[:count] - scores[best], draws[:, :count] - draws[:, best, None]
    if count == 1:  # one model as it is, not one of many: no seed level
        low, high = np.nanpercentile(drawn[:, 0], PERCENTILES)
        gap = Estimate(float(points[0]), float(low), float(high), len(gold))
    else:
        gap = two_level(points, drawn, len(gold))
    return gap, f"F1 {scores[:count].mean():.3f}, always guessing one class {scores[best]:.3f}"


def _no_better_than_constant(runs: Runs, classes: int) -> str | None:
    gold, bootstrap = np.array(runs.gold), runs.bootstrap()
    gap, said = _over_constant(runs, BASE, [0], classes)
    if gap.ci_low is None or gap.ci_low <= 0:
        return f"the model is not better, by interval, than a constant answer ({said})"
    if classes == 2:
        ranked = bootstrap.statistic(auroc, gold, runs.probs(BASE, [0])[0])
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
    if len(seeds) < LEAST_SEEDS:
        return f"{len(seeds)} seeds were trained, and {LEAST_SEEDS} are needed"
    gold, classes = np.array(runs.gold), len(evidence.labels)
    over, said = _over_constant(runs, SEED, seeds, classes)
    if over.ci_low is None or over.ci_low <= 0:
        return (
            f"the recipe does not reproduce this model: {len(seeds)} seeds are not better, by"
            f" interval, than a constant answer ({said})"
        )
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
