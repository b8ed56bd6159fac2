"""The tables of the adversary per instance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.summary import Cell, Estimate, Table

Array = NDArray[np.float64]
BETTER = 0.01  # nats by which one divergence is called larger than another


def epsilons_table(
    metrics: Mapping[str, Estimate], prefixes: Mapping[float, str], cap: float, alike: float
) -> Table:
    """How far attention can be moved within each epsilon."""
    rows: list[list[Cell]] = []
    for epsilon, prefix in prefixes.items():
        jsd = metrics[f"{prefix}.jsd.mean"]
        others = [metrics[f"{prefix}.{name}"].value for name in _OTHERS]
        rows.append([f"{epsilon:g}", jsd.value, jsd.ci_low, jsd.ci_high, *others])
    columns = [
        "epsilon",
        *("JSD", "low", "high"),
        *("upper", "of cap", "none", "exact", "TVD", "log-odds"),
    ]
    notes = [
        "JSD, in nats, of the attention and the weights farthest from it under which the answer"
        " moves by",
        "at most epsilon (TVD). upper: what no such weights exceed. of cap: JSD over the largest"
        f" that any weights attain, {cap:.3f} on average. none: share where upper is below"
        f" {alike:g}.",
        "exact: share where JSD is the maximum, no lower bound. log-odds: how much those of the"
        " predicted class change.",
    ]
    title = "Attention that differs most while the answer stays, weights detached from the model"
    return Table(title, columns, rows, notes)


_OTHERS = (
    "upper.mean",
    "relative_mean",
    "no_alternative",
    "exact",
    "tvd.mean",
    "logit_change.mean",
)


def search_table(jsd: Array, searched: Array, steps: int, metrics: Mapping[str, Estimate]) -> Table:
    """What the field's search finds beside what was found here, instance by instance."""
    mean, feasible = (metrics[f"adversary.search.{name}"] for name in ("jsd.mean", "feasible"))
    gap = jsd - searched
    rows: list[list[Cell]] = [
        ["mean JSD of the search", mean.value],
        ["mean JSD found here", float(jsd.mean())],
        ["share where the search found feasible weights", feasible.value],
        [f"share where its JSD is smaller by more than {BETTER:g}", float((gap > BETTER).mean())],
        [f"share where its JSD is larger by more than {BETTER:g}", float((gap < -BETTER).mean())],
    ]
    notes = ["Of an exact maximum no search finds more."]
    title = f"The {steps}-step search of Jain & Wallace (2019), for comparison"
    return Table(title, ["", "value"], rows, notes)
