"""One weight erased: the largest, and a random other one. Serrano & Smith 2019, section 4.

Items are the content positions that the attention reads (representations, not words of the input),
the top one the item of the largest weight, of several heads as it is shown (by default their mean);
the other is drawn among the rest, by the instance's id and the seed. (The authors' code draws a
position in place of a rank, so that its other item may be the top one.)

Letters in shape comments: B batch, H heads, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest  # type: ignore[import-untyped]

from attnaudit.audits.common import Answered
from attnaudit.audits.variants import answers, erased
from attnaudit.execution.seeds import generator_for
from attnaudit.measures.counted import spearman_of_counts
from attnaudit.measures.divergences import jsd
from attnaudit.measures.intervals import Bootstrap
from attnaudit.measures.order import descending
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.models.interface import AttentionModel
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]
Single = Mapping[str, Any]
LARGE_GAP = 0.4  # of the two weights, from which the authors expect the top one to matter more
STREAM = 2  # of the random generators of an instance; 0 and 1 belong to importances


@torch.no_grad()
def single_weights(model: AttentionModel, known: Answered, seed: int) -> list[Single | None]:
    """What each instance answers without its top item, and without a random other one.

    `gap`: the difference of the two weights, renormalised over the content, in [0, 1]. `jsd` and
    `flip`: for `top` and `random`, the Jensen-Shannon divergence of the answer without that item
    from the model's answer (in [0, ln 2]), and whether the decision differs. None for an instance
    with a single item.
    """
    content = known.encoded.content
    weights = (known.shown * content).cpu().double().numpy()  # (B, T)
    gone = torch.zeros(len(weights), 3, weights.shape[1], dtype=torch.bool)
    gaps: list[float | None] = []
    for b, instance in enumerate(known.instances):
        places = content[b].nonzero().squeeze(1).cpu().numpy()
        if len(places) < 2:
            gaps.append(None)
            continue
        generator = generator_for(instance.id, seed, STREAM)
        order = places[descending(weights[b, places], generator)]
        pair = [order[0], generator.choice(order[1:])]
        gone[b, [1, 2], pair] = True  # the first variant is the model's own
        mass = max(weights[b].sum(), np.finfo(np.float64).tiny)
        gaps.append(float(weights[b, pair[0]] - weights[b, pair[1]]) / mass)
    said = answers(model, known.encoded, erased(known.alpha, content, gone.to(content.device)))
    flips = (said.argmax(-1) != said[:, :1].argmax(-1)).tolist()  # (B, 3)
    probs = said.cpu().double().numpy()
    moved = jsd(probs, probs[:, :1])  # (B, 3)
    return [
        None
        if gap is None
        else {
            "gap": compact([gap])[0],
            "jsd": _pair(compact(moved[b, 1:])),
            "flip": _pair(flips[b][1:]),
        }
        for b, gap in enumerate(gaps)
    ]


def _pair(values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(("top", "random"), values, strict=True))


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
    gaps: Array, columns: Mapping[str, Array], bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """The figures of the single-weight test that are no means; `gaps` are of `single_gaps`."""
    counts = [
        int(np.nansum(columns[f"erase.single.flips.{k}"])) for k in ("top_only", "random_only")
    ]
    n = int((~np.isnan(gaps)).sum())
    p = mcnemar(*counts)
    reason = None if p is not None else "no decision flips under one of the two erasures alone"
    rank_correlation = spearman_of_counts(gaps, columns["erase.single.jsd_difference.mean"])
    return {
        "erase.single.spearman": bootstrap.counted(rank_correlation),
        "erase.single.mcnemar_p": Estimate(p, n=n, undefined=len(gaps) - n, reason=reason),
    }


def mcnemar(first_only: int, second_only: int) -> float | None:
    """The exact two-sided p-value of paired yes-no outcomes that differ so often, in each way.

    None where they never differ. (McNemar 1947; exact form: a binomial test of one half.)
    """
    if first_only + second_only == 0:
        return None
    return float(binomtest(first_only, first_only + second_only).pvalue)


def single_tables(metrics: Mapping[str, Estimate]) -> dict[str, Table]:
    """The test at a glance, and the decisions that flip, as a table of two by two."""
    rows: list[list[Cell]] = []
    for name, shown in _SHOWN.items():
        figure = metrics[f"erase.single.{name}"]
        rows.append([shown, figure.value, figure.ci_low, figure.ci_high, figure.n])
    notes = [
        "JSD of the answer without the top item minus JSD without a random other one: below 0,",
        "a random item mattered more than the one with the largest weight. gap: their weights'",
        "difference. Items are representations that the attention reads, renormalised without it.",
    ]
    share = {k: metrics[f"erase.single.flips.{k}"].value for k in _CELLS}
    p = metrics["erase.single.mcnemar_p"].value
    tested = "no exact McNemar test" if p is None else f"exact McNemar p = {p:.3g}"
    flips = Table(
        "Decisions that flip without the top item, and without the random one (shares)",
        ["", "random: flips", "random: stays"],
        [
            ["top: flips", share["both"], share["top_only"]],
            ["top: stays", share["random_only"], share["neither"]],
        ],
        [f"Flips by one of the two alone: {tested}."],
    )
    title = "One weight erased: the largest against a random other one"
    columns = ["", "value", "low", "high", "n"]
    return {"erase.single": Table(title, columns, rows, notes), "erase.single_flips": flips}


_CELLS = ("both", "top_only", "random_only", "neither")
_SHOWN = {
    "jsd_difference.mean": "mean difference of JSD",
    "negative": "share below 0",
    "negative_large_gap": f"share below 0, gap above {LARGE_GAP:g}",
    "spearman": "Spearman: gap and difference",
}
