from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.data.shares import TooFewError, places, shares_of


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("80/10/10", {"train": 800_000, "dev": 100_000, "test": 100_000}),
        (" .8 / .1/.1", {"train": 8_000, "dev": 1_000, "test": 1_000}),
        ("66.5/33.5/0", {"train": 665_000, "dev": 335_000}),
        ("0.5/0/0.5", {"train": 5_000, "test": 5_000}),
    ],
)
def test_shares_are_percent_or_parts_of_one(text, shares):
    assert shares_of(text) == shares


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("80/20", "should be the shares of train, dev and test, such as 80/10/10, not '80/20'"),
        ("80/10/5/5", "should be the shares"),
        ("80/10/ten", "should be the shares"),
        ("80/10/-10", "should be the shares"),
        ("1e2/0/0", "should be the shares"),
        ("test", "should be the shares"),
        ("80/10/20", "the shares 80/10/20 add up to 110, not to 100"),
        ("8/1/1", "add up to 10, not to 100"),
        ("100/0/0", "the shares 100/0/0 leave all rows in one split"),
    ],
)
def test_other_shares_are_refused(text, says):
    with pytest.raises(ValueError, match=says):
        shares_of(text)


def placed(keys, labels, shares):
    return places(np.array(keys, np.uint64), np.array(labels, np.int64), shares).tolist()


def test_each_class_is_split_by_the_shares_in_the_order_of_keys():
    assert placed(range(10), [0] * 10, [8, 1, 1]) == [0] * 8 + [1, 2]
    keys = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert placed(keys, [0, 1] * 5, [3, 1, 1]) == [2, 2, 1, 1, 0, 0, 0, 0, 0, 0]


def test_small_shares_get_a_unit_of_each_class():
    assert placed([1, 2, 3], [0, 0, 0], [98, 1, 1]) == [0, 1, 2]
    assert placed([1, 2, 3, 4], [0, 0, 0, 0], [1, 1, 98]) == [0, 1, 2, 2]
    with pytest.raises(TooFewError) as caught:
        placed([1, 2, 3, 3, 3, 4, 5], [0, 0, 0, 1, 1, 1, 1], [8, 1, 1])
    assert (caught.value.label, caught.value.units, caught.value.splits) == (0, 2, 3)


def test_rows_of_one_key_stay_together_where_it_is_commonest():
    # Key 5 is of class 1 twice and once of class 0; keys 1 to 3 and 5 to 8 are units.
    keys, labels = [5, 5, 5, 1, 2, 3, 6, 7, 8], [1, 1, 0, 0, 0, 0, 1, 1, 1]
    assert placed(keys, labels, [3, 1, 1]) == [0, 0, 0, 0, 1, 2, 0, 1, 2]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), min_size=30, max_size=120),
    st.sampled_from([(80, 10, 10), (1, 1, 1), (50, 50), (98, 1, 1)]),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_decides_nothing_and_units_stay_whole(rows, shares, random):
    keys, labels = zip(*rows, strict=True)
    try:
        before = dict(zip(keys, placed(keys, labels, shares), strict=True))
    except TooFewError:
        return
    found = placed(keys, labels, shares)
    assert all(before[key] == place for key, place in zip(keys, found, strict=True))
    assert {*found} == {*range(len(shares))}
    mixed = list(rows)
    random.shuffle(mixed)
    keys, labels = zip(*mixed, strict=True)
    assert dict(zip(keys, placed(keys, labels, shares), strict=True)) == before


def test_single_rows_come_within_one_of_their_shares():
    random = np.random.default_rng(0)
    keys, labels = random.integers(0, 2**63, 5000), random.integers(0, 4, 5000)
    found = places(keys.astype(np.uint64), labels, [70, 20, 10])
    for label in range(4):
        counts = np.bincount(found[labels == label], minlength=3)
        wanted = counts.sum() * np.array([0.7, 0.2, 0.1])
        assert np.abs(counts - wanted).max() <= 1


def test_a_row_that_is_added_moves_few_others():
    random = np.random.default_rng(0)
    keys = random.integers(0, 2**63, 2001).astype(np.uint64)
    labels = np.zeros(2001, np.int64)
    before, after = (places(keys[:n], labels[:n], [80, 10, 10]) for n in (2000, 2001))
    assert (before != after[:2000]).sum() <= 2
