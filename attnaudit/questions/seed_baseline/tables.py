"""The tables of `seed-baseline`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.bins import NAMES, bin_of
from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.reliance_tables import UNMOVED_TVD
from attnaudit.questions.runs import BASE, SEED, UNIFORM, Kind
from attnaudit.questions.seed_baseline.controls import CONTROLS
from attnaudit.questions.trained_models import TrainedModels

Array = NDArray[np.float64]


def tables(
    found: TrainedModels,
    seeds: Sequence[int],
    metrics: Mapping[str, Estimate],
    frozen: Array,
    labels: Sequence[str],
) -> dict[str, Table]:
    """All tables by name; `frozen` (S,) is the F1 of uniform attention by seed."""
    made = {
        "seed_baseline.scores": _scores(metrics, frozen),
        "seed_baseline.distances": _distances(found, metrics),
        "seed_baseline.controls": _controls(metrics),
        "seed_baseline.bins": _bins(found, seeds, labels),
        "seed_baseline.runs": _runs(found, seeds),
    }
    return {name: table for name, table in made.items() if table is not None}


def _row(name: str, figure: Estimate, *more: Cell) -> list[Cell]:
    return [name, figure.value, figure.ci_low, figure.ci_high, *more]


def _scores(metrics: Mapping[str, Estimate], frozen: Array) -> Table:
    spread = float(frozen.std(ddof=1)) if len(frozen) > 1 else None
    rows = [
        _row("audited model", metrics["model.f1"], None),
        _row(
            "other seeds", metrics["seed_baseline.f1.mean"], metrics["seed_baseline.f1.std"].value
        ),
        _row("frozen uniform attention", metrics["seed_baseline.uniform_f1.mean"], spread),
        _row("other seeds less uniform", metrics["necessity.f1_gap"], None),
    ]
    notes = [
        f"Means over {len(frozen)} seeds, paired in the last row; intervals over seeds and",
        "instances. Where uniform attention scores as well, the task does not need attention, and",
        "says little on whether attention explains.",
    ]
    columns = ["", "F1", "low", "high", "std"]
    return Table("F1 with learned and with uniform attention", columns, rows, notes)


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


def _runs(found: TrainedModels, seeds: Sequence[int]) -> Table:
    binary = found.classes == 2

    def row(name: str, kind: Kind, seed: int) -> list[Cell]:
        away: list[Cell] = [None, None, None, None]
        if kind != BASE:
            jsd, tvd = (float(found.runs.values(kind, [seed], x).mean()) for x in ("jsd", "tvd"))
            flips = float(found.flips(kind, [seed]).mean())
            away = [jsd, tvd, tvd / 2 if binary else None, flips]
        return [name, *found.scores(kind, seed), *away]

    rows = [row("audited", BASE, 0)]
    rows += [row(f"seed {seed}", SEED, seed) for seed in seeds]
    rows += [row(f"uniform {seed}", UNIFORM, seed) for seed in seeds]
    columns = ["model", "F1", "accuracy", "AUROC", "JSD", "TVD", "W&P TVD", "flips"]
    notes = ["JSD, TVD and flips are to the audited model; W&P's TVD is half of ours."]
    if not binary:
        columns.remove("W&P TVD")
        rows = [cells[:6] + cells[7:] for cells in rows]
        notes = ["JSD, TVD and flips are to the audited model."]
    return Table("Each trained model", columns, rows, notes, detail=True)
