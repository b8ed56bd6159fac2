from __future__ import annotations

from collections.abc import Callable

import pydantic
import pytest

from attnaudit.findings.meaning import NOTHING
from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.report.schema import Report

Make = Callable[[Summary], Report]


def test_metrics_carry_what_the_registry_says(report: Report) -> None:
    metric = report.metrics["correlate.gradient.tau.mean"]
    assert (metric.value, metric.ci_low, metric.ci_high) == (0.351, 0.341, 0.361)
    assert (metric.n, metric.undefined) == (1720, 5)
    assert (metric.direction, metric.unit) == ("higher", "rank correlation")
    missing = report.metrics["correlate.gradient~random.tau.mean"]
    assert (missing.value, missing.reason) == (None, "no text gave a value")


def test_findings_say_which_audits_would_settle_them(report: Report) -> None:
    assert {f.status for f in report.findings.values()} == {"not_assessed"}
    assert list(report.findings) == [
        "necessary",
        "stable",
        "hard_to_manipulate",
        "out_of_context",
    ]
    assert "seed-baseline" in report.findings["necessary"].reason
    assert "adversary with --sweep" in report.findings["hard_to_manipulate"].reason
    assert "probe" in report.findings["out_of_context"].reason


def test_a_report_says_what_its_findings_mean(report: Report) -> None:
    assert report.meaning == [NOTHING]


def test_an_unregistered_metric_is_a_programming_error(make_report: Make) -> None:
    with pytest.raises(KeyError, match=r"correlate\.gradient\.tau\.median"):
        make_report(Summary({"correlate.gradient.tau.median": Estimate(0.1)}))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_is_a_programming_error(make_report: Make, bad: float) -> None:
    with pytest.raises(pydantic.ValidationError):
        make_report(Summary({"model.f1": Estimate(bad)}))
    with pytest.raises(pydantic.ValidationError):
        make_report(Summary(tables={"t": Table("t", ["a"], [[bad]])}))
