"""The controls at a glance: a row for what is there, and one line on what it would mean."""

from __future__ import annotations

import pytest

from attnaudit.measures.summary import Estimate, Summary, Table
from attnaudit.report.controls_table import control_rows, controls_table, spelt_out, with_controls
from attnaudit.report.registry import find

ERASED = "seed_baseline.control.erased.tvd.mean"


@pytest.fixture
def report(make_report):
    def make(tables=(), **metrics):
        return make_report(Summary(metrics, {name: Table(name, ["a"], [["x"]]) for name in tables}))

    return make


def test_every_row_names_registered_metrics_and_says_what_it_would_mean():
    rows = list(control_rows())
    assert len({row.control for row in rows}) == len({row.metric for row in rows}) == len(rows)
    for row in rows:
        for name in (row.metric, *(metric for _, metric in row.compare)):
            assert find(name), name
        assert row.compare
        assert row.meaning.startswith("If ")
        assert row.meaning.count(".") == 1, row.meaning
        assert row.meaning.endswith(".")
        assert len(row.meaning.split()) <= 35


def test_a_control_stands_with_what_to_compare_it_with(report):
    figures = {ERASED: Estimate(0.4, 0.3, 0.5, n=9), "seed_baseline.tvd.mean": Estimate(0.05, n=9)}
    made = controls_table(report(**figures))
    assert made.columns == ["control", "value", "low", "high", "compare with"]
    assert made.rows == [
        ["no weight on words: change of answers (TVD)", 0.4, 0.3, 0.5, "between seeds 0.050"]
    ]
    (note,) = made.notes
    assert note.startswith("No weight on words: change of answers (TVD): If the answers stay")


def test_the_notes_become_a_column_where_each_row_has_one(report):
    made = with_controls(report(**{ERASED: Estimate(0.4, 0.3, 0.5, n=9)}))
    wide = spelt_out(made.tables)["controls"]
    assert wide.columns == [*made.tables["controls"].columns, "what it would mean"]
    assert wide.rows[0][-1].startswith("If the answers stay")
    assert wide.notes == []
    lost = made.tables["controls"].model_copy(update={"notes": ["Another note."]})
    assert spelt_out({"controls": lost, "x": lost}) == {"controls": lost, "x": lost}


def test_what_is_not_there_is_left_out(report):
    made = controls_table(report(**{ERASED: Estimate(None, undefined=9, reason="no")}))
    assert made.rows == [["no weight on words: change of answers (TVD)", None, None, None, ""]]
    assert controls_table(report(**{"model.f1": Estimate(0.9, n=9)})) is None
    assert controls_table(report()) is None


def test_the_table_stands_behind_the_evidence(report):
    figures = {ERASED: Estimate(0.4, 0.3, 0.5, n=9)}
    made = report(("evidence", "controls", "seed_baseline.scores"), **figures)
    tables = with_controls(made, "evidence").tables
    assert list(tables) == ["evidence", "controls", "seed_baseline.scores"]
    assert tables["controls"].title == "Controls"
    assert list(with_controls(made).tables) == ["evidence", "seed_baseline.scores", "controls"]
    bare = report(("evidence", "controls"))
    assert list(with_controls(bare, "evidence").tables) == ["evidence"]  # an older one makes way
