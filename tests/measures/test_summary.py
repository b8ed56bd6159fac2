from __future__ import annotations

from attnaudit.measures.summary import Table


def test_a_column_that_repeats_another_is_shown_once():
    rows = [["a", 0.5, 0.5, 0, 1, 2, 3]]
    table = Table("t", ["model", "accuracy", "accuracy", "low", "high", "low", "high"], rows)
    once = table.once("accuracy")
    assert once.columns == ["model", "accuracy", "low", "high", "low", "high"]
    assert once.rows == [["a", 0.5, 0, 1, 2, 3]]
    assert table.once("AUROC").rows == rows
