"""The curve of scores while heads are removed, in each order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures import influence
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.heads.choice import CODE, GREEDY, PAPER, RANDOM, counts
from attnaudit.questions.heads.gathered import Gathered
from attnaudit.questions.score_of_seeds import ScoreOfSeeds

Array = NDArray[np.float64]
CURVE = "heads.pruning"
NO_DEV = "the data has no dev split beside the audited one, on which to choose the order of heads"


@dataclass(frozen=True)
class Curves:
    """Scores while heads are removed.

    `removed` (points,) are the shares of heads removed, from 0 to 1. `values` holds for each order
    (points, n) numbers whose row means are the scores. `chance` are the scores in the random orders
    (orders, points), whose mean stands among the values.
    """

    removed: Array
    values: Mapping[str, Array]
    chance: Array
    score: ScoreOfSeeds


def curves_of(found: Gathered, score: ScoreOfSeeds, steps: int) -> Curves | None:
    """The curves; None where no order was chosen."""
    if not found.orders:
        return None
    removed = np.array(counts(found.heads, steps)) / found.heads
    classes = found.pruned.transpose(1, 2, 0)  # (orders, points, n)
    values: dict[str, Array] = {}
    chance = []
    for name, curve in zip(found.orders, classes, strict=True):
        one = influence.f1_values(score.gold, curve, score.classes, macro=True)
        if name.startswith(RANDOM):
            chance.append(one.mean(1))
            values[RANDOM] = values.get(RANDOM, 0.0) + one
        else:
            values[name] = one
    values[RANDOM] /= len(chance)
    return Curves(removed, values, np.array(chance), score)


def pruning_metrics(curves: Curves | None) -> dict[str, Estimate]:
    """Scores with half of the heads, the areas below the curves, and how far two lie apart."""
    if curves is None:
        names = (f"{what}.{name}" for what in ("half", "area") for name in (PAPER, CODE, RANDOM))
        nothing = Estimate(None, reason=NO_DEV)
        return {f"{CURVE}.{name}": nothing for name in (*names, "gain")}
    made, areas = dict[str, Estimate](), dict[str, Array]()
    for name, values in curves.values.items():
        half = np.array([np.interp(0.5, curves.removed, one) for one in values.T])
        wide = np.diff(curves.removed)[:, None]
        areas[name] = ((values[1:] + values[:-1]) / 2 * wide).sum(0)
        made[f"{CURVE}.half.{name}"] = curves.score.of_one(half)
        made[f"{CURVE}.area.{name}"] = curves.score.of_one(areas[name])
    return made | {f"{CURVE}.gain": curves.score.difference(areas[PAPER], areas[RANDOM])}


def pruning_table(curves: Curves | None) -> dict[str, Table]:
    """The scores at each point; no table where no order was chosen."""
    if curves is None:
        return {}
    shown = {name: values for name, values in curves.values.items() if name != RANDOM}
    rows: list[list[Cell]] = []
    for k, share in enumerate(curves.removed):
        row: list[Cell] = [float(share)]
        for values in shown.values():
            one = curves.score.of_one(values[k])
            row += [one.value, one.ci_low, one.ci_high]
        at = curves.chance[:, k]
        rows.append([*row, float(at.mean()), float(at.min()), float(at.max())])
    columns = [part for name in shown for part in (_CALLED.get(name, name), "low", "high")]
    notes = [
        "Macro-F1 on the audited texts when this share of all heads is removed, the least important"
        " first. Importance is that of dev texts: paper is the form of the paper, code that of the"
        " authors' code.",
        *_of_greedy(shown),
        f"Beside them {len(curves.chance)} random orders: their mean, the lowest and the highest.",
    ]
    names = ["removed", *columns, "random", "lowest", "highest"]
    return {CURVE: Table("Score while heads are removed", names, rows, [" ".join(notes)])}


_CALLED = {"gradient": "paper", "gradient_code": "code"}


def _of_greedy(shown: Collection[str]) -> list[str]:
    told = "greedy removes the head without which the loss on dev is least, one after another."
    return [told] if GREEDY in shown else []
