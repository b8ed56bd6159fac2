"""Gates in words: what every output format says of them."""

from __future__ import annotations

from collections.abc import Sequence

from attnaudit.questions import all_questions
from attnaudit.report.schema import Gate, GateStatus

INCONCLUSIVE, MISSING = "gates inconclusive", "gates without a figure"
NOT_MEASURED, NOT_HERE = "not measured in this report", "not in this report"

_COUNTED: dict[GateStatus, str] = {
    "pass": "passed",
    "fail": "failed",
    "inconclusive": "inconclusive",
    "waived": "waived",
}


def is_baseline(gate_id: str) -> bool:
    """Whether a gate of this name comes from the comparison with an older report."""
    return gate_id == "baseline" or gate_id.startswith("baseline:")


def counts(gates: Sequence[Gate]) -> str:
    """How many gates stand how: `1 passed, 0 failed, 0 inconclusive`, and `1 waived` if so."""
    numbers = {status: sum(gate.status == status for gate in gates) for status in _COUNTED}
    if not numbers["waived"]:
        del numbers["waived"]
    return ", ".join(f"{n} {_COUNTED[status]}" for status, n in numbers.items())


def open_gates(gates: Sequence[Gate]) -> dict[str, list[Gate]]:
    """The inconclusive gates: those whose figure is missing, and those that it does not decide."""
    found: dict[str, list[Gate]] = {MISSING: [], INCONCLUSIVE: []}
    for gate in gates:
        if gate.status == "inconclusive":
            missing = gate.reason in (NOT_MEASURED, NOT_HERE)
            missing |= gate.finding is not None and gate.reason.startswith("not assessed:")
            found[MISSING if missing else INCONCLUSIVE].append(gate)
    return found


def describes_only(metric: str) -> bool:
    """Whether a figure is of a question that decides no finding, as those that train no models."""
    return any(
        spec.matches(metric)
        for question in all_questions()
        if not question.feeds_findings
        for spec in question.metrics
    )


def described(gate: Gate) -> str:
    """What was compared with what: `model.f1 ci_low 0.71, below the least allowed, 0.8`.

    Of a figure that decides no finding it says so: a gate may hold it all the same.
    """
    if gate.finding is not None:
        return f"finding {gate.finding.replace('_', ' ')}, {gate.reason}"
    if gate.metric is None:
        return gate.reason
    end = "" if gate.on in (None, "value") else f" {gate.on}"
    found = "" if gate.value is None else f" {gate.value:.6g}"
    remark = " (this figure decides no finding)" if describes_only(gate.metric) else ""
    return f"{gate.metric}{end}{found}, {gate.reason}{remark}"


def waiver_words(gate: Gate) -> str | None:
    """What there is to say of the gate's waiver, or None where it has none."""
    waiver = gate.waiver
    if waiver is None:
        return None
    if waiver.expired:
        return f"its waiver expired on {waiver.expires} and is ignored: {waiver.reason}"
    if gate.status == "waived":
        return f"waived through {waiver.expires}: {waiver.reason}"
    return f"passes without its waiver (through {waiver.expires}): {waiver.reason}"


def said(gate: Gate) -> list[str]:
    """All there is to say of a gate, a line each: what was found, the waiver, the rationale."""
    words = waiver_words(gate)
    because = None if not gate.rationale else f"because {gate.rationale}"
    return [line for line in (described(gate), words, because) if line]


def place(gate: Gate) -> str | None:
    """Where the gate stands: `policy.yaml:7`, or None for one that no file holds."""
    if gate.file is None:
        return None
    return gate.file if gate.line is None else f"{gate.file}:{gate.line}"


def counts_as_failure(gate: Gate, strict: bool) -> bool:
    """Whether the gate fails the run; `strict` does not put up with inconclusive ones."""
    return gate.status == "fail" or (strict and gate.status == "inconclusive")


def exit_code(gates: Sequence[Gate], strict: bool) -> int:
    """1 if a gate failed, or, when `strict`, was inconclusive; else 0. No waived gate counts."""
    return int(any(counts_as_failure(gate, strict) for gate in gates))
