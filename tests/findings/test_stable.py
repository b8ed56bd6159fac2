from __future__ import annotations

import numpy as np
import pytest

from attnaudit.findings.assess import assess
from attnaudit.findings.rules import Deltas
from attnaudit.findings.stable import stable
from attnaudit.questions.seed_baseline.stability import LINE, stability

N = 200
GENERATOR = np.random.default_rng(3)


def judge(bench, line=LINE):
    return stable(bench.evidence(), bench.of_seeds(), line)


def set_attention(bench, models, shown):
    """The audited model attends as the first of `shown`, its seeds as the others."""
    first, *others = (models(20, attention=one)[0] for one in shown)
    bench.base, bench.seeds = first, others


def test_models_that_attend_alike_are_for(bench):
    found = judge(bench)
    assert (found.status, found.metric, found.delta) == ("for", "stability.s", LINE)
    assert found.statistic == 1
    assert found.interval[1] == 1
    assert 0.95 < found.interval[0] < 1  # 200 texts may miss some of another kind
    assert "the attention of 6 models of this recipe reaches 1.00 (s, interval 0.9" in found.reason
    assert "Two models have the same top word in 100 % of all cases" in found.reason
    assert "Five seeds may not show a failure that is rarer" in found.reason


def test_models_that_attend_at_random_are_against(bench, models, attend):
    shown = [attend(GENERATOR.integers(0, 4, N)) for _ in range(6)]
    set_attention(bench, models, shown)
    found = judge(bench)
    assert found.status == "against"
    assert found.statistic == pytest.approx(0, abs=0.1)
    assert found.interval[0] < 0 < found.interval[1] < LINE


def test_a_coin_per_text_between_two_places_is_against(bench, models, attend):
    places = GENERATOR.permuted(np.tile(np.arange(4), (N, 1)), axis=1)[:, :2]
    shown = [attend(places[np.arange(N), GENERATOR.integers(0, 2, N)], most=0.97) for _ in range(6)]
    set_attention(bench, models, shown)
    found = judge(bench)
    # Half of the pairs agree, and 3 in 4 would not by chance: 1 - .5 / .75.
    assert found.statistic == pytest.approx(1 / 3, abs=0.06)
    assert found.status == "against"


def test_a_coin_per_seed_between_two_places_is_never_for(bench, models, attend):
    one, other = attend(np.arange(N)), attend(np.arange(N) + 1)
    for heads in (1, 2, 3):
        set_attention(bench, models, [other] * heads + [one] * (6 - heads))
        found = judge(bench)
        assert found.status == "inconclusive"
        assert "The true s may be above or below 0.67" in found.reason


def test_s_alone_is_not_enough(bench, models, attend):
    """All split their weight between the same two words, and which is on top is chance."""
    places = GENERATOR.permuted(np.tile(np.arange(4), (N, 1)), axis=1)
    shown = []
    for _ in range(6):
        weights = np.zeros((N, 4))
        tilt = 0.03 * GENERATOR.choice([-1, 1], N)
        weights[np.arange(N), places[:, 0]], weights[np.arange(N), places[:, 1]] = (
            0.5 + tilt,
            0.5 - tilt,
        )
        shown.append(weights)
    set_attention(bench, models, shown)
    found = judge(bench)
    assert (found.status, found.metric) == ("inconclusive", "stability.s")
    assert found.statistic > 0.95
    assert found.interval[0] > LINE
    assert "s is above 0.67, but kappa is below 0.5" in found.reason


def test_flat_attention_cannot_be_compared(bench, models):
    shown = [0.25 + 0.01 * GENERATOR.uniform(-1, 1, (N, 4)) for _ in range(6)]
    set_attention(bench, models, shown)
    found = judge(bench)
    assert found.status == "not_assessable"
    assert found.reason.startswith("Attention is flat: ")
    assert found.statistic is not None
    set_attention(bench, models, [np.full((N, 4), 0.25)] * 6)
    found = judge(bench)
    assert (found.status, found.statistic) == ("not_assessable", None)


def test_fewer_than_five_seeds_say_nothing(bench):
    bench.seeds = bench.seeds[:4]
    found = judge(bench)
    assert (found.status, found.statistic) == ("not_assessed", None)
    assert found.reason == "4 seeds were trained, but 5 are needed."
    bench.seeds = []
    assert judge(bench).reason == "Run seed-baseline to find out."


def test_a_supervised_recipe_keeps_its_status_and_says_so(bench):
    bench.supervised = True
    found = judge(bench)
    assert found.status == "for"
    assert found.reason.startswith("Supervised: ")


def test_the_line_is_a_setting(bench, models, attend):
    shown = [attend(GENERATOR.integers(0, 4, N)) for _ in range(6)]
    set_attention(bench, models, shown)
    assert judge(bench, 0.0).status == "inconclusive"
    found = assess(bench.evidence(), Deltas(stable=0.3))["stable"]
    assert (found.status, found.delta) == ("against", 0.3)


def test_which_model_is_audited_does_not_matter(bench, models, attend):
    tops = np.where(GENERATOR.random((6, N)) < 0.8, np.arange(N), GENERATOR.integers(0, 4, N))
    shown = [attend(top) for top in tops]
    set_attention(bench, models, shown)
    first = judge(bench)
    for k in range(1, 6):
        set_attention(bench, models, shown[k:] + shown[:k])
        other = judge(bench)
        assert (other.status, other.reason) == (first.status, first.reason)
        assert [other.statistic, *other.interval] == pytest.approx(
            [first.statistic, *first.interval]
        )


def test_the_finding_and_the_metric_are_the_same_figure(bench, models, attend):
    shown = [attend(GENERATOR.integers(0, 2, N)) for _ in range(6)]
    set_attention(bench, models, shown)
    found, s = judge(bench), stability(bench.of_seeds()).metrics["stability.s"]
    assert (found.statistic, found.interval) == (s.value, [s.ci_low, s.ci_high])


def test_texts_of_a_group_tell_less(bench, models, attend):
    """A group is attended to alike, or not at all."""
    alike = np.repeat(GENERATOR.random(20) < 0.8, 10)
    tops = [np.where(alike, np.arange(N), GENERATOR.integers(0, 4, N)) for _ in range(6)]
    set_attention(bench, models, [attend(top) for top in tops])
    alone = np.diff(judge(bench).interval)
    bench.groups = [f"author {row // 10}" for row in range(N)]
    assert np.diff(judge(bench).interval) > 1.5 * alone


def test_the_line_of_the_table_is_the_default():
    assert Deltas().stable == LINE
