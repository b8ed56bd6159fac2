"""The evidence at a glance: the figure of each test, and what it is to be read against."""

from __future__ import annotations

from dataclasses import dataclass

from attnaudit.report.schema import Report, TableData


@dataclass(frozen=True)
class _Row:
    """`metric` with its interval, beside another figure, `against`, which `words` name."""

    test: str
    figure: str
    metric: str
    words: str = ""
    against: str | None = None


_ROWS = (
    _Row("model", "accuracy", "model.accuracy", "commonest class", "model.majority_accuracy"),
    _Row(
        "correlate",
        "tau with gradient",
        "correlate.gradient.tau.mean",
        "gradient with leave-one-out",
        "correlate.gradient~leave_one_out.tau.mean",
    ),
    _Row(
        "correlate",
        "tau with leave-one-out",
        "correlate.leave_one_out.tau.mean",
        "random ranking",
        "correlate.random.tau.mean",
    ),
    _Row(
        "permute",
        "TVD, shuffled",
        "permute.tvd.median",
        "conicity of states",
        "permute.conicity.mean",
    ),
    _Row(
        "erase",
        "erased until a flip",
        "erase.flip_fraction.attention",
        "random ranking",
        "erase.flip_fraction.random",
    ),
    _Row(
        "erase",
        "comprehensiveness",
        "erase.comprehensiveness.attention",
        "random ranking",
        "erase.comprehensiveness.random",
    ),
    _Row(
        "adversary",
        "JSD, detached weights",
        "adversary.instance.jsd.mean",
        "share of attainable",
        "adversary.instance.relative_mean",
    ),
    _Row(
        "seed-baseline",
        "JSD between seeds",
        "seed_baseline.jsd.mean_over_seeds",
        "TVD between seeds",
        "seed_baseline.tvd.mean",
    ),
    _Row(
        "seed-baseline",
        "F1, less uniform",
        "necessity.f1_gap",
        "uniform",
        "seed_baseline.uniform_f1.mean",
    ),
    _Row(
        "seed-baseline",
        "TVD, content erased",
        "seed_baseline.control.erased.tvd.mean",
        "all layers uniform",
        "seed_baseline.control.uniform_layers.tvd.mean",
    ),
    _Row(
        "adversary",
        "JSD beyond imitators",
        "manipulation.excess_jsd",
        "within the seeds' TVD",
        "seed_baseline.tvd.mean",
    ),
    _Row(
        "adversary",
        "TVD at JSD .4",
        "adversary.model[jsd=0.4].tvd",
        "TVD between seeds",
        "seed_baseline.tvd.mean",
    ),
    _Row("probe", "probe F1, less uniform", "probe.base-uniform.f1_gap"),
    _Row("probe", "probe F1, less leak", "probe.base-leak.f1_gap"),
)


def evidence_table(report: Report) -> TableData:
    """One row for each test that `report` holds the figure of."""
    rows: list[list[str | int | float | None]] = []
    for row in _ROWS:
        metric = report.metrics.get(row.metric)
        if metric is None:
            continue
        other = report.metrics.get(row.against) if row.against else None
        beside = "" if other is None or other.value is None else f"{row.words} {other.value:.3f}"
        rows.append([row.test, row.figure, metric.value, metric.ci_low, metric.ci_high, beside])
    notes = [
        "correlate, permute, erase and the per-instance adversary describe; they decide nothing.",
        "The findings rest on seed-baseline, the model-consistent adversary, and the probe.",
    ]
    columns = ["test", "figure", "value", "low", "high", "beside"]
    return TableData(title="The evidence", columns=columns, rows=rows, notes=notes)
