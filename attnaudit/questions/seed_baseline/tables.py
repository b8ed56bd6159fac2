"""The tables of `seed-baseline`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from attnaudit.measures.bins import NAMES, bin_of
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.reliance_tables import UNMOVED_TVD
from attnaudit.questions.runs import BASE, OLD_UNIFORM, PERMUTED, RANDOM, SEED, Kind, Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.questions.seed_baseline.controls import CONTROLS
from attnaudit.questions.seed_baseline.necessity import (
    ALL_ATTENTIONS,
    OLD,
    made_by_older,
    trainings,
)
from attnaudit.questions.trained_models import TrainedModels

# What the models are called in the table of all of them.
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("seed", SEED),
    *ALL_ATTENTIONS.items(),
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
        _row(
            "other seeds, trained as long as the recipe says",
            metrics["seed_baseline.score.mean"],
            std,
        ),
    ]
    for name, shown in (
        ("learned_score.mean", "learned attention, trained until it stops improving"),
        ("uniform_score.mean", "uniform attention, trained until it stops improving"),
        ("peaked_score.mean", "uneven random attention, trained until it stops improving"),
        ("random_score.mean", "random attention, trained until it stops improving"),
        (
            "reordered_score.mean",
            "learned weights in a random order, trained until it stops improving",
        ),
        ("score_gap", "learned minus uniform"),
        ("peaked_gap", "learned minus uneven random"),
        ("random_gap", "learned minus random"),
        ("reordered_gap", "learned minus random order"),
    ):
        if (figure := metrics.get(f"necessity.{name}")) is not None:
            rows.append(_row(shown, figure, None))
    notes = [
        "Means over seeds. A difference compares models with the same seed. Intervals cover seeds"
        " and texts.",
        "If uniform attention scores as well as learned attention, this recipe does not need"
        " attention for the task.",
        "Uneven random attention uses the model's own weights, but on random words of the text. If"
        " it scores as well, it does not matter which words get the weight.",
    ]
    if "necessity.random_gap" in metrics:
        notes.append(
            "Random attention has weights that are drawn at random, once for each text. In a random"
            " order the model learns its weights, but cannot say which word gets which."
        )
    if made_by_older(found.runs):
        rows, notes = rows[:2], [f"Learned and uniform attention are not compared: {OLD}."]
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
        "Each figure compares models with other seeds to the audited model, as a mean over texts.",
        f"JSD: how far the attention differs, from 0 to {np.log(2):.3f} nats. From the attention of"
        f" this model, no weights lie farther than {np.mean(found.audited.caps):.3f} on average."
        " TVD: how far the answers differ, from 0 to 1.",
    ]
    permuted = metrics.get("seed_baseline.permuted_jsd.mean")
    if permuted is not None:
        rows.insert(4, _row("JSD of models trained on shuffled labels", permuted))
        notes += [
            "Models trained on shuffled labels learn nothing about the task. If other seeds are as"
            " far from the model as these, the task has little influence on attention.",
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
        "TVD: how far the answers of the audited model move in this control, mean over texts.",
        f"If no control moves the answers (TVD below {UNMOVED_TVD:g}), they do not pass through"
        " this attention. Then it cannot be tested, and no finding is against it.",
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
    title = "JSD to other seeds, by predicted class and largest attention weight"
    return Table(
        title,
        columns,
        rows,
        [
            "Each row is a group of texts and shows the median of their JSDs (over seeds: the "
            "median, and the largest)."
        ],
    )


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
        f"score: {scorer.words}. JSD, TVD and flips compare each model with the audited one.",
        "seed: trained as long as the recipe says. learned, uniform, peaked: trained until it "
        "stopped improving. peaked: uneven random weights.",
        *(
            ["random: random weights. reordered: learned weights in a random order."]
            if runs.tried(RANDOM)
            else []
        ),
    ]
    if binary:
        notes.append("W&P TVD is the TVD as Wiegreffe & Pinter print it: half of ours.")
    else:
        columns.remove("W&P TVD")
        rows = [cells[:7] + cells[8:] for cells in rows]
    if runs.diverged:
        gone = ((_NAMES[kind], seed) for kind, seeds in runs.diverged.items() for seed in seeds)
        named = (f"{name} {seed}" for name, seed in sorted(gone))
        notes.append(f"These trainings diverged and gave no model: {', '.join(named)}.")
    return Table("Each trained model", columns, rows, notes, detail=True)


def _of(runs: Runs, kind: Kind) -> list[int]:
    return sorted(runs.models.get(kind, {}))
