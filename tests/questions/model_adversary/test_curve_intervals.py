"""The intervals of the curve's figures, by simulation: they come of slopes, not of resamples."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from attnaudit.measures.curve import area_below, tvd_at
from attnaudit.measures.sample import Sample
from attnaudit.questions.model_adversary.summarise import END, _of_curve

MEANS = np.array([[0.08, 0.03], [0.25, 0.06], [0.45, 0.16]])  # JSD and TVD of each lambda
SEEDS, TEXTS, DRAWS = 6, 250, 400


def drawn(generator, seed_sd, text_sd, joint_sd):
    """JSD and TVD (lambdas, 2, seeds, texts), which seeds and texts move together."""
    of_seed = generator.normal(0, seed_sd, (3, 2, SEEDS, 1))
    of_text = generator.normal(0, text_sd, (3, 2, 1, TEXTS))
    joint = generator.normal(0, joint_sd, (3, 2, SEEDS, TEXTS))
    return MEANS[..., None, None] + of_seed + of_text + joint


@pytest.mark.whole  # a simulation
@pytest.mark.parametrize("spread", [(0.01, 0.05, 0.02), (0.001, 0.2, 0.05)])
@pytest.mark.parametrize(
    ("figure", "most"),
    [
        (partial(area_below, end=END), END),
        (partial(tvd_at, at=0.2), 1.0),
        (partial(tvd_at, at=0.4), 1.0),
    ],
)
def test_the_interval_of_a_figure_of_the_curve_covers_it(figure, most, spread):
    generator, sample, truth, inside = np.random.default_rng(41), Sample(TEXTS), figure(*MEANS.T), 0
    for _ in range(DRAWS):
        points = [(one[0], one[1]) for one in drawn(generator, *spread)]
        found = _of_curve(points, figure, most, sample)
        inside += found.ci_low <= truth <= found.ci_high
    assert 0.92 <= inside / DRAWS <= 0.98  # of .95, give or take 2.7 standard errors
