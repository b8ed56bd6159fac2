"""Excess JSD: how far attention can be pushed from the audited model's beyond what imitation does.

Each adversary seed has a curve: for every lambda, mean TVD of the answers and mean JSD of the
attention to the audited model's. Within a TVD budget t, the largest JSD along that curve, less the
JSD of the imitator (lambda 0) of the same seed, is the excess. Which points of the curve are taken
is decided on dev, in every resample anew; what they give is read on the audited split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.intervals import Bootstrap
from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import mean_draws, two_level
from attnaudit.report.findings.evidence import Evidence, Runs, kind_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """Mean TVD and JSD of each seed and lambda on one split: (seeds, lambdas), lambdas ascending.

    `tvd_draws` and `jsd_draws` (draws, seeds, lambdas) are the same on resamples of `bootstrap`.
    """

    tvd: Array
    jsd: Array
    tvd_draws: Array
    jsd_draws: Array
    bootstrap: Bootstrap


def lambdas_of(runs: Runs) -> list[float]:
    """The lambdas that models were trained with, ascending."""
    found = {dict(kind)["lambda"] for kind in runs.models if "lambda" in dict(kind)}
    return sorted(found)


def common_seeds(runs: Runs, lambdas: Sequence[float]) -> list[int]:
    """The seeds that every lambda was trained with."""
    each = [set(runs.seeds(**{"lambda": strength})) for strength in lambdas]
    return sorted(set.intersection(*each)) if each else []


def curves(runs: Runs, lambdas: Sequence[float], seeds: Sequence[int]) -> Curves:
    """The curves of all seeds on the split of `runs`."""
    bootstrap, shape = runs.bootstrap(), (len(seeds), len(lambdas))
    found = {}
    for what in ("tvd", "jsd"):
        values = np.stack(
            [runs.values(kind_of(**{"lambda": s}), seeds, what) for s in lambdas], axis=1
        )  # (S, L, n)
        points, draws = mean_draws(values.reshape(-1, values.shape[-1]), bootstrap)
        found[what] = (points.reshape(shape), draws.reshape(-1, *shape))
    (tvd, tvd_draws), (jsd, jsd_draws) = found["tvd"], found["jsd"]
    return Curves(tvd, jsd, tvd_draws, jsd_draws, bootstrap)


def mixtures(tvd: Array, jsd: Array, budget: float) -> Array:
    """How much of each point a budget takes: weights (..., lambdas) of points (..., lambdas).

    Along the curve of the points that no other beats (less TVD and more JSD), linear between
    neighbours, up to the budget. Where even the point of least TVD is over budget it is taken
    whole: the caller sees its cost.
    """
    order = np.argsort(tvd, axis=-1, kind="stable")
    x = np.take_along_axis(tvd, order, -1)
    y = np.take_along_axis(jsd, order, -1)
    flat = [_mixture(a, b, budget) for a, b in zip(_rows(x), _rows(y), strict=True)]
    weights = np.array(flat).reshape(x.shape)
    back = np.empty_like(weights)
    np.put_along_axis(back, order, weights, -1)
    return back


def _rows(values: Array) -> Array:
    return values.reshape(-1, values.shape[-1])


def _mixture(tvd: Array, jsd: Array, budget: float) -> Array:
    """Weights (lambdas,) over points sorted by TVD."""
    weights = np.zeros(len(tvd))
    inside = int(np.searchsorted(tvd, budget, side="right"))
    if inside == 0:
        weights[0] = 1.0
        return weights
    best = int(jsd[:inside].argmax())
    weights[best] = 1.0
    value = jsd[best]
    for right in range(inside, len(tvd)):  # a segment that ends beyond the budget may be higher
        for left in range(inside):
            if jsd[right] > jsd[left] and tvd[right] > tvd[left]:
                share = (budget - tvd[left]) / (tvd[right] - tvd[left])
                reached = jsd[left] + share * (jsd[right] - jsd[left])
                if reached > value:
                    value = reached
                    weights[:] = 0.0
                    weights[left], weights[right] = 1 - share, share
    return weights


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
    found = two_level(points, draws, test.bootstrap.n)
    return Excess(budget, found, cost, cost <= room, chosen)


def of(evidence: Evidence) -> tuple[Curves, Curves, list[float], list[int]] | None:
    """Curves on dev and on the audited split, lambdas and seeds; None without adversaries."""
    test, dev = evidence.of("adversary"), evidence.of("adversary", "dev")
    if test is None or dev is None:
        return None
    lambdas = lambdas_of(test)
    seeds = common_seeds(test, lambdas)
    if len(lambdas) < 2 or lambdas[0] != 0 or not seeds:
        return None
    return curves(dev, lambdas, seeds), curves(test, lambdas, seeds), lambdas, seeds
