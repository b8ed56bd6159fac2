"""Policies: gates that a report must pass, read from YAML and compared with it.

A gate bounds a metric (`metric`, with `min` or `max`, on the figure or on an end of its interval),
or names what a finding may say (`finding`, `in`). A waiver excuses a gate that does not pass, for a
stated reason and through a stated day.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from attnaudit.config import Document, Settings, read_document
from attnaudit.errors import InputError, did_you_mean
from attnaudit.execution.files import sha256_file
from attnaudit.findings.finding import Finding, FindingName, FindingStatus
from attnaudit.measures.summary import Estimate
from attnaudit.records.metric import MetricSpec
from attnaudit.records.schema import Number
from attnaudit.report.gates import NOT_HERE, NOT_MEASURED, is_baseline
from attnaudit.report.ranges import cut, range_words
from attnaudit.report.registry import require
from attnaudit.report.schema import Bound, Gate, GateStatus, Metric, Waiver

_OPEN: tuple[FindingStatus, ...] = ("inconclusive", "not_assessable", "not_assessed")


class MetricRule(Settings):
    """One gate: `metric` (or an end of its interval) must lie within [`min`, `max`]."""

    id: str = Field(min_length=1)
    metric: str
    min: Number | None = None
    max: Number | None = None
    on: Bound = "value"
    rationale: str | None = None


class FindingRule(Settings):
    """One gate: `finding` must have one of the statuses in `in`, unless given only `for`."""

    id: str = Field(min_length=1)
    finding: FindingName
    statuses: list[FindingStatus] = Field(default=["for"], alias="in", min_length=1)
    rationale: str | None = None


Rule = MetricRule | FindingRule


def _day(text: object) -> datetime.date:
    """A day as it is written in files; pydantic alone would take times and numbers too."""
    if isinstance(text, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError(f"should be a day in the form YYYY-MM-DD, not {text!r:.60}")


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("a waiver needs a reason")
    return text


class WaiverRule(Settings):
    """`gate` is put up with through the day `expires`, for `reason`."""

    gate: str
    reason: Annotated[str, AfterValidator(_said)]
    expires: Annotated[datetime.date, BeforeValidator(_day)]


class _PolicyFile(Settings):
    gates: list[dict[str, JsonValue]] = Field(min_length=1)
    waivers: list[WaiverRule] = Field(default=[])


@dataclass(frozen=True)
class Policy:
    """The rules of a policy file, each with the line on which it stands, and its waivers.

    `sha256` is of the file; None for a policy of no file.
    """

    path: Path
    rules: Sequence[tuple[Rule, int | None]]
    waivers: Sequence[WaiverRule] = ()
    sha256: str | None = None


def load_policy(path: Path) -> Policy:
    """Read a policy from YAML.

    Raises:
        InputError: A key, a metric or a finding is unknown, an id stands twice, a bound is missing,
            not finite, the wrong way round, out of the metric's range or such that nothing can
            fail, or a waiver is of no gate, without a reason or without a date; with its line.
    """
    document, digest = read_document(path), sha256_file(path)
    file = document.parse(_PolicyFile)
    rules: list[tuple[Rule, int | None]] = []
    seen: dict[str, int | None] = {}
    for i, gate in enumerate(file.gates):
        rule = _read_rule(gate, i, document)
        line = document.line(("gates", i, "id"))
        _check_name(rule.id, line, seen, path)
        seen[rule.id] = line
        rules.append((rule, document.line(("gates", i))))
    _check_waivers(file.waivers, seen, document)
    return Policy(path, rules, file.waivers, digest)


def _read_rule(gate: Mapping[str, JsonValue], i: int, document: Document) -> Rule:
    line = document.line(("gates", i))
    if "metric" in gate and "finding" in gate:
        raise InputError(
            "a gate tests a metric or a finding, not both",
            where=document.path,
            line=line,
            hint="write two gates",
        )
    if "metric" not in gate and ("finding" in gate or "in" in gate):
        return document.parse(FindingRule, ("gates", i))
    rule = document.parse(MetricRule, ("gates", i))
    _check_bounds(rule, i, document)
    return rule


def _check_bounds(rule: MetricRule, i: int, document: Document) -> None:
    path = document.path
    spec = require(rule.metric, path, document.line(("gates", i, "metric")))
    for name, bound in (("min", rule.min), ("max", rule.max)):
        if bound is not None and bound != cut(bound, spec):
            raise InputError(
                f"{name} {bound:g} is outside the range of {rule.metric}, which is "
                f"{range_words(spec)}",
                where=path,
                line=document.line(("gates", i, name)),
                hint="fractions are not percentages" if spec.unit == "fraction" else None,
            )
    line = document.line(("gates", i))
    if rule.min is None and rule.max is None:
        raise InputError(
            f"the gate {rule.id!r} has no limit", where=path, line=line, hint="give min or max"
        )
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        raise InputError(
            f"the gate {rule.id!r} can never pass: min {rule.min:g} is above max {rule.max:g}",
            where=path,
            line=line,
        )
    if not _can_fail(rule, spec):
        raise InputError(
            f"the gate {rule.id!r} can never fail: {rule.metric} is always {range_words(spec)}",
            where=path,
            line=line,
            hint="give a limit within that range",
        )


def _can_fail(rule: MetricRule, spec: MetricSpec) -> bool:
    """Whether any value of the range is outside the bounds."""
    low, high = spec.range
    below = rule.min is not None and (low is None or rule.min > low)
    above = rule.max is not None and (high is None or rule.max < high)
    return below or above


def _check_name(name: str, line: int | None, seen: Mapping[str, int | None], path: Path) -> None:
    if is_baseline(name):
        raise InputError(
            f"the gate id {name!r} is reserved for the gates of --baseline", where=path, line=line
        )
    if name in seen:
        raise InputError(
            f"the gate id {name!r} occurs twice",
            where=path,
            line=line,
            hint=f"first on line {seen[name]}",
        )


def _check_waivers(
    waivers: Sequence[WaiverRule], gates: Mapping[str, int | None], document: Document
) -> None:
    first: dict[str, int | None] = {}
    for i, waiver in enumerate(waivers):
        line = document.line(("waivers", i, "gate"))
        if waiver.gate.startswith("baseline:"):
            require(waiver.gate.removeprefix("baseline:"), document.path, line)
        elif waiver.gate not in gates:
            raise InputError(
                f"a waiver of the gate {waiver.gate!r}, which this policy does not contain",
                where=document.path,
                line=line,
                hint=did_you_mean(waiver.gate, gates),
            )
        if waiver.gate in first:
            raise InputError(
                f"the gate {waiver.gate!r} has two waivers",
                where=document.path,
                line=line,
                hint=f"first on line {first[waiver.gate]}",
            )
        first[waiver.gate] = line


def evaluate(
    policy: Policy,
    metrics: Mapping[str, Metric] | Mapping[str, Estimate],
    findings: Mapping[FindingName, Finding],
    today: datetime.date,
) -> list[Gate]:
    """Hold each rule against the metrics and findings of one report, as of `today`.

    A gate is inconclusive, never passed, where its metric is not in the report, has no value (or
    no interval, if the gate is on one) or rests on fewer instances than the registry asks for; and
    where its finding is open (inconclusive, not assessable, not assessed) and the rule does not
    name that status. Waivers are then applied: see `excuse`.
    """
    gates = []
    for rule, line in policy.rules:
        judged = (
            _judge_finding(rule, findings.get(rule.finding))
            if isinstance(rule, FindingRule)
            else _judge_metric(rule, metrics.get(rule.metric))
        )
        shared = {"rationale": rule.rationale, "file": str(policy.path), "line": line}
        gates.append(Gate.model_validate({"id": rule.id, **judged, **shared}))
    return excuse(gates, policy, today)


def excuse(gates: Sequence[Gate], policy: Policy, today: datetime.date) -> list[Gate]:
    """The gates with the waivers of `policy`: those in force excuse what does not pass.

    A waiver holds through the day it names. One that has expired is shown with its gate, whose
    status it leaves as it is.
    """
    waivers = {waiver.gate: waiver for waiver in policy.waivers}
    excused = []
    for gate in gates:
        waiver = waivers.get(gate.id)
        if waiver is not None:
            expired = today > waiver.expires
            status: GateStatus = gate.status if expired or gate.status == "pass" else "waived"
            shown = Waiver(
                reason=waiver.reason, expires=waiver.expires.isoformat(), expired=expired
            )
            gate = gate.model_copy(update={"status": status, "waiver": shown})
        excused.append(gate)
    return excused


def _judge_metric(rule: MetricRule, figure: Metric | Estimate | None) -> dict[str, Any]:
    value = None if figure is None else getattr(figure, rule.on)
    status, reason = _verdict(rule, figure, value)
    bounds = {"on": rule.on, "min": rule.min, "max": rule.max}
    return {"metric": rule.metric, **bounds, "status": status, "value": value, "reason": reason}


def _verdict(
    rule: MetricRule, figure: Metric | Estimate | None, value: float | None
) -> tuple[GateStatus, str]:
    least = require(rule.metric).least_n
    if figure is None:
        return "inconclusive", NOT_MEASURED
    if value is None:
        return "inconclusive", figure.reason or f"the figure has no {rule.on}"
    if figure.n < least:
        return "inconclusive", f"rests on {figure.n} texts, but needs at least {least}"
    if rule.min is not None and value < rule.min:
        return "fail", f"below the smallest allowed value, {rule.min:g}"
    if rule.max is not None and value > rule.max:
        return "fail", f"above the largest allowed value, {rule.max:g}"
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("at least", rule.min), ("at most", rule.max))
        if bound is not None
    ]
    return "pass", " and ".join(bounds)


def _judge_finding(rule: FindingRule, finding: Finding | None) -> dict[str, Any]:
    status: GateStatus
    if finding is None:
        status, reason = "inconclusive", NOT_HERE
    else:
        status = "inconclusive" if finding.status in _OPEN else "fail"
        if finding.status in rule.statuses:
            status = "pass"
        reason = f"{finding.status.replace('_', ' ')}: {finding.reason}"
        if finding.edition == 1:
            reason += "; by the rules of an older version"
    return {
        "finding": rule.finding,
        "in": list(rule.statuses),
        "status": status,
        "reason": reason,
    }
