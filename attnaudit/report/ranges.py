"""Every figure lies in the range that the registry gives its metric, or nothing is reported.

A figure that lies outside by no more than rounding is set to the end of the range. So is the end of
an interval that was computed: where the figure cannot lie, its interval need not reach. A file that
holds a figure, or an interval, outside its range is refused.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from attnaudit.errors import InputError
from attnaudit.findings.finding import Finding
from attnaudit.measures.summary import Estimate
from attnaudit.records.metric import MetricSpec
from attnaudit.report.registry import find
from attnaudit.report.schema import Gate, Metric, Report

ROUNDING = 1e-6  # how far sums of rounded numbers may miss the end of a range


def range_words(spec: MetricSpec) -> str:
    """The range in words: `from 0 to 1`, `at least 0`."""
    low, high = spec.range
    if low is None or high is None:
        return f"at least {low:g}" if low is not None else f"at most {high:g}"
    return f"from {low:g} to {high:g}"


def lies_in(value: float, spec: MetricSpec) -> bool:
    """Whether a value lies in the range, except for rounding."""
    low, high = spec.range
    return (low is None or value >= low - ROUNDING) and (high is None or value <= high + ROUNDING)


def cut(value: float, spec: MetricSpec) -> float:
    """The value, or the end of the range that it lies beyond; NaN stays."""
    low, high = spec.range
    if low is not None and value < low:
        return low
    if high is not None and value > high:
        return high
    return value


def inside(name: str, spec: MetricSpec, estimate: Estimate) -> Estimate:
    """A computed estimate, without what rounding and its interval have beyond the range.

    Raises InputError, which names the figure, where its value lies outside.
    """
    value = estimate.value
    if value is None:
        return estimate
    if math.isfinite(value):  # no other number gets into a report at all
        _require(name, spec, value, "")
        value = cut(value, spec)
    low, high = (None if x is None else cut(x, spec) for x in (estimate.ci_low, estimate.ci_high))
    return replace(estimate, value=value, ci_low=low, ci_high=high)


def finding_inside(finding: Finding) -> Finding:
    """A computed finding, whose interval does not reach beyond the range of its metric."""
    spec = find(finding.metric) if finding.metric else None
    if spec is None or finding.statistic is None:
        return finding
    _require(finding.metric or "", spec, finding.statistic, "")
    interval = finding.interval and [cut(end, spec) for end in finding.interval]
    return finding.model_copy(update={"interval": interval})


def check_report(report: Report, where: str | Path) -> None:
    """Raise InputError where a report that was read holds a figure outside its range.

    Metrics that this version does not know have no range here.
    """
    try:
        for name, metric in report.metrics.items():
            _check_metric(name, metric)
        for gate in report.gates:
            _check_gate(gate)
        for said in report.findings.values():
            spec = find(said.metric) if said.metric else None
            if spec is not None and said.statistic is not None:
                _require(said.metric or "", spec, said.statistic, " in a finding")
                for end in said.interval or ():
                    _require(said.metric or "", spec, end, " at an end of its interval")
    except InputError as error:
        raise InputError(
            error.what, where=where, hint="make the report again from its records"
        ) from None


def _check_metric(name: str, metric: Metric) -> None:
    spec = find(name)
    if spec is None:
        return
    if metric.value is not None:
        _require(name, spec, metric.value, "")
    for end in (metric.ci_low, metric.ci_high):
        if end is not None:
            _require(name, spec, end, " at an end of its interval")
    if metric.ci_low is not None and metric.ci_high is not None and metric.ci_low > metric.ci_high:
        raise InputError(f"the upper end of the interval of {name} is below its lower end")


def _check_gate(gate: Gate) -> None:
    spec = find(gate.metric) if gate.metric else None
    if gate.metric is None or spec is None or gate.value is None:
        return
    _require(gate.metric, spec, gate.value, f" in the gate {gate.id!r}")
    below = gate.min is not None and gate.value < gate.min
    above = gate.max is not None and gate.value > gate.max
    if gate.status == "pass" and (below or above):
        raise InputError(
            f"the gate {gate.id!r} is marked as passed, but {gate.value:g} does not pass"
        )


def _require(name: str, spec: MetricSpec, value: float, place: str) -> None:
    if not lies_in(value, spec):
        raise InputError(f"{name} is {value:g}{place}, but it can only be {range_words(spec)}")
