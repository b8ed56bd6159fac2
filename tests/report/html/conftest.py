from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from attnaudit.records.schema import Header, Manifest, ModelFacts
from attnaudit.records.writing import RecordsWriter

WriteRecords = Callable[..., Path]
N = 12  # instances


@pytest.fixture
def write_records(header: Header, tmp_path: Path) -> WriteRecords:
    """Write a file of records of an audit."""

    def write(
        audit: str,
        records: Iterable[Mapping[str, Any]],
        labels: tuple[str, ...] = ("negative", "positive"),
    ) -> Path:
        model = ModelFacts(name="model.pt", sha256="ab" * 32, labels=list(labels))
        path = tmp_path / f"{audit}.jsonl"
        made = header.model_copy(update={"audit": audit, "model": model})
        with RecordsWriter(path, made) as writer:
            writer.write(records)
            manifest: Manifest = header.manifest
            writer.finish(manifest)
        return path

    return write


def basics(row: int, **more: Any) -> dict[str, Any]:
    """A record of three words, of class 0 and 1 in turn."""
    c = row % 2
    weight = 0.4 + 0.05 * row
    return {
        "row": row,
        "id": f"text {row}",
        "gold": c,
        "predicted": c,
        "probs": [0.8, 0.2] if c == 0 else [0.3, 0.7],
        "words": 3,
        "attention": [weight, 0.7 * (1 - weight), 0.3 * (1 - weight)],
        **more,
    }


@pytest.fixture
def records(write_records: WriteRecords) -> dict[str, Path]:
    """Records of every audit that has a figure."""
    words = {"tokens": ["a", "dull", "film"]}
    found: dict[str, list[dict[str, Any]]] = {
        "correlate": [
            basics(
                row,
                importance={"gradient": [3.0, 2.0, 1.0], "leave_one_out": [1.0, row, 2.0]},
                **words,
            )
            for row in range(N)
        ],
        "permute": [basics(r, tvd={"median": r / N}, max_attention=0.08 * r) for r in range(N)],
        "adversary": [
            basics(
                row,
                adversary=[
                    {
                        "epsilon": 0.01,
                        "jsd": 0.05 * row,
                        "tvd": 0.01,
                        "weights": [[0.0, 0.0, 1.0]],
                        "said": [0.5, 0.5],
                    }
                ],
                **words,
            )
            for row in range(N)
        ],
    }
    for strength in (0.0, 0.001, 0.01):
        for seed in (1, 2):
            run = {"lambda": strength, "seed": seed, "split": "test"}
            found["adversary"] += [
                basics(row, run=run, jsd=min(0.6, 50 * strength), tvd=strength) for row in range(N)
            ]
    runs: list[dict[str, Any]] = [{"model": "base"}]
    runs += [{"model": model, "seed": seed} for model in ("seed", "uniform") for seed in (1, 2, 3)]
    found["seed-baseline"] = [
        basics(row, run={**run, "split": "test"})
        | ({} if run["model"] == "base" else {"jsd": 0.01 * row, "tvd": 0.02})
        for run in runs
        for row in range(N)
    ]
    found["probe"] = [
        basics(row, run={"guide": guide, "seed": seed, "split": "test"})
        for guide in ("base", "uniform")
        for seed in (1, 2)
        for row in range(N)
    ]
    return {audit: write_records(audit, rows) for audit, rows in found.items()}
