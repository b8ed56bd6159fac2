"""The tables of `seed-baseline`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from attnaudit.measures.bins import NAMES, bin_of
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.reliance_tables import UNMOVED_TVD
from attnaudit.questions.runs import BASE, OLD_UNIFORM, PERMUTED, SEED, Kind, Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.questions.seed_baseline.controls import CONTROLS
from attnaudit.questions.seed_baseline.necessity import ATTENTIONS, OLD, made_by_older, trainings
from attnaudit.questions.trained_models import TrainedModels

# What the models are called in the table of all of them.
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("seed", SEED),
    *ATTENTIONS.items(),
    ("uniform", OLD_UNIFORM),
    ("permuted", PERMUTED),
)
_NAMES = {kind: name for name, kind in _KINDS}


def tables(
    found: TrainedModels,
    seeds: Sequence[int],
    metrics: Mapping[str, Estimate],
    scorer: ScoreOfSeeds,
    labels: Sequence[str],
) -> dict[str, Table]:
    """All tables by name; `seeds` are those of the models that the recipe made."""
    made = {
        "seed_baseline.scores": _scores(found, metrics, scorer),
        "seed_baseline.trainings": trainings(found.runs),
        "seed_baseline.distances": _distances(found, metrics),
        "seed_baseline.controls": _controls(metrics),
        "seed_baseline.bins": _bins(found, seeds, labels) if seeds else None,
        "seed_baseline.runs": _runs(found, scorer),
    }
    return {name: table for name, table in made.items() if table is not None}


def _row(name: str, figure: Estimate, *more: Cell) -> list[Cell]:
    return [name, figure.value, figure.ci_low, figure.ci_high, *more]


def _scores(found: TrainedModels, metrics: Mapping[str, Estimate], scorer: ScoreOfSeeds) -> Table:
    audited = scorer.of_one(scorer.values(found.runs.probs(BASE, [0]))[0])
    std = metrics["seed_baseline.score.std"].value
    rows = [
        _row("audited model", audited, None),
        _row("other seeds, as long as the recipe says", metrics["seed_baseline.score.mean"], std),
    ]
    for name, shown in (
        ("learned_score.mean", "learned attention, until it stops"),
        ("uniform_score.mean", "uniform attention, until it stops"),
        ("peaked_score.mean", "peaked random attention, until it stops"),
        ("score_gap", "learned less uniform"),
        ("peaked_gap", "learned less peaked random"),
    ):
        rows.append(_row(shown, metrics[f"necessity.{name}"], None))
    notes = [
        "Means over seeds; differences are of models with the same seed. Intervals count both",
        "seeds and instances. Models that are compared were trained until they stopped improving.",
        "Uniform attention that scores as well would mean that the task does not need attention.",
        "Peaked random attention has the sizes of the model's own weights, on random words. If it",
        "scored as well, it would not matter which words get the weight.",
    ]
    if made_by_older(found.runs):
        rows, notes = rows[:2], [f"Attention is not compared: {OLD}."]
    columns = ["", scorer.words, "low", "high", "std"]
    title = f"{scorer.words} with learned attention and without"
    return Table(title, columns, rows, notes)


def _distances(found: TrainedModels, metrics: Mapping[str, Estimate]) -> Table:
    rows: list[list[Cell]] = []
    for name, shown in (
        ("jsd.mean_over_seeds", "JSD of attention, mean over seeds"),
        ("jsd.median_over_seeds", "JSD of attention, median over seeds"),
        ("jsd.max_over_seeds", "JSD of attention, largest over seeds"),
        ("uniform_jsd.mean", "JSD of uniform attention"),
        ("tvd.mean", "TVD of answers"),
        ("flips", "share of labels that differ"),
    ):
        rows.append(_row(shown, metrics[f"seed_baseline.{name}"]))
    moved = metrics["seed_baseline.tvd.mean"]
    if found.classes == 2:
        halves = (None if v is None else v / 2 for v in (moved.value, moved.ci_low, moved.ci_high))
        rows.append(["TVD as Wiegreffe & Pinter print it", *halves])
    notes = [
        "Between other seeds and the audited model, mean over instances. JSD in nats, at most",
        f"{np.log(2):.3f}, and {np.mean(found.audited.caps):.3f} for the attention of this model;"
        " TVD from 0 to 1.",
    ]
    permuted = metrics.get("seed_baseline.permuted_jsd.mean")
    if permuted is not None:
        rows.insert(4, _row("JSD of models trained on shuffled labels", permuted))
        notes += [
            "Models trained on shuffled labels learn nothing of the task. If other seeds were as",
            "far from the model as these, their common task would say little about attention.",
        ]
    return Table("How far seeds differ", ["", "value", "low", "high"], rows, notes)


def _controls(metrics: Mapping[str, Estimate]) -> Table | None:
    """What the controls do to the audited model; older records have none."""
    rows = []
    for name, shown in CONTROLS.items():
        moved = metrics.get(f"seed_baseline.control.{name}.tvd.mean")
        if moved is not None:
            flips = metrics[f"seed_baseline.control.{name}.flips"]
            rows.append(_row(shown, moved, flips.value))
    notes = [
        "TVD of the audited model's answers to those it gives so, mean over instances. Where",
        f"something passes this attention by, and no control moves the answers (TVD below"
        f" {UNMOVED_TVD:g}),",
        "this attention cannot be tested, and no finding is against it.",
    ]
    columns = ["", "TVD", "low", "high", "flips"]
    return Table("Controls: answers without this attention", columns, rows, notes) if rows else None


def _bins(found: TrainedModels, seeds: Sequence[int], labels: Sequence[str]) -> Table:
    """The JSD of the seeds by predicted class and largest weight, as W&P draw it (Fig. 3)."""
    jsd = found.runs.values(SEED, seeds, "jsd")
    median, largest = np.median(jsd, axis=0), jsd.max(0)
    place = bin_of(found.audited.largest)
    predicted = found.audited.basics.predicted
    rows: list[list[Cell]] = []
    for c, label in enumerate(labels):
        for k, name in enumerate(NAMES):
            part = (predicted == c) & (place == k)
            if part.any():
                figures = [float(np.median(x[part])) for x in (median, largest)]
                rows.append([label, name, *figures, int(part.sum())])
    columns = ["predicted", "largest weight", "median over seeds", "largest over seeds", "n"]
    title = "JSD between seeds by predicted class and largest attention weight"
    return Table(title, columns, rows, ["Of the instances of a bin: the median."])


def _runs(found: TrainedModels, scorer: ScoreOfSeeds) -> Table:
    binary, runs = found.classes == 2, found.runs

    def row(name: str, kind: Kind, seed: int) -> list[Cell]:
        away: list[Cell] = [None, None, None, None]
        if kind != BASE:
            jsd, tvd = (float(runs.values(kind, [seed], x).mean()) for x in ("jsd", "tvd"))
            flips = float(found.flips(kind, [seed]).mean())
            away = [jsd, tvd, tvd / 2 if binary else None, flips]
        score = scorer.values(runs.probs(kind, [seed])).mean()
        return [name, None if np.isnan(score) else float(score), *found.scores(kind, seed), *away]

    rows = [row("audited", BASE, 0)]
    rows += [row(f"{name} {seed}", kind, seed) for name, kind in _KINDS for seed in _of(runs, kind)]
    columns = ["model", "score", "F1", "accuracy", "AUROC", "JSD", "TVD", "W&P TVD", "flips"]
    notes = [
        f"score: {scorer.words}. JSD, TVD and flips are to the audited model.",
        "seed: as long as the recipe says; learned, uniform and peaked: until it stops.",
    ]
    if binary:
        notes.append("W&P's TVD is half of ours.")
    else:
        columns.remove("W&P TVD")
        rows = [cells[:7] + cells[8:] for cells in rows]
    if runs.diverged:
        gone = ((_NAMES[kind], seed) for kind, seeds in runs.diverged.items() for seed in seeds)
        named = (f"{name} {seed}" for name, seed in sorted(gone))
        notes.append(f"Trainings that diverged, and gave no model: {', '.join(named)}.")
    return Table("Each trained model", columns, rows, notes, detail=True)


def _of(runs: Runs, kind: Kind) -> list[int]:
    return sorted(runs.models.get(kind, {}))
