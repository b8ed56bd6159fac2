"""How often intervals hold the truth, and how wide they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tests.coverage.cases import Case

AT_ONCE = 400  # samples that are drawn together; slow ones of the first edition get no more


@dataclass(frozen=True)
class Covered:
    """Of many samples: the share whose interval holds the truth, and the mean width."""

    share: float
    width: float


@dataclass(frozen=True)
class Result:
    """A case with what came of it; `before` is None where it was not asked for."""

    case: Case
    before: Covered | None
    now: Covered


def simulate(case: Case, draws: int, seed: int, before: bool = True) -> Result:
    """The intervals of `draws` samples; those of the first edition on the first 400 of them."""
    generator, ends, then = np.random.default_rng(seed), [], None
    while len(ends) < draws:
        data = case.draw(generator, min(AT_ONCE, draws - len(ends)))
        if before and then is None and case.before is not None:
            then = _covered(case.before(*data), case.truth)
        for one in zip(*data, strict=True):
            found = case.now(*one)
            # Where a sample leaves the figure undefined nothing is said, and nothing is wrong.
            if found.ci_low is None or found.ci_high is None:
                ends.append((np.nan, np.nan))
            else:
                ends.append((found.ci_low, found.ci_high))
    return Result(case, then, _covered(np.array(ends), case.truth))


def _covered(ends: np.ndarray, truth: float) -> Covered:
    low, high = ends[np.isfinite(ends).all(1)].T
    held = (low <= truth) & (truth <= high)
    return Covered(float(held.mean()), float((high - low).mean()))


def markdown(results: Iterable[Result]) -> Iterator[str]:
    """A table a figure: a line for each size."""
    figure = None
    for result in results:
        if result.case.figure != figure:
            figure = result.case.figure
            yield f"\n### {figure[0].upper()}{figure[1:]}\n"
            yield "| | truth | before | width | now | width |"
            yield "| --- | --- | --- | --- | --- | --- |"
        cells = [result.case.size, f"{result.case.truth:.4g}"]
        for found in (result.before, result.now):
            cells += ["", ""] if found is None else [f"{found.share:.3f}", f"{found.width:.4f}"]
        yield f"| {' | '.join(cells)} |"
