"""The evidence at a glance: rows for what is there, each beside what it is read against."""

from __future__ import annotations

import pytest

from attnaudit.measures.summary import Estimate, Summary
from attnaudit.report.evidence_table import _rows, evidence_table
from attnaudit.report.registry import find


@pytest.fixture
def table(make_report):
    def make(**metrics):
        return evidence_table(make_report(Summary(metrics)))

    return make


def test_every_row_names_registered_metrics():
    for _, row in _rows():
        assert find(row.metric), row.metric
        assert row.against is None or find(row.against), row.against
        assert bool(row.words) == (row.against is not None)


def test_rows_are_told_apart_by_their_figure():
    rows = [row for _, row in _rows()]
    assert len({row.figure for row in rows}) == len(rows)  # narrow terminals repeat it alone
    assert len({row.metric for row in rows}) == len(rows)


def test_a_figure_stands_beside_what_it_is_read_against(table):
    figures = {
        "model.accuracy": Estimate(0.8, 0.7, 0.9, n=10),
        "model.majority_accuracy": Estimate(0.6, n=10),
        "seed_baseline.jsd.mean_over_seeds": Estimate(0.05, 0.04, 0.06, n=10),
    }
    made = table(**figures)
    assert made.columns == ["test", "figure", "value", "low", "high", "compare with"]
    assert made.rows == [
        [
            "model",
            "right answers (accuracy)",
            *(0.8, 0.7, 0.9),
            "always the most common class 0.600",
        ],
        ["seed-baseline", "attention of other seeds: distance (JSD)", 0.05, 0.04, 0.06, ""],
    ]


def test_figures_without_a_value_are_shown_as_such(table):
    made = table(
        **{
            "model.accuracy": Estimate(None, undefined=10, reason="no"),
            "model.majority_accuracy": Estimate(None, undefined=10, reason="no"),
        }
    )
    assert made.rows == [["model", "right answers (accuracy)", None, None, None, ""]]


def test_no_evidence_gives_no_rows(table):
    assert table().rows == []
    assert len(table().notes) == 2
