"""The quick form of `python -m tests.coverage.alike`, and what the page says."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.coverage.alike import (
    FIGURES,
    HEADING,
    LEAST,
    LINES,
    MODELS,
    RESULTS,
    at_the_line,
    split,
)
from tests.coverage.recipes import AT_THE_LINE, LOOKED_AT, WORDS, truth

NORMAL = [recipe for recipe in AT_THE_LINE if recipe.normal]


@pytest.mark.parametrize(
    "recipe", [*AT_THE_LINE, *(one for one, _ in LOOKED_AT)], ids=lambda recipe: recipe.name
)
def test_attention_is_one_distribution_a_text(recipe):
    found = recipe.attention(np.random.default_rng(0), (2, 3, 4), 0.5)
    assert found.shape == (2, 3, 4, WORDS)
    assert found.sum(-1) == pytest.approx(np.ones((2, 3, 4)))


@pytest.mark.parametrize("recipe", AT_THE_LINE, ids=lambda recipe: recipe.name)
def test_the_truth_is_at_the_line(recipe):
    for figure, line in enumerate(LINES):
        assert truth(recipe, recipe.spreads[figure], 10_000)[figure] == pytest.approx(
            line, abs=0.02
        )


@pytest.mark.parametrize(
    "recipe",
    # The others differ in how many features seeds lean to; `python -m tests.coverage` has them all.
    [
        *NORMAL[:1],
        *(pytest.param(recipe, marks=pytest.mark.whole) for recipe in NORMAL[1:-1]),
        *NORMAL[-1:],
    ],
    ids=lambda recipe: recipe.name,
)
def test_normal_seeds_seldom_mislead(recipe):
    found = at_the_line(recipe, 0, 6, 60, seed=77)
    assert max(found.false_for, found.false_against) <= 0.1  # 6 of 60, where 1.5 are expected
    assert found.width > 0.1


def rows():
    _, own = split(RESULTS.read_text(encoding="utf-8"))
    for line in own.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) > 1 and re.fullmatch(r"[\d.%]+", cells[-1]):
            yield cells


def test_the_page_has_a_line_for_each_case():
    shown = {(*cells[:2], cells[3]) for cells in rows() if len(cells) == 7}
    assert shown == {
        (recipe.name, figure, str(models))
        for recipe in AT_THE_LINE
        for figure in FIGURES
        for models in MODELS
    }
    looked = {(cells[0], cells[3]) for cells in rows() if len(cells) == 6}
    assert looked == {(recipe.name, str(models)) for recipe, sizes in LOOKED_AT for models in sizes}
    assert RESULTS.read_text(encoding="utf-8").count(HEADING) == 1


def test_the_page_shows_that_normal_seeds_seldom_mislead():
    names = {recipe.name for recipe in NORMAL}
    for name, _, _, _, false_for, false_against, _ in (c for c in rows() if len(c) == 7):
        if name in names:
            assert max(float(x.rstrip("%")) / 100 for x in (false_for, false_against)) <= LEAST


def test_the_page_shows_what_a_coin_per_seed_takes():
    """What the finding's note says of it."""
    against = {
        int(cells[3]): float(cells[5].rstrip("%")) / 100
        for cells in rows()
        if len(cells) == 6 and "per seed" in cells[0]
    }
    assert against[6] < 0.05
    assert against[21] == pytest.approx(0.5, abs=0.1)
