from __future__ import annotations

import numpy as np
import pytest

from attnaudit.findings.gap import score_gap
from attnaudit.findings.necessary import necessary
from attnaudit.findings.power import settle
from attnaudit.questions.runs import LEARNED, OLD_UNIFORM, SEED, UNIFORM


def judge(bench, delta=0.01, runs=None):
    return necessary(bench.evidence(), runs or bench.of_seeds(), delta)


def test_for(bench):
    found = judge(bench)
    assert (found.status, found.metric, found.delta) == ("for", "necessity.score_gap", 0.01)
    assert found.statistic == pytest.approx(0.3)  # of each pair
    assert 0.2 < found.interval[0] < 0.3 < found.interval[1] < 0.4
    low, high = found.interval
    assert found.reason == (
        "Models with learned attention score 0.300 higher (macro-F1; 95 % interval"
        f" {low:.3f} to {high:.3f}) than models with uniform attention. Both were trained until"
        " they stopped improving, with 5 seeds each."
    )


def test_against(bench, models):
    bench.uniform = models(6, 8, 10, 12, 14)
    found = judge(bench)
    assert found.status == "against"
    assert found.statistic == pytest.approx(-0.05)
    low, high = found.interval
    assert found.reason.startswith(
        "Models with learned attention score 0.050 lower (macro-F1; 95 % interval"
        f" {-high:.3f} to {-low:.3f}) than"
    )


def test_models_of_the_recipe_decide_nothing(bench, models):
    """They were trained as long as the recipe says, which says how fast models learn."""
    bench.seeds = models(76, 78, 80, 82, 84)
    assert judge(bench).status == "for"
    bench.seeds, bench.learned = bench.learned, bench.seeds
    assert judge(bench).statistic == pytest.approx(0)


def test_models_that_answer_alike_on_few_texts_may_differ_on_others(bench):
    bench.uniform = bench.learned
    found = judge(bench)
    assert (found.status, found.statistic) == ("inconclusive", 0)
    # Of 200 texts none tells them apart; 1.8 % of all may do so, and each can cost two classes.
    assert found.interval[0] == -found.interval[1]
    assert 0.015 < found.interval[1] < 0.04
    bench.gold = np.arange(1200) % 2
    found = judge(bench)
    assert (found.status, found.statistic) == ("against", 0)
    assert found.interval[1] < 0.01


def test_inconclusive_says_what_would_settle_it(bench, models):
    bench.uniform = models(18, 22, 24, 24, 30)
    found = judge(bench)
    assert found.status == "inconclusive"
    assert found.statistic == pytest.approx(0.018)
    gap = score_gap(bench.evidence(), bench.of_seeds(), LEARNED, UNIFORM, [1, 2, 3, 4, 5])
    assert found.reason.endswith(f"5 seeds each. {settle(gap, 0.01)}")


def test_a_gap_of_delta_itself_is_neither(bench):
    bench.uniform = bench.learned
    assert judge(bench, delta=0.0).status == "inconclusive"


def test_seeds_are_paired(bench, models):
    bench.learned, bench.uniform = models(20, 30, 40, 50, 60), models(30, 40, 50, 60, 70)
    assert judge(bench).status == "for"  # .05 each
    bench.uniform = bench.uniform[::-1]
    assert judge(bench).status == "inconclusive"


def test_only_seeds_with_both_models_count_and_the_others_are_named(bench, models):
    bench.uniform = models(80, 80, 80, 80)
    found = judge(bench)
    assert (found.status, found.statistic, found.scope) == ("not_assessed", None, "a bench")
    assert found.reason == (
        "There are 4 pairs of models with learned and with uniform attention, but 5 are "
        "needed. There is no model with uniform attention of seed 5."
    )
    bench.learned = [*bench.learned, *models(100)]  # an odd one out
    bench.uniform = models(76, 78, 80, 82, 84)
    found = judge(bench)
    assert found.statistic == pytest.approx(0.3)
    assert found.reason.endswith("There is no model with uniform attention of seed 6.")


def test_trainings_that_diverged_are_named(bench, models):
    bench.learned, bench.uniform = models(*[20] * 6), models(*[80] * 6)
    runs = bench.of_seeds()
    for seed in (2, 4):
        del runs.models[UNIFORM][seed]
        runs.diverged.setdefault(UNIFORM, set()).add(seed)
    found = judge(bench, runs=runs)
    assert found.status == "not_assessed"
    assert found.reason == (
        "There are 4 pairs of models with learned and with uniform attention, but 5 are "
        "needed. The training diverged with uniform attention of seeds 2, 4."
    )
    del runs.models[UNIFORM], runs.models[LEARNED]
    assert "diverged" in judge(bench, runs=runs).reason


@pytest.mark.parametrize(
    ("improving", "who"),
    [
        ([(UNIFORM, 2), (UNIFORM, 5)], "2 of 5 models with uniform attention"),
        ([(LEARNED, 1)], "1 of 5 models with learned attention"),
        (
            [(LEARNED, 1), (UNIFORM, 1)],
            "1 of 5 models with learned attention and 1 of 5 models with uniform attention",
        ),
    ],
)
def test_models_that_were_still_improving_say_nothing(bench, improving, who):
    bench.improving = improving
    found = judge(bench)
    assert (found.status, found.statistic) == ("not_assessed", None)
    assert found.reason == (
        f"{who} were still improving at the end of their training, so the scores cannot be "
        "compared. Give the recipe more epochs, then train and audit the model again."
    )


def test_models_without_a_partner_may_still_improve(bench, models):
    bench.learned, bench.improving = [*bench.learned, *models(100)], [(LEARNED, 6)]
    assert judge(bench).status == "for"


def test_records_of_older_versions_are_named(bench):
    runs = bench.of_seeds()
    runs.models = {SEED: runs.models[LEARNED], OLD_UNIFORM: runs.models[UNIFORM]}
    found = judge(bench, runs=runs)
    assert (found.status, found.statistic) == ("not_assessed", None)
    assert found.reason == (
        "An older version made these records. It trained models with uniform attention only as "
        "long as the recipe says, so they may have learned too little. Run seed-baseline again."
    )
    runs.models = {}
    assert judge(bench, runs=runs).reason == (
        "There are no models with learned and with uniform attention. Run seed-baseline."
    )


def test_groups_are_resampled_as_a_whole(bench, models):
    # Texts of one group are right or wrong together.
    bench.uniform = models(24, 26, 28, 30, 32)
    alone = judge(bench).interval
    bench.groups = [f"author {row // 20}" for row in range(200)]
    assert np.diff(judge(bench).interval) > 2 * np.diff(alone)


def test_more_classes_are_scored_by_their_mean(bench, models):
    bench.labels, bench.gold = ("a", "b", "c"), np.arange(198) % 3
    bench.learned, bench.uniform = models(*[18] * 5), models(*[78] * 5)
    assert judge(bench).statistic == pytest.approx(60 / 198)  # wrong in turn: alike by class
