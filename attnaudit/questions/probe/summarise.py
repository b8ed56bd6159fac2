"""What the records of `probe` say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.summary import Cell, Estimate, Summary, Table
from attnaudit.questions.probe.settings import ProbeSettings
from attnaudit.questions.runs import kind_of
from attnaudit.questions.trained_models import TrainedModels, read_trained_models

Array = NDArray[np.float64]


def summarise(
    records: Iterable[Mapping[str, Any]], settings: ProbeSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    found = read_trained_models(records, len(labels), settings.seed)
    named = [guide.name for guide in settings.guides]
    guides = ["uniform", "trained", "base", *named, "leak"]
    seeds = found.runs.seeds(guide="base")
    if not seeds or any(found.runs.seeds(guide=guide) != seeds for guide in guides):
        raise ValueError("the guides are not of the same seeds")
    scorer, basics = found.scorer(settings.score), found.audited.basics
    f1 = {guide: scorer.values(found.runs.probs(kind_of(guide=guide), seeds)) for guide in guides}
    scores = {f"probe.{guide}.f1": scorer.mean(f1[guide]) for guide in guides}
    gaps = {
        f"probe.{ours}-{theirs}.f1_gap": scorer.gap(f1[ours], f1[theirs])
        for ours, theirs in _pairs(named)
    }
    metrics = basics.model_scores() | scores | gaps
    tables = {
        "probe.guides": _guides(seeds, f1, metrics),
        "probe.gaps": _gaps(gaps),
        "probe.runs": _runs(found, guides, seeds),
    }
    return Summary(metrics, tables, basics.notes(), basics.columns({}), found.splits)


def _pairs(named: Sequence[str]) -> list[tuple[str, str]]:
    """Which guides are compared: the two that decide, then what W&P's table is read for."""
    return [
        ("base", "uniform"),
        ("base", "leak"),
        ("base", "trained"),
        ("trained", "uniform"),
        *((name, "uniform") for name in named),
        *(("base", name) for name in named),
    ]


def _guides(
    seeds: Sequence[int], f1: Mapping[str, Array], metrics: Mapping[str, Estimate]
) -> Table:
    rows: list[list[Cell]] = []
    for guide, values in f1.items():
        points = values.mean(1)
        figure = metrics[f"probe.{guide}.f1"]
        spread = float(points.std(ddof=1)) if len(points) > 1 else None
        rows.append([guide, figure.value, figure.ci_low, figure.ci_high, spread])
    notes = [
        f"Means over seeds ({len(seeds)}), intervals over seeds and instances. In the order of",
        "Wiegreffe & Pinter's Table 3: 1/n, the probe's own, the audited model's. The leak control",
        "is a model of the audited recipe to which the attended words are hidden.",
    ]
    return Table("F1 of probes by guide", ["guide", "F1", "low", "high", "std"], rows, notes)


def _gaps(gaps: Mapping[str, Estimate]) -> Table:
    rows: list[list[Cell]] = []
    for name, figure in gaps.items():
        ours, _, theirs = name.split(".")[1].partition("-")
        rows.append([f"{ours} less {theirs}", figure.value, figure.ci_low, figure.ci_high])
    notes = [
        "Attention that works out of context helps beyond uniform and beyond the leak control."
    ]
    return Table("Differences in F1, paired by seed", ["", "F1", "low", "high"], rows, notes)


def _runs(found: TrainedModels, guides: Sequence[str], seeds: Sequence[int]) -> Table:
    rows: list[list[Cell]] = [["audited model", None, *found.base_scores]]
    rows += [
        [guide, seed, *found.scores(kind_of(guide=guide), seed)]
        for guide in guides
        for seed in seeds
    ]
    columns = ["guide", "seed", "F1", "accuracy", "AUROC"]
    return Table("Each probe", columns, rows, detail=True)
