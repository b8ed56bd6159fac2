"""Populations of which the true figure is known, and the intervals that samples of them get.

A case draws R samples at once. `now` gives the ends of one sample, `before` those of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

from attnaudit.measures import influence
from attnaudit.measures.rank import kendall_matrix
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Estimate
from attnaudit.measures.two_level import figures, two_level
from tests.coverage import earlier

Array = NDArray[np.float64]
Drawn = tuple[NDArray[Any], ...]  # arrays of which the first axis counts the samples
UNIT, SIGNED, OPEN = (0.0, 1.0), (-1.0, 1.0), (0.0, None)
SIZES = (10, 30, 100, 300, 1000)
SEEDS = (3, 5, 10, 20)


@dataclass(frozen=True)
class Case:
    """A population, a size, and the true figure.

    `holds`: whether the interval is meant to cover here; else the case shows what no interval can
    do.
    """

    figure: str
    size: str
    truth: float
    draw: Callable[[np.random.Generator, int], Drawn]
    now: Callable[..., Estimate]
    before: Callable[..., Array] | None = None
    holds: bool = True


def one_level() -> Iterator[Case]:
    """Figures of one model."""
    for n in SIZES:
        yield from _means(n)
        yield from _shares(n)
        yield from _scores(n)
    for n in SIZES[2:]:
        yield _grouped(n)


def _means(n: int) -> Iterator[Case]:
    sample, size = Sample(n), f"n = {n}"
    shapes: dict[str, tuple[Callable[..., Array], float, Any]] = {
        "mean of a TVD, beta(2, 5)": (lambda g, s: g.beta(2, 5, s), 2 / 7, UNIT),
        "mean of a JSD, skewed, beta(.3, 6)": (lambda g, s: g.beta(0.3, 6, s), 0.3 / 6.3, UNIT),
        "mean without an upper end, exponential": (lambda g, s: g.exponential(1, s), 1.0, OPEN),
        "mean without an upper end, lognormal": (
            lambda g, s: g.lognormal(0, 1, s),
            float(np.exp(0.5)),
            OPEN,
        ),
    }
    for name, (draw, truth, bounds) in shapes.items():
        yield Case(
            name,
            size,
            truth,
            lambda g, r, draw=draw: (draw(g, (r, n)),),
            lambda x, bounds=bounds: sample.mean(x, bounds),
            earlier.means,
            n >= 30 and "lognormal" not in name,
        )
    taus = _taus()
    yield Case(
        "mean of tau, texts of 3 to 20 words",
        size,
        float(taus.mean()),
        lambda g, r: (g.choice(taus, (r, n)),),
        lambda x: sample.mean(x, SIGNED),
        earlier.means,
    )
    yield Case(
        "median of a JSD, skewed, beta(.3, 6)",
        size,
        MEDIAN,
        lambda g, r: (g.beta(0.3, 6, (r, n)),),
        lambda x: sample.median(x, UNIT),
        earlier.medians,
    )


MEDIAN = float(betaincinv(0.3, 6, 0.5))  # of beta(.3, 6)


@cache
def _taus() -> Array:
    """Kendall's tau of many texts whose two rankings are somewhat alike."""
    generator, found = np.random.default_rng(20), []
    for words in generator.integers(3, 21, 4000):
        first = generator.normal(size=words)
        second = 0.5 * first + generator.normal(size=words)
        found.append(kendall_matrix(np.stack([first, second]))[0][0, 1])
    return np.array(found)


def _shares(n: int) -> Iterator[Case]:
    sample, size = Sample(n), f"n = {n}"
    for truth in (0.5, 0.05, 0.02, 0.01):
        yield Case(
            f"share of {truth:g}",
            size,
            truth,
            lambda g, r, truth=truth: ((g.random((r, n)) < truth).astype(float),),
            lambda x: sample.mean(x, UNIT),
            earlier.means,
        )

    def pairs(generator: np.random.Generator, samples: int) -> Drawn:
        one, other = (generator.random((samples, n)) < 0.98 for _ in range(2))
        return (one.astype(float) - other,)

    yield Case(
        "difference of two shares of .98, paired",
        size,
        0.0,
        pairs,
        lambda x: sample.mean(x, SIGNED),
        earlier.means,
    )


def _scores(n: int) -> Iterator[Case]:
    sample, size = Sample(n), f"n = {n}"
    for right in (0.8, 0.98):

        def answers(generator: np.random.Generator, samples: int, right: float = right) -> Drawn:
            gold = generator.integers(0, 2, (samples, n))
            return gold, np.where(generator.random((samples, n)) < right, gold, 1 - gold)

        yield Case(
            f"F1 of {right:g}",
            size,
            right,  # with classes of equal size F1 is the share of right answers
            answers,
            lambda gold, said: sample.score(influence.f1(gold, np.eye(2)[said]), UNIT),
            earlier.f1s,
            n >= 30,
        )
        apart = float(ndtri(right)) * 2**0.5

        def ranked(generator: np.random.Generator, samples: int, apart: float = apart) -> Drawn:
            gold = np.tile(np.arange(n) % 2, (samples, 1))
            return gold, gold * apart + generator.normal(size=(samples, n))

        yield Case(
            f"AUROC of {right:g}",
            size,
            right,
            ranked,
            lambda gold, shown: sample.score(influence.auroc(gold, shown), UNIT),
            earlier.aurocs,
            n >= 30,
        )


def _grouped(n: int) -> Case:
    """A share of .9 whose texts come in tens that are half alike."""
    groups = np.arange(n) // 10
    sample = Sample(n, groups)

    def draw(generator: np.random.Generator, samples: int) -> Drawn:
        shared = generator.random((samples, n // 10)).repeat(10, axis=1)
        own = generator.random((samples, n))
        together = generator.random((samples, n)) < 0.7
        return (np.where(together, shared < 0.9, own < 0.9).astype(float),)

    def before(samples: Array) -> Array:
        by_group = samples.reshape(len(samples), -1, 10).mean(2)
        return earlier.means(by_group)

    name = "share of .9, texts in groups of 10"
    return Case(name, f"n = {n}", 0.9, draw, lambda x: sample.mean(x, UNIT), before, n >= 300)


# What varies: between seeds, between texts, and between both together (standard deviations).
PARTS = {
    "almost only seeds": (0.03, 0.02, 0.02),
    "mostly seeds": (0.03, 0.2, 0.1),
    "mostly texts": (0.003, 0.4, 0.1),
    "mostly both": (0.003, 0.05, 0.6),
    "seeds and both": (0.02, 0.05, 0.25),
}


def two_levels(n: int = 300) -> Iterator[Case]:
    """Means over seeds of a score of .8 on n texts."""
    sample = Sample(n)
    for shape in ("normal", "skewed", "one in ten fails"):
        for part, (seed_sd, text_sd, joint_sd) in PARTS.items():
            for seeds in SEEDS:

                def draw(
                    generator: np.random.Generator,
                    samples: int,
                    seeds: int = seeds,
                    shape: str = shape,
                    spread: tuple[float, float, float] = (seed_sd, text_sd, joint_sd),
                ) -> Drawn:
                    of_seed = _seeds(generator, (samples, seeds, 1), shape) * spread[0]
                    of_text = generator.normal(0, spread[1], (samples, 1, n))
                    joint = generator.normal(0, spread[2], (samples, seeds, n))
                    return (0.8 + of_seed + of_text + joint,)

                yield Case(
                    f"mean over seeds: {shape}, {part}",
                    f"{seeds} seeds",
                    0.8,
                    draw,
                    lambda values: two_level(figures(values, sample), UNIT),
                    earlier.two_levels,
                    shape == "normal",
                )


def _seeds(generator: np.random.Generator, shape: tuple[int, ...], kind: str) -> Array:
    """Of mean 0 and standard deviation 1: worse seeds lie further away."""
    if kind == "normal":
        return generator.normal(size=shape)
    if kind == "skewed":
        return 1 - generator.exponential(size=shape)
    failing = np.where(generator.random(shape) < 0.1, -3.0, 1 / 3)  # mean 0, variance 1
    return 0.99**0.5 * failing + 0.1 * generator.normal(size=shape)
