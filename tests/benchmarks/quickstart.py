"""The quickstart as a process, beside that of another checkout: the same findings, in how long."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.case import BESIDE, Benchmark, Build, Case, DisagreementError, Side, Target
from tests.benchmarks.processes import attnaudit

SHORT = {
    "data": {"reviews": {"train": 60, "dev": 40, "test": 40, "seed": 0}},
    "model": {"embedding": 8, "hidden": 4},
    "training": {"epochs": 1, "batch_size": 20, "learning_rate": 0.01, "seed": 0},
    "audit": {
        "adversary": {"lambda": [0.002], "epochs": 1, "seeds": 2},
        "seed-baseline": {"seeds": 2},
    },
}


def _run(toy: bool) -> dict[str, Any]:
    """The statuses of the findings, and figures of the report."""
    with tempfile.TemporaryDirectory() as folder:
        config = "quickstart"
        if toy:
            config = "short.yaml"
            (Path(folder) / config).write_text(json.dumps(SHORT))
        attnaudit("audit", config, "-o", "out", "--quiet", folder=Path(folder))
        told = json.loads((Path(folder) / "out" / "report.json").read_text())
    metrics = {name: metric["value"] for name, metric in told["metrics"].items()}
    findings = {name: finding["status"] for name, finding in told["findings"].items()}
    return {"findings": findings, "metrics": metrics}


def _same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    if ours["findings"] != theirs["findings"]:
        raise DisagreementError(f"{ours['findings']} and {theirs['findings']}")


def _case(toy: bool) -> Case:
    return Case(
        size={},
        unit="run",
        ours=Side(lambda: _run(toy)),
        targets=(Target(f"ratio: {BESIDE}", 2.0), Target(f"wall ratio: {BESIDE}", 2.0)),
        figures=lambda found: {"figures": float(len(found["metrics"]))},
        rounds=0,
        memory=False,
        same=_same,
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """As the README has it."""
    return {"attnaudit audit quickstart": lambda: _case(toy)}


QUICKSTART = Benchmark("quickstart", "the quickstart, from its start to its end", cases, asked=True)
