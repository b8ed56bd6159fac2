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
        "JSD: the largest distance found, in nats, between the model's attention and weights under"
        " which the answer moves by at most epsilon (a TVD). upper: no such weights lie farther.",
        f"of cap: JSD as a share of the largest distance of any weights ({cap:.3f} on average). "
        f"none: share of texts where upper is below {alike:g}, so no other weights keep the "
        "answer.",
        "exact: share of texts where JSD is the exact maximum and not a lower bound. TVD, log-odds:"
        " how far the answer and the log-odds of the predicted class move under these weights.",
    ]
    title = "Other weights for the same answer, as far as possible from the model's attention"
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
        ["share of texts where the search found weights that keep the answer", feasible.value],
        [
            f"share of texts where its JSD is smaller by more than {BETTER:g}",
            float((gap > BETTER).mean()),
        ],
        [
            f"share of texts where its JSD is larger by more than {BETTER:g}",
            float((gap < -BETTER).mean()),
        ],
    ]
    notes = ["Where the JSD found here is an exact maximum, no search can find more."]
    title = f"The {steps}-step search of Jain & Wallace (2019), for comparison"
    return Table(title, ["", "value"], rows, notes)
