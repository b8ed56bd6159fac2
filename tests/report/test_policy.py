from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import get_args

import pytest

from attnaudit.errors import InputError
from attnaudit.findings.finding import Finding, FindingStatus
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.report.gates import exit_code
from attnaudit.report.policy import (
    FindingRule,
    MetricRule,
    Policy,
    WaiverRule,
    evaluate,
    load_policy,
)
from attnaudit.report.schema import Gate, Report

TAU = "correlate.gradient.tau.mean"
PATH, TODAY = Path("p.yaml"), date(2026, 3, 4)
ACCURATE = "gates:\n- {id: a, metric: model.accuracy, min: 0.8}\n"
WAIVER = "- gate: a\n  reason: known\n  expires: 2026-03-04\n"


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
            MetricRule(
                id="agrees",
                metric=TAU,
                min=0.2,
                max=1.0,
                on="ci_low",
                rationale="the reviewer asks",
            ),
            2,
        ),
        (MetricRule(id="accurate", metric="model.accuracy", min=0.8), 8),
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
        (f"gates:\n- id: a\n  metric: {TAU}", ":2: the gate 'a' has no limit; give min or max"),
        (
            f"gates:\n- id: a\n  metric: {TAU}\n  min: .5\n  max: .4",
            ":2: the gate 'a' can never pass: min 0.5 is above max 0.4",
        ),
        (
            f"gates:\n- {{id: a, metric: {TAU}, min: 0}}\n- metric: {TAU}\n  id: a\n  min: 0",
            ":4: the gate id 'a' occurs twice; first on line 2",
        ),
        (
            "gates:\n- id: a\n  metric: model.f1\n  min: 80",
            ":4: min 80 is outside the range of model.f1, which is from 0 to 1; fractions are "
            "not percentages",
        ),
        (
            f"gates:\n- id: a\n  metric: {TAU}\n  max: -1.5",
            f":4: max -1.5 is outside the range of {TAU}, which is from -1 to 1",
        ),
        (
            "gates:\n- id: a\n  metric: correlate.random.tau.std\n  max: -1",
            ":4: max -1 is outside the range of correlate.random.tau.std, which is at least 0",
        ),
        (f"gates:\n- id: a\n  metric: {TAU}\n  min: .nan", ":4: "),
        (f"gates:\n- id: a\n  metric: {TAU}\n  min: 0\n  max: .inf", ":5: "),
        (f"gates:\n- id: a\n  metric: {TAU}\n  min: '0'", ":4: "),
        (f"gates:\n- id: a\n  metric: {TAU}\n  min: 0\n  on: mean", ":5: "),
        (f"gates:\n- id: ''\n  metric: {TAU}\n  min: 0", ":2: "),
        (f"gates:\n- metric: {TAU}\n  min: 0", ":2: the key 'gates.0.id' is missing"),
        ("gates:\n- id: a\n  min: 0", ":2: the key 'gates.0.metric' is missing"),
        (
            f"gates:\n- id: a\n  metric: {TAU}\n  finding: necessary\n  min: 0",
            ":2: a gate tests a metric or a finding, not both; write two gates",
        ),
        (
            "gates:\n- id: a\n  finding: necesary",
            ":3: gates.0.finding: should be 'necessary', 'stable', 'hard_to_manipulate' or"
            " 'out_of_context'",
        ),
        (
            "gates:\n- id: a\n  findng: necessary\n  in: [for]",
            ":3: unknown key 'gates.0.findng'; did you mean 'finding'?",
        ),
        (
            "gates:\n- id: a\n  finding: necessary\n  inn: [for]",
            ":4: unknown key 'gates.0.inn'; did you mean 'in'?",
        ),
        (
            "gates:\n- id: a\n  finding: necessary\n  statuses: [for]",
            ":4: unknown key 'gates.0.statuses'",
        ),
        ("gates:\n- id: a\n  finding: necessary\n  in: for", ":4: gates.0.in: should be a list"),
        ("gates:\n- id: a\n  finding: necessary\n  in: []", ":4: gates.0.in: "),
        ("gates:\n- id: a\n  finding: necessary\n  in:\n  - for\n  - yes", ":6: gates.0.in.1: "),
        ("gates:\n- id: a\n  finding: necessary\n  min: 0", ":4: unknown key 'gates.0.min'"),
        (
            f"gates:\n- id: baseline\n  metric: {TAU}\n  min: 0",
            ":2: the gate id 'baseline' is reserved for the gates of --baseline",
        ),
        (f"gates:\n- id: 'baseline:x'\n  metric: {TAU}\n  min: 0", ":2: the gate id 'baseline:x'"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    path = policy(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_policy(path)
    assert str(caught.value).startswith(f"{path}{message}")


def judge(rule: MetricRule, figure: Estimate | None) -> Gate:
    metrics = {} if figure is None else {rule.metric: figure}
    [gate] = evaluate(Policy(PATH, [(rule, 4)]), metrics, {}, TODAY)
    assert gate.reason
    assert (gate.id, gate.metric, gate.on, gate.line) == (rule.id, rule.metric, rule.on, 4)
    assert (gate.file, gate.finding, gate.waiver) == ("p.yaml", None, None)
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
    rule = MetricRule.model_validate({"id": "a", "metric": TAU, "min": low, "max": high, "on": on})
    # Everything but what the gate is on lies where the verdict would be the other one.
    other = 0.25 if status == "fail" and low is None else (0.9 if status == "pass" else 0.305)
    shown = dict.fromkeys(("value", "ci_low", "ci_high"), other) | {on: 0.3}
    gate = judge(rule, Estimate(**shown, n=1000))
    assert (gate.status, gate.value) == (status, 0.3)


@pytest.mark.parametrize(
    ("figure", "on", "reason"),
    [
        (None, "value", "not measured in this report"),
        (Estimate(None, n=50, reason="no text gave a value"), "value", "no text gave a"),
        (Estimate(0.3, n=50), "ci_low", "the figure has no ci_low"),
        (Estimate(0.3, n=50, reason="one seed"), "ci_high", "one seed"),
        (Estimate(0.3, n=29), "value", "rests on 29 texts, but needs at least 30"),
        (Estimate(0.1, n=29), "value", "rests on 29 texts, but needs at least 30"),
    ],
)
def test_what_cannot_be_judged_is_inconclusive(
    figure: Estimate | None, on: str, reason: str
) -> None:
    rule = MetricRule.model_validate({"id": "a", "metric": TAU, "min": 0.2, "on": on})
    gate = judge(rule, figure)
    assert gate.status == "inconclusive"
    assert gate.reason.startswith(reason)


def test_thirty_instances_are_enough_for_a_mean() -> None:
    assert judge(MetricRule(id="a", metric=TAU, min=0.2), Estimate(0.3, n=30)).status == "pass"


def test_reports_and_summaries_are_judged_alike(summary: Summary, report: Report) -> None:
    rules = [(MetricRule(id=name, metric=name, max=0.2), 1) for name in summary.metrics]
    policy = Policy(PATH, rules)
    assert evaluate(policy, summary.metrics, {}, TODAY) == evaluate(
        policy, report.metrics, {}, TODAY
    )


@pytest.mark.parametrize(
    ("chosen", "lax", "strict"),
    [([], 0, 0), ([0], 0, 0), ([0, 1], 1, 1), ([0, 2], 0, 1), ([2], 0, 1), ([1, 2], 1, 1)],
)
def test_exit_codes(gates: list[Gate], chosen: list[int], lax: int, strict: int) -> None:
    some = [gates[i] for i in chosen]  # 0 passed, 1 failed, 2 inconclusive
    assert exit_code(some, strict=False) == lax
    assert exit_code(some, strict=True) == strict


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("gate: a", "gate: b"),
            ":4: a waiver of the gate 'b', which this policy does not contain",
        ),
        (("gate: a", "gate: baseline"), ":4: a waiver of the gate 'baseline', which"),
        (
            ("gate: a", "gate: baseline:model.acuracy"),
            ":4: unknown metric 'model.acuracy'; did you mean 'model.accuracy'?",
        ),
        (("  reason: known\n", ""), ":4: the key 'waivers.0.reason' is missing"),
        (("reason: known", "reason:"), ":5: waivers.0.reason: should be a valid string, not None"),
        (("reason: known", "reason: ' '"), ":5: waivers.0.reason: a waiver needs a reason"),
        (("reason", "raeson"), ":5: unknown key 'waivers.0.raeson'; did you mean 'reason'?"),
        (("  expires: 2026-03-04\n", ""), ":4: the key 'waivers.0.expires' is missing"),
        (
            ("2026-03-04", "2026-02-29"),
            ":6: waivers.0.expires: should be a day in the form YYYY-MM-DD",
        ),
        (
            ("2026-03-04", "2026-3-4"),
            ":6: waivers.0.expires: should be a day in the form YYYY-MM-DD",
        ),
        (("2026-03-04", "never"), ":6: waivers.0.expires: should be a day in the form YYYY-MM-DD"),
        (("2026-03-04", "2026-03-04T10:00:00"), ":6: waivers.0.expires: should be a day"),
        (("2026-03-04", "20260304"), ":6: waivers.0.expires: should be a day"),
        (("2026-03-04\n", f"2026-03-04\n{WAIVER}"), ":7: the gate 'a' has two waivers; first on"),
        ((WAIVER, "- 3\n"), ":4: "),
    ],
)
def test_mistakes_in_waivers(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in WAIVER
    path = policy(tmp_path, f"{ACCURATE}waivers:\n{WAIVER.replace(*change, 1)}")
    with pytest.raises(InputError) as caught:
        load_policy(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_waivers_are_read_with_quotes_or_without(tmp_path: Path) -> None:
    for text in (WAIVER, WAIVER.replace("2026-03-04", "'2026-03-04'")):
        read = load_policy(policy(tmp_path, f"{ACCURATE}waivers:\n{text}"))
        assert read.waivers == [WaiverRule(gate="a", reason="known", expires="2026-03-04")]  # type: ignore[arg-type]
    other = WAIVER.replace("gate: a", "gate: baseline:model.f1")
    assert load_policy(policy(tmp_path, f"{ACCURATE}waivers:\n{other}")).waivers


@pytest.mark.parametrize("allowed", [None, ["for"], ["for", "not_assessed"], ["against"]])
@pytest.mark.parametrize("status", [*get_args(FindingStatus), None])
def test_gates_on_findings(allowed: list[str] | None, status: FindingStatus | None) -> None:
    given = {} if allowed is None else {"in": allowed}
    rule = FindingRule.model_validate({"id": "n", "finding": "necessary", **given})
    found = {} if status is None else {"necessary": Finding(status=status, reason="because")}
    [gate] = evaluate(Policy(PATH, [(rule, 4)]), {}, found, TODAY)  # type: ignore[arg-type]
    expected = "inconclusive"
    if status in (allowed or ["for"]):
        expected = "pass"
    elif status in ("for", "against"):
        expected = "fail"
    assert gate.status == expected
    assert (gate.finding, gate.statuses) == ("necessary", allowed or ["for"])
    assert (gate.metric, gate.on, gate.value) == (None, None, None)
    if status is not None:
        assert gate.reason == f"{status.replace('_', ' ')}: because"


def waived(value: float | None, days: int) -> Gate:
    """A gate at .8 with a waiver, judged so many days after the waiver's last day."""
    waiver = WaiverRule(gate="a", reason="known", expires="2026-03-04")  # type: ignore[arg-type]
    rule = MetricRule(id="a", metric="model.accuracy", min=0.8)
    held = Policy(PATH, [(rule, 2)], [waiver])
    today = date(2026, 3, 4) + timedelta(days=days)
    [gate] = evaluate(held, {"model.accuracy": Estimate(value, n=100)}, {}, today)
    assert gate.waiver is not None
    assert (gate.waiver.reason, gate.waiver.expires) == ("known", "2026-03-04")
    return gate


@pytest.mark.parametrize("days", [-400, -1, 0])
def test_a_waiver_holds_through_its_last_day(days: int) -> None:
    for value in (0.7, None):
        gate = waived(value, days)
        assert gate.status == "waived"
        assert gate.waiver is not None
        assert not gate.waiver.expired
        assert exit_code([gate], strict=True) == 0
    assert waived(0.7, days).reason == "below the smallest allowed value, 0.8"
    assert waived(0.9, days).status == "pass"


@pytest.mark.parametrize("days", [1, 400])
def test_an_expired_waiver_excuses_nothing_and_is_shown(days: int) -> None:
    for value, status in ((0.7, "fail"), (None, "inconclusive"), (0.9, "pass")):
        gate = waived(value, days)
        assert gate.status == status
        assert gate.waiver is not None
        assert gate.waiver.expired
    assert exit_code([waived(0.7, days)], strict=False) == 1
