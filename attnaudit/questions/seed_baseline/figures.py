"""How far seeds differ, in their attention and in how well they do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from attnaudit.drawing.dots import score_dots
from attnaudit.drawing.drawn import Drawn
from attnaudit.drawing.intervals import intervals
from attnaudit.drawing.marks import Mark
from attnaudit.drawing.violins import violins
from attnaudit.measures.divergences import LN2
from attnaudit.measures.summary import Summary
from attnaudit.questions.curve_figure import tvd_jsd_curve
from attnaudit.questions.curve_points import curve_points
from attnaudit.questions.seed_baseline.stability import KAPPA_LINE, LINE
from attnaudit.questions.seed_baseline.stability_metrics import KAPPA, S
from attnaudit.questions.spread import by_weight_and_class

_ALIKE = {"s": S, "kappa": KAPPA}
# How the models of the table are called in the figure; others are not drawn.
_KINDS = {
    "audited": "audited model",
    "seed": "trained with other seeds",
    "learned": "learned weights *",
    "uniform": "uniform weights *",
    "peaked": "uneven random weights *",
    "random": "random weights *",
    "reordered": "learned weights, random order *",
}


def figures(summaries: Mapping[str, Summary], labels: Sequence[str]) -> list[Drawn]:
    """The TVD-JSD curve where no adversary has one, the JSD of each text, and the scores.

    The JSD is the median over seeds, as in Wiegreffe & Pinter's script (2019, figure 3).
    """
    found, drawn = summaries["seed-baseline"], []
    points = [] if "model-adversary" in summaries else curve_points(summaries)
    if points:
        drawn.append(tvd_jsd_curve(points, "curve"))
    cells = by_weight_and_class(found, "seed_baseline.jsd.median_over_seeds")
    if cells:
        drawn.append(
            violins(
                cells,
                "How far the attention of other seeds is from this model's",
                "JSD of a text, median over seeds (dotted: ln 2)",
                LN2,
                "The same recipe was trained again with other seeds. This is how far chance "
                "alone moves the attention (JSD: 0 is the same, ln 2 = 0.693 is the farthest).",
                labels,
                "seed_baseline-seeds",
            )
        )
    return [*drawn, *_stability(found), *_scores(found)]


def _stability(found: Summary) -> list[Drawn]:
    known = {words: found.metrics.get(name) for words, name in _ALIKE.items()}
    shown = {words: each for words, each in known.items() if each is not None}
    if len(shown) < len(_ALIKE) or any(each.value is None for each in shown.values()):
        return []
    return [
        intervals(
            shown,
            "How alike models of the recipe attend",
            "0: as after shuffling, 1: always the same",
            "s compares all weights of two models. kappa compares only their top words. The "
            "finding stable is for attention only if both bars lie above their lines. Bars are "
            "95 % intervals.",
            "seed_baseline-alike",
            (Mark("line for s", LINE), Mark("line for kappa", KAPPA_LINE, "--")),
        )
    ]


def _scores(found: Summary) -> list[Drawn]:
    scores: dict[str, list[float]] = defaultdict(list)
    table = found.tables.get("seed_baseline.scores")
    for row in found.rows("seed_baseline.runs"):
        kind = _KINDS.get(str(row["model"]).partition(" ")[0])
        if kind and isinstance(row["score"], float):
            scores[kind].append(row["score"])
    if not scores or table is None:
        return []
    return [
        score_dots(
            {kind: np.array(each) for kind, each in scores.items()},
            f"{table.columns[1]} of the recipe, trained again",
            "Models with a star were trained until they stopped improving. Compare them with "
            "each other. The others were trained for as long as the recipe says.",
            "seed_baseline-scores",
            str(table.columns[1]),
        )
    ]
