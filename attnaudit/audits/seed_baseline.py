"""How far do attention and answers vary between seeds, and does the task need attention at all?

Wiegreffe & Pinter 2019, sections 3.3 and 3.2: models of the same recipe with other seeds, and, for
each of these seeds, a model whose attention is frozen to the uniform one. For the records see
`runs`; the runs are `{"model": "base"}`, `{"model": "seed", "seed": k}` and `{"model": "uniform",
"seed": k}`. Only those on the audited split feed the report:

* `probs` feed every `f1`, `seed_baseline.flips` and `necessity.f1_gap`;
* `jsd` and `tvd` feed the metrics of that name;
* `attention` of the audited model feeds the bins and the largest JSD that is attainable;
* `controls` of the audited model feeds `seed_baseline.control.*` (see `controls`).

The bins take the audited model's largest weight. (The authors' script takes the median of the
seeds' largest weights; the caption of their Fig. 3 speaks of the maximum over seeds of the JSD, the
script takes the median: both are given.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pydantic
from numpy.typing import NDArray

from attnaudit.audits.audit import Audit, Record, Trains
from attnaudit.audits.controls import controls
from attnaudit.audits.retrained import SHARE, gap, read_retrained
from attnaudit.audits.runs import Ledger, Trained, run_records
from attnaudit.audits.seed_baseline_tables import tables
from attnaudit.config import Settings
from attnaudit.execution.observer import Observer
from attnaudit.findings.controls import CONTROLS, control_column
from attnaudit.findings.evidence import SEED, UNIFORM, Runs
from attnaudit.measures.divergences import LN2
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.measures.two_level import mean_draws, two_level
from attnaudit.models.guided import uniform
from attnaudit.models.retraining import Retraining, as_it_is, guided
from attnaudit.records.schema import Run

Array = NDArray[np.float64]


class SeedBaselineSettings(Settings):
    """What decides the result; stored with the records.

    `seed` is the first of the `seeds`, of which the audited model's own is left out, and the seed
    of all resampling.
    """

    seeds: int = pydantic.Field(8, ge=1)
    seed: int = pydantic.Field(0, ge=0)
    text: bool = False


def rounds(
    retraining: Retraining,
    ledger: Ledger,
    settings: SeedBaselineSettings,
    made: Callable[[], Iterator[Record]],
    observer: Observer,
) -> Iterator[list[Run]]:
    """All models in one list: seed by seed the learned attention, then the uniform."""
    yield [
        {"model": kind, "seed": seed}
        for seed in retraining.seeds(settings.seeds, settings.seed)
        for kind in ("seed", "uniform")
    ]


def records(
    retraining: Retraining,
    ledger: Ledger,
    settings: SeedBaselineSettings,
    run: Run,
    observer: Observer,
) -> list[Record]:
    """The records of one model."""

    def make() -> Trained:
        kind, seed = run["model"], int(run["seed"])
        guides = dict.fromkeys(("train", *ledger.splits), uniform)
        view = guided(guides) if kind == "uniform" else as_it_is
        model = retraining.fresh(seed)
        retraining.learn(model, seed, observer, f"{kind} {seed}", view)
        return model, view

    return run_records(run, make, retraining, ledger, observer, settings.text, controls)


def summarise(
    records: Iterable[Mapping[str, Any]], settings: SeedBaselineSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    found = read_retrained(records, len(labels), settings.seed)
    seeds = found.runs.seeds(model="seed")
    if not seeds or seeds != found.runs.seeds(model="uniform"):
        raise ValueError("learned and uniform attention are not of the same seeds")
    basics, bootstrap, n = found.audited.basics, found.bootstrap, found.bootstrap.n
    jsd, tvd = (found.runs.values(SEED, seeds, what) for what in ("jsd", "tvd"))  # (S, n)
    flips = found.flips(SEED, seeds)
    uniform_jsd = found.runs.values(UNIFORM, seeds, "jsd")

    def over_both(values: Array, most: float = 1.0) -> Estimate:
        return two_level(*mean_draws(values, bootstrap), n, (0.0, most))

    median, largest = np.median(jsd, axis=0), jsd.max(0)
    of_median, of_largest = bootstrap.means(np.stack([median, largest], axis=1))
    learned, frozen = found.f1(SEED, seeds), found.f1(UNIFORM, seeds)
    metrics = basics.model_scores(bootstrap) | {
        "seed_baseline.jsd.mean_over_seeds": over_both(jsd, LN2),
        "seed_baseline.jsd.median_over_seeds": of_median,
        "seed_baseline.jsd.max_over_seeds": of_largest,
        "seed_baseline.tvd.mean": over_both(tvd),
        "seed_baseline.flips": over_both(flips),
        "seed_baseline.f1.mean": two_level(*learned, n, SHARE),
        "seed_baseline.f1.std": _spread(learned[0], n),
        "seed_baseline.uniform_f1.mean": two_level(*frozen, n, SHARE),
        "seed_baseline.uniform_jsd.mean": over_both(uniform_jsd, LN2),
        "necessity.f1_gap": gap(learned, frozen, n),
    }
    controlled = _controls(found.runs)
    metrics |= {name: bootstrap.means(c[:, None])[0] for name, c in controlled.items()}
    each = {
        "seed_baseline.jsd.mean_over_seeds": jsd.mean(0),
        "seed_baseline.jsd.median_over_seeds": median,
        "seed_baseline.jsd.max_over_seeds": largest,
        "seed_baseline.tvd.mean": tvd.mean(0),
        "seed_baseline.flips": flips.mean(0),
        "seed_baseline.uniform_jsd.mean": uniform_jsd.mean(0),
        **controlled,
    }
    shown = tables(found, seeds, metrics, frozen[0], labels)
    return Summary(metrics, shown, basics.notes(), columns=basics.columns(each))


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


AUDIT = Audit("seed-baseline", SeedBaselineSettings, summarise, trains=Trains(rounds, records))
