import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.findings import manipulation
from attnaudit.findings.manipulation import excess, imitators, mixtures

CURVE = np.array([0.0, 0.1, 0.4]), np.array([0.1, 0.3, 0.6])  # TVD, JSD


@pytest.mark.parametrize(
    ("budget", "weights"),
    [
        (0.0, [1, 0, 0]),
        (0.05, [0.5, 0.5, 0]),
        (0.1, [0, 1, 0]),
        (0.25, [0, 0.5, 0.5]),
        (0.4, [0, 0, 1]),
        (1.0, [0, 0, 1]),
    ],
)
def test_a_budget_is_met_between_neighbours(budget, weights):
    assert mixtures(*CURVE, budget) == pytest.approx(np.array(weights, float))


def test_the_point_of_least_tvd_is_taken_whole_where_none_is_within():
    found = mixtures(np.array([0.3, 0.2]), np.array([0.1, 0.6]), 0.1)
    assert found.tolist() == [0.0, 1.0]


def test_a_point_that_another_beats_is_left_out():
    tvd, jsd = np.array([0.0, 0.05, 0.1]), np.array([0.4, 0.2, 0.5])
    assert mixtures(tvd, jsd, 0.05) == pytest.approx(np.array([0.5, 0.0, 0.5]))


points = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.69)), min_size=1, max_size=6)


@settings(deadline=None)
@given(points, st.floats(0, 1), st.floats(0, 0.5))
def test_a_mixture_keeps_to_its_budget_and_a_larger_one_gives_no_less(pairs, budget, more):
    tvd, jsd = np.array(pairs).T
    weights = mixtures(tvd, jsd, budget)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= -1e-12).all()
    if tvd.min() <= budget:
        assert weights @ tvd <= budget + 1e-9
        inside = jsd[tvd <= budget].max()
        assert weights @ jsd >= inside - 1e-9
        assert mixtures(tvd, jsd, budget + more) @ jsd >= weights @ jsd - 1e-9


def test_rows_are_independent():
    tvd, jsd = np.stack([CURVE[0], CURVE[0][::-1]]), np.stack([CURVE[1], CURVE[1][::-1]])
    both = mixtures(tvd, jsd, 0.25)
    assert both[0].tolist() == both[1][::-1].tolist()


def swept(bench):
    """The curves of a bench, on a split that serves as dev and as the audited one."""
    return manipulation.of(bench.evidence())


def test_curves_hold_the_means_of_each_seed_and_lambda(bench, models):
    bench.adversaries[0.08] = [models(20, jsd=jsd, tvd=jsd / 2)[0] for jsd in (0.4, 0.5, 0.6)]
    _, test = swept(bench)
    assert (test.lambdas, test.seeds, test.sample.n) == ([0.0, 0.002, 0.08], [1, 2, 3], 200)
    assert test.jsd == pytest.approx(np.array([[0.05, 0.06, 0.4 + s / 10] for s in range(3)]))
    assert test.tvd == pytest.approx(np.array([[0.01, 0.02, 0.2 + s / 20] for s in range(3)]))
    assert test.jsd_draws.shape == test.tvd_draws.shape == (2000, 3, 3)
    assert test.jsd_draws == pytest.approx(np.broadcast_to(test.jsd, (2000, 3, 3)))


def test_the_excess_is_chosen_on_dev_and_read_on_test(bench, models):
    dev, _ = swept(bench)  # (.01, .05), (.02, .06), (.5, .5)
    bench.adversaries = {
        0.0: models(20, 20, 20, jsd=0.1, tvd=0.03),
        0.002: models(20, 20, 20, jsd=0.3, tvd=0.05),
        0.08: models(20, 20, 20, jsd=0.6, tvd=0.3),
    }
    _, test = swept(bench)
    found = excess(dev, test, 0.02, room=0.06)
    assert found.weights.tolist() == [[0, 1, 0]] * 3
    assert (found.jsd.value, found.cost) == (pytest.approx(0.2), pytest.approx(0.05))
    assert found.within
    assert not excess(dev, test, 0.02, room=0.04).within
    found = excess(dev, test, 0.26, room=1.0)  # half of the way from .02 to .5
    assert found.weights == pytest.approx(np.array([[0, 0.5, 0.5]] * 3))
    assert (found.jsd.value, found.cost) == (pytest.approx(0.35), pytest.approx(0.175))


def test_imitators_are_those_of_lambda_0(bench, models):
    bench.adversaries[0.0] = [models(20, jsd=jsd, tvd=0.01)[0] for jsd in (0.1, 0.2, 0.3)]
    found = imitators(swept(bench)[1])
    assert found.value == pytest.approx(0.2)
    assert found.ci_low < 0.1 < 0.3 < found.ci_high  # of three seeds


def test_every_resample_chooses_anew(bench, models):
    """A lambda that is within the budget on half of the texts alone is taken in some resamples."""
    tvd = np.repeat([0.0, 0.06], 100)
    bench.adversaries[0.002] = models(20, 20, 20, jsd=0.4, tvd=tvd)
    bench.adversaries[0.08] = models(20, 20, 20, jsd=0.0, tvd=0.9)
    dev, test = swept(bench)
    found = excess(dev, test, 0.03, room=1.0)
    assert found.jsd.value == pytest.approx(0.35)  # its mean is just the budget
    assert found.jsd.ci_low < 0.34
    assert found.jsd.ci_high > 0.35


def test_what_imitators_share_is_no_excess_on_any_resample(bench, models):
    by_text = np.linspace(0.0, 0.4, 200)
    bench.adversaries = {
        0.0: models(20, 20, 20, jsd=by_text, tvd=0.01),
        0.002: models(20, 20, 20, jsd=by_text + 0.1, tvd=0.02),
    }
    found = excess(*swept(bench), 0.03, room=0.03).jsd
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((0.1, 0.1, 0.1))
    assert imitators(swept(bench)[1]).ci_high > 0.21


def test_without_adversaries_there_are_no_curves(bench):
    assert manipulation.of(bench.evidence("model-adversary")) is None
