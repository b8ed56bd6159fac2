from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from attnaudit.measures.summary import Columns, Estimate, Summary, Table
from attnaudit.questions.gallery import Gallery, Heatmap, Weights
from attnaudit.records.schema import Header, ModelFacts
from attnaudit.report.combine import Combined
from attnaudit.report.rebuild import Part
from attnaudit.report.schema import Report

Combine = Callable[..., Combined]
N = 12  # instances
LABELS = ("negative", "positive")


def columns(**values: Any) -> Columns:
    """Figures of N texts, of class 0 and 1 in turn."""
    return Columns(
        [f"text {row}" for row in range(N)],
        [None] * N,
        {name: np.asarray(each, float) for name, each in values.items()},
        np.arange(N) % 2,
        0.4 + 0.05 * np.arange(N),
    )


@pytest.fixture(autouse=True)
def _figures_are_drawn_once(figures_drawn_once: None) -> None:
    """Most tests look at what stands around the figures."""


@pytest.fixture
def summaries() -> dict[str, Summary]:
    """What every question that has a figure concludes."""
    taus = {f"correlate.{name}.tau.mean": np.linspace(-1, 1, N) for name in NAMES}
    jsd = {"adversary.instance.jsd.mean": np.arange(N) / 20}
    runs = [["audited", 0.8, None, None]]
    runs += [[f"{kind} {k}", 0.7 + k / 100, 0.1, 0.02] for kind in KINDS for k in (1, 2, 3)]
    adversaries = [[repr(s), k, min(0.6, 50 * s), s] for s in (0.0, 0.001, 0.01) for k in (1, 2)]
    probes = [[guide, k, 0.5 + k / 10] for guide in ("base", "uniform") for k in (1, 2)]
    return {
        "correlate": Summary(
            {
                "correlate.random.tau.mean": Estimate(-0.01),
                "correlate.gradient~leave_one_out.tau.mean": Estimate(0.41),
            },
            columns=columns(**taus),
        ),
        "permute": Summary(columns=columns(**{"permute.tvd.mean": np.arange(N) / N})),
        "instance-adversary": Summary(
            {**{name: Estimate(0.3) for name in jsd}, "adversary.instance.tvd.mean": Estimate(0.0)},
            columns=columns(**jsd),
        ),
        "erase": Summary(
            {
                "erase.comprehensiveness.attention": Estimate(0.4, 0.3, 0.5),
                "erase.comprehensiveness.gradient": Estimate(0.3, 0.2, 0.4),
                "erase.comprehensiveness.random": Estimate(0.1, 0.05, 0.15),
                "erase.unsupported.attention": Estimate(0.05, 0.0, 0.1),
                "erase.unsupported.random": Estimate(0.9, 0.8, 1.0),
            },
            {
                "erase.flip_curve": Table(
                    "", ["erased", "attention", "random"], [[0.0, 0.0, 0.0], [1.0, 0.9, 0.6]]
                )
            },
        ),
        "seed-baseline": Summary(
            {"stability.s": Estimate(0.7, 0.6, 0.8), "stability.kappa": Estimate(0.5, 0.4, 0.6)},
            tables={
                "seed_baseline.runs": Table("", ["model", "score", "JSD", "TVD"], runs),
                "seed_baseline.scores": Table("", ["", "macro-F1", "low", "high", "std"], []),
            },
            columns=columns(**{"seed_baseline.jsd.median_over_seeds": np.arange(N) / 100}),
        ),
        "model-adversary": Summary(
            tables={"adversary.seeds": Table("", ["lambda", "seed", "JSD", "TVD"], adversaries)}
        ),
        "probe": Summary(
            {"probe.base-uniform.score_gap": Estimate(0.2, 0.1, 0.3)},
            tables={
                "probe.runs": Table(
                    "", ["guide", "seed", "F1"], [["audited model", None, 0.8], *probes]
                )
            },
        ),
    }


NAMES, KINDS = ("gradient", "leave_one_out"), ("seed", "uniform")


@pytest.fixture
def gallery() -> Gallery:
    attention = Weights("attention", [0.6, 0.3, 0.1], [0.8, 0.2])
    other = Weights("adversary, per instance (epsilon 0.01)", [0.0, 0.0, 1.0], [0.5, 0.5], 0.3)
    heatmap = Heatmap("text 0", ["a", "dull", "film"], 0, 0, [attention, other])
    return Gallery([heatmap], N, "at even steps of rank by something", LABELS)


@pytest.fixture
def combine(header: Header) -> Combine:
    """A report with what it was made from."""

    def make(
        report: Report,
        summaries: Mapping[str, Summary] | None = None,
        gallery: Gallery | None = None,
        labels: tuple[str, ...] = LABELS,
    ) -> Combined:
        model = ModelFacts(name="model.pt", sha256="ab" * 32, labels=list(labels))
        parts = [
            Part(report, None, header.model_copy(update={"audit": audit, "model": model}), summary)
            for audit, summary in (summaries or {}).items()
        ]
        return Combined(report, parts, gallery)

    return make
