"""What the model-consistent adversary shows: a summary of its records alone.

Figures are of the audited split. `jsd` and `tvd` of the records feed `adversary.model[...].jsd` and
`.tvd`, and with them the curve; `predicted`, beside the audited model's, feeds `.flips`, and beside
`gold` it feeds `.f1`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.curve import area_below, tvd_at
from attnaudit.measures.divergences import LN2
from attnaudit.measures.intervals import Bootstrap
from attnaudit.measures.summary import Cell, Estimate, Summary, Table
from attnaudit.measures.two_level import f1_draws, mean_draws, two_level
from attnaudit.questions.basics import Basics
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.model_adversary.strengths import key_of
from attnaudit.questions.runs import BASE_RUN, RunsReader, audited_split

Array = NDArray[np.float64]
FIGURES = {"jsd.mean": LN2, "tvd.mean": 1.0, "f1": 1.0, "flips": 1.0}  # each in [0, this]
LEVELS = (0.2, 0.3, 0.4)  # JSD at which the curve is read
END = 0.4  # JSD up to which its area goes


@dataclass
class Adversary:
    """The records of one adversary on the audited split, as columns."""

    jsd: list[float] = field(default_factory=list)
    tvd: list[float] = field(default_factory=list)
    predicted: list[int] = field(default_factory=list)
    diverged: bool = False

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one record."""
        if record.get("diverged"):
            self.diverged = True
            return
        self.jsd.append(record["jsd"])
        self.tvd.append(record["tvd"])
        self.predicted.append(record["predicted"])


@dataclass(frozen=True)
class Strength:
    """The adversaries of one lambda: their seeds, and how many of their trainings diverged.

    `figures` by name, each `points` (S,) and `draws` (draws, S) as `measures.two_level` has them;
    none where a training diverged, for those that did not would speak for the others.
    """

    value: float
    seeds: Sequence[int]
    diverged: int
    figures: Mapping[str, tuple[Array, Array]]

    @property
    def fate(self) -> str:
        """Why there are no figures."""
        return f"training diverged with {self.diverged} of {len(self.seeds)} seeds"


def summarise(
    records: Iterable[Mapping[str, Any]], settings: ModelSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records of adversaries; `labels` name the classes.

    `records` are those with a `run`. Raises KeyError or ValueError for others.
    """
    runs = RunsReader(settings.seed)
    basics, found = _gather(records, runs)
    bootstrap = basics.bootstrap(settings.seed)
    gold, said = np.array(basics.gold), basics.predicted
    columns: dict[str, Array] = {}
    strengths = []
    for value in sorted({strength for strength, _ in found}):
        seeds = sorted(seed for strength, seed in found if strength == value)
        ones = [found[value, seed] for seed in seeds]
        diverged = sum(one.diverged for one in ones)
        figures = {}
        if not diverged:
            predicted = np.array([one.predicted for one in ones])  # (S, n)
            means = {
                "jsd.mean": np.array([one.jsd for one in ones]),
                "tvd.mean": np.array([one.tvd for one in ones]),
                "flips": (predicted != said).astype(float),
            }
            figures = {name: mean_draws(values, bootstrap) for name, values in means.items()}
            figures["f1"] = f1_draws(gold, predicted, len(labels), bootstrap)
            columns |= {_name(value, name): values.mean(0) for name, values in means.items()}
        strengths.append(Strength(value, seeds, diverged, figures))
    scores = basics.model_scores(bootstrap)
    metrics = scores | _by_strength(strengths, bootstrap.n) | _curve(strengths, bootstrap)
    tables = {
        "adversary.model": _table(strengths, metrics, len(labels)),
        "adversary.curve": _curve_table(metrics),
        "adversary.seeds": _seeds_table(strengths),
    }
    return Summary(metrics, tables, basics.notes(), basics.columns(columns), runs.splits)


def _gather(
    records: Iterable[Mapping[str, Any]], runs: RunsReader
) -> tuple[Basics, dict[tuple[float, int], Adversary]]:
    """The audited model and the adversaries, on the audited split; `runs` sees all records too."""
    bases: dict[str, Basics] = {}
    found: dict[str, dict[tuple[float, int], Adversary]] = {}
    for record in records:
        runs.add(record)
        run = record["run"]
        if run.get("model") == BASE_RUN["model"]:
            bases.setdefault(run["split"], Basics()).add(record)
        else:
            here = found.setdefault(run["split"], {})
            here.setdefault(key_of(run), Adversary()).add(record)
    audited = audited_split(bases)
    return bases[audited], found.get(audited, {})


def _name(strength: float, figure: str) -> str:
    return f"adversary.model[lambda={strength!r}].{figure}"


def _by_strength(strengths: Sequence[Strength], n: int) -> dict[str, Estimate]:
    made = {}
    for one in strengths:
        for name, most in FIGURES.items():
            made[_name(one.value, name)] = (
                Estimate(None, undefined=n, reason=f"the {one.fate}")
                if one.diverged
                else two_level(*one.figures[name], n, (0.0, most))
            )
    return made


def _curve(strengths: Sequence[Strength], bootstrap: Bootstrap) -> dict[str, Estimate]:
    """The curve's figures, through the means over seeds of each lambda."""
    points = [
        (one.figures["jsd.mean"], one.figures["tvd.mean"]) for one in strengths if one.figures
    ]
    area = partial(area_below, end=END)
    made = {"adversary.model.area": _of_curve(points, area, END, bootstrap)}
    for level in LEVELS:
        read = partial(tvd_at, at=level)
        made[f"adversary.model[jsd={level!r}].tvd"] = _of_curve(points, read, 1.0, bootstrap)
    return made


def _of_curve(
    points: Sequence[tuple[tuple[Array, Array], tuple[Array, Array]]],
    figure: Callable[[Array, Array], float],
    most: float,
    bootstrap: Bootstrap,
) -> Estimate:
    """A figure of the curve, in [0, `most`], with an interval over seeds and instances.

    The spread over seeds is that of the jackknife (Efron & Tibshirani 1993, chapter 11): of the
    pseudo-values, S times the figure less S - 1 times the figure without that seed.
    """
    n = bootstrap.n
    if not points:
        return Estimate(None, undefined=n, reason="every training diverged")
    jsd = np.stack([x for (x, _), _ in points])  # (L, S)
    tvd = np.stack([y for _, (y, _) in points])
    value, seeds = figure(jsd.mean(1), tvd.mean(1)), jsd.shape[1]
    if np.isnan(value):
        reason = f"no lambda reaches so large a JSD: the largest mean is {jsd.mean(1).max():.3f}"
        return Estimate(None, undefined=n, reason=reason)
    drawn_jsd = np.stack([x.mean(1) for (_, x), _ in points])  # (L, draws)
    drawn_tvd = np.stack([y.mean(1) for _, (_, y) in points])
    drawn = [figure(x, y) for x, y in zip(drawn_jsd.T, drawn_tvd.T, strict=True)]
    each = np.full(seeds, value)
    if seeds > 1:
        for s in range(seeds):
            others = np.arange(seeds) != s
            without = figure(jsd[:, others].mean(1), tvd[:, others].mean(1))
            each[s] = seeds * value - (seeds - 1) * without
        each += value - each.mean()  # the figure itself is not to be moved
    if np.isnan(each).any():
        reason = "no interval: without one of the seeds no lambda reaches so large a JSD"
        return Estimate(value, n=n, reason=reason)
    draws = np.repeat(np.array(drawn)[:, None], seeds, axis=1)
    return two_level(each, draws, n, (0.0, most))


def _table(strengths: Sequence[Strength], metrics: Mapping[str, Estimate], classes: int) -> Table:
    """A row for the audited model, one for the imitators, and one for each lambda."""
    rows: list[list[Cell]] = [
        ["audited model", None, None, 0.0, None, None, 0.0, None, metrics["model.f1"].value, 0.0]
    ]
    for one in strengths:
        jsd, tvd, f1, flips = (metrics[_name(one.value, name)] for name in FIGURES)
        half = tvd.value / 2 if tvd.value is not None and classes == 2 else None
        shown = "imitators" if one.value == 0 else f"lambda {one.value!r}"
        if one.diverged:
            shown += " (diverged)"
        rows.append(
            [
                shown,
                f"{one.value / 2:g}" if classes == 2 else None,
                len(one.seeds),
                jsd.value,
                jsd.ci_low,
                jsd.ci_high,
                tvd.value,
                half,
                f1.value,
                flips.value,
            ]
        )
    columns = [
        "",
        "authors' lambda",
        "seeds",
        "JSD",
        "low",
        "high",
        "TVD",
        "authors' TVD",
        "F1",
        "flips",
    ]
    notes = [
        "Means over seeds and instances; the interval, over both, is of the JSD. JSD of the",
        "attention, 0 to .693, and TVD of the answers, 0 to 1, are against the audited model;",
        "flips: share of other answers. Imitators (lambda 0) are not pulled away: only what goes",
        "beyond them is the adversary's doing. The authors' code halves TVD for two classes, so",
        "that its lambda and its TVD are half of ours.",
    ]
    notes += [f"Lambda {one.value!r}: the {one.fate}." for one in strengths if one.diverged]
    return Table("Models that answer alike and attend otherwise", columns, rows, notes)


def _curve_table(metrics: Mapping[str, Estimate]) -> Table:
    rows: list[list[Cell]] = []
    names = {
        **{f"TVD at JSD {x:g}": f"adversary.model[jsd={x!r}].tvd" for x in LEVELS},
        f"area up to JSD {END:g}": "adversary.model.area",
    }
    for shown, name in names.items():
        figure = metrics[name]
        rows.append([shown, figure.value, figure.ci_low, figure.ci_high])
    notes = [
        "What another attention costs: TVD as a function of JSD, straight from the audited model",
        "(0, 0) through the means of each lambda. Higher speaks for attention.",
    ]
    return Table("The TVD-JSD curve", ["", "value", "low", "high"], rows, notes)


def _seeds_table(strengths: Sequence[Strength]) -> Table:
    rows: list[list[Cell]] = []
    for one in strengths:
        if one.diverged:
            continue
        each = np.stack([one.figures[name][0] for name in FIGURES], axis=1)  # (S, figures)
        for seed, row in zip(one.seeds, each, strict=True):
            cells = [None if np.isnan(x) else float(x) for x in row]
            rows.append([repr(one.value), seed, *cells])
    columns = ["lambda", "seed", "JSD", "TVD", "F1", "flips"]
    return Table("Each adversary", columns, rows, detail=True)
