"""Policies: gates that a report must pass, read from YAML and held against its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from attnaudit.config import Document, Settings, read_document
from attnaudit.errors import InputError
from attnaudit.measures.summary import Estimate
from attnaudit.report.metrics.spec import MetricSpec
from attnaudit.report.registry import require
from attnaudit.report.schema import Bound, Gate, GateStatus, Metric, Number


class Rule(Settings):
    """One gate: `metric` (or an end of its interval) must lie within [`min`, `max`]."""

    id: str = Field(min_length=1)
    metric: str
    min: Number | None = None
    max: Number | None = None
    on: Bound = "value"
    rationale: str | None = None


class _PolicyFile(Settings):
    gates: list[Rule] = Field(min_length=1)


@dataclass(frozen=True)
class Policy:
    """The rules of a policy file, each with the line on which it stands."""

    rules: Sequence[tuple[Rule, int | None]]


def load_policy(path: Path) -> Policy:
    """Read a policy from YAML.

    Raises:
        InputError: A key or a metric is unknown, an id stands twice, or a bound is missing, not
            finite, the wrong way round or out of the metric's range; with its line.
    """
    document = read_document(path)
    _spell_on(document)
    rules = document.parse(_PolicyFile).gates
    seen: dict[str, int | None] = {}
    for i, rule in enumerate(rules):
        _check_rule(rule, i, document)
        line = document.line(("gates", i, "id"))
        if rule.id in seen:
            raise InputError(
                f"the gate id {rule.id!r} stands twice",
                where=path,
                line=line,
                hint=f"first on line {seen[rule.id]}",
            )
        seen[rule.id] = line
    return Policy([(rule, document.line(("gates", i))) for i, rule in enumerate(rules)])


def _spell_on(document: Document) -> None:
    """Undo YAML 1.1's reading of the bare key `on` as true."""
    gates = document.mapping.get("gates")
    for i, gate in enumerate(gates if isinstance(gates, list) else []):
        if isinstance(gate, dict) and True in gate and ("gates", i, "on") in document.lines:
            gate["on"] = gate.pop(True)


def _check_rule(rule: Rule, i: int, document: Document) -> None:
    path = document.path
    spec = require(rule.metric, path, document.line(("gates", i, "metric")))
    for name, bound in (("min", rule.min), ("max", rule.max)):
        if bound is not None and not _possible(bound, spec):
            raise InputError(
                f"{name} {bound:g} lies outside what {rule.metric} can be, {_range(spec)}",
                where=path,
                line=document.line(("gates", i, name)),
                hint="fractions are not percentages" if spec.unit == "fraction" else None,
            )
    line = document.line(("gates", i))
    if rule.min is None and rule.max is None:
        raise InputError(
            f"the gate {rule.id!r} bounds nothing", where=path, line=line, hint="give min or max"
        )
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        raise InputError(
            f"the gate {rule.id!r} can never pass: min {rule.min:g} is above max {rule.max:g}",
            where=path,
            line=line,
        )


def _possible(bound: float, spec: MetricSpec) -> bool:
    low, high = spec.range
    return (low is None or bound >= low) and (high is None or bound <= high)


def _range(spec: MetricSpec) -> str:
    low, high = spec.range
    if low is None or high is None:
        return f"at least {low:g}" if low is not None else f"at most {high:g}"
    return f"from {low:g} to {high:g}"


def evaluate(policy: Policy, metrics: Mapping[str, Metric] | Mapping[str, Estimate]) -> list[Gate]:
    """Hold each rule against the metrics of one report.

    A gate is inconclusive, never passed, where its metric is not in the report, has no value (or
    no interval, if the gate is on one) or rests on fewer instances than the registry asks for.
    """
    return [_judge(rule, line, metrics.get(rule.metric)) for rule, line in policy.rules]


def _judge(rule: Rule, line: int | None, figure: Metric | Estimate | None) -> Gate:
    value = None if figure is None else getattr(figure, rule.on)
    status, reason = _verdict(rule, figure, value)
    return Gate(
        id=rule.id,
        status=status,
        metric=rule.metric,
        on=rule.on,
        min=rule.min,
        max=rule.max,
        value=value,
        reason=reason,
        rationale=rule.rationale,
        line=line,
    )


def _verdict(
    rule: Rule, figure: Metric | Estimate | None, value: float | None
) -> tuple[GateStatus, str]:
    least = require(rule.metric).least_n
    if figure is None:
        return "inconclusive", "not measured in this report"
    if value is None:
        return "inconclusive", figure.reason or f"the figure has no {rule.on}"
    if figure.n < least:
        return "inconclusive", f"rests on {figure.n} instances, and needs at least {least}"
    if rule.min is not None and value < rule.min:
        return "fail", f"below the least allowed, {rule.min:g}"
    if rule.max is not None and value > rule.max:
        return "fail", f"above the most allowed, {rule.max:g}"
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("at least", rule.min), ("at most", rule.max))
        if bound is not None
    ]
    return "pass", " and ".join(bounds)


def exit_code(gates: Sequence[Gate], strict: bool) -> int:
    """1 if a gate failed, or, when `strict`, was inconclusive; else 0."""
    bad = {"fail", "inconclusive"} if strict else {"fail"}
    return int(any(gate.status in bad for gate in gates))
