from __future__ import annotations

import numpy as np
import pytest

from attnaudit.findings.basis import barrier, not_reproduced, unusable, useless
from attnaudit.questions.runs import BASE


def judge(bench, rule=barrier):
    return rule(bench.evidence(), bench.of_seeds())


def test_a_model_that_works_passes(bench):
    assert judge(bench) is None


def test_part_of_the_data_is_not_enough(bench):
    bench.partial = True
    assert judge(bench) == "a limit kept some rows from being audited"


@pytest.mark.parametrize(("rare", "passes"), [(49, False), (50, True)])
@pytest.mark.parametrize("which", [0, 1])
def test_fifty_of_the_rarest_class(bench, rare, passes, which):
    bench.gold = np.where(np.arange(200) < rare, which, 1 - which)
    said = judge(bench, unusable)
    assert said == (None if passes else "the rarest class has 49 instances, and 50 are needed")


def test_a_class_that_never_occurs_is_the_rarest(bench):
    bench.labels = ("a", "b", "c")
    assert judge(bench) == "the rarest class has 0 instances, and 50 are needed"


def test_one_group_has_no_interval(bench):
    bench.groups = ["the same"] * 200
    assert judge(bench) == "all instances are of one group, which does not tell how groups differ"


def test_a_constant_answer_is_not_beaten_by_itself(bench, models):
    bench.base = bench.seeds[0]
    runs = bench.of_seeds()
    runs.models[BASE][0].probs[:] = [[0.4, 0.6]] * 200
    said = useless(bench.evidence(), runs)
    assert said == (
        "the model is not better, by interval, than a constant answer"
        " (F1 0.667, always guessing one class 0.667)"
    )


@pytest.mark.parametrize(("wrong", "passes"), [(50, True), (60, False), (66, False)])
def test_a_constant_answer_is_beaten_by_interval(bench, models, wrong, passes):
    bench.base = models(wrong)[0]  # F1 1 - wrong / 200, and a constant has 2/3
    said = judge(bench, useless)
    assert (said is None) == passes


def test_a_better_f1_with_a_ranking_by_chance(bench):
    """95 of 100 positives are found, each ranked below the 50 negatives taken for one."""
    runs = bench.of_seeds()
    positive, negative = [0.6] * 95 + [0.1] * 5, [0.9] * 50 + [0.4] * 50
    scores = np.stack([negative, positive], axis=1).ravel()  # classes in turn
    runs.models[BASE][0].probs[:] = np.stack([1 - scores, scores], axis=1).tolist()
    said = useless(bench.evidence(), runs)
    assert said == "the model ranks instances no better than chance (AUROC .5), by interval"


def test_more_classes_have_no_ranking(bench, models):
    bench.labels, bench.gold = ("a", "b", "c"), np.arange(198) % 3
    assert judge(bench) is None
    bench.base = models(140)[0]  # a constant has a mean F1 of 1/6
    assert judge(bench, useless) is None
    bench.base = models(180)[0]
    assert "always guessing one class 0.167" in judge(bench, useless)


def test_five_seeds_are_needed(bench):
    bench.seeds = bench.seeds[:4]
    assert judge(bench) == "4 seeds were trained, and 5 are needed"
    bench.seeds = []
    assert judge(bench) == "0 seeds were trained, and 5 are needed"


@pytest.mark.parametrize("wrong", [0, 60])
def test_seeds_that_score_otherwise_do_not_reproduce_the_model(bench, models, wrong):
    """Better or worse: the recipe that was trained is not the one that made the model."""
    bench.base = models(wrong)[0]
    bench.seeds = models(28, 29, 30, 31, 32)
    said = judge(bench, not_reproduced)
    assert said == (
        f"the recipe does not reproduce this model: its F1 is {1 - wrong / 200:.3f}, that of"
        " 5 seeds 0.850"
    )


def test_seeds_that_spread_hold_the_model(bench, models):
    bench.base, bench.seeds = models(60)[0], models(10, 20, 30, 40, 50)
    assert judge(bench, not_reproduced) is None


def test_a_model_among_equals_is_reproduced(bench, models):
    bench.base, bench.seeds = models(20)[0], models(20, 20, 20, 20, 20)
    assert judge(bench, not_reproduced) is None


def test_seeds_that_agree_leave_the_sampling_of_texts(bench, models):
    bench.base, bench.seeds = models(22)[0], models(20, 20, 20, 20, 20)
    assert judge(bench, not_reproduced) is None  # .01 lower, on two texts
    bench.base = models(30)[0]
    assert "does not reproduce" in judge(bench, not_reproduced)


def test_seeds_no_better_than_a_constant_reproduce_nothing(bench, models):
    """Their F1 spreads from 0 to that of a constant, so that any score would lie within."""
    bench.seeds = models(20, 20, 100, 150, 200)
    said = judge(bench)
    assert said == (
        "the recipe does not reproduce this model: 5 seeds are not better, by interval, than a"
        " constant answer (F1 0.510, always guessing one class 0.667)"
    )


def test_groups_are_resampled_as_a_whole(bench, models):
    bench.base = models(50)[0]
    assert judge(bench, useless) is None
    bench.groups = [f"author {row // 25}" for row in range(200)]  # two of eight are all wrong
    assert "not better, by interval" in judge(bench, useless)
