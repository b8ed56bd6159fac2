from __future__ import annotations

from typing import Any

import pytest

from attnaudit.findings.finding import ChanceAt, Chances, Finding, Look, Power, Size
from attnaudit.report.certainty import certainties
from attnaudit.report.schema import Report

GAP = "necessity.score_gap"


def said(report: Report, **facts: Any) -> str:
    found = Finding(reason="Because.", **facts)
    update = {"findings": {**report.findings, "necessary": found}}
    [one] = certainties(report.model_copy(update=update))
    assert one.name == "necessary"
    return " ".join(one.said)


def power(seeds: int | None, texts: int | None, both: Size | None = None) -> Power:
    chance = ChanceAt(effect=0.0, chance=0.5)
    return Power(
        seeds=6,
        texts=500,
        share_seeds=0.9,
        share_texts=0.1,
        share_both=0.0,
        seeds_needed=seeds,
        texts_needed=texts,
        both_needed=both,
        chances=Chances(none=chance, seen=chance, twice_delta=chance),
    )


@pytest.mark.parametrize(
    ("low", "high", "where"),
    [
        (0.035, 0.04, "All of these values are above the limit of 0.03."),
        (0.0, 0.01, "All of these values are below the limit of 0.03."),
        (0.02, 0.05, "The limit of 0.03 is one of these values, so"),
    ],
)
def test_where_the_interval_lies(report: Report, low: float, high: float, where: str) -> None:
    facts: dict[str, Any] = {"statistic": 0.03, "interval": [low, high], "delta": 0.03}
    words = said(report, status="inconclusive", **facts)
    assert f"values from {low:.3f} to {high:.3f} fit the data (95 % interval)" in words
    assert where in words


def test_what_was_measured_is_said_in_words(report: Report) -> None:
    facts: dict[str, Any] = {"statistic": 0.03, "interval": [0.02, 0.04], "delta": 0.01}
    words = said(report, status="for", metric=GAP, **facts)
    assert words.startswith("Measured: how much better models with learned attention score")
    assert words.endswith("Only a limit above 0.020 would change this answer.")
    named = said(report, status="for", metric="probe.base-decoy.score_gap", **facts)
    assert "checkpoint decoy" in named
    assert "{" not in named
    looked = said(report, status="for", look=Look(seeds=8, level=0.982), **facts)
    assert "(98.2 % interval)" in looked
    below = said(report, status="against", statistic=0.0, interval=[-0.01, 0.005], delta=0.01)
    assert below.endswith("Only a limit below 0.005 would change this answer.")


def test_what_would_lead_to_an_answer(report: Report) -> None:
    facts: dict[str, Any] = {"statistic": 0.0, "interval": [-0.1, 0.1], "delta": 0.01}

    def needed(*sizes: Any) -> str:
        return said(report, status="inconclusive", power=power(*sizes), **facts)

    assert "With 24 models instead of 6, there would be an answer" in needed(24, None)
    assert "With 9,000 texts instead of 500, there would be an answer" in needed(None, 9000)
    assert "take 30 models on 2,000 texts" in needed(None, None, Size(seeds=30, texts=2000))
    assert "neither more models nor more texts would give an answer" in needed(None, None)
    assert "models instead" not in needed(None, 9000)


def test_without_a_figure_the_reason_stands(report: Report) -> None:
    assert said(report, status="not_assessable") == "Because."
    assert said(report, status="inconclusive") == "Because."
    assert certainties(report) == []  # nothing was assessed


def test_a_figure_needs_value_interval_and_limit(report: Report) -> None:
    whole = Finding(status="for", reason="", statistic=1.0, interval=[0.5, 1.5], delta=0.1)
    lacking = whole.model_copy(update={"delta": None})
    update = {"findings": {"necessary": whole, "stable": lacking}}
    first, second = certainties(report.model_copy(update=update))
    assert first.finding is whole
    assert second.finding is None
