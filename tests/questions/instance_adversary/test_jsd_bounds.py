from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from attnaudit.measures.divergences import jsd, max_jsd
from attnaudit.questions.instance_adversary.make import jsd_bounds
from attnaudit.questions.instance_adversary.make.jsd_bounds import bounds, divergence, secants
from attnaudit.questions.instance_adversary.make.largest_jsd import farthest_vertices, gain, slab
from attnaudit.questions.instance_adversary.make.programs import Programs


def drawn(seed, n, classes, spread=1.5):
    generator = np.random.default_rng(seed)
    return generator.dirichlet(np.full(n, 0.7)), spread * generator.normal(size=(n, classes))


def together(texts):
    """Texts of any lengths as one batch, with what is not to count beyond their ends."""
    longest = max(len(a) for a, _ in texts)
    base = np.zeros((len(texts), longest))
    tokens = np.full((len(texts), longest, texts[0][1].shape[1]), 7.0)
    content = np.zeros((len(texts), longest), bool)
    for b, (a, z) in enumerate(texts):
        base[b, : len(a)], tokens[b, : len(a)], content[b, : len(a)] = a, z, True
    return base, tokens, content


def one(base, tokens, epsilon):
    """The bound and the weights of one text."""
    every = np.ones((1, len(base)), bool)
    upper, found = bounds(np.asarray(base)[None], np.asarray(tokens)[None], every, epsilon)
    return upper[0], found[0]


def moved(weights, base, tokens):
    return np.abs(softmax(weights @ tokens, -1) - softmax(base @ tokens, -1)).sum(-1) / 2


def feasible(seed, base, tokens, epsilon):
    """Points of the simplex with an answer within epsilon: on ways from the base, out to the end.

    The ways lead to random points, dense and sparse, and to all points of a grid of three tokens.
    """
    generator, n = np.random.default_rng(seed), len(base)
    ends = [generator.dirichlet(np.full(n, c), 300) for c in (0.1, 0.5)]
    if n == 3:
        grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 31)] * 2), -1).reshape(-1, 2)
        grid = grid[grid.sum(1) <= 1]
        ends.append(np.column_stack([grid, 1 - grid.sum(1)]))
    ends = np.concatenate(ends)
    low, high = np.zeros(len(ends)), np.ones(len(ends))
    for _ in range(30):
        step = (low + high) / 2
        fits = moved(base + step[:, None] * (ends - base), base, tokens) <= epsilon
        low, high = np.where(fits, step, low), np.where(fits, high, step)
    out = base + low[:, None] * (ends - base)
    whole = ends[moved(ends, base, tokens) <= epsilon]
    return np.concatenate([out, whole])


@pytest.mark.parametrize("classes", [3, 5, 9])
@pytest.mark.parametrize("epsilon", [1e-4, 0.01, 0.3])
@pytest.mark.parametrize("spread", [0.3, 5.0])
def test_bounds_hold_for_every_feasible_point(classes, epsilon, spread):
    texts = [drawn(seed, 3 + seed, classes, spread) for seed in range(5)]
    upper, found = bounds(*together(texts), epsilon)
    for b, (base, tokens) in enumerate(texts):
        weights = found[b, : len(base)]
        assert (found[b, len(base) :] == 0).all()
        assert weights.min() >= 0
        assert weights.sum() == pytest.approx(1, abs=1e-9)
        assert moved(weights, base, tokens) <= epsilon + 1e-9
        assert jsd(weights, base) <= upper[b] + 1e-9
        points = feasible(b, base, tokens, epsilon)
        assert jsd(points, base).max() <= upper[b] + 1e-9


@pytest.mark.parametrize(("classes", "gap"), [(3, 0.03), (5, 0.1)])
def test_the_bounds_are_near_each_other_and_what_is_found_beats_what_chance_finds(classes, gap):
    texts = [drawn(seed, 8, classes) for seed in range(12)]
    upper, found = bounds(*together(texts), 0.02)
    reached = np.array([jsd(w, a) for w, (a, _) in zip(found, texts, strict=True)])
    by_chance = np.array([jsd(feasible(b, a, z, 0.02), a).max() for b, (a, z) in enumerate(texts)])
    assert (reached >= by_chance - 1e-6).mean() > 0.9
    assert (upper - reached).mean() < gap


@pytest.mark.parametrize("seed", range(8))
def test_two_classes_lie_between_the_bounds_and_both_are_near(seed):
    base, tokens = drawn(seed, 12, 2)
    upper, found = one(base, tokens, 0.02)
    logits = tokens[:, 1] - tokens[:, 0]
    low, high = slab(np.array([base @ logits]), 0.02)
    every = np.ones((1, 12), bool)
    exact = farthest_vertices(base[None], logits[None], every, low, high)[1][0, 0]
    assert jsd(found, base) <= exact + 1e-9
    assert exact <= upper + 1e-12
    assert jsd(found, base) > exact - 0.03
    assert upper < exact + 0.05


def test_cutting_ranges_lowers_the_bound(monkeypatch):
    batch = together([drawn(seed, 12, 5) for seed in range(6)])
    found = []
    for rounds in (0, 1, 3):
        monkeypatch.setattr(jsd_bounds, "ROUNDS", rounds)
        found.append(bounds(*batch, 0.01)[0])
    assert (np.diff(found, axis=0) <= 1e-9).all()
    assert (found[2] < found[0] - 1e-3).mean() > 0.5


def test_several_starts_find_more_than_one_where_answers_are_sure(monkeypatch):
    batch = together([drawn(seed, 20, 8, spread=12.0) for seed in range(12)])
    _, several = bounds(*batch, 0.01)
    reached = [divergence(batch[0], several).mean()]
    for shares in ((0.8,), (0.3,)):
        monkeypatch.setattr(jsd_bounds, "SHARES", shares)
        monkeypatch.setattr(jsd_bounds, "MOVED", 1)
        reached.append(divergence(batch[0], bounds(*batch, 0.01)[1]).mean())
    assert reached[0] > max(reached[1:]) + 0.003


def test_texts_do_not_depend_on_each_other(monkeypatch):
    texts = [drawn(seed, n, 4) for seed, n in enumerate((2, 5, 9, 30))]
    upper, found = bounds(*together(texts), 0.01)
    monkeypatch.setattr(jsd_bounds, "CELLS", 1)
    each = bounds(*together(texts), 0.01)
    assert each[0] == pytest.approx(upper, abs=1e-6)
    for b, (base, tokens) in enumerate(texts):
        alone = one(base, tokens, 0.01)
        assert alone[0] == pytest.approx(upper[b], abs=1e-6)
        assert jsd(alone[1], base) == pytest.approx(float(jsd(found[b, : len(base)], base)), 1e-6)


def test_an_alternative_that_moves_nothing_attains_the_cap():
    base = np.array([0.5, 0.3, 0.2])
    upper, found = one(base, np.ones((3, 4)), 0.01)
    assert found == pytest.approx([0, 0, 1], abs=1e-9)
    assert upper == pytest.approx(float(max_jsd(base)), abs=1e-9)


def test_one_token_alone():
    upper, found = one([1.0], [[1.0, 2.0, 3.0]], 0.01)
    assert found.tolist() == [1.0]
    assert upper == pytest.approx(0, abs=1e-12)


def test_without_a_solution_the_upper_bound_is_the_cap_of_secants(monkeypatch):
    """Programs that end at once have no weights to give, and no limits: their bound still holds."""

    def unsolved(self, nearby, gains, low, high):
        return np.full_like(gains, np.nan), np.zeros(len(gains), bool)

    monkeypatch.setattr(Programs, "solve", unsolved)
    base, tokens = drawn(0, 6, 3)
    upper, found = one(base, tokens, 0.01)
    assert upper >= jsd(feasible(0, base, tokens, 0.01), base).max()
    assert upper <= max_jsd(base) + 1e-9
    assert moved(found, base, tokens) <= 0.01


def test_a_bound_from_wrong_multipliers_still_holds(monkeypatch):
    """Weak duality: whatever the solver says, nothing feasible lies above."""
    base, tokens = drawn(1, 8, 3)
    honest, _ = one(base, tokens, 0.05)
    solve = Programs.solve

    def careless(self, *args):
        found = solve(self, *args)
        self.table[:, -1] = self.table[:, -1] * 0.7 + 0.01
        return found

    monkeypatch.setattr(Programs, "solve", careless)
    assert one(base, tokens, 0.05)[0] >= honest - 2e-3


def test_sure_answers_leave_the_other_classes_free():
    base = np.array([0.9, 0.05, 0.05])
    tokens = np.array([[30.0, 0, 0], [25.0, 3, 0], [20.0, 0, 5]])
    upper, found = one(base, tokens, 0.01)
    assert jsd(found, base) == pytest.approx(float(max_jsd(base)), abs=1e-9)
    assert upper == pytest.approx(float(max_jsd(base)), abs=1e-9)


def test_secants_lie_above_the_divergence_between_their_ends():
    generator = np.random.default_rng(0)
    base, ends = generator.random(200), np.sort(generator.random((2, 200)), axis=0)
    slope, rest = secants(base, *ends)
    for part in (0.0, 0.3, 0.8, 1.0):
        q = ends[0] + part * (ends[1] - ends[0])
        above = slope * q + rest - gain(base, q)
        assert (above >= -1e-12).all()
        if part in (0.0, 1.0):
            assert above == pytest.approx(0, abs=1e-12)


def test_the_divergence_is_that_of_the_measures():
    p, q = np.random.default_rng(0).dirichlet(np.ones(6), (2, 9))
    q[0] = [1, 0, 0, 0, 0, 0]
    assert divergence(p, q) == pytest.approx(jsd(p, q), abs=1e-12)
