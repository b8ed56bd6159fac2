from __future__ import annotations

from pathlib import Path

import pytest

from attnaudit.errors import InputError
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.report.policy import Policy, Rule, evaluate, exit_code, load_policy
from attnaudit.report.schema import Gate, Report

TAU = "correlate.gradient.tau.mean"


def policy(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    return path


def test_a_policy_with_everything(tmp_path: Path) -> None:
    path = policy(
        tmp_path,
        f"gates:\n  - id: agrees\n    metric: {TAU}\n    min: 0.2\n    max: 1\n"
        "    on: ci_low\n    rationale: the reviewer asks\n"
        "  - {id: accurate, metric: model.accuracy, min: 0.8}\n",
    )
    assert load_policy(path).rules == [
        (
            Rule(
                id="agrees",
                metric=TAU,
                min=0.2,
                max=1.0,
                on="ci_low",
                rationale="the reviewer asks",
            ),
            2,
        ),
        (Rule(id="accurate", metric="model.accuracy", min=0.8), 8),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gates: []", ":1: "),
        ("gates: 3", ":1: "),
        ("gates:\n- 3", ":2: "),
        ("rules: []", ":1: unknown key 'rules'"),
        (
            "gates:\n- id: a\n  metric: correlate.gradiant.tau.mean\n  min: 0",
            ":3: unknown metric 'correlate.gradiant.tau.mean'; did you mean "
            "'correlate.gradient.tau.mean'?",
        ),
        (f"gates:\n- id: a\n  metric: {TAU}", ":2: the gate 'a' bounds nothing; give min or max"),
        (
            f"gates:\n- id: a\n  metric: {TAU}\n  min: .5\n  max: .4",
            ":2: the gate 'a' can never pass: min 0.5 is above max 0.4",
        ),
        (
            f"gates:\n- {{id: a, metric: {TAU}, min: 0}}\n- metric: {TAU}\n  id: a\n  min: 0",
            ":4: the gate id 'a' stands twice; first on line 2",
        ),
        (
            "gates:\n- id: a\n  metric: model.f1\n  min: 80",
            ":4: min 80 lies outside what model.f1 can be, from 0 to 1; fractions are not "
            "percentages",
        ),
        (
            f"gates:\n- id: a\n  metric: {TAU}\n  max: -1.5",
            f":4: max -1.5 lies outside what {TAU} can be, from -1 to 1",
        ),
        (
            "gates:\n- id: a\n  metric: correlate.random.tau.std\n  max: -1",
            ":4: max -1 lies outside what correlate.random.tau.std can be, at least 0",
        ),
        (f"gates:\n- id: a\n  metric: {TAU}\n  min: .nan", ":4: "),
        (f"gates:\n- id: a\n  metric: {TAU}\n  min: 0\n  max: .inf", ":5: "),
        (f"gates:\n- id: a\n  metric: {TAU}\n  min: '0'", ":4: "),
        (f"gates:\n- id: a\n  metric: {TAU}\n  min: 0\n  on: mean", ":5: "),
        (f"gates:\n- id: ''\n  metric: {TAU}\n  min: 0", ":2: "),
        (f"gates:\n- metric: {TAU}\n  min: 0", ":2: the key 'gates.0.id' is missing"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    path = policy(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_policy(path)
    assert str(caught.value).startswith(f"{path}{message}")


def judge(rule: Rule, figure: Estimate | None) -> Gate:
    metrics = {} if figure is None else {rule.metric: figure}
    [gate] = evaluate(Policy([(rule, 4)]), metrics)
    assert gate.reason
    assert (gate.id, gate.metric, gate.on, gate.line) == (rule.id, rule.metric, rule.on, 4)
    assert (gate.min, gate.max) == (rule.min, rule.max)
    return gate


@pytest.mark.parametrize("on", ["value", "ci_low", "ci_high"])
@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (0.3, None, "pass"),
        (0.31, None, "fail"),
        (None, 0.3, "pass"),
        (None, 0.29, "fail"),
        (0.2, 0.4, "pass"),
        (0.31, 0.4, "fail"),
        (0.1, 0.29, "fail"),
        (0.3, 0.3, "pass"),
    ],
)
def test_bounds_are_closed(on: str, low: float | None, high: float | None, status: str) -> None:
    rule = Rule.model_validate({"id": "a", "metric": TAU, "min": low, "max": high, "on": on})
    # Everything but what the gate is on lies where the verdict would be the other one.
    other = 0.25 if status == "fail" and low is None else (0.9 if status == "pass" else 0.305)
    shown = dict.fromkeys(("value", "ci_low", "ci_high"), other) | {on: 0.3}
    gate = judge(rule, Estimate(**shown, n=1000))
    assert (gate.status, gate.value) == (status, 0.3)


@pytest.mark.parametrize(
    ("figure", "on", "reason"),
    [
        (None, "value", "not measured in this report"),
        (Estimate(None, n=50, reason="no instance gave a value"), "value", "no instance gave a"),
        (Estimate(0.3, n=50), "ci_low", "the figure has no ci_low"),
        (Estimate(0.3, n=50, reason="one seed"), "ci_high", "one seed"),
        (Estimate(0.3, n=29), "value", "rests on 29 instances, and needs at least 30"),
        (Estimate(0.1, n=29), "value", "rests on 29 instances, and needs at least 30"),
    ],
)
def test_what_cannot_be_judged_is_inconclusive(
    figure: Estimate | None, on: str, reason: str
) -> None:
    rule = Rule.model_validate({"id": "a", "metric": TAU, "min": 0.2, "on": on})
    gate = judge(rule, figure)
    assert gate.status == "inconclusive"
    assert gate.reason.startswith(reason)


def test_thirty_instances_are_enough_for_a_mean() -> None:
    assert judge(Rule(id="a", metric=TAU, min=0.2), Estimate(0.3, n=30)).status == "pass"


def test_reports_and_summaries_are_judged_alike(summary: Summary, report: Report) -> None:
    rules = [(Rule(id=name, metric=name, max=0.2), 1) for name in summary.metrics]
    assert evaluate(Policy(rules), summary.metrics) == evaluate(Policy(rules), report.metrics)


@pytest.mark.parametrize(
    ("chosen", "lax", "strict"),
    [([], 0, 0), ([0], 0, 0), ([0, 1], 1, 1), ([0, 2], 0, 1), ([2], 0, 1), ([1, 2], 1, 1)],
)
def test_exit_codes(gates: list[Gate], chosen: list[int], lax: int, strict: int) -> None:
    some = [gates[i] for i in chosen]  # 0 passed, 1 failed, 2 inconclusive
    assert exit_code(some, strict=False) == lax
    assert exit_code(some, strict=True) == strict
