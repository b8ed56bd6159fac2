"""Integrals of functions whose integrals are known; no model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit

from attnaudit.importance.panels import Points, integrate

TOLERANCE, MOST = 0.01, 384


class Functions:
    """Texts whose words have these functions of place as integrands, and these as output."""

    def __init__(self, *texts, doubt=0.0):
        self.texts, self.doubt = texts, doubt
        self.width = max(len(terms) for terms, _ in texts)
        self.calls = []

    def __call__(self, text, place):
        self.calls.append(list(zip(text.tolist(), place.tolist(), strict=True)))
        terms, output = np.zeros((len(text), self.width)), np.zeros(len(text))
        for k, (name, s) in enumerate(self.calls[-1]):
            words, out = self.texts[name]
            terms[k, : len(words)] = [word(s) for word in words]
            output[k] = out(s)
        return Points(terms, output, np.full(len(text), self.doubt))


def integrated(look, *, most=MOST, tolerance=TOLERANCE, rounding=0.0):
    return integrate(look, len(look.texts), tolerance=tolerance, most=most, rounding=rounding)


def flip(steepness, at, shares=(0.7, 0.5, -0.2)):
    """A net that flips at one place of the way: the words share the change of the output."""

    def word(share):
        def integrand(s):
            p = expit(steepness * (s - at))
            return share * steepness * p * (1 - p)

        return integrand

    return [word(share) for share in shares], lambda s: expit(steepness * (s - at))


def test_polynomials_up_to_the_third_degree_take_two_panels():
    """Boole's and Simpson's rules are both exact there."""
    words = [lambda s: 2 * s**3, lambda s: 3 - s, lambda s: -(s**2)]
    look = Functions((words, lambda s: s**4 / 2 + 3 * s - s**2 / 2 - s**3 / 3))
    found = integrated(look)
    np.testing.assert_allclose(found.signed, [[0.5, 2.5, -1 / 3]], rtol=1e-14)
    assert found.gradients.tolist() == [9]
    assert found.settled.all()
    assert found.gap[0] < 1e-14
    assert found.error[0] < 1e-14


def test_boole_is_exact_to_the_fifth_degree_and_its_error_is_overestimated():
    words = [lambda s: s**5, lambda s: 1.0]
    found = integrated(Functions((words, lambda s: s**6 / 6 + s)))
    np.testing.assert_allclose(found.signed, [[1 / 6, 1]], rtol=1e-14)
    assert 1e-4 < found.error[0] < TOLERANCE


@pytest.mark.parametrize("steepness", [20, 200, 5000])
@pytest.mark.parametrize("at", [0.5, 0.3137])
def test_a_flip_that_twelve_nodes_miss(steepness, at):
    words, output = flip(steepness, at)
    truth = np.array([0.7, 0.5, -0.2]) * (output(1) - output(0))
    found = integrated(Functions((words, output)))
    assert found.settled.all()
    assert np.abs(found.signed[0] - truth).max() < TOLERANCE * 0.7
    assert found.gap[0] < TOLERANCE
    nodes, weights = np.polynomial.legendre.leggauss(12)
    twelve = [sum(w / 2 * word((x + 1) / 2) for x, w in zip(nodes, weights)) for word in words]  # noqa: B905
    if steepness >= 200:
        assert np.abs(twelve - truth).max() > 10 * TOLERANCE * 0.7


def test_single_words_are_what_scipy_gives():
    words = [
        lambda s: np.sin(9 * s) * 3,
        lambda s: np.exp(-40 * s),
        lambda s: 1 / (1e-3 + (s - 0.6) ** 2),
        lambda s: np.sqrt(s),
    ]
    primitive = [quad(word, 0, 1, points=[0.6], limit=200)[0] for word in words]

    def output(s):
        return sum(quad(word, 0, s, points=[0.6], limit=200)[0] for word in words)

    found = integrated(Functions((words, output)))
    assert found.settled.all()
    assert np.abs(found.signed[0] - primitive).max() <= TOLERANCE * max(primitive)


def test_words_that_are_wrong_together_are_seen_although_they_add_up():
    """Completeness holds at any number of points: the second word takes what the first gets."""
    (up,), _ = flip(300, 0.41, (1.0,))
    words = [up, lambda s: -up(s)]
    found = integrated(Functions((words, lambda s: 0.0)))
    np.testing.assert_allclose(found.signed, [[1, -1]], atol=TOLERANCE)
    assert found.gap[0] < 1e-12
    assert found.gradients[0] > 30


def test_a_flip_between_the_points_is_seen_by_the_change_of_the_output():
    words, output = flip(3000, 0.3137)  # at all nine points the gradient is all but zero
    look = Functions((words, output))
    found = integrated(look)
    first = look(np.zeros(9, np.int64), np.linspace(0, 1, 9)).terms
    assert np.abs(first).max() < 1e-6
    np.testing.assert_allclose(found.signed[0], [0.7, 0.5, -0.2], atol=TOLERANCE)


@pytest.mark.parametrize("most", [9, 50, 384])
def test_what_never_converges_ends_at_the_cap_and_is_not_settled(most):
    """The output jumps, and no gradient says so."""
    jump = ([lambda s: 1.0], lambda s: s + (s > 1 / 3))
    fine = ([lambda s: 1.0], lambda s: s)
    found = integrated(Functions(jump, fine), most=most)
    assert found.settled.tolist() == [False, True]
    assert found.finite.all()
    assert found.gradients[0] <= most
    assert found.gradients[1] == 9
    assert found.gap[0] == pytest.approx(1)
    assert found.error[0] > TOLERANCE


def test_the_whole_cap_is_used_where_much_is_to_be_bisected():
    jumps = ([lambda s: 1.0], lambda s: s + np.floor(s * 97))
    found = integrated(Functions(jumps))
    assert 384 - 4 < found.gradients[0] <= 384
    assert not found.settled[0]


def test_what_rounding_explains_is_no_error():
    """Gradients that are all but zero, under an output that trembles in its last places."""
    noise = np.random.default_rng(0)

    def text():
        return [lambda s: 1e-9 * (1 + 1e-7 * noise.normal())], lambda s: 0.5 + 6e-8 * noise.normal()

    assert integrated(Functions(text())).gradients[0] > 300
    found = integrated(Functions(text(), doubt=1e-6), rounding=1e-6)
    assert found.settled.all()
    assert found.gradients[0] == 9


def test_a_text_without_any_change_has_nothing_to_settle():
    found = integrated(Functions(([lambda s: 0.0] * 2, lambda s: 0.25)))
    assert found.signed.tolist() == [[0, 0]]
    assert (found.gradients[0], found.error[0], found.settled[0]) == (9, 0, True)


@pytest.mark.parametrize("where", ["terms", "output"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_stay_with_their_text(where, value):
    broken = {
        "terms": ([lambda s: value if s > 0.9 else 1.0], lambda s: s),
        "output": ([lambda s: 1.0], lambda s: value if s > 0.9 else s),
    }[where]
    words, output = flip(200, 0.3)
    found = integrated(Functions(broken, (words, output)))
    alone = integrated(Functions((words, output)))
    assert found.finite.tolist() == [False, True]
    assert found.settled.tolist() == [False, True]
    assert found.gradients[0] == 9
    np.testing.assert_array_equal(found.signed[1], alone.signed[0])


def test_neighbours_decide_nothing():
    texts = [flip(k, at, (a, 1 - a)) for k, at, a in [(5, 0.2, 0.9), (400, 0.7, 0.3), (60, 0.5, 2)]]
    texts.append(([lambda s: 1.0, lambda s: 0.0], lambda s: s + (s > 1 / 3)))
    together = integrated(Functions(*texts))
    back = integrated(Functions(*texts[::-1]))
    assert len(set(together.gradients.tolist())) == 4
    for k, text in enumerate(texts):
        alone = integrated(Functions(text))
        for found, at in ((together, k), (back, 3 - k)):
            np.testing.assert_array_equal(found.signed[at], alone.signed[0])
            assert found.gradients[at] == alone.gradients[0]
            assert found.error[at] == alone.error[0]
            assert found.settled[at] == alone.settled[0]


def test_no_point_is_looked_at_twice_and_open_texts_are_looked_at_together():
    texts = [flip(5, 0.2), flip(400, 0.7), flip(60, 0.5)]
    look = Functions(*texts)
    found = integrated(look)
    asked = [point for call in look.calls for point in call]
    assert len(set(asked)) == len(asked) == found.gradients.sum()
    for k, count in enumerate(found.gradients):
        assert sum(text == k for text, _ in asked) == count
    assert len(look.calls) < 12
    assert {text for text, _ in look.calls[0]} == {0, 1, 2}
