from __future__ import annotations

import numpy as np
import pytest

from attnaudit.findings.gap import score_gaps
from attnaudit.findings.necessary import necessary
from attnaudit.findings.rules import settle
from attnaudit.questions.runs import BASE, SEED, UNIFORM


def judge(bench, delta=0.01):
    return necessary(bench.evidence(), bench.of_seeds(), delta)


def test_for(bench):
    found = judge(bench)
    assert (found.status, found.metric, found.delta) == ("for", "necessity.f1_gap", 0.01)
    assert found.statistic == pytest.approx(0.3)  # of each pair
    assert 0.2 < found.interval[0] < 0.3 < found.interval[1] < 0.4
    assert found.reason == "F1 of learned attention less that of frozen uniform attention, 5 seeds"


def test_against(bench, models):
    bench.uniform = models(6, 8, 10, 12, 14)
    found = judge(bench)
    assert found.status == "against"
    assert found.statistic == pytest.approx(-0.05)


def test_models_that_answer_alike_on_few_texts_may_differ_on_others(bench):
    bench.uniform = bench.seeds
    found = judge(bench)
    assert (found.status, found.statistic) == ("inconclusive", 0)
    # Of 200 texts none tells them apart; 1.8 % of all may do so.
    assert found.interval == pytest.approx([-0.0183, 0.0183], abs=1e-4)
    bench.gold = np.arange(600) % 2
    found = judge(bench)
    assert (found.status, found.statistic) == ("against", 0)
    assert found.interval == pytest.approx([-0.0061, 0.0061], abs=1e-4)


def test_inconclusive_says_what_would_settle_it(bench, models):
    bench.uniform = models(18, 22, 24, 24, 30)
    found = judge(bench)
    assert found.status == "inconclusive"
    assert found.statistic == pytest.approx(0.018)
    (gap,) = score_gaps(bench.of_seeds(), SEED, [UNIFORM], [1, 2, 3, 4, 5], 2)
    assert found.reason.endswith(f"5 seeds; {settle(gap, 0.01)}")


def test_a_gap_of_delta_itself_is_neither(bench):
    bench.uniform = bench.seeds
    assert judge(bench, delta=0.0).status == "inconclusive"


def test_seeds_are_paired(bench, models):
    bench.seeds, bench.uniform = models(20, 30, 40, 50, 60), models(30, 40, 50, 60, 70)
    assert judge(bench).status == "for"  # .05 each
    bench.uniform = bench.uniform[::-1]
    assert judge(bench).status == "inconclusive"


def test_only_seeds_with_both_models_count(bench, models):
    bench.uniform = models(80, 80, 80, 80)
    found = judge(bench)
    assert (found.status, found.statistic, found.scope) == ("not_assessed", None, "a bench")
    assert found.reason == "4 pairs of learned and uniform models, and 5 are needed"
    bench.seeds = [*bench.seeds, *models(100)]  # an odd one out
    bench.uniform = models(76, 78, 80, 82, 84)
    assert judge(bench).statistic == pytest.approx(0.3)


def test_groups_are_resampled_as_a_whole(bench, models):
    # Texts of one group are right or wrong together.
    bench.uniform = models(24, 26, 28, 30, 32)
    alone = judge(bench).interval
    bench.groups = [f"author {row // 20}" for row in range(200)]
    assert np.diff(judge(bench).interval) > 2 * np.diff(alone)


def test_more_classes_are_scored_by_their_mean(bench, models):
    bench.labels, bench.gold = ("a", "b", "c"), np.arange(198) % 3
    bench.seeds, bench.uniform = models(*[18] * 5), models(*[78] * 5)
    assert judge(bench).statistic == pytest.approx(60 / 198)  # wrong in turn: alike by class


def test_gaps_are_of_the_first_to_each_other(bench):
    runs = bench.of_seeds()
    over, same = score_gaps(runs, SEED, [UNIFORM, SEED], [1, 3], 2)
    assert over.value == pytest.approx(0.3)
    assert same.value == 0
    assert -0.02 < same.ci_low < 0 < same.ci_high < 0.02
    (alone,) = score_gaps(runs, SEED, [UNIFORM], [1, 3], 2)
    assert alone == over
    assert score_gaps(runs, BASE, [], [0], 2) == []
