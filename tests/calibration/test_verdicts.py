from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from attnaudit.calibration.plants import PLANTS
from attnaudit.calibration.verdicts import (
    OPPOSITES,
    as_expected,
    counted,
    row,
    rows,
    share_interval,
    verdict,
)


@pytest.mark.parametrize(
    ("expected", "found", "says"),
    [
        ("for", {"for": 20}, "holds"),
        ("for", {"for": 19, "inconclusive": 1}, "holds"),
        ("for", {"for": 18, "inconclusive": 2}, "open"),
        ("for", {"for": 10, "inconclusive": 10}, "fails"),
        ("for", {"for": 19, "against": 1}, "fails"),
        ("for", {"inconclusive": 1}, "open"),
        ("against", {"for": 1}, "fails"),
        ("inconclusive", {"inconclusive": 19, "not_assessed": 1}, "holds"),
        ("never for", {"against": 12, "inconclusive": 8}, "holds"),
        ("never for", {"against": 19, "for": 1}, "fails"),
        ("not_assessed", {"not_assessed": 20}, "holds"),
        ("yes", {"yes": 1}, "holds"),
        ("yes", {"no": 1}, "fails"),
        ("no", {"not judged": 1}, "open"),
    ],
)
def test_verdicts(expected, found, says):
    assert verdict(expected, found) == says


@given(st.integers(1, 60), st.data())
def test_the_interval_is_that_of_clopper_and_pearson(seeds, data):
    right = data.draw(st.integers(0, seeds))
    low, high = share_interval(right, seeds)
    closed = (
        0.0 if right == 0 else beta.ppf(0.025, right, seeds - right + 1),
        1.0 if right == seeds else beta.ppf(0.975, right + 1, seeds - right),
    )
    assert (low, high) == pytest.approx(closed, abs=1e-9)
    assert low <= right / seeds <= high


@given(
    st.sampled_from([*OPPOSITES, *(f"never {status}" for status in OPPOSITES)]),
    st.dictionaries(st.sampled_from(list(OPPOSITES)), st.integers(1, 20), min_size=1),
)
def test_a_row_adds_up_whatever_was_found(expected, found):
    made = row("plant", "truth", "necessary", expected, found)
    assert made.seeds == sum(found.values())
    assert made.right == as_expected(expected, found) <= made.seeds
    if made.right == made.seeds:
        assert made.verdict == "holds"
    if made.verdict == "holds":
        assert made.right >= 0.95 * made.seeds


def test_one_row_for_each_expectation_of_what_was_run():
    found = [("shift", dict(PLANTS["shift"].expected))] * 3
    made = list(rows(counted(found), PLANTS))
    assert [(r.plant, r.finding, r.expected) for r in made] == [
        ("shift", name, status) for name, status in PLANTS["shift"].expected.items()
    ]
    assert all(r.found == {r.expected: 3} and r.verdict == "holds" for r in made)
    assert counted(found)["shift"]["stable"] == Counter({"for": 3})
