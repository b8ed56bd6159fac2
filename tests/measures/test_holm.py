from __future__ import annotations

import numpy as np
import pytest

from attnaudit.measures.rank import holm


def test_closed_form():
    """The least of four is multiplied by 4, the next by 3, and none falls below the one before."""
    found = holm([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_tests_that_could_not_be_made_do_not_count():
    found = holm([0.02, np.nan, 0.9])
    assert found[0] == pytest.approx(0.04)
    assert np.isnan(found[1])
    assert found[2] == pytest.approx(0.9)
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert len(holm([])) == 0
