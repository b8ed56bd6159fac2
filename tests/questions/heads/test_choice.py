from __future__ import annotations

import numpy as np

from attnaudit.questions.heads.choice import (
    CODE,
    PAPER,
    Importances,
    cheapest,
    counts,
    order_of,
    random_orders,
)


def test_importances_are_means_over_texts_or_positions():
    found = Importances()
    assert found.maps() == {}
    for positions, paper, code in (
        (4, [[1, 2], [3, 4]], [[4, 4], [6, 8]]),
        (6, [[3, 0], [1, 0]], [[6, 1], [2, 0]]),
    ):
        found.add({"positions": positions, "importance": {"paper": paper, "code": code}})
    maps = found.maps()
    assert maps[PAPER].tolist() == [[2, 1], [2, 2]]
    # Of 10 positions; in the last layer of 2 texts, as the authors' code divides.
    assert maps[CODE].tolist() == [[1.0, 0.5], [4.0, 4.0]]
    assert found.maps()[CODE].tolist() == [[1.0, 0.5], [4.0, 4.0]]  # asked twice


def test_the_least_important_head_goes_first_and_layers_are_made_alike():
    importance = np.array([[3.0, 4.0], [0.3, 0.1]])
    assert order_of(importance, normalise=False) == (3, 2, 0, 1)
    # (0.6, 0.8) and (0.95, 0.32)
    assert order_of(importance, normalise=True) == (3, 0, 1, 2)
    assert order_of(np.zeros((2, 3)), normalise=True) == (0, 1, 2, 3, 4, 5)
    # Normalised layers of one head would all be the same.
    assert order_of(np.array([[3.0], [1.0], [2.0]]), normalise=True) == (1, 2, 0)


def test_points_of_the_curve():
    assert counts(144, 10)[:3] == [0, 14, 28]
    assert counts(144, 10)[-1] == 144
    assert counts(3, 10) == [0, 1, 2, 3]


def test_random_orders_hold_every_head_and_depend_on_the_seed_alone():
    orders = random_orders(3, 6, 0)
    assert list(orders) == ["random0", "random1", "random2"]
    assert all(sorted(order) == list(range(6)) for order in orders.values())
    assert len(set(orders.values())) == 3
    assert random_orders(3, 6, 0) == orders != random_orders(3, 6, 1)


def test_the_cheapest_head_leaves_the_least_loss():
    losses = [[0.5, None, 0.1, 0.4], [0.1, None, 0.7, 0.1]]
    assert cheapest(losses, 4, (1,)) == 3
    assert cheapest([[0.5, 0.5]], 2, ()) == 0
    assert cheapest([], 3, (0,)) == 1
