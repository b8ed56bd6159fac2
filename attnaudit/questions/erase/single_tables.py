"""One weight erased, from records: columns, statistics and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr  # type: ignore[import-untyped]

from attnaudit.measures import influence
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Cell, Estimate, Table

Array = NDArray[np.float64]

Single = Mapping[str, Any]
LARGE_GAP = 0.4  # of the two weights, from which the authors expect the top one to matter more


def single_columns(singles: Sequence[Single | None]) -> dict[str, Array]:
    """One value an instance, NaN where undefined, by the metric that is their mean."""
    gap = single_gaps(singles)
    differences = [s and s["jsd"]["top"] - s["jsd"]["random"] for s in singles]
    difference = np.array(differences, float)
    defined = ~np.isnan(gap)
    top, other = (
        np.array([s["flip"][which] if s else False for s in singles], bool)
        for which in ("top", "random")
    )
    negative = np.where(defined, difference < 0, np.nan)
    flips = {
        "both": top & other,
        "top_only": top & ~other,
        "random_only": ~top & other,
        "neither": ~top & ~other,
    }
    return {
        "erase.single.jsd_difference.mean": difference,
        "erase.single.negative": negative,
        "erase.single.negative_large_gap": np.where(gap > LARGE_GAP, negative, np.nan),
        **{f"erase.single.flips.{k}": np.where(defined, v, np.nan) for k, v in flips.items()},
    }


def single_gaps(singles: Sequence[Single | None]) -> Array:
    """The difference of the two weights of each instance, NaN where undefined."""
    return np.array([s and s["gap"] for s in singles], float)


def single_statistics(
    gaps: Array, columns: Mapping[str, Array], sample: Sample
) -> dict[str, Estimate]:
    """The figures of the single-weight test that are no means; `gaps` are of `single_gaps`."""
    counts = [
        int(np.nansum(columns[f"erase.single.flips.{k}"])) for k in ("top_only", "random_only")
    ]
    differences = columns["erase.single.jsd_difference.mean"]
    defined = ~np.isnan(gaps)
    n = int(defined.sum())
    p = mcnemar(*counts)
    reason = None if p is not None else "no decision flips under only one of the two erasures"
    correlation = influence.spearman(gaps[defined], differences[defined])
    spearman = sample.part(defined).score(correlation, (-1.0, 1.0))
    return {
        "erase.single.spearman": replace(spearman, undefined=len(gaps) - n),
        "erase.single.mcnemar_p": Estimate(p, n=n, undefined=len(gaps) - n, reason=reason),
    }


def mcnemar(first_only: int, second_only: int) -> float | None:
    """The exact two-sided p-value of paired yes-no outcomes that differ so often, in each way.

    None where they never differ. (McNemar 1947; exact form: a binomial test of one half.)
    """
    if first_only + second_only == 0:
        return None
    less = min(first_only, second_only)
    return min(1.0, 2 * float(bdtr(less, first_only + second_only, 0.5)))


def single_tables(metrics: Mapping[str, Estimate]) -> dict[str, Table]:
    """The test at a glance, and the decisions that flip, as a table of two by two."""
    rows: list[list[Cell]] = []
    for name, shown in _SHOWN.items():
        figure = metrics[f"erase.single.{name}"]
        rows.append([shown, figure.value, figure.ci_low, figure.ci_high, figure.n])
    notes = [
        "An item is a vector that the attention averages, one for each word. When one is erased,"
        " the remaining weights are scaled up to the same sum.",
        "difference of JSD: how far the answer moves (JSD) without the item of largest weight, "
        "minus how far it moves without a random other item. Below 0 the random item mattered "
        "more.",
        "gap: the weight of the first item minus the weight of the second.",
    ]
    share = {k: metrics[f"erase.single.flips.{k}"].value for k in _CELLS}
    p = metrics["erase.single.mcnemar_p"].value
    tested = "no exact McNemar test" if p is None else f"exact McNemar p = {p:.3g}"
    flips = Table(
        "Decisions that flip without the top item, and without the random item (shares)",
        ["", "random: flips", "random: stays"],
        [
            ["top: flips", share["both"], share["top_only"]],
            ["top: stays", share["random_only"], share["neither"]],
        ],
        [f"Test of whether the two erasures flip equally many decisions: {tested}."],
    )
    title = "One weight erased: the largest, compared with a random other one"
    columns = ["", "value", "low", "high", "n"]
    return {"erase.single": Table(title, columns, rows, notes), "erase.single_flips": flips}


_CELLS = ("both", "top_only", "random_only", "neither")
_SHOWN = {
    "jsd_difference.mean": "mean difference of JSD",
    "negative": "share below 0",
    "negative_large_gap": f"share below 0, gap above {LARGE_GAP:g}",
    "spearman": "rank correlation (Spearman) of gap and difference",
}
