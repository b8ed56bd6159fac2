from __future__ import annotations

import itertools

import numpy as np
import pytest

from attnaudit.questions.patterns.make.guides import at_random, best, greedy, stays

LAYERS, HEADS, TOKENS, ROW = 3, 2, 4, 0
SOURCES = np.array([[False, True, False, False], [False, False, True, True]])


@pytest.fixture
def alpha():
    generator = np.random.default_rng(3)
    return generator.dirichlet(np.full(TOKENS, 0.3), (LAYERS, HEADS, TOKENS))


def test_greedy_walks_from_a_column_to_a_row():
    """Position 3 attends to position 1, and the answer's row to position 3; nobody else does."""
    alpha = np.zeros((2, HEADS, TOKENS, TOKENS))
    alpha[..., 2] = 1  # all else goes to position 2
    alpha[0, 1, 3] = [0, 1, 0, 0]
    alpha[1, 0, ROW] = [0, 0, 0, 1]
    found = greedy(alpha, SOURCES[:1], ROW)
    assert found.places.tolist() == [[3, ROW]]
    assert found.heads.tolist() == [[1, 0]]


def test_greedy_takes_the_largest_weight_of_any_head(alpha):
    found = greedy(alpha, SOURCES, ROW)
    for word in range(2):
        here = np.flatnonzero(SOURCES[word])
        for layer in range(LAYERS):
            head, place = found.heads[word, layer], found.places[word, layer]
            rows = [ROW] if layer == LAYERS - 1 else range(TOKENS)
            most = max(alpha[layer, h, j, p] for h in range(HEADS) for j in rows for p in here)
            assert alpha[layer, head, place, here].max() == most
            here = np.array([place])
        assert place == ROW


def test_best_has_the_largest_product_of_all_paths(alpha):
    mixed = (alpha.mean(1) + np.eye(TOKENS)) / 2
    found = best(alpha, SOURCES, ROW)
    for word in range(2):
        products = {}
        for begin in np.flatnonzero(SOURCES[word]):
            for middle in itertools.product(range(TOKENS), repeat=LAYERS - 1):
                places = (*middle, ROW)
                sent = zip((begin, *middle), places, strict=True)
                products[places] = max(
                    products.get(places, 0),
                    np.prod([mixed[layer, j, p] for layer, (p, j) in enumerate(sent)]),
                )
        chosen = max(products, key=lambda places: products[places])
        assert tuple(found.places[word]) == chosen
    moves = ~stays(found.places, SOURCES)
    assert ((found.heads < HEADS) == moves).all()
    for word, layer in zip(*np.nonzero(moves[:, 1:]), strict=True):
        sender, place = found.places[word, layer : layer + 2]
        weights = alpha[layer + 1, :, place, sender]
        assert weights[found.heads[word, layer + 1]] == weights.max()


def test_random_patterns_can_be_walked_and_are_of_all_kinds():
    found = at_random(np.random.default_rng(0), HEADS, LAYERS, np.tile(SOURCES, (200, 1)), ROW)
    staying = stays(found.places, np.tile(SOURCES, (200, 1)))
    assert (found.places[:, -1] == ROW).all()
    assert set(found.places[:, 0].tolist()) == set(range(TOKENS))
    assert (staying | (found.heads < HEADS)).all()
    assert (found.heads[staying] == HEADS).mean() == pytest.approx(1 / (HEADS + 1), abs=0.06)
