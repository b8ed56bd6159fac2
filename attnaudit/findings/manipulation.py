"""Excess JSD: how far attention can be pushed from the audited model's beyond what imitation does.

Each adversary seed has a curve: for every lambda, mean TVD of the answers and mean JSD of the
attention to the audited model's. Within a TVD budget t, the largest JSD along that curve, less the
JSD of the imitator (lambda 0) of the same seed, is the excess. Which points of the curve are taken
is decided on dev, in every resample anew; what they give is read on the audited split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from attnaudit.findings.evidence import Evidence
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import drawn_figures, figures, two_level
from attnaudit.questions.runs import Kind, Runs, kind_of
from attnaudit.records.metric import JSD

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """Mean TVD and JSD of each seed and lambda on one split: (seeds, lambdas).

    `seeds` and `lambdas` are ascending, and the first lambda is 0. `tvd_draws` and `jsd_draws`
    (draws, seeds, lambdas) are the means on resamples of the instances of `sample`. `imitated`
    (seeds, n) is the JSD of the imitators, lambda 0.
    """

    seeds: list[int]
    lambdas: list[float]
    tvd: Array
    jsd: Array
    tvd_draws: Array
    jsd_draws: Array
    imitated: Array
    sample: Sample

    def only(self, places: list[int]) -> Curves:
        """The curves of some seeds, named by their places."""
        return replace(
            self,
            seeds=[self.seeds[k] for k in places],
            tvd=self.tvd[places],
            jsd=self.jsd[places],
            tvd_draws=self.tvd_draws[:, places],
            jsd_draws=self.jsd_draws[:, places],
            imitated=self.imitated[places],
        )


def lambdas_of(runs: Runs) -> list[float]:
    """The lambdas that models were trained with, ascending."""
    found = {dict(kind)["lambda"] for kind in runs.models if "lambda" in dict(kind)}
    return sorted(found)


def curves(runs: Runs, lambdas: list[float], seeds: list[int]) -> Curves:
    """The curves of all seeds on the split of `runs`."""
    bootstrap, shape = runs.bootstrap(), (2, len(seeds), len(lambdas))
    values = np.array(
        [
            [runs.values(_adversary(strength), seeds, what) for strength in lambdas]
            for what in ("tvd", "jsd")
        ]
    ).swapaxes(1, 2)  # (2, S, L, n)
    tvd, jsd = values.mean(-1)
    draws = bootstrap.means(values.reshape(-1, bootstrap.sample.n).T)
    tvd_draws, jsd_draws = draws.reshape(-1, *shape).swapaxes(0, 1)
    imitated = values[1, :, 0]
    return Curves(seeds, lambdas, tvd, jsd, tvd_draws, jsd_draws, imitated, bootstrap.sample)


def _adversary(strength: float) -> Kind:
    return kind_of(**{"lambda": strength})


def mixtures(tvd: Array, jsd: Array, budget: float) -> Array:
    """How much of each point a budget takes: weights (..., lambdas) of points (..., lambdas).

    The point of most JSD within the budget, or, if that is more, the place where the line from a
    point within to one beyond meets the budget: answering now with one model and now with the
    other costs just that. Where even the point of least TVD is over budget it is taken whole: the
    caller sees its cost.
    """
    count = tvd.shape[-1]
    left, right = tvd[..., :, None], tvd[..., None, :]  # (..., L, 1), (..., 1, L)
    low, high = jsd[..., :, None], jsd[..., None, :]
    rising = (left <= budget) & (right > budget) & (high > low)  # (..., L, L)
    share = np.divide(budget - left, right - left, out=np.zeros(rising.shape), where=rising)
    reached = low + share * (high - low)
    usable = rising | ((left <= budget) & np.eye(count, dtype=bool))
    best = np.where(usable, reached, -np.inf).reshape(*tvd.shape[:-1], -1).argmax(-1)
    first, second = np.divmod(best, count)
    taken = np.take_along_axis(share.reshape(*tvd.shape[:-1], -1), best[..., None], -1)
    weights: Array = np.eye(count)[first] * (1 - taken) + np.eye(count)[second] * taken
    beyond = (tvd > budget).all(-1, keepdims=True)
    return np.where(beyond, np.eye(count)[tvd.argmin(-1)], weights)


def imitators(test: Curves) -> Estimate:
    """Mean JSD of the imitators' attention (lambda 0) to the audited model's."""
    return two_level(figures(test.imitated, test.sample), JSD)


@dataclass(frozen=True)
class Excess:
    """The excess at one TVD budget, and what it costs; `cost` is a TVD on the audited split."""

    budget: float
    jsd: Estimate
    cost: float
    within: bool
    weights: Array


def excess(dev: Curves, test: Curves, budget: float, room: float) -> Excess:
    """The excess JSD within `budget`, chosen on dev and read on test.

    It is `within` if the chosen points cost no more than `room` on test. The first lambda is 0.
    """
    chosen = mixtures(dev.tvd, dev.jsd, budget)  # (S, L)
    redrawn = mixtures(dev.tvd_draws, dev.jsd_draws, budget)  # (draws, S, L)
    points = (chosen * test.jsd).sum(-1) - test.jsd[:, 0]
    draws = (redrawn * test.jsd_draws).sum(-1) - test.jsd_draws[..., 0]
    cost = float((chosen * test.tvd).sum(-1).mean())
    found = two_level(drawn_figures(points, draws, test.sample), (-JSD[1], JSD[1]))
    return Excess(budget, found, cost, cost <= room, chosen)


def of(evidence: Evidence) -> tuple[Curves, Curves] | None:
    """Curves on dev and on the audited split; None without adversaries or without imitators."""
    test, dev = evidence.of("model-adversary"), evidence.of("model-adversary", "dev")
    if test is None or dev is None:
        return None
    lambdas = lambdas_of(test)
    if len(lambdas) < 2 or lambdas[0] != 0:
        return None
    seeds = test.shared_seeds(map(_adversary, lambdas))
    if not seeds:
        return None
    return curves(dev, lambdas, seeds), curves(test, lambdas, seeds)
