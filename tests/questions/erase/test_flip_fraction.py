from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attnaudit.measures.sample import Sample
from attnaudit.models.classic.classifier import Recipe, build_classic
from attnaudit.models.interface import ModelSpec
from attnaudit.questions.erase.flip_tables import CRITERIA, flip_columns, flip_table
from attnaudit.questions.erase.make.flip_fraction import SHUFFLES, flip_fractions, weight_gradients

BUDGET = 4096
LOG2 = math.log(2)


def erased_until(text, bias, order):
    """How many items of `order` must go until z changes its side, on its own: None for never."""
    alpha = np.exp([a for a, _ in text])
    alpha /= alpha.sum()
    z = np.array([v for _, v in text])
    positive = alpha @ z + bias > 0
    for k in range(1, len(text) + 1):
        left = alpha.copy()
        left[list(order[:k])] = 0
        now = (left @ z / left.sum() if left.sum() > 0 else 0.0) + bias
        if (now > 0) != positive:
            return k
    return None


def smallest(text, bias):
    places = range(len(text))
    for k in range(1, len(text) + 1):
        for some in combinations(places, k):
            if erased_until(text, bias, some) == k:
                return k
    return None


@pytest.mark.parametrize("linear", [True, False])
def test_one_informative_item(summing, known_of, linear):
    """The gradients erase it first; attention puts it second."""
    text = [(LOG2, -0.1), (0.0, 8.0), (-1.0, -0.1), (-1.0, -0.1)]
    model, batches = summing([text], linear=linear)
    (found,) = flip_fractions(model, known_of(model, batches), 10, 0, BUDGET)
    assert found["attention"] == 2 / 4
    assert found["gradient"] == found["attention_gradient"] == found["optimum"] == 1 / 4
    assert len(found["random"]) == SHUFFLES
    assert set(found["random"]) <= {1 / 4, 2 / 4, 3 / 4, 1}


def test_the_gradient_is_signed(summing, known_of):
    """Without the 5 the mean is below -.3; an order by magnitude would start with the -7."""
    model, batches = summing([[(0.0, 3.0), (0.0, -7.0), (0.0, 5.0), (0.0, 0.5)]], bias=0.3)
    (found,) = flip_fractions(model, known_of(model, batches), 0, 0, BUDGET)
    assert found["gradient"] == found["attention_gradient"] == 1 / 4
    assert "optimum" not in found


def test_the_product_weighs_the_gradient(summing, known_of):
    """.1 * 4 + .6 * 2 - .3 * 4: the slope takes the 4 first, which is not enough."""
    text = [(0.0, 4.0), (math.log(6), 2.0), (math.log(3), -4.0)]
    model, batches = summing([text], bias=0.01)
    (found,) = flip_fractions(model, known_of(model, batches), 3, 0, BUDGET)
    assert found["gradient"] == pytest.approx(2 / 3)
    assert found["attention_gradient"] == found["optimum"] == pytest.approx(1 / 3)


def test_decisions_that_never_flip_and_those_that_the_bias_flips(summing, known_of):
    text = [(0.0, 1.0), (0.5, 1.0), (1.0, 1.0)]
    for bias, share, budget in ((1.0, None, BUDGET), (-0.5, 1.0, BUDGET), (-0.5, 1.0, 0)):
        model, batches = summing([text], bias=bias)
        (found,) = flip_fractions(model, known_of(model, batches), 10, 0, budget)
        random = found.pop("random")
        assert random == [share] * SHUFFLES
        assert set(found.values()) == {share}
        columns = flip_columns([{**found, "random": random}])
        assert {c[0] for n, c in columns.items() if "fraction" in n} == {1.0}
        never = {c[0] for n, c in columns.items() if "never" in n}
        assert never == {float(share is None)}


@pytest.mark.parametrize("budget", [0, BUDGET])
def test_the_first_flip_counts_whatever_follows(summing, known_of, budget):
    """In the order of attention: negative without the 3, positive again without the -4."""
    text = [(LOG2, 3.0), (0.0, -4.0), (-1.0, 2.0), (-2.0, -1.0)]
    model, batches = summing([text, [(0.0, 1.0)] * 2], bias=1e-9)
    found, never = flip_fractions(model, known_of(model, batches), 0, 0, budget)
    assert found["attention"] == 1 / 4
    assert never["attention"] is None


def test_shuffles_differ_and_depend_on_id_and_seed_alone(summing, known_of):
    texts = [[(0.0, 30.0), *[(0.0, -0.1)] * 9]] * 6
    model, batches = summing(texts)
    known = known_of(model, batches)
    first, other = (flip_fractions(model, known, 0, seed, BUDGET) for seed in (0, 1))
    for found in (first, other):
        assert all(len(set(r["random"])) > 1 for r in found)
        assert len({tuple(r["random"]) for r in found}) == 6
    assert [r["random"] for r in first] != [r["random"] for r in other]
    assert flip_fractions(model, known, 0, 0, BUDGET) == first


def test_uniform_attention_ranks_as_chance_does(summing, known_of):
    chance = np.random.default_rng(0)
    texts = [[(0.0, z) for z in chance.normal(0.3, 1, 9)] for _ in range(400)]
    model, batches = summing(texts, bias=-0.1)
    columns = flip_columns(flip_fractions(model, known_of(model, batches), 0, 0, BUDGET))
    attention = columns["erase.flip_fraction.attention"]
    random = columns["erase.flip_fraction.random"]
    error = np.std(attention - random) / math.sqrt(400)
    assert abs(attention.mean() - random.mean()) < 3 * error


@given(
    st.lists(
        st.tuples(st.integers(-8, 8).map(lambda x: x / 4), st.integers(-9, 9).map(float)),
        min_size=2,
        max_size=6,
    ),
    st.sampled_from([-0.53, 0.0, 0.71]),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_optimum_is_the_brute_force_and_no_order_beats_it(summing, known_of, text, bias):
    # A z of exactly 0 is a matter of rounding: keep away from it.
    text = [(a, z + 0.0123 * i) for i, (a, z) in enumerate(text)]
    model, batches = summing([text, [(0.0, 1.0)] * 7], bias=bias)
    found = flip_fractions(model, known_of(model, batches), 6, 0, BUDGET)[0]
    best = smallest(text, bias)
    assert found["optimum"] == (None if best is None else pytest.approx(best / len(text)))
    for share in (*found["random"], *(found[n] for n in CRITERIA if n != "random")):
        assert share is None or share >= found["optimum"] - 1e-9
    by_weight = np.argsort([-a for a, _ in text], kind="stable")
    if len({a for a, _ in text}) == len(text):
        steps = erased_until(text, bias, by_weight)
        expected = None if steps is None else pytest.approx(steps / len(text))
        assert found["attention"] == expected


@pytest.mark.parametrize("paired", [False, True])
def test_calls_may_be_of_any_size(paired, vocabulary, instances, known_of, batches):
    """A budget of one token makes a call of every prefix."""
    spec = ModelSpec(vocabulary, ("a", "b", "c"), paired)
    model = build_classic(Recipe(embedding=6, hidden=8), spec, seed=0).eval().double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4)
    if paired:
        instances[:] = [replace(i, query=("good", "fun")) for i in instances]
    known = known_of(model, batches())
    large, small = (flip_fractions(model, known, 5, 0, budget) for budget in (10**6, 1))
    assert large == small
    assert [r.get("optimum", "none") == "none" for r in large] == [False, False, True, False]


def test_weight_gradients_are_those_of_the_log_odds(summing, known_of):
    text = [(0.0, 3.0, 2.0), (1.0, 0.5, -1.0), (0.3, 1.0, 40.0)]
    model, batches = summing([text], bias=900.0, linear=False)  # p rounds to 1
    known = known_of(model, batches)
    decided = known.probs.argmax(1)
    assert known.probs[0, 1] == 1
    slopes = weight_gradients(model, known.encoded, known.alpha, decided)
    torch.testing.assert_close(slopes[0], torch.tensor([[2.0, -1.0, 40.0]] * 2).double())
    against = weight_gradients(model, known.encoded, known.alpha, 1 - decided)
    torch.testing.assert_close(against, -slopes)


def test_slopes_of_all_heads_count(summing, known_of, monkeypatch):
    """The second head speaks against the first, twice as loud."""
    model, batches = summing([[(0.0, 0.0, 1.0), (0.0, 0.0, -2.0), (0.0, 0.0, -0.5)]], linear=False)

    def read(encoded, alpha):
        z = torch.einsum("bvht,bt,h->bv", alpha, encoded.values[:, :, -1], heads)
        return torch.stack([torch.zeros_like(z), z], dim=-1)

    heads = torch.tensor([1.0, -2.0], dtype=torch.float64)
    monkeypatch.setattr(model, "read", read)
    (found,) = flip_fractions(model, known_of(model, batches), 3, 0, BUDGET)
    assert found["gradient"] == found["attention_gradient"] == found["optimum"]
    assert found["gradient"] == pytest.approx(1 / 3)  # without the -2: -(1 - .5) / 2


def test_a_model_that_does_not_read_its_attention(summing, known_of, monkeypatch):
    model, batches = summing([[(0.0, 1.0), (1.0, 1.0)]])
    known = known_of(model, batches)
    monkeypatch.setattr(model, "token_logits", None)
    fixed = torch.tensor([0.0, 1.0], dtype=torch.float64)
    monkeypatch.setattr(model, "read", lambda e, alpha: fixed.expand(*alpha.shape[:2], 2))
    (found,) = flip_fractions(model, known, 5, 0, BUDGET)
    assert found["gradient"] is None


def test_heads_lose_the_same_items(summing, known_of):
    """Either head alone prefers another item; their mean, and their sum of slopes, decide."""
    texts = [[(math.log(8), 0.0, 1.0), (0.0, math.log(5), -0.9), (0.0, 0.0, 0.0)]]
    model, batches = summing(texts, linear=False)
    known = known_of(model, batches)
    (found,) = flip_fractions(model, known, 5, 0, BUDGET)
    assert found["attention"] == found["attention_gradient"] == pytest.approx(1 / 3)


def record(attention, random, **more):
    values = {"attention": attention, "gradient": 0.5, "attention_gradient": 0.25}
    return {**values, "random": random, **more}


def table_of(rows, items=10):
    columns = flip_columns(rows)
    means = Sample(len(rows)).means(columns, lambda _: (0.0, 1.0))
    return flip_table(means, columns, items)


def test_table_of_known_records():
    rows = [
        record(0.2, [0.5, None, None, 1.0, 1.0], optimum=0.1),
        record(None, [0.4] * 5),
        record(0.6, [None] * 5, optimum=None),
    ]
    table = table_of(rows)
    shown = {row[0]: row[1:] for row in table.rows}
    assert list(shown) == list(CRITERIA)
    mean, _, _, *rest = shown["attention"]
    assert mean == pytest.approx(1.8 / 3)
    assert rest == [
        pytest.approx(0.4),
        pytest.approx(0.6),
        pytest.approx(0.8),
        pytest.approx(1 / 3),
        pytest.approx(0.4),
    ]
    assert shown["random"][0] == pytest.approx((0.9 + 0.4 + 1) / 3)
    assert shown["random"][6] == pytest.approx((0.4 + 0 + 1) / 3)
    assert shown["optimum"] == [None] * 7 + [pytest.approx(0.55)]
    assert "2 texts of at most 10 items" in table.notes[-1]


def test_without_short_texts_there_is_no_optimum():
    table = table_of([record(0.2, [1.0] * 5)] * 2)
    assert [row[0] for row in table.rows] == [name for name in CRITERIA if name != "optimum"]
    assert table.columns[-1] == "never"
    assert not any("optimum" in name for name in flip_columns([record(0.2, [1.0])]))
