"""What the records of `seed-baseline` say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.limits import Bounds
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.measures.two_level import figures, two_level
from attnaudit.questions.runs import OLD_UNIFORM, PERMUTED, SEED, UNIFORM, Kind, Runs
from attnaudit.questions.scored import ScoreName
from attnaudit.questions.seed_baseline.controls import CONTROLS, control_column
from attnaudit.questions.seed_baseline.necessity import necessity
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.questions.seed_baseline.stability import stability, stability_table
from attnaudit.questions.seed_baseline.tables import tables
from attnaudit.questions.trained_models import TrainedModels, read_trained_models
from attnaudit.records.metric import JSD, UNIT

Array = NDArray[np.float64]
NO_MODEL = "no model of this kind was trained to its end"


def summarise(
    records: Iterable[Mapping[str, Any]], settings: SeedBaselineSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    found = read_trained_models(records, len(labels), settings.seed)
    runs = found.runs
    seeds = runs.seeds(model="seed")
    if not seeds and not runs.diverged:
        raise ValueError("there is no record of another seed")
    scorer, basics = found.scorer(settings.score), found.audited.basics
    apart = _apart(found, seeds)  # by metric: (S, n)
    controlled = _controls(runs)
    metrics = basics.model_scores()
    metrics |= {name: _over_both(runs, values, bounds) for name, (values, bounds) in apart.items()}
    metrics |= _over_seeds(runs, seeds)
    scores: dict[str, ScoreName] = {"f1": "f1", "score": settings.score}
    for stem, score in scores.items():
        metrics[f"seed_baseline.{stem}.mean"] = _mean(found, seeds, score)
        metrics[f"seed_baseline.{stem}.std"] = _spread(found, seeds, score)
    metrics |= necessity(runs, scorer)
    metrics |= runs.sample().means(controlled, lambda _: UNIT)
    each = {name: values.mean(0) for name, (values, _) in apart.items() if len(values)}
    alike = stability(runs)
    metrics |= alike.metrics
    each |= {**_of_each(runs, seeds), **controlled, **alike.columns}
    shown = tables(found, seeds, metrics, scorer, labels)
    shown["seed_baseline.stability"] = stability_table(alike)
    by_instance = basics.columns(each, np.array(found.audited.largest))
    return Summary(metrics, shown, basics.notes(), by_instance, found.splits)


def _apart(found: TrainedModels, seeds: Sequence[int]) -> dict[str, tuple[Array, Bounds]]:
    """How far models are from the audited one, by metric: (S, n), and the range."""
    runs = found.runs
    frozen = UNIFORM if runs.models.get(UNIFORM) else OLD_UNIFORM
    made: dict[str, tuple[Array, Bounds]] = {
        "seed_baseline.jsd.mean_over_seeds": (runs.values(SEED, seeds, "jsd"), JSD),
        "seed_baseline.tvd.mean": (runs.values(SEED, seeds, "tvd"), UNIT),
        "seed_baseline.flips": (found.flips(SEED, seeds) if seeds else np.empty((0, 0)), UNIT),
        "seed_baseline.uniform_jsd.mean": (_jsd(runs, frozen), JSD),
    }
    if runs.models.get(PERMUTED):
        made["seed_baseline.permuted_jsd.mean"] = (_jsd(runs, PERMUTED), JSD)
    return made


def _jsd(runs: Runs, kind: Kind) -> Array:
    return runs.values(kind, sorted(runs.models.get(kind, {})), "jsd")


def _over_both(runs: Runs, values: Array, bounds: Bounds) -> Estimate:
    """The mean over seeds and instances of values (S, n)."""
    if not len(values):
        return Estimate(None, undefined=len(runs.gold), reason=NO_MODEL)
    return two_level(figures(values, runs.sample()), bounds)


def _of_each(runs: Runs, seeds: Sequence[int]) -> dict[str, Array]:
    """What is no mean over seeds, of each instance: (n,) by metric."""
    if not seeds:
        return {}
    jsd = runs.values(SEED, seeds, "jsd")
    return {
        "seed_baseline.jsd.median_over_seeds": np.median(jsd, axis=0),
        "seed_baseline.jsd.max_over_seeds": jsd.max(0),
    }


def _over_seeds(runs: Runs, seeds: Sequence[int]) -> dict[str, Estimate]:
    """The same as means over the instances."""
    if not seeds:
        nothing = Estimate(None, undefined=len(runs.gold), reason=NO_MODEL)
        return {f"seed_baseline.jsd.{name}_over_seeds": nothing for name in ("median", "max")}
    return runs.sample().means(_of_each(runs, seeds), lambda _: JSD)


def _mean(found: TrainedModels, seeds: Sequence[int], name: ScoreName) -> Estimate:
    """The mean score of the seeds."""
    if not seeds:
        return Estimate(None, undefined=len(found.runs.gold), reason=NO_MODEL)
    scorer = found.scorer(name)
    return scorer.mean(scorer.values(found.runs.probs(SEED, seeds)))


def _spread(found: TrainedModels, seeds: Sequence[int], name: ScoreName) -> Estimate:
    """The standard deviation of the score of seeds, of which a handful has no useful interval."""
    n = len(found.runs.gold)
    if len(seeds) < 2:
        reason = "one seed does not show how much seeds differ" if seeds else NO_MODEL
        return Estimate(None, undefined=n, reason=reason)
    points = found.scorer(name).values(found.runs.probs(SEED, seeds)).mean(1)
    if not np.isfinite(points).all():
        return Estimate(None, undefined=n, reason="undefined on these texts")
    return Estimate(float(points.std(ddof=1)), n=n)


def _controls(runs: Runs) -> dict[str, Array]:
    """By metric, what each control does to each instance; older records have no controls."""
    columns = {
        f"seed_baseline.control.{name}.{metric}": control_column(runs, name, figure)
        for name in CONTROLS
        for metric, figure in (("tvd.mean", "tvd"), ("flips", "flips"))
    }
    return {metric: column for metric, column in columns.items() if column is not None}
