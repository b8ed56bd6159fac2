from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.records.schema import Header
from attnaudit.report.build import build_report
from attnaudit.report.schema import Gate, Report, TableData, Waiver

EVIL = (
    "<script>alert(1)</script> \x1b[31m \x00 a|b `c` ``` ]]> %0A ::error::x ##[error]y @org/team "
    "[l](http://x.y) ![i](z) $m$ &amp; www.x.y *b* _u_ ~~s~~ \\| \r\n# h\u2028\ud800\uffff\x7f é😀"
)
EVILS = (
    *EVIL.split(" "),
    EVIL,
    "- x",
    "1. x",
    "+ x",
    "# x",
    "    x",
    "===",
    "---",
    ">q",
    "\\",
    "|",
    "a\\|b",
    "`",
    "``x",
    "<b",
    "&lt;",
    "",
)


@pytest.fixture
def summary() -> Summary:
    return Summary(
        metrics={
            "model.accuracy": Estimate(0.823, 0.805, 0.841, n=1725),
            "correlate.gradient.tau.mean": Estimate(0.351, 0.341, 0.361, n=1720, undefined=5),
            "correlate.random.tau.mean": Estimate(-0.002, -0.01, 0.008, n=1725),
            "correlate.gradient~random.tau.mean": Estimate(
                None, undefined=1725, reason="no text gave a value"
            ),
            "correlate.integrated_gradients.completeness_error.mean": Estimate(3e-5, n=1725),
        },
        tables={
            "agreement": Table(
                "Agreement with attention",
                ["importance", "tau", "low", "high", "instances"],
                [["gradient", 0.351, 0.341, 0.361, 1720], ["random", -0.002, None, None, 1725]],
                ["Over words."],
            )
        },
        notes=["Gradients are taken at the word embeddings."],
    )


class MakeReport(Protocol):
    def __call__(self, summary: Summary, gates: Sequence[Gate] = ()) -> Report: ...


@pytest.fixture
def make_report(header: Header) -> MakeReport:
    def make(summary: Summary, gates: Sequence[Gate] = ()) -> Report:
        return build_report(
            header.audit,
            summary,
            model=header.model,
            dataset=header.dataset,
            settings=header.settings,
            manifest=header.manifest,
            gates=gates,
        )

    return make


@pytest.fixture
def gates() -> list[Gate]:
    return [
        Gate(
            id=status,
            status=status,
            metric="correlate.gradient.tau.mean",
            on="ci_low",
            min=0.2,
            max=None,
            value=None if status == "inconclusive" else 0.341,
            reason="for the test",
            rationale="as agreed" if status == "fail" else None,
            line=3,
        )
        for status in ("pass", "fail", "inconclusive")
    ]


@pytest.fixture
def report(make_report: MakeReport, summary: Summary, gates: list[Gate]) -> Report:
    return make_report(summary, gates)


@pytest.fixture
def verdicts() -> list[Gate]:
    """A gate of every kind: passed, failed, inconclusive, waived, expired, and of a baseline."""
    shared = {"file": "policy.yaml", "metric": "model.f1", "on": "ci_low", "min": 0.8}
    known = Waiver(reason="known, see 12", expires="2026-12-31", expired=False)
    old = Waiver(reason="was known", expires="2026-01-31", expired=True)
    finding = {"finding": "necessary", "in": ["for"], "file": "policy.yaml", "line": 17}
    return [
        Gate.model_validate(content)
        for content in (
            {"id": "good", "status": "pass", "value": 0.9, "reason": "at least 0.8", "line": 2}
            | shared,
            {"id": "bad", "status": "fail", "value": 0.7, "reason": "below 0.8", "line": 7}
            | {"rationale": "as agreed"}
            | shared,
            {"id": "open", "status": "inconclusive", "reason": "not assessed: run it"} | finding,
            {"id": "known", "status": "waived", "value": 0.7, "reason": "below", "line": 9}
            | {"waiver": known}
            | shared,
            {"id": "old", "status": "fail", "value": 0.7, "reason": "below", "line": 12}
            | {"waiver": old}
            | shared,
            {"id": "early", "status": "pass", "value": 0.9, "reason": "at least", "line": 15}
            | {"waiver": known}
            | shared,
            {"id": "baseline:model.f1", "status": "fail", "metric": "model.f1", "on": "value"}
            | {"value": 0.7, "reason": "worse than the baseline's 0.8"},
        )
    ]


def poisoned(report: Report, evil: str) -> Report:
    """The report with `evil` wherever a text from a file may stand."""
    gate = Gate.model_validate(
        {
            "id": evil,
            "status": "fail",
            "finding": "necessary",
            "in": ["for"],
            "reason": evil,
            "rationale": evil,
            "waiver": Waiver(reason=evil, expires=evil, expired=True),
            "file": evil,
            "line": 3,
        }
    )
    others = [
        gate.model_copy(update={"status": status, "metric": evil, "finding": None, "on": "value"})
        for status in ("pass", "inconclusive", "waived")
    ]
    table = {
        "title": evil,
        "columns": [evil, "value", "low", "high"],
        "rows": [[evil, 1.0, 0.5, 1.5]],
        "notes": [evil, evil],
    }
    missing = report.metrics["model.accuracy"].model_copy(update={"value": None, "reason": evil})
    necessary = report.findings["necessary"].model_copy(
        update={"status": "for", "reason": evil, "scope": evil, "statistic": 0.1}
    )
    return report.model_copy(
        update={
            "audit": evil,
            "model": report.model.model_copy(update={"name": evil, "sha256": evil}),
            "dataset": report.dataset.model_copy(update={"name": evil, "skipped": {evil: 1}}),
            "settings": {evil: [evil]},
            "metrics": {**report.metrics, evil: missing},
            "tables": {
                evil: TableData.model_validate(table),
                "folded": TableData.model_validate({**table, "detail": True}),
            },
            "findings": {**report.findings, "necessary": necessary},
            "gates": [gate, *others],
            "notes": [evil],
        }
    )


@pytest.fixture(params=EVILS, ids=range(len(EVILS)))
def evil(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


@pytest.fixture
def evil_report(report: Report, evil: str) -> Report:
    return poisoned(report, evil)
