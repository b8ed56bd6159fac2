"""The tables of `heads`: each head, each layer, and what was hidden from all layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures import influence
from attnaudit.measures.limits import constant_ends
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.heads.choice import CODE, PAPER
from attnaudit.questions.heads.gathered import LAYERED, PATTERNS, Gathered
from attnaudit.questions.score_of_seeds import GAP, ScoreOfSeeds
from attnaudit.records.metric import UNIT

Array = NDArray[np.float64]
ABLATION, MAPS, DEPTH, KNOCKOUT = (
    f"heads.{name}" for name in ("ablation", "patterns", "depth", "knockout")
)
_SHOWN = 10  # heads that are shown; the report holds all
_STATES = {"cosine": "by angle", "l2": "by distance", "jacobian": "own", "proxy": "own (proxy)"}


def name_of(head: int, per_layer: int) -> str:
    """What a head is called: its layer, from 1 as in `--layer 1`, and its number there, from 0."""
    return f"{head // per_layer + 1}.{head % per_layer}"


def ablation_of(found: Gathered, score: ScoreOfSeeds, sample: Sample) -> tuple[Table, float]:
    """What each head's removal changes, and the share of heads for which the score changes."""
    moved, classes, predicted = found.moved, found.classes, found.basics.predicted
    own = _values(score, predicted)
    rows: list[list[Cell]] = []
    needed = 0
    for head in range(found.heads):
        change = _change(score, _values(score, classes[:, head]), own)
        far = sample.mean(moved[:, head], UNIT)
        flips = sample.mean(classes[:, head] != predicted, UNIT)
        if change.ci_low is not None and change.ci_high is not None:
            needed += change.ci_low > 0 or change.ci_high < 0
        cells = [part for one in (far, flips, change) for part in _ends(one)]
        rows.append([name_of(head, found.shape[1]), *cells])
    rows.sort(key=lambda row: -float(row[1] or 0.0))
    columns = ["head", *(p for name in ("TVD", "flips", "score") for p in (name, "low", "high"))]
    notes = [
        "A name such as 1.0 is layer.head: layers count from 1, the lowest, as in --layer, and",
        "heads from 0, as in --reading head0. Heads whose removal moves the answers most stand",
        "first. TVD and flips compare answers with the model's own. Score is the change of",
        "macro-F1. Of many heads some lie far out by chance.",
    ]
    title = "What the removal of one head changes"
    return Table(title, columns, rows, [" ".join(notes)], shown=_SHOWN), needed / found.heads


def _change(score: ScoreOfSeeds, without: Array, own: Array) -> Estimate:
    """The score without a head less the model's own, from their values (n,).

    Where no text is answered otherwise nothing varies, and yet a text on which it is may have been
    missed.
    """
    change = score.difference(without, own)
    if change.ci_low is None or (without != own).any():
        return change
    low, high = constant_ends(0.0, score.sample.units, GAP, 1.0)
    return replace(change, ci_low=low, ci_high=high)


def _values(score: ScoreOfSeeds, predicted: NDArray[np.int64]) -> Array:
    """(n,) numbers whose mean is the macro-F1 of predicted classes (n,)."""
    values: Array = influence.f1_values(score.gold, predicted[None], score.classes, macro=True)[0]
    return values


def patterns_of(found: Gathered) -> Table:
    """What the weights of each head are like, and its gradient importance."""
    means, moved = found.patterns.mean(0), found.moved.mean(0)  # (4, heads), (heads,)
    chosen = found.on_dev if found.on_dev.texts else found.on_audited
    maps = {name: one.ravel() for name, one in chosen.maps().items()}
    rows: list[list[Cell]] = [
        [
            name_of(head, found.shape[1]),
            float(maps[PAPER][head]),
            float(maps[CODE][head]),
            float(moved[head]),
            *(float(mean[head]) for mean in means),
        ]
        for head in range(found.heads)
    ]
    rows.sort(key=lambda row: -float(row[1] or 0.0))
    where = f"{chosen.texts:,} dev texts" if found.on_dev.texts else "the audited texts"
    notes = [
        f"Gradient importance on {where}, the most important head first. paper: the positions of",
        "a text are summed up before the absolute value is taken; code: after it, and the sum is",
        "divided by the positions, in the last layer by the texts. TVD: how far",
        "answers move without the head. The others are means over the words of the audited texts:",
        "confidence, the largest weight on a token that is no special one; entropy, as a share of",
        "that of even weights; special and first, the weight on special tokens and on the first.",
    ]
    columns = ["head", "paper", "code", "TVD", *PATTERNS]
    return Table("What each head is like", columns, rows, [" ".join(notes)], shown=_SHOWN)


def depth_of(found: Gathered, sample: Sample) -> Table:
    """How far states are about their own words, layer by layer."""
    depth = found.depth
    known = [k for k in range(len(LAYERED)) if np.isfinite(depth[:, k]).any()]
    rows: list[list[Cell]] = []
    for layer in range(found.shape[0] + 1):
        name = "input" if layer == 0 else f"after layer {layer}"
        rows.append([name, *(sample.mean(depth[:, k, layer], UNIT).value for k in known)])
    columns = ["state", *(_STATES.get(LAYERED[k], LAYERED[k]) for k in known)]
    notes = [
        "By angle, by distance: the share of words' tokens whose state is nearest to their own",
        "input, with no trained map between them. The last layer reads the last state but one.",
    ]
    if len(known) > 2:
        notes += [
            "Own: of one position of each text, the share of its own input in the norms of all",
            "Jacobians, by random projections. Proxy: by the gradient of the sum of the state.",
            "Largest: how often no other input contributes more.",
        ]
    return Table("Are states still about their own words?", columns, rows, [" ".join(notes)])


def knockout_of(found: Gathered, sample: Sample) -> Table:
    """What hiding some positions from all layers changes."""
    rows: list[list[Cell]] = []
    for name, words in HIDDEN.items():
        columns = (found.knocked[f"{what}.{name}"] for what in ("tvd", "flips"))
        far, flips = (sample.mean(column, UNIT) for column in columns)
        if far.value is not None:
            rows.append([words, far.n, *_ends(far), *_ends(flips)])
    names = ["hidden", "texts", "TVD", "low", "high", "flips", "low", "high"]
    notes = [
        "No row of any layer attends to these positions; the softmax shares their weight out",
        "among the others. Compare the word of most attention with a random other one.",
    ]
    return Table("Positions hidden from all layers", names, rows, [" ".join(notes)])


HIDDEN = {
    "top": "word of most attention",
    "random": "random other word",
    "special": "special tokens",
    "first": "first token",
    "words": "words of --knock-out",
}


def _ends(one: Estimate) -> Sequence[Cell]:
    return (one.value, one.ci_low, one.ci_high)
