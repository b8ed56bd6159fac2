from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from attnaudit.report.html.points import Curve, Scores, Spread, Taus, density


def record(row: int = 0, predicted: int = 1, **more: Any) -> dict[str, Any]:
    return {"row": row, "id": str(row), "gold": 1, "predicted": predicted, **more}


def test_taus_by_class() -> None:
    taus = Taus()
    up, down, flat = [1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0]
    taus.add(record(0, 1, attention=up, importance={"gradient": up, "leave_one_out": down}))
    taus.add(record(1, 0, attention=up, importance={"gradient": down, "leave_one_out": flat}))
    taus.add(record(2, 0, attention=up, importance={"gradient": [None, 2.0, 3.0]}))
    taus.add(record(3))
    assert {c: v.tolist() for c, v in taus.by_class("gradient").items()} == {0: [-1.0], 1: [1.0]}
    assert {c: v.tolist() for c, v in taus.by_class("leave_one_out").items()} == {1: [-1.0]}
    assert taus.by_class("random") == {}


def cells(spread: Spread) -> dict[tuple[int, int], list[float]]:
    return {key: values.tolist() for key, values in spread.cells().items()}


def test_permuted_answers_by_bin_and_class() -> None:
    spread = Spread("permute", "test")
    spread.add(record(0, 1, max_attention=0.3, tvd={"median": 0.1}))
    spread.add(record(1, 1, max_attention=0.3, tvd={"median": 0.2}))
    spread.add(record(2, 0, max_attention=1.0, tvd={"median": 0.4}))
    spread.add(record(3, 0, max_attention=1.0))
    assert cells(spread) == {(1, 1): [0.1, 0.2], (3, 0): [0.4]}


def test_the_adversary_of_an_instance_at_its_first_epsilon() -> None:
    spread = Spread("instance", "test")
    found = [{"epsilon": 0.01, "jsd": 0.5}, {"epsilon": 0.1, "jsd": 0.6}]
    spread.add(record(0, attention=[0.9, 0.1], adversary=found))
    spread.add(record(1, attention=[0.9, 0.1], adversary=[]))
    spread.add(record(0, attention=[0.2, 0.8], jsd=0.3, run={"lambda": 0.1, "split": "test"}))
    assert cells(spread) == {(3, 1): [0.5]}


def test_seeds_count_by_their_median_and_the_base_gives_bin_and_class() -> None:
    spread = Spread("seeds", "test")
    for jsd, seed in ((0.1, 1), (0.5, 2), (0.2, 3)):
        run = {"model": "seed", "seed": seed, "split": "test"}
        spread.add(record(0, 0, attention=[0.1, 0.9], jsd=jsd, run=run))
    spread.add(record(0, 1, attention=[0.6, 0.4], run={"model": "base", "split": "test"}))
    spread.add(record(0, 0, attention=[1.0, 0.0], run={"model": "base", "split": "dev"}))
    spread.add(record(0, 0, jsd=9.0, run={"model": "seed", "seed": 4, "split": "dev"}))
    spread.add(record(0, 0, jsd=9.0, run={"model": "uniform", "seed": 1, "split": "test"}))
    assert cells(spread) == {(2, 1): [0.2]}


def test_the_curve() -> None:
    curve = Curve("test")

    def add(jsd: float, tvd: float, **run: Any) -> None:
        curve.add(record(jsd=jsd, tvd=tvd, run={"split": "test", **run}))

    add(0.2, 0.02, seed=0, **{"lambda": 0.001})
    add(0.4, 0.04, seed=0, **{"lambda": 0.001})
    add(0.5, 0.01, seed=1, **{"lambda": 0.001})
    add(0.1, 0.0, seed=0, **{"lambda": 0.0})
    add(0.05, 0.03, model="seed", seed=5)
    add(0.3, 0.02, model="uniform", seed=5)
    add(9.0, 9.0, model="seed", seed=6, split="dev")
    curve.add(record(run={"model": "base", "split": "test"}))
    curve.add(record(adversary=[{"jsd": 0.6, "tvd": 0.01}]))
    curve.add(record(adversary=[{"jsd": 0.4, "tvd": 0.03}]))
    points = [
        (p.kind, p.strength, p.seed, round(p.jsd, 9), round(p.tvd, 9)) for p in curve.points()
    ]
    assert points == [
        ("instance", None, None, 0.5, 0.02),
        ("lambda", 0.0, 0, 0.1, 0.0),
        ("lambda", 0.001, 0, 0.3, 0.03),
        ("lambda", 0.001, 1, 0.5, 0.01),
        ("seed", None, 5, 0.05, 0.03),
        ("uniform", None, 5, 0.3, 0.02),
    ]
    means = [(p.strength, round(p.jsd, 9), round(p.tvd, 9), p.imitator) for p in curve.by_lambda()]
    assert means == [(0.0, 0.1, 0.0, True), (0.001, 0.4, 0.02, False)]


def test_scores_by_kind() -> None:
    scores = Scores("test")
    for seed, probs in ((0, [[0.1, 0.9], [0.9, 0.1]]), (1, [[0.9, 0.1], [0.9, 0.1]])):
        for row, (gold, answer) in enumerate(zip((1, 0), probs, strict=True)):
            run = {"guide": "uniform", "seed": seed, "split": "test"}
            scores.add({**record(row, probs=answer, run=run), "gold": gold})
    scores.add(record(0, probs=[0.5, 0.5], run={"guide": "base", "seed": 0, "split": "dev"}))
    base = {"model": "base", "split": "test"}
    scores.add(record(0, probs=[0.9, 0.1], run=base))
    scores.add(record(0, run={"guide": "uniform", "seed": 2, "split": "test"}))
    assert {k: v.tolist() for k, v in scores.by_kind().items()} == {
        "guide uniform": [1.0, 0.0],
        "base": [0.0],
    }


def test_a_density() -> None:
    assert density(np.array([0.1, 0.2])) is None
    assert density(np.full(9, 0.3)) is None
    found = density(np.array([0.0, 0.5, 1.0]))
    assert found is not None
    grid, height = found
    assert (grid[0], grid[-1]) == (0.0, 1.0)
    assert height.max() == 1
    np.testing.assert_allclose(height, height[::-1], atol=1e-12)
    width = 0.5 * 3**-0.2  # Scott's rule, by hand
    kernels = np.exp(-0.5 * ((grid[:, None] - [0.0, 0.5, 1.0]) / width) ** 2).sum(1)
    np.testing.assert_allclose(height, kernels / kernels.max())


def test_a_density_of_many_is_that_of_their_chunks() -> None:
    values = np.random.default_rng(0).uniform(size=5000)
    found = density(values)
    assert found is not None
    grid, height = found
    width = values.std(ddof=1) * 5000**-0.2
    kernels = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2).sum(1)
    np.testing.assert_allclose(height, kernels / kernels.max())


@pytest.mark.parametrize("gatherer", [Taus(), Spread("seeds", "t"), Curve("t"), Scores("t")])
def test_records_without_the_fields_are_passed_over(gatherer: Any) -> None:
    gatherer.add(record())
    gatherer.add(record(run={"model": "base"}, probs=[0.5, 0.5]))
    found = getattr(gatherer, "cells", None) or getattr(gatherer, "points", None)
    if found:
        assert not found()
