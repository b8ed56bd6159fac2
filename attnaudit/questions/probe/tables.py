"""The tables of `probe`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.scores import accuracy, auroc
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.probe.kinds import ARMS
from attnaudit.questions.probe.names import guide_words
from attnaudit.questions.runs import BASE, Kind
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.questions.trained_models import TrainedModels
from attnaudit.wording import percent

Array = NDArray[np.float64]

# What it would mean if a probe did as well under a control as under the audited model's attention.
MEANINGS = {
    "shuffled": "then it only helps that the weights are uneven. It does not matter which "
    "words have them.",
    "untrained": "then training taught the attention nothing that helps. The architecture "
    "alone gives as much.",
    "position": "then only the positions of the large weights help, not the words there.",
}
_OF_ARMS = {
    "removed_attended": "without the attended words",
    "removed_other": "without the same number of other words",
}


def tables(
    found: TrainedModels,
    kinds: Mapping[str, Kind],
    seeds: Sequence[int],
    values: Mapping[str, Array],
    metrics: Mapping[str, Estimate],
    scorer: ScoreOfSeeds,
) -> dict[str, Table]:
    """All tables by name; `values` (S, n) are the scores of each kind, by its name in metrics."""
    made = {
        "probe.guides": _guides(values, metrics, scorer.words),
        "probe.gaps": _gaps(metrics, scorer.words),
        "probe.leak": _leak(values, metrics, scorer.words),
        "probe.runs": _runs(found, kinds, seeds, scorer),
    }
    return {name: table for name, table in made.items() if table is not None}


def _row(name: str, figure: Estimate, *more: Cell) -> list[Cell]:
    return [name, figure.value, figure.ci_low, figure.ci_high, *more]


def _spread(values: Array) -> float | None:
    points = values.mean(1)
    return float(points.std(ddof=1)) if len(points) > 1 else None


def _guides(values: Mapping[str, Array], metrics: Mapping[str, Estimate], score: str) -> Table:
    rows = [
        _row(guide_words(name), metrics[f"probe.{name}.score"], _spread(each))
        for name, each in values.items()
        if name not in ARMS
    ]
    count = len(values["base"])
    notes = [
        f"Means over {count} seeds, with intervals over seeds and texts. The first three rows are"
        " those of Wiegreffe & Pinter 2019, Table 3.",
        *(
            f"If the probe does as well under {guide_words(name)}, {MEANINGS[name]}"
            for name in MEANINGS
            if name in values
        ),
    ]
    columns = ["weights of the probe", score, "low", "high", "std"]
    title = f"{score} of probes, by the source of their weights"
    return Table(title, columns, rows, notes)


def _gaps(metrics: Mapping[str, Estimate], score: str) -> Table:
    rows: list[list[Cell]] = []
    for name, figure in metrics.items():
        _, between, *rest = name.split(".")
        if rest == ["score_gap"] and "-" in between:
            ours, _, theirs = between.partition("-")
            rows.append(_row(f"{guide_words(ours)} minus {guide_words(theirs)}", figure))
    notes = [
        "Each row is a difference between two probes with the same seed. Above 0 the first "
        "weights serve the probe better. Attention that works out of context helps a probe "
        "more than uniform weights do."
    ]
    return Table(f"Differences in {score} between probes", ["", score, "low", "high"], rows, notes)


def _leak(values: Mapping[str, Array], metrics: Mapping[str, Estimate], score: str) -> Table | None:
    if not ARMS.keys() <= values.keys():
        return None
    rows = [
        _row(_OF_ARMS[name], metrics[f"probe.{name}.score"], _spread(values[name]))
        for name in ("removed_other", "removed_attended")
    ]
    rows.append(_row("difference", metrics["probe.leak.score_gap"], None))
    whole = metrics["probe.leak.whole"].value or 0.0
    notes = [
        "Attended words: the words with the largest weights that together have half of the"
        " attention, but at most one word in five. Other words: the same number, drawn at random."
        " Models of the audited recipe are trained on texts without either.",
        "difference: the score without other words minus the score without the attended words."
        " Above 0 the attended words carry evidence. Near 0 other words carry it as well. Below 0"
        " the words that are left give the answer away, so the attention points past the evidence.",
        f"{percent(whole)} of the texts have fewer than five words. Nothing is removed from them.",
    ]
    columns = ["texts", score, "low", "high", "std"]
    return Table(
        f"Leak control: {score} of models trained without some words", columns, rows, notes
    )


def _runs(
    found: TrainedModels, kinds: Mapping[str, Kind], seeds: Sequence[int], scorer: ScoreOfSeeds
) -> Table:
    def row(name: str, kind: Kind, seed: int | None) -> list[Cell]:
        probs = found.runs.probs(kind, [seed or 0])
        score = float(scorer.values(probs).mean())
        gold = scorer.gold
        scores = [None if np.isnan(score) else score, accuracy(gold, probs[0])]
        return [name, seed, *scores, auroc(gold, probs[0])]

    rows = [row("audited model", BASE, None)]
    rows += [
        row(_OF_ARMS.get(name, name), kind, seed) for name, kind in kinds.items() for seed in seeds
    ]
    columns = ["guide", "seed", scorer.words, "accuracy", "AUROC"]
    return Table("Each model", columns, rows, detail=True).once("accuracy", "AUROC")
