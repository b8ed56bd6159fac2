"""The quick form of `python -m tests.coverage.power`, and that its page is whole."""

from __future__ import annotations

import re

import numpy as np
import pytest

from attnaudit.measures.power import Components, chance
from tests.coverage.power import (
    BOUNDS,
    DELTA,
    MIXTURES,
    PAGE,
    SIZES,
    STEPS,
    of_pilots,
    real_chances,
)


@pytest.mark.whole  # a simulation
@pytest.mark.parametrize("mixture", MIXTURES)
@pytest.mark.parametrize(("seeds", "n"), SIZES[:3])
def test_what_is_promised_comes_true(mixture, seeds, n):
    parts = Components(*MIXTURES[mixture], seeds, n, n)
    error = parts.variance(seeds, n) ** 0.5
    effects = [DELTA + steps * error for steps in (0.0, 2.0, -3.0)]
    real = real_chances(np.random.default_rng(5), MIXTURES[mixture], seeds, n, effects, 700)
    for effect, often in zip(effects, real, strict=True):
        promised = chance(parts, seeds, n, effect, DELTA, BOUNDS)
        assert promised == pytest.approx(often, abs=0.03)


def test_a_pilot_holds_the_chance_four_times_in_five():
    held, wide = of_pilots(
        np.random.default_rng(3), MIXTURES["seeds decide"], 5, 400, DELTA + 0.025, 150
    )
    assert 0.7 <= held <= 0.9
    assert 0.05 < wide < 0.4  # some pilots of four seeds are called too small, and not most


def test_the_page_shows_that_promises_come_true():
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| [a-z ]+ \| \d+ \| \d+ \| [^|]+ \| (\S+) \| (\S+) \| (\S+) \|", page, re.MULTILINE
    )
    assert len(rows) == len(MIXTURES) * len(SIZES) * len(STEPS)
    for promised, real, _ in rows:
        assert float(promised) == pytest.approx(float(real), abs=0.031)
