from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from attnaudit.errors import InputError
from attnaudit.measures.summary import Summary
from attnaudit.report.baseline import Baseline
from attnaudit.report.demands import Demands, held
from attnaudit.report.layout import all_tables
from attnaudit.report.policy import MetricRule, Policy, WaiverRule
from attnaudit.report.schema import Gate, Report, dumps, loads

TODAY = date(2026, 3, 4)
ACCURATE = Policy(Path("p.yaml"), [(MetricRule(id="a", metric="model.accuracy", min=0.8), 2)])
TAU = "correlate.gradient.tau.mean"


def test_without_demands_a_report_keeps_its_gates(report: Report) -> None:
    assert held(report, None, None).gates == report.gates
    assert held(report, None, Demands(TODAY)).gates == report.gates


def test_a_policy_takes_the_place_of_the_older_gates(report: Report) -> None:
    assert [g.id for g in held(report, None, Demands(TODAY, ACCURATE)).gates] == ["a"]


@pytest.fixture
def worse(report: Report) -> Report:
    metric = report.metrics[TAU]
    shift = {k: getattr(metric, k) - 0.1 for k in ("value", "ci_low", "ci_high")}
    return report.model_copy(
        update={"metrics": {**report.metrics, TAU: metric.model_copy(update=shift)}}
    )


def ids(report: Report) -> dict[str, str]:
    return {gate.id: gate.status for gate in report.gates}


def test_a_baseline_adds_gates_and_tables(report: Report, worse: Report) -> None:
    demands = Demands(TODAY, ACCURATE, Baseline(Path("old.json"), report))
    made = held(worse, None, demands)
    assert ids(made) == {"a": "pass", f"baseline:{TAU}": "fail"}
    assert list(made.tables) == ["agreement", "baseline", "baseline_detail"]
    alone = held(worse, None, Demands(TODAY, None, demands.baseline))
    assert list(ids(alone)) == ["pass", "fail", "inconclusive", f"baseline:{TAU}"]


def test_gates_of_a_comparison_stay_until_there_is_another(report: Report, worse: Report) -> None:
    compared = held(worse, None, Demands(TODAY, None, Baseline(Path("old.json"), report)))
    again = held(compared, None, Demands(TODAY, ACCURATE))
    assert ids(again) == {"a": "pass", f"baseline:{TAU}": "fail"}
    better = held(again, None, Demands(TODAY, None, Baseline(Path("other.json"), worse)))
    assert ids(better) == {"a": "pass", "baseline": "pass"}
    assert "other.json" in better.tables["baseline"].title


def test_a_regression_can_be_waived(report: Report, worse: Report) -> None:
    waiver = WaiverRule.model_validate(
        {"gate": f"baseline:{TAU}", "reason": "new tokeniser", "expires": "2026-03-04"}
    )
    policy = Policy(ACCURATE.path, ACCURATE.rules, [waiver])
    baseline = Baseline(Path("old.json"), report)
    made = held(worse, None, Demands(TODAY, policy, baseline))
    assert ids(made) == {"a": "pass", f"baseline:{TAU}": "waived"}
    assert ids(held(made, None, Demands(TODAY, ACCURATE)))[f"baseline:{TAU}"] == "fail"
    later = Demands(date(2026, 3, 5), policy, baseline)
    assert ids(held(worse, None, later))[f"baseline:{TAU}"] == "fail"
    without = held(made, None, Demands(TODAY, None))
    assert without.gates == made.gates


def test_another_audit_is_refused(report: Report) -> None:
    other = report.model_copy(update={"audit": "permute"})
    demands = Demands(TODAY, None, Baseline(Path("old.json"), other))
    for check in (
        lambda: held(report, None, demands),
        lambda: demands.check("correlate", report.dataset),
    ):
        with pytest.raises(
            InputError, match="is a baseline of permute, but this report is of correlate"
        ):
            check()


def test_a_report_with_nothing_but_a_comparison_still_shows_its_metrics(
    make_report: Callable[[Summary], Report], summary: Summary
) -> None:
    bare = make_report(Summary(summary.metrics))
    made = held(bare, None, Demands(TODAY, None, Baseline(Path("old.json"), bare)))
    assert [t.title.split()[0] for t in all_tables(made)] == ["Metrics", "Compared", "Compared"]


def test_gates_are_stored_under_the_names_of_the_schema(report: Report) -> None:
    gate = Gate.model_validate(
        {"id": "n", "status": "fail", "finding": "necessary", "in": ["for"], "reason": "r"}
    )
    text = dumps(report.model_copy(update={"gates": [gate]}))
    assert json.loads(text)["gates"][0]["in"] == ["for"]
    assert "statuses" not in text
    assert loads(text, "r.json").gates == [gate]
