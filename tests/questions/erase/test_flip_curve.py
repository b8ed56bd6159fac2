from __future__ import annotations

import pytest

from attnaudit.questions.erase.flip_curve import GRID, FlipCurve

TEXTS = (
    {"attention": 0.25, "random": [0.5, None, 0.25, 1.0], "optimum": 0.1},
    {"attention": None, "random": [None, None, None, None]},
    {"attention": 1 / 3, "random": [1.0, 1.0, 1.0, 1.0]},
    {"attention": 0.25, "random": [0.25, 0.25, 0.25, 0.25]},
)


def curve(*fractions, parts=1):
    found = FlipCurve()
    for start in range(parts):
        found.add(fractions[start::parts])
    return found.table()


def at(table, share):
    [row] = [row for row in table.rows if row[0] == pytest.approx(share)]
    return dict(zip(table.columns, row, strict=True))


def test_shares_of_texts_flipped_by_share_erased():
    table = curve(*TEXTS)
    assert table.columns == ["erased", "attention", "random"]  # the optimum is of short texts
    assert len(table.rows) == len(GRID)
    assert at(table, 0.0) == {"erased": 0.0, "attention": 0.0, "random": 0.0}
    assert at(table, 0.25)["attention"] == 0.5
    assert at(table, 0.3)["attention"] == 0.5
    assert at(table, 0.35)["attention"] == 0.75
    assert at(table, 1.0)["attention"] == 0.75  # one text never flips
    assert at(table, 0.25)["random"] == pytest.approx((0.25 + 0 + 0 + 1) / 4)
    assert at(table, 1.0)["random"] == pytest.approx((0.75 + 0 + 1 + 1) / 4)


def test_it_is_the_same_part_by_part():
    assert curve(*TEXTS, parts=3) == curve(*TEXTS)


def test_no_text_gives_no_table():
    assert curve() is None
