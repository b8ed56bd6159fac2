"""What the records of `seed-baseline` say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.measures.limits import Bounds
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.measures.two_level import figures, two_level
from attnaudit.questions.runs import SEED, UNIFORM, Runs
from attnaudit.questions.seed_baseline.controls import CONTROLS, control_column
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.questions.seed_baseline.stability import stability, stability_table
from attnaudit.questions.seed_baseline.tables import tables
from attnaudit.questions.trained_models import read_trained_models
from attnaudit.records.metric import JSD, UNIT

Array = NDArray[np.float64]


def summarise(
    records: Iterable[Mapping[str, Any]], settings: SeedBaselineSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    found = read_trained_models(records, len(labels), settings.seed)
    seeds = found.runs.seeds(model="seed")
    if not seeds or seeds != found.runs.seeds(model="uniform"):
        raise ValueError("learned and uniform attention are not of the same seeds")
    basics, sample, scorer = found.audited.basics, found.runs.sample(), found.scorer(settings.score)
    jsd, tvd = (found.runs.values(SEED, seeds, what) for what in ("jsd", "tvd"))  # (S, n)
    flips = found.flips(SEED, seeds)
    uniform_jsd = found.runs.values(UNIFORM, seeds, "jsd")

    def over_both(values: Array, bounds: Bounds = UNIT) -> Estimate:
        return two_level(figures(values, sample), bounds)

    median, largest = np.median(jsd, axis=0), jsd.max(0)
    learned, frozen = (scorer.values(found.runs.probs(kind, seeds)) for kind in (SEED, UNIFORM))
    metrics = basics.model_scores() | {
        "seed_baseline.jsd.mean_over_seeds": over_both(jsd, JSD),
        "seed_baseline.jsd.median_over_seeds": sample.mean(median, JSD),
        "seed_baseline.jsd.max_over_seeds": sample.mean(largest, JSD),
        "seed_baseline.tvd.mean": over_both(tvd),
        "seed_baseline.flips": over_both(flips),
        "seed_baseline.f1.mean": scorer.mean(learned),
        "seed_baseline.f1.std": _spread(learned.mean(1), sample.n),
        "seed_baseline.uniform_f1.mean": scorer.mean(frozen),
        "seed_baseline.uniform_jsd.mean": over_both(uniform_jsd, JSD),
        "necessity.f1_gap": scorer.gap(learned, frozen),
    }
    controlled = _controls(found.runs)
    metrics |= sample.means(controlled, lambda _: UNIT)
    alike = stability(found.runs)
    metrics |= alike.metrics
    each = {
        "seed_baseline.jsd.mean_over_seeds": jsd.mean(0),
        "seed_baseline.jsd.median_over_seeds": median,
        "seed_baseline.jsd.max_over_seeds": largest,
        "seed_baseline.tvd.mean": tvd.mean(0),
        "seed_baseline.flips": flips.mean(0),
        "seed_baseline.uniform_jsd.mean": uniform_jsd.mean(0),
        **controlled,
        **alike.columns,
    }
    shown = tables(found, seeds, metrics, frozen.mean(1), labels)
    shown["seed_baseline.stability"] = stability_table(alike)
    by_instance = basics.columns(each, np.array(found.audited.largest))
    return Summary(metrics, shown, basics.notes(), by_instance, found.splits)


def _controls(runs: Runs) -> dict[str, Array]:
    """By metric, what each control does to each instance; older records have no controls."""
    columns = {
        f"seed_baseline.control.{name}.{metric}": control_column(runs, name, figure)
        for name in CONTROLS
        for metric, figure in (("tvd.mean", "tvd"), ("flips", "flips"))
    }
    return {metric: column for metric, column in columns.items() if column is not None}


def _spread(points: Array, n: int) -> Estimate:
    """The standard deviation over seeds, of which a handful gives no useful interval."""
    if len(points) < 2:
        return Estimate(None, undefined=n, reason="one seed does not tell how much seeds differ")
    if not np.isfinite(points).all():
        return Estimate(None, undefined=n, reason="undefined on these instances")
    return Estimate(float(points.std(ddof=1)), n=n)
