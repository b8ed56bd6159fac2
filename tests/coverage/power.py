"""Whether the chances that are promised are those that come true: simulated, as a table.

python -m tests.coverage.power [--draws 2000] [--seed 1] [--output FILE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.power import Components, chance, components, plausible
from attnaudit.measures.sample import Sample
from attnaudit.measures.two_level import figures, two_level

PAGE = Path(__file__).with_name("POWER.md")
DELTA, BOUNDS = 0.01, (-1.0, 1.0)
# What seeds, texts, and both together add to the variance of a gap in score.
MIXTURES = {
    "seeds decide": (0.021**2, 0.005, 0.01),
    "texts would give an answer": (0.004**2, 0.15, 0.05),
    "both decide": (0.015**2, 0.08, 0.05),
}
SIZES = ((5, 100), (5, 400), (10, 100), (10, 400), (20, 400))
STEPS = {"at delta": 0.0, "at delta + 2 errors": 2.0, "at delta - 3 errors": -3.0}
PILOT = 4

HEAD = """\
# The chance of an answer, promised and real

`python -m tests.coverage.power --draws {draws} --pilots {pilots} --seed {seed}` made this page.

A gap in score is simulated as what the seed adds, what the text adds, and what both add together.
An answer is a 95 % interval of the rule that lies wholly above or wholly below delta (.01).
*promised*: the chance that `measures.power.chance` gives, from the true variances. *real*: how
often the rule itself gave an answer, in {draws:,} draws and their mirror images. An *error* is the
standard error of the gap at that size.

The last two columns are of {pilots:,} pilots of {pilot} seeds. Each gives a range of chances over
the 80 % intervals of the variances, taken together. *held*: the share of the ranges that hold the
promised chance. *wide*: the share that is called too small a pilot, because it reaches from below
.2 to above .8.

Seeds of two kinds are no normal seeds: *coin* draws each seed's part as plus or minus its standard
deviation. The promise is made for normal seeds.
"""


@dataclass(frozen=True)
class Line:
    """One line of the page."""

    mixture: str
    seeds: int
    texts: int
    effect: str
    promised: float
    real: float
    coin: float


def noise(
    generator: np.random.Generator,
    parts: tuple[float, float, float],
    seeds: int,
    n: int,
    coin: bool,
) -> NDArray[np.float64]:
    """(seeds, n) what is added to the true gap."""
    seed, text, joint = (part**0.5 for part in parts)
    each = generator.choice([-1.0, 1.0], (seeds, 1)) if coin else generator.normal(size=(seeds, 1))
    shared = generator.normal(0, text, n)
    return np.asarray(seed * each + shared + generator.normal(0, joint, (seeds, n)))


def real_chances(
    generator: np.random.Generator,
    parts: tuple[float, float, float],
    seeds: int,
    n: int,
    effects: list[float],
    draws: int,
    coin: bool = False,
) -> list[float]:
    """How often `two_level` decides at each effect, in `draws` draws and their mirror images."""
    sample, decided = Sample(n), np.zeros(len(effects))
    for _ in range(draws):
        drawn = figures(noise(generator, parts, seeds, n, coin), sample)
        for place, effect in enumerate(effects):
            for sign in (1.0, -1.0):
                points = effect + sign * drawn.points
                moved = type(drawn)(points, drawn.covariance, drawn.n, drawn.units)
                found = two_level(moved, BOUNDS)
                assert found.ci_low is not None
                assert found.ci_high is not None
                decided[place] += found.ci_low > DELTA or found.ci_high < DELTA
    return [float(count) for count in decided / (2 * draws)]


def lines(draws: int, seed: int) -> Iterator[Line]:
    """All lines of the page."""
    generator = np.random.default_rng(seed)
    for mixture, parts in MIXTURES.items():
        for seeds, n in SIZES:
            true = Components(*parts, seeds, n, n)
            error = true.variance(seeds, n) ** 0.5
            effects = [DELTA + steps * error for steps in STEPS.values()]
            real = real_chances(generator, parts, seeds, n, effects, draws)
            coin = real_chances(generator, parts, seeds, n, effects, draws, coin=True)
            for name, effect, often, tossed in zip(STEPS, effects, real, coin, strict=True):
                promised = chance(true, seeds, n, effect, DELTA, BOUNDS)
                yield Line(mixture, seeds, n, name, promised, often, tossed)


def of_pilots(
    generator: np.random.Generator,
    parts: tuple[float, float, float],
    seeds: int,
    n: int,
    effect: float,
    pilots: int,
) -> tuple[float, float]:
    """The share of ranges that hold the true chance, and of those that are called too wide."""
    truth = chance(Components(*parts, seeds, n, n), seeds, n, effect, DELTA, BOUNDS)
    held = wide = 0
    for _ in range(pilots):
        known = components(figures(noise(generator, parts, PILOT, n, False), Sample(n)))
        assert known is not None
        chances = [
            chance(one, seeds, n, effect, DELTA, BOUNDS) for one in (*plausible(known), known)
        ]
        low, high = min(chances), max(chances)
        held += low - 0.005 <= truth <= high + 0.005
        wide += low < 0.2 and high > 0.8
    return held / pilots, wide / pilots


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.coverage.power", description=__doc__)
    parser.add_argument("--draws", type=int, default=2000, help="draws a line")
    parser.add_argument("--pilots", type=int, default=300, help="pilots a line")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page (Markdown)")
    asked = parser.parse_args()
    page = [HEAD.format(draws=asked.draws, seed=asked.seed, pilots=asked.pilots, pilot=PILOT)]
    head = "| | seeds | texts | true gap | promised | real | coin | held | wide |"
    page += [head, "|".join(["", *[" --- "] * 9, ""])]
    generator, worst = np.random.default_rng(asked.seed + 1), 0.0
    for one in lines(asked.draws, asked.seed):
        parts = MIXTURES[one.mixture]
        error = Components(*parts, 5, one.texts, one.texts).variance(one.seeds, one.texts) ** 0.5
        effect = DELTA + STEPS[one.effect] * error
        held, wide = of_pilots(generator, parts, one.seeds, one.texts, effect, asked.pilots)
        figures_ = (one.promised, one.real, one.coin, held, wide)
        shown = " | ".join(f"{value:.2f}" for value in figures_)
        page.append(f"| {one.mixture} | {one.seeds} | {one.texts} | {one.effect} | {shown} |")
        worst = max(worst, abs(one.promised - one.real))
        sys.stderr.write(page[-1] + "\n")
    page.append(f"\nThe largest difference between promised and real is {worst:.3f}.")
    asked.output.write_text("\n".join(page) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
