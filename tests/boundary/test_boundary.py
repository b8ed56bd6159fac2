"""The quick form of `python -m tests.boundary`, and what its page says."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.boundary import adversaries
from tests.boundary.__main__ import DELTAS, POPULATIONS, RESULTS, cases, context, necessary
from tests.boundary.population import normal
from tests.boundary.shares import share

NORMAL = [seeds.name for seeds in POPULATIONS if seeds.name.startswith("normal")]


@pytest.mark.parametrize(
    ("judge", "truth"),
    [
        (necessary(False), DELTAS.necessary),
        (context(DELTAS.out_of_context, 0.15), DELTAS.out_of_context),
    ],
)
def test_the_truth_is_at_the_line(judge, truth):
    generator = np.random.default_rng(3)
    found = [judge(generator, normal(0.0), 5) for _ in range(60)]
    assert np.mean([one.statistic for one in found]) == pytest.approx(truth, abs=0.006)
    assert {one.delta for one in found} == {truth}


def test_an_adversary_that_is_far_away_is_told_from_one_at_the_line():
    deltas = adversaries.Deltas(hard_to_manipulate=0.05)
    evidence = adversaries.drawn(np.random.default_rng(3), 0.0, one=True)
    seeds = evidence.of("seed-baseline")
    assert adversaries.hard_to_manipulate(evidence, seeds, deltas).status == "against"


def test_a_share_has_the_exact_interval():
    assert share(0, 20) == "0.0% [0.0%, 16.8%]"
    assert share(50, 2000) == "2.5% [1.9%, 3.3%]"


def rows(cells):
    for line in RESULTS.read_text(encoding="utf-8").splitlines():
        found = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(found) == cells and "%" in found[-1]:
            yield found


def low(shown):
    """The lower end of a share's interval."""
    return float(re.search(r"\[([\d.]+)%", shown)[1])


def test_the_page_has_a_line_for_each_case():
    shown = [tuple(cells[:3]) for cells in rows(6)]
    wanted = [(c.finding, str(c.size), seeds.name) for c in cases() for seeds in POPULATIONS]
    assert shown == wanted
    spreads = [cells[1] for cells in rows(4)]
    assert spreads == 2 * [f"{spread:g}" for spread in adversaries.SPREADS]


def test_the_page_shows_that_normal_seeds_seldom_mislead():
    for _, _, seeds, false_for, false_against, _ in rows(6):
        if seeds in NORMAL:
            assert max(low(false_for), low(false_against)) <= 2.5


def test_the_page_shows_what_three_imitators_are_worth():
    shares = {(cells[2], cells[1]): low(cells[3]) for cells in rows(4)}
    assert all(share <= 2.5 for (wrong, _), share in shares.items() if wrong == "for")
    assert max(shares.values()) <= 5  # what the page admits
