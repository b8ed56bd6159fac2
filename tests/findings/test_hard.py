"""Records of which it is known what they say of manipulation: one respect at a time is changed."""

from __future__ import annotations

import numpy as np
import pytest

from attnaudit.findings.hard import hard_to_manipulate
from attnaudit.findings.rules import Deltas
from attnaudit.questions.runs import SEED, kind_of

ADVERSARY, UNITS = "manipulation.adversary_excess_jsd", "manipulation.units_excess_jsd"


def judge(bench, delta=0.1, without=(), change=None):
    evidence = bench.evidence(*without)
    if change:
        change(evidence)
    return hard_to_manipulate(
        evidence, evidence.of("seed-baseline"), Deltas(hard_to_manipulate=delta)
    )


@pytest.fixture
def movable(bench, models):
    """Seeds leave a TVD of .1 and some flips; a lambda of .02 moves the attention within it."""
    bench.seeds = models(16, 18, 20, 22, 24, start=8, tvd=0.1)
    bench.adversaries = {
        0.0: models(*[20] * 6, jsd=0.05, tvd=0.02),
        0.02: models(*[20] * 6, jsd=0.5, tvd=0.06, moved=150),
        0.08: models(*[60] * 6, jsd=0.6, tvd=0.5, moved=190),
    }
    return bench


def test_for(bench):
    found = judge(bench)
    assert (found.status, found.metric, found.delta) == ("for", UNITS, 0.1)
    assert found.statistic == pytest.approx(0.01)
    assert found.interval == pytest.approx([0.01, 0.01])
    assert found.scope == "a bench"
    assert found.reason.startswith(
        "From each of 6 units, the adversary was taken that moves the attention farthest on "
        "dev within the budget of the seeds (TVD up to 0.030, flipped labels up to "
    )
    assert found.reason.endswith(
        "These adversaries move the attention 0.01 [0.01, 0.01] JSD farther than their own "
        "imitators. Stronger adversaries moved it by 0.50, but they changed the answers."
    )


def test_against(movable):
    found = judge(movable)
    assert (found.status, found.metric, found.delta) == ("against", ADVERSARY, 0.1)
    assert found.statistic == pytest.approx(0.45)
    assert found.reason.startswith(
        "One adversary (lambda 0.02, from scratch, seed 1; chosen on dev) moves the attention "
        "0.45 [0.45, 0.45] JSD farther than 3 imitators with the same kind of start. It "
        "changes the word of largest weight in more texts than they do (a difference of 0.75 ["
    )
    assert "TVD up to 0.060 (allowed: 0.100)" in found.reason


def test_one_adversary_is_enough_and_excludes_for(movable, models):
    movable.adversaries[0.02] = models(*[20] * 6, jsd=0.06, tvd=0.03)
    assert judge(movable).status == "for"
    movable.adversaries[0.02][4] = models(20, jsd=0.5, tvd=0.06, moved=150)[0]
    found = judge(movable)
    assert found.status == "against"
    assert found.reason.startswith("One adversary (lambda 0.02, warm start, seed 2; chosen on dev)")


@pytest.mark.parametrize(
    ("worse", "said"),
    [
        ({"tvd": 0.11}, "may move the answers by a TVD of 0.110; the budget is 0.100"),
        ({"start": 20}, "of the labels; the budget is"),
        ({"wrong": 32}, "of macro-F1; the budget is"),
        (
            {"jsd": np.tile([0.0, 0.32], 100)},
            "It moves the attention 0.11 [0.09, 0.13] JSD farther",
        ),
        (
            {"moved": 0},
            "It is not shown to change the word of largest weight more often than these",
        ),
    ],
)
def test_against_needs_all_of_it_on_the_audited_split(movable, models, worse, said):
    """On dev the adversary is as good as before; on the audited split one respect fails."""
    good = {"wrong": 20, "jsd": 0.5, "tvd": 0.06, "moved": 150}
    movable.dev_adversaries = movable.adversaries
    changed = {**good, **worse}
    adversaries = models(*[changed.pop("wrong")] * 6, **changed)
    movable.adversaries = {**movable.adversaries, 0.02: adversaries}
    found = judge(movable)
    assert found.status == "inconclusive"
    assert said in found.reason.partition(". Not for: ")[0]


def test_a_mean_within_the_budget_whose_interval_is_not_is_no_proof(movable, models):
    tvd = np.tile([0.0, 0.19], 100)  # a mean of .095, up to .109
    movable.adversaries[0.02] = models(*[20] * 6, jsd=0.5, tvd=tvd, moved=150)
    found = judge(movable)
    assert found.status == "inconclusive"
    assert "may move the answers by a TVD of 0.109; the budget is 0.100" in found.reason


def test_seeds_that_never_flip_a_label_leave_room_to_an_adversary_that_flips_none(movable, models):
    """The least of flips is 2 of 200 texts; by interval, none of 200 may be 3.7 of them."""
    movable.seeds = models(*[20] * 5, tvd=0.1)
    assert judge(movable).status == "against"
    movable.dev_adversaries = movable.adversaries
    one_flip = models(*[21] * 6, jsd=0.5, tvd=0.06, moved=150)
    movable.adversaries = {**movable.adversaries, 0.02: one_flip}
    assert "of the labels; the budget is 0.018" in judge(movable).reason


def test_imitators_that_differ_widen_the_interval_of_the_excess(movable, models):
    movable.adversaries[0.0] = [models(20, jsd=x, tvd=0.02)[0] for x in (0.05, 0.3, 0.55) * 2]
    found = judge(movable)
    assert found.status == "inconclusive"
    assert (
        "JSD farther than imitators with the same kind of start. This is not shown" in found.reason
    )
    movable.adversaries[0.0] = [models(20, jsd=x, tvd=0.02)[0] for x in (0.04, 0.05, 0.06) * 2]
    assert judge(movable).status == "against"


def test_imitators_of_the_other_start_are_not_compared_with(movable, models):
    far = models(20, 20, 20, jsd=0.5, tvd=0.02)
    movable.adversaries[0.0] = [*models(20, 20, 20, jsd=0.05, tvd=0.02), *far]
    assert judge(movable).statistic == pytest.approx(0.45)  # the chosen one began from scratch
    movable.adversaries[0.0] = [*far, *models(20, 20, 20, jsd=0.05, tvd=0.02)]
    movable.adversaries[0.02][3:] = models(20, 20, 20, jsd=0.5, tvd=0.2)  # beyond the budget
    found = judge(movable)  # no *for* either: those from scratch attend elsewhere themselves
    assert (found.status, found.statistic) == ("inconclusive", pytest.approx(0))


def test_one_imitator_of_the_kind_gives_no_verdict(movable, models):
    movable.adversaries[0.0][1:3] = models(20, 20, tvd=0.3)
    movable.adversaries[0.02][3:] = models(20, 20, 20, jsd=0.5, tvd=0.2)  # beyond the budget
    found = judge(movable)
    assert found.status == "inconclusive"
    assert "Only one imitator of its kind of start is usable (from scratch, seed 1)" in found.reason


def test_the_adversary_of_which_most_can_be_shown_is_chosen(movable, models):
    """Those from scratch get farther, and their imitators scatter."""
    scatter = [models(20, jsd=x, tvd=0.02)[0] for x in (0.05, 0.3, 0.55)]
    movable.adversaries[0.0][:3] = scatter
    movable.adversaries[0.02][:3] = models(20, 20, 20, jsd=0.6, tvd=0.06, moved=150)
    found = judge(movable)
    assert (found.status, found.statistic) == ("against", pytest.approx(0.45))
    assert found.reason.startswith("One adversary (lambda 0.02, warm start, seed 1; chosen on dev)")


def test_what_was_vacuously_for(bench, models):
    """Seeds .030, their room .038, imitators .033, and an adversary of JSD .5 at .036."""
    room = 0.008 / 2.1  # a spread of the seeds that leaves a budget near .038
    tvds = 0.03 + room * np.array([-1.2, -0.6, 0.0, 0.6, 1.2])
    bench.seeds = [models(20, start=4, tvd=tvd)[0] for tvd in tvds]
    bench.adversaries = {
        0.0: models(*[20] * 6, jsd=0.05, tvd=0.033),
        0.02: models(*[20] * 6, jsd=0.5, tvd=0.036, moved=100),
        0.08: models(*[60] * 6, jsd=0.6, tvd=0.5, moved=100),
    }
    assert judge(bench).status == "against"
    bench.seeds = models(*[20] * 5, start=4, tvd=0.03)  # no room, in which no imitator lies
    found = judge(bench)
    assert (found.status, found.statistic) == ("inconclusive", None)
    assert found.reason.startswith("0 of 6 imitators are usable, but 3 are needed")


def test_a_unit_without_an_adversary_within_is_missing_and_not_zero(bench, models):
    """Four of six have none: two zeros more would have made it for."""
    bench.adversaries[0.002] = [
        *models(20, 20, jsd=0.06, tvd=0.02),
        *models(*[20] * 4, jsd=0.06, tvd=0.04),
    ]
    found = judge(bench)
    assert found.status == "inconclusive"
    assert "2 of 6 usable units have an adversary within the budget of the seeds" in found.reason
    bench.adversaries[0.002][2] = models(20, jsd=0.3, tvd=0.02)[0]
    found = judge(bench)
    assert (found.status, found.statistic) == ("inconclusive", pytest.approx((0.02 + 0.25) / 3))
    bench.adversaries[0.002][2] = models(20, jsd=0.06, tvd=0.02)[0]
    found = judge(bench)
    assert found.status == "for"
    assert " 3 more units had no such adversary." in found.reason


@pytest.mark.parametrize("usable", [0, 2, 3])
def test_three_imitators_must_be_usable(bench, models, usable):
    near, far = models(*[20] * usable, tvd=0.01), models(*[20] * (6 - usable), tvd=0.2)
    bench.adversaries[0.0] = [*near, *far]
    found = judge(bench)
    if usable == 3:
        assert found.status == "for"
        return
    assert (found.status, found.statistic, found.scope) == ("inconclusive", None, "a bench")
    assert found.reason.startswith(f"{usable} of 6 imitators are usable, but 3 are needed")
    assert "on split test" in found.reason


def test_imitators_that_are_no_better_than_a_constant_are_not_usable(bench, models):
    """Even where the seeds are so bad that the budget would hold them."""
    bench.seeds = models(20, 60, 100, 140, 180, tvd=0.5)
    bench.adversaries[0.0] = models(*[180] * 6, tvd=0.01)
    assert judge(bench).reason.startswith("0 of 6 imitators are usable")


def test_replaced_imitators_are_counted(bench, models):
    stuck = models(100, 100, 100, tvd=0.4)
    scratch, warm = bench.adversaries[0.0][:3], bench.adversaries[0.0][3:]
    bench.adversaries[0.0] = [*scratch, *stuck, *warm, *stuck]
    found = judge(bench, change=_without_adversaries_of_the_stuck)
    assert found.status == "for"  # six are usable
    bench.adversaries[0.0] = [*models(*[100] * 4, tvd=0.4), *models(20, tvd=0.01)] * 2
    found = judge(bench, change=_without_adversaries_of_the_stuck)
    assert found.reason.startswith(
        "2 of 10 imitators are usable, 4 of them as replacements, but 3 are needed"
    )


def _without_adversaries_of_the_stuck(evidence):
    for split in ("dev", "test"):
        models = evidence.of("model-adversary", split).models
        for kind, several in models.items():
            if dict(kind).get("lambda"):
                for seed in [seed for seed in several if seed > 3]:
                    del several[seed]


def test_a_diverged_imitator_counts_as_trained(bench):
    def diverge(evidence):
        for split in ("dev", "test"):
            runs = evidence.of("model-adversary", split)
            kind = kind_of(**{"lambda": 0.0}, start="warm")
            del runs.models[kind][3]
            runs.diverged[kind] = {3}

    found = judge(bench, change=diverge)
    assert (found.status, found.statistic) == ("for", pytest.approx(0.01))


@pytest.mark.parametrize(
    ("strong", "said"),
    [
        (
            {"jsd": 0.3, "tvd": 0.5},
            "no lambda moved the attention of half of the units far enough (JSD",
        ),
        ({"jsd": 0.06, "tvd": 0.03}, "No adversary goes beyond the budget. Try larger lambdas."),
    ],
)
def test_a_weak_sweep_shows_nothing(bench, models, strong, said):
    bench.adversaries[0.08] = models(*[20] * 6, **strong)
    found = judge(bench)
    assert (found.status, found.metric) == ("inconclusive", UNITS)
    assert said in found.reason.partition(". Not for: ")[2]


@pytest.mark.parametrize(("strong", "status"), [(2, "inconclusive"), (3, "for")])
def test_a_strong_lambda_moves_half_of_the_units(bench, models, strong, status):
    far, near = models(*[60] * strong, jsd=0.5, tvd=0.5), models(*[20] * (6 - strong), tvd=0.01)
    bench.adversaries[0.08] = [*far, *near]
    assert judge(bench).status == status


def test_an_interval_that_holds_delta_is_open(bench, models):
    bench.adversaries[0.002] = [models(20, jsd=x, tvd=0.02)[0] for x in (0.06, 0.1, 0.25) * 2]
    found = judge(bench)
    assert (found.status, found.metric) == ("inconclusive", UNITS)
    low, high = found.interval
    assert low < 0.1 < high
    assert "Adversaries of 6 units move the attention 0.09 [" in found.reason


def test_an_excess_that_costs_too_much_is_not_for(movable, models):
    movable.dev_adversaries = movable.adversaries
    movable.adversaries = {**movable.adversaries, 0.02: models(*[20] * 6, jsd=0.5, tvd=0.2)}
    found = judge(movable)
    assert found.status == "inconclusive"
    said = "adversaries of 6 units move the attention 0.45 [0.45, 0.45] JSD farther"
    assert f"Within the budget, {said}" in found.reason


def test_choices_are_made_on_dev_alone(movable, models):
    """The test split would choose another one, which moves the attention farther."""
    movable.dev_adversaries = {
        **movable.adversaries,
        0.01: models(*[20] * 6, jsd=0.2, tvd=0.05),
    }
    movable.adversaries = {
        **movable.adversaries,
        0.01: models(*[20] * 6, jsd=0.65, tvd=0.02, moved=190),
    }
    assert judge(movable).statistic == pytest.approx(0.45)


# What the rule needs, and says that it lacks.


def test_without_adversaries_it_is_not_assessed(bench):
    found = judge(bench, without=["model-adversary"])
    assert (found.status, found.scope) == ("not_assessed", "a bench")
    assert found.reason.startswith("Run seed-baseline, and adversary with --sweep")


def test_without_dev_nothing_can_be_chosen(bench):
    found = judge(bench, change=lambda e: e.runs["model-adversary"].pop("dev"))
    assert found.status == "not_assessed"
    assert found.reason == "There are no records on dev. They are needed to choose adversaries."


def test_records_of_older_versions_have_no_warm_starts(bench):
    def older(evidence):
        for split in ("dev", "test"):
            models = evidence.of("model-adversary", split).models
            for kind in [kind for kind in models if dict(kind).get("start") == "warm"]:
                del models[kind]

    found = judge(bench, change=older)
    assert found.status == "not_assessed"
    assert found.reason.startswith(
        "The records contain no adversaries that start from models of other seeds"
    )
    assert "--keep DIR" in found.reason
    assert "--start DIR" in found.reason


def test_six_imitators_are_needed(bench, models):
    bench.adversaries = {x: several[:4] for x, several in bench.adversaries.items()}
    found = judge(bench)
    assert found.status == "not_assessed"
    assert found.reason.startswith("4 imitators were trained, but 6 are needed")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ([0.002, 0.08], "No imitators (lambda 0) were trained."),
        ([0.0], "No adversaries (lambda above 0) were trained."),
    ],
)
def test_imitators_and_adversaries_are_needed(bench, left, said):
    bench.adversaries = {x: bench.adversaries[x] for x in left}
    found = judge(bench)
    assert found.status == "not_assessed"
    assert found.reason.startswith(said)


def test_where_no_imitator_was_usable_none_was_pushed(bench, models):
    bench.adversaries = {0.0: models(*[100] * 12, tvd=0.4)}
    found = judge(bench)
    assert found.status == "inconclusive"
    assert found.reason.startswith("0 of 12 imitators are usable, 6 of them as replacements")


def test_five_seeds_set_the_budget(bench):
    bench.seeds = bench.seeds[:4]
    found = judge(bench)
    assert found.status == "not_assessed"
    assert found.reason.startswith("4 seeds are too few to set a budget")


def test_a_delta_of_0(bench):
    found = judge(bench, delta=0.0)
    assert found.status == "inconclusive"  # an excess of .01, and the top word stays where it is
    assert "not shown to change the word of largest weight" in found.reason


def test_groups_widen_what_texts_decide(bench, models):
    jsd = np.repeat([0.05, 0.09], 100)
    bench.adversaries[0.002] = models(*[20] * 6, jsd=jsd, tvd=0.02)
    alone = np.diff(judge(bench).interval)
    bench.groups = [f"author {row // 20}" for row in range(200)]
    assert np.diff(judge(bench).interval) > 2 * alone


@pytest.mark.parametrize("jsd", [0.06, 0.12, 0.3, 0.5])
def test_a_larger_delta_never_speaks_less_for_attention(movable, models, jsd):
    movable.adversaries[0.02] = models(*[20] * 6, jsd=jsd, tvd=0.06, moved=150)
    order = ("against", "inconclusive", "for")
    found = [order.index(judge(movable, delta).status) for delta in (0.0, 0.05, 0.1, 0.3, 0.6)]
    assert found == sorted(found)


def test_with_three_classes(bench, models):
    bench.labels, bench.gold = ("a", "b", "c"), np.arange(198) % 3
    assert judge(bench).status == "for"
    assert SEED in bench.of_seeds().models


def test_imitators_that_attend_elsewhere_show_nothing(bench, models):
    """Adversaries get no further than imitators, because those are far away already."""
    bench.adversaries = {
        0.0: models(*[20] * 6, jsd=0.35, tvd=0.01),
        0.002: models(*[20] * 6, jsd=0.36, tvd=0.02),
        0.08: models(*[60] * 6, jsd=0.6, tvd=0.5),
    }
    found = judge(bench)
    assert found.status == "inconclusive"
    assert (
        "Models that only imitate the answers may themselves attend to other words"
    ) in found.reason
    assert (
        "0.35 [0.35, 0.35] JSD from the audited model's, and shuffled attention is 0.19"
        in found.reason
    )
