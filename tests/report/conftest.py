from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Protocol

import pytest

from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.report.build import build_report
from attnaudit.report.manifest import collect
from attnaudit.report.records import Header
from attnaudit.report.schema import DatasetFacts, Gate, Manifest, ModelFacts, Report


@pytest.fixture
def manifest() -> Manifest:
    return collect(
        command_line=["attnaudit", "correlate", "model.pt", "test.jsonl"],
        settings={"seed": 0, "target": "predicted"},
        seeds=[0],
        started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
        finished=datetime(2026, 1, 2, 3, 5, 5, tzinfo=timezone.utc),
        device="cpu",
        dtype="float32",
        threads=1,
        files={"model.pt": "ab" * 32, "test.jsonl": "cd" * 32},
    )


@pytest.fixture
def header(manifest: Manifest) -> Header:
    return Header(
        audit="correlate",
        settings={"seed": 0, "importances": ["gradient", "random"]},
        model=ModelFacts(name="model.pt", sha256="ab" * 32, encoder="bilstm"),
        dataset=DatasetFacts(
            name="test.jsonl",
            sha256="cd" * 32,
            split="test",
            instances=1725,
            skipped={"too_short": 93, "one_word": 4},
            truncated=12,
        ),
        manifest=manifest,
    )


@pytest.fixture
def summary() -> Summary:
    return Summary(
        metrics={
            "model.accuracy": Estimate(0.823, 0.805, 0.841, n=1725),
            "correlate.gradient.tau.mean": Estimate(0.351, 0.341, 0.361, n=1720, undefined=5),
            "correlate.random.tau.mean": Estimate(-0.002, -0.01, 0.008, n=1725),
            "correlate.gradient~random.tau.mean": Estimate(
                None, undefined=1725, reason="no instance gave a value"
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
