from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from attnaudit.questions.compare_readings.make.extremes import all_sets, beams, exact


def falls_of(words, seed):
    """A random fall at each set of words."""
    return np.random.default_rng(seed).normal(size=(1 << words) - 2)


def number(sets):
    return (sets * (1 << np.arange(sets.shape[1]))).sum(1)


def by_enumeration(falls, words):
    """The mean fall of every order of the words."""
    at = np.concatenate([[0], falls, [0]])
    scores = []
    for order in permutations(range(words)):
        path = np.cumsum([1 << word for word in order])[:-1]
        scores.append(at[path].mean())
    return min(scores), max(scores)


@pytest.mark.parametrize("words", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_exact_scores_are_those_of_all_orders(words, seed):
    falls = falls_of(words, seed)
    assert exact(falls, words) == pytest.approx(by_enumeration(falls, words), abs=1e-12)


def test_sets_stand_at_their_numbers():
    sets = all_sets(5)
    assert number(sets).tolist() == list(range(1, 31))


def asker(falls):
    """Answers a search from the falls at all sets, and counts what it asks."""
    asked = []

    def ask(parts):
        asked.append(sum(map(len, parts)))
        return [f[number(sets) - 1] for f, sets in zip(falls, parts, strict=True)]

    return ask, asked


def test_a_wide_beam_is_exact_and_a_narrow_one_lies_inside():
    words = (3, 6, 7)
    falls = [falls_of(n, n) for n in words]
    true = [exact(f, n) for f, n in zip(falls, words, strict=True)]
    wide, _ = asker(falls)
    assert np.array(beams(words, 200, wide)) == pytest.approx(np.array(true), abs=1e-12)
    narrow, asked = asker(falls)
    apart = 0.0
    for (low, high), (least, most) in zip(beams(words, 1, narrow), true, strict=True):
        assert least - 1e-12 <= low <= high <= most + 1e-12
        apart += (low - least) + (most - high)
    assert apart > 0.01
    assert max(asked) <= sum(words)  # greedy: each step tries what is left


def test_where_falls_add_up_the_best_order_is_the_sorted_one():
    own = np.array([0.4, -0.1, 0.2, 0.05, 0.0])
    falls = all_sets(5) @ own
    least, most = exact(falls, 5)
    assert most == pytest.approx(np.cumsum(np.sort(own)[::-1])[:-1].mean())
    assert least == pytest.approx(np.cumsum(np.sort(own))[:-1].mean())
    ask, _ = asker([falls])
    assert beams((5,), 1, ask)[0] == pytest.approx((least, most))
