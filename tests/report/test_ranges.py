"""What cannot be is neither reported nor gated, wherever it comes from."""

from __future__ import annotations

import json
import math

import pytest

from attnaudit.errors import InputError
from attnaudit.findings.finding import Finding
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.report.policy import load_policy
from attnaudit.report.ranges import check_report, finding_inside
from attnaudit.report.rebuild import load, read_baseline
from attnaudit.report.registry import all_specs
from attnaudit.report.schema import Report, dumps

TVD = "permute.tvd.median"


@pytest.mark.parametrize("value", [9.0, -0.01, 1.0001])
def test_a_figure_that_cannot_be_is_not_reported(make_report, value):
    with pytest.raises(InputError, match=rf"{TVD} is .*, but it can only be from 0 to 1"):
        make_report(Summary({TVD: Estimate(value, n=50)}))


def test_rounding_is_cut_and_so_is_what_an_interval_has_too_much(make_report):
    report = make_report(Summary({TVD: Estimate(1 + 1e-9, -0.2, 1.3, n=50)}))
    metric = report.metrics[TVD]
    assert (metric.value, metric.ci_low, metric.ci_high) == (1.0, 0.0, 1.0)
    finding = Finding(
        status="for",
        reason="r",
        statistic=0.2,
        metric="manipulation.units_excess_jsd",
        interval=[-0.4, 0.813],
    )
    assert finding_inside(finding).interval == [-0.4, 0.693147181]
    with pytest.raises(InputError, match=r"manipulation\.units_excess_jsd is 0\.9"):
        finding_inside(finding.model_copy(update={"statistic": 0.9}))


# Parts of an influence may cancel each other, so that one of them is any number of times the whole.
OPEN = "patterns.share."


def test_every_metric_has_a_range_with_an_end_at_least():
    for spec in all_specs():
        low, high = spec.range
        open_ = spec.pattern.startswith(OPEN)
        assert (low is None and high is None) is open_, spec.pattern
        assert low is None or high is None or low < high, spec.pattern
        assert all(end is None or math.isfinite(end) for end in (low, high))


def edited(report: Report, path, **metric):
    """The report as a file in which somebody has changed one metric."""
    content = json.loads(dumps(report))
    content["metrics"]["model.accuracy"] |= metric
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ({"value": 1.7}, "model.accuracy is 1.7, but it can only be from 0 to 1"),
        ({"value": -1075.0}, "model.accuracy is -1075, but"),
        ({"ci_low": -1.0}, "model.accuracy is -1 at an end of its interval, but"),
        (
            {"ci_low": 0.9, "ci_high": 0.8},
            "the upper end of the interval of model.accuracy is below its lower end",
        ),
    ],
)
@pytest.mark.parametrize("read", [load, read_baseline])
def test_a_report_or_a_baseline_that_holds_what_cannot_be_is_refused(
    report, tmp_path, metric, says, read
):
    path = edited(report, tmp_path / "old.json", **metric)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: {says}")
    assert str(caught.value).endswith("; make the report again from its records")


def test_gates_and_findings_of_a_report_are_held_too(report, tmp_path):
    (gate, *_) = report.gates
    for change, says in (
        ({"value": 9.0}, "in the gate 'pass', but it can only be from -1 to 1"),
        ({"value": 0.1}, "the gate 'pass' is marked as passed, but 0.1 does not"),
    ):
        bad = report.model_copy(update={"gates": [gate.model_copy(update=change)]})
        with pytest.raises(InputError, match=says):
            check_report(bad, "r.json")
    finding = Finding(status="for", reason="r", statistic=2.0, metric="necessity.score_gap")
    bad = report.model_copy(update={"findings": {**report.findings, "necessary": finding}})
    with pytest.raises(InputError, match=r"necessity\.score_gap is 2 in a finding"):
        check_report(bad, "r.json")


def test_metrics_that_are_not_known_any_more_have_no_range(report):
    metric = report.metrics["model.accuracy"].model_copy(update={"value": 7.0})
    check_report(report.model_copy(update={"metrics": {"model.old": metric}}), "r.json")


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        ("max: 7", ":4: max 7 is outside the range of permute.tvd.median, which is from 0 to 1"),
        ("min: -0.1", ":4: min -0.1 is outside"),
        ("max: 1", ":2: the gate 'a' can never fail: permute.tvd.median is always from 0 to 1;"),
        ("min: 0", ":2: the gate 'a' can never fail"),
        ("min: 0\n  max: 1", ":2: the gate 'a' can never fail"),
        ("min: 0.6\n  max: 0.5", ":2: the gate 'a' can never pass"),
    ],
)
def test_bounds_that_decide_nothing_are_refused(tmp_path, bounds, says):
    path = tmp_path / "policy.yaml"
    path.write_text(f"gates:\n- id: a\n  metric: {TVD}\n  {bounds}\n")
    with pytest.raises(InputError) as caught:
        load_policy(path)
    assert str(caught.value).startswith(f"{path}{says}")


def test_bounds_at_an_end_that_can_fail_are_taken(tmp_path):
    path = tmp_path / "policy.yaml"
    for bounds in ("max: 0", "min: 1", "min: 0\n  max: 0.9"):
        path.write_text(f"gates:\n- id: a\n  metric: {TVD}\n  {bounds}\n")
        assert len(load_policy(path).rules) == 1
