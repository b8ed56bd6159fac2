from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from attnaudit.measures.t_test import p_value


def test_it_is_what_scipy_gives():
    values = np.random.default_rng(0).normal(0.3, 1, 25)
    variance = values.var(ddof=1) / 25
    assert p_value(values.mean(), variance, 25) == pytest.approx(ttest_1samp(values, 0).pvalue)
    assert p_value(-values.mean(), variance, 25) == p_value(values.mean(), variance, 25)


def test_few_units_prove_nothing():
    assert p_value(1.0, 0.0, 3) == 0.25
    assert p_value(1.0, 1e-9, 6) == pytest.approx(2 / 64)
    assert p_value(0.0, 0.0, 3) == 1.0
