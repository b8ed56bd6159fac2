"""The adversary of a text at more and more classes, against the same at two.

With two classes the largest divergence is exact. With more there are two bounds, what a search has
found and what nothing exceeds, and `gap` is the mean distance between them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.case import (
    BESIDE,
    Benchmark,
    Build,
    Case,
    DisagreementError,
    Rival,
    Side,
    Target,
)
from tests.benchmarks.growth import exponents
from tests.benchmarks.subjects import Subject

Array = NDArray[np.float64]
TWO = "ours, two classes"
CLASSES = (2, 3, 4, 5, 10, 20)
AT_MOST = {4: 10.0, 20: 40.0}  # times the cost of two classes
HALVED = (5, 10)  # classes at which the gap is to be at most half of what it was
MANY = 10
GAP, NARROWER = "gap", "gap, as a share of that before"
ROUNDING = 1e-5


def _same(ours: Array, theirs: Array) -> None:
    """Bounds that are no worse than they were: what is found no lower, the cap no higher."""
    for worse in (theirs[:, 0] - ours[:, 0], ours[:, 1] - theirs[:, 1]):
        if worse.mean() > ROUNDING:
            raise DisagreementError(f"a bound is worse by {worse.mean():.3g} in the mean")


def _two(ours: Array, theirs: Array) -> None:
    """What is found lies below what nothing exceeds; of two classes they are one."""
    if (ours[:, 0] > ours[:, 1] + ROUNDING).any():
        raise DisagreementError("what was found lies above the bound")
    if np.abs(theirs[:, 0] - theirs[:, 1]).max() > ROUNDING:
        raise DisagreementError("the maximum of two classes is not exact")


def _narrower(figures: Mapping[str, float]) -> Mapping[str, float]:
    before = figures.get(f"{GAP}, {BESIDE}", 0.0)
    return {NARROWER: figures[GAP] / before} if before else {}


def _case(classes: int, toy: bool) -> Case:
    lengths = [4, 6, 5] if toy else [10, 14, 18, 22, 26, 30] * 4
    few = Subject.of_bilstm(lengths, toy, True, classes)
    # Of two classes many texts: of a few, each would seem to take what a batch takes anyway.
    two = Subject.of_bilstm(lengths * MANY, toy, True, 2) if classes > 2 else few

    def bounds(subject: Subject) -> Array:
        made = [r["adversary"][0] for r in subject.records("instance-adversary")]
        return np.array([[found["jsd"], found["upper"]] for found in made])

    targets = []
    if classes in AT_MOST:
        targets.append(Target(f"share of {TWO}", AT_MOST[classes], at_most=True))
    if classes in HALVED:
        targets.append(Target(NARROWER, 0.5, at_most=True))
    rivals = (
        {} if classes == 2 else {TWO: Rival(lambda: bounds(two), len(two.instances), agree=_two)}
    )
    return Case(
        size={"classes": classes, "instances": len(lengths)},
        unit="text",
        ours=Side(lambda: bounds(few), len(lengths)),
        rivals=rivals,
        targets=tuple(targets),
        figures=lambda found: {
            "found": float(found[:, 0].mean()),
            "bound": float(found[:, 1].mean()),
            GAP: float((found[:, 1] - found[:, 0]).mean()),
        },
        derived=_narrower,
        rounds=3,
        same=_same,
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """One number of classes after another."""
    return {
        f"adversary, {classes} classes": (lambda classes=classes: _case(classes, toy))
        for classes in ((2, 3, 5) if toy else CLASSES)
    }


CLASS_COUNTS = Benchmark(
    "growth-classes", "the adversary per text at more and more classes", cases, over_all=exponents
)
