"""What the model-consistent adversary shows: a summary of its records alone.

Figures are of the audited split. `jsd` and `tvd` of the records feed `adversary.model[...].jsd` and
`.tvd`, and with them the curve; `predicted`, beside the audited model's, feeds `.flips`, and beside
`gold` it feeds `.f1`. They are of the models of both starts. Imitators that got stuck have no
adversaries: they are named in a note, and not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.curve import area_below, tvd_at
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Cell, Estimate, Summary, Table
from attnaudit.measures.two_level import figures, two_level
from attnaudit.questions.basics import Basics
from attnaudit.questions.model_adversary.choice import Adversary, Unit, adversary_of
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.runs import BASE_RUN, RunsReader, audited_split
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.records.metric import JSD, UNIT

Array = NDArray[np.float64]
FIGURES = {"jsd.mean": JSD, "tvd.mean": UNIT, "f1": UNIT, "flips": UNIT}
LEVELS = (0.2, 0.3, 0.4)  # JSD at which the curve is read
END = 0.4  # JSD up to which its area goes
STEP = 1e-7  # of the means of a lambda, for slopes of the curve


@dataclass
class Trained:
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
    """The adversaries of one lambda: their units, and how many of their trainings diverged.

    `values` (S, n) by figure, whose row means are those of the units; none where a training
    diverged, for those that did not would speak for the others.
    """

    value: float
    units: Sequence[Unit]
    diverged: int
    values: Mapping[str, Array]

    @property
    def fate(self) -> str:
        """Why there are no figures."""
        return f"the training diverged with {self.diverged} of {len(self.units)} models"


def summarise(
    records: Iterable[Mapping[str, Any]], settings: ModelSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records of adversaries; `labels` name the classes.

    `records` are those with a `run`. Raises KeyError or ValueError for others.
    """
    runs = RunsReader(settings.seed)
    basics, found = _gather(records, runs)
    sample, said = basics.sample(), basics.predicted
    f1 = ScoreOfSeeds(basics.gold, len(labels), sample, "f1" if len(labels) == 2 else "macro_f1")
    columns: dict[str, Array] = {}
    strengths = []
    counted = _counted(found)
    for value in sorted({one.strength for one in found}):
        units = [unit for unit in counted if Adversary(value, unit) in found]
        ones = [found[Adversary(value, unit)] for unit in units]
        diverged = sum(one.diverged for one in ones)
        values: dict[str, Array] = {}
        if ones and not diverged:
            predicted = np.array([one.predicted for one in ones])  # (S, n)
            values = {
                "jsd.mean": np.array([one.jsd for one in ones]),
                "tvd.mean": np.array([one.tvd for one in ones]),
                "flips": (predicted != said).astype(float),
            }
            columns |= {_name(value, name): each.mean(0) for name, each in values.items()}
            values["f1"] = f1.values(np.eye(len(labels))[predicted])
        strengths.append(Strength(value, units, diverged, values))
    metrics = basics.model_scores() | _by_strength(strengths, f1)
    metrics |= _curve(strengths, sample)
    tables = {
        "adversary.model": _table(strengths, metrics, len(labels)),
        "adversary.curve": _curve_table(metrics),
        "adversary.seeds": _seeds_table(strengths, _stuck(found, counted)),
    }
    return Summary(metrics, tables, basics.notes(), basics.columns(columns), runs.splits)


def _counted(found: Mapping[Adversary, Trained]) -> list[Unit]:
    """The units that figures are of: those with adversaries, or all where there are none."""
    every = sorted({one.unit for one in found})
    pushed = sorted({one.unit for one in found if one.strength > 0})
    return pushed or every


def _stuck(found: Mapping[Adversary, Trained], counted: Sequence[Unit]) -> list[str]:
    """What became of the imitators that are not counted."""
    told = []
    for one in sorted(found):
        if one.unit not in counted:
            model = found[one]
            end = "diverged" if model.diverged else f"TVD {np.mean(model.tvd):.3f}"
            told.append(f"{one.unit.words} ({end})")
    return told


def _gather(
    records: Iterable[Mapping[str, Any]], runs: RunsReader
) -> tuple[Basics, dict[Adversary, Trained]]:
    """The audited model and the adversaries, on the audited split; `runs` sees all records too."""
    bases: dict[str, Basics] = {}
    found: dict[str, dict[Adversary, Trained]] = {}
    for record in records:
        runs.add(record)
        run = record["run"]
        if run.get("model") == BASE_RUN["model"]:
            bases.setdefault(run["split"], Basics()).add(record)
        else:
            here = found.setdefault(run["split"], {})
            here.setdefault(adversary_of(run), Trained()).add(record)
    audited = audited_split(bases)
    return bases[audited], found.get(audited, {})


def _name(strength: float, figure: str) -> str:
    return f"adversary.model[lambda={strength!r}].{figure}"


def _by_strength(strengths: Sequence[Strength], f1: ScoreOfSeeds) -> dict[str, Estimate]:
    made = {}
    for one in strengths:
        for name, bounds in FIGURES.items():
            if not one.values:
                found = Estimate(None, undefined=f1.sample.n, reason=one.fate)
            elif name == "f1":
                found = f1.mean(one.values[name])
            else:
                found = two_level(figures(one.values[name], f1.sample), bounds)
            made[_name(one.value, name)] = found
    return made


def _curve(strengths: Sequence[Strength], sample: Sample) -> dict[str, Estimate]:
    """The curve's figures, through the means over models of each lambda.

    The models are of the units that have all lambdas.
    """
    known = [one for one in strengths if one.values]
    shared = sorted(set.intersection(*(set(one.units) for one in known))) if known else []
    points = []
    for one in known if shared else []:
        rows = [one.units.index(unit) for unit in shared]
        points.append((one.values["jsd.mean"][rows], one.values["tvd.mean"][rows]))
    area = partial(area_below, end=END)
    made = {"adversary.model.area": _of_curve(points, area, END, sample)}
    for level in LEVELS:
        read = partial(tvd_at, at=level)
        made[f"adversary.model[jsd={level!r}].tvd"] = _of_curve(points, read, 1.0, sample)
    return made


def _of_curve(
    points: Sequence[tuple[Array, Array]],
    figure: Callable[[Array, Array], float],
    most: float,
    sample: Sample,
) -> Estimate:
    """A figure of the curve, in [0, `most`], with an interval over seeds and instances.

    `points` holds the JSD and TVD (S, n) of each lambda. The interval is that of the figure's
    linear form at the means (delta method): what each seed and instance adds to it.
    """
    if not points:
        return Estimate(None, undefined=sample.n, reason="every training diverged")
    of_lambdas = np.array(points)  # (L, 2, S, n)
    of_seeds = of_lambdas.mean(-1)  # (L, 2, S)
    means = of_seeds.mean(-1)  # (L, 2)
    value, seeds = figure(*means.T), of_seeds.shape[-1]
    if np.isnan(value):
        reason = f"no lambda reaches this JSD: the largest mean is {means[:, 0].max():.3f}"
        return Estimate(None, undefined=sample.n, reason=reason)
    others = (np.delete(of_seeds, s, axis=-1).mean(-1) for s in range(seeds) if seeds > 1)
    slopes = _slopes(figure, means)
    if np.isnan(slopes).any() or any(np.isnan(figure(*one.T)) for one in others):
        reason = "no interval: if one of the seeds is left out, no lambda reaches this JSD"
        return Estimate(value, n=sample.n, reason=reason)
    moved = np.einsum("lk,lksn->sn", slopes, of_lambdas - means[..., None, None])
    return two_level(figures(value + moved, sample), (0.0, most))


def _slopes(figure: Callable[[Array, Array], float], means: Array) -> Array:
    """The derivative of a figure of the curve in the JSD and TVD of each lambda: (L, 2)."""
    slopes = np.empty(means.shape)
    for place in np.ndindex(means.shape):
        there = []
        for step in (STEP, -STEP):
            moved = means.copy()
            moved[place] += step
            there.append(figure(*moved.T))
        slopes[place] = (there[0] - there[1]) / (2 * STEP)
    return slopes


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
                len(one.units),
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
        "models",
        "JSD",
        "low",
        "high",
        "TVD",
        "authors' TVD",
        "F1",
        "flips",
    ]
    notes = [
        "Each row is a mean over models and texts, compared with the audited model. JSD: how far"
        " the attention moves, 0 to .693, with its 95 % interval. TVD: how far the answers move, 0"
        " to 1. flips: the share of texts with another predicted class.",
        "lambda: how much training rewards other attention. Imitators have lambda 0: nothing"
        " pushes their attention away. Only what exceeds them is the effect of the adversary.",
        "The authors' code halves TVD for two classes, so its lambda and its TVD are half of ours.",
    ]
    notes += [f"Lambda {one.value!r}: {one.fate}." for one in strengths if not one.values]
    return Table(
        "Models trained to give the same answers but attend to other words", columns, rows, notes
    )


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
        "How far the answers move (TVD) when the attention has moved this far (JSD). The curve"
        " joins the audited model at (0, 0) and the mean of each lambda with straight lines.",
        "Higher speaks for attention: other attention then changes the answers more.",
    ]
    return Table("The TVD-JSD curve", ["", "value", "low", "high"], rows, notes)


def _seeds_table(strengths: Sequence[Strength], stuck: Sequence[str]) -> Table:
    rows: list[list[Cell]] = []
    for one in strengths:
        if not one.values:
            continue
        each = np.stack([one.values[name].mean(1) for name in FIGURES], axis=1)  # (S, figures)
        for unit, row in zip(one.units, each, strict=True):
            cells = [None if np.isnan(x) else float(x) for x in row]
            rows.append([repr(one.value), unit.start, unit.seed, *cells])
    columns = ["lambda", "start", "seed", "JSD", "TVD", "F1", "flips"]
    notes = [
        "Start: scratch is a new model. Warm is a model of the recipe that was already trained "
        "with this seed."
    ]
    if stuck:
        notes.append(f"These imitators got stuck and are not counted: {'; '.join(stuck)}.")
    return Table("Each adversary", columns, rows, notes, detail=True)
