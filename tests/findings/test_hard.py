from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from attnaudit.findings.seed_range import SeedRange
from hypothesis import given, settings
from hypothesis import strategies as st

from attnaudit.findings.hard import Case, hard_to_manipulate, weigh
from attnaudit.findings.manipulation import Curves, Excess
from attnaudit.findings.rules import AGREEING_JSD, Deltas
from attnaudit.measures.sample import Sample
from attnaudit.measures.summary import Estimate

EXCESS = "manipulation.excess_jsd"
OF_SEEDS, OF_IMITATORS = (
    "seed_baseline.jsd.mean_over_seeds",
    "adversary.model[lambda=0.0].jsd.mean",
)


def judge(bench, delta=0.05, without=()):
    evidence = bench.evidence(*without)
    deltas = Deltas(hard_to_manipulate=delta)
    return hard_to_manipulate(evidence, evidence.of("seed-baseline"), deltas)


@pytest.fixture
def sst(bench, models):
    """As Wiegreffe & Pinter's code on SST: JSD .609, TVD .150; seeds .184; 17 % of labels flip."""
    bench.base = models(44)[0]
    bench.seeds = models(40, 42, 44, 46, 48, start=20, jsd=0.184, tvd=0.184)
    bench.adversaries = {
        0.0: models(44, 44, 44, jsd=0.15, tvd=0.1),
        0.002: models(44, 44, 44, start=17, jsd=0.609, tvd=0.15),
    }
    return bench


def test_for(bench):
    found = judge(bench)
    assert (found.status, found.metric, found.delta) == ("for", EXCESS, 0.05)
    # The seeds' TVD of .03 is met on the line from (.02, .06) to (.5, .5).
    assert found.statistic == pytest.approx(0.06 + 0.44 * 0.01 / 0.48 - 0.05)
    assert found.reason == (
        "within the seeds' own TVD (0.030) adversaries move attention no further than imitators"
        " do, and both seeds (JSD 0.05) and imitators (0.05) agree with the audited model"
    )


def test_against(sst):
    found = judge(sst)
    assert (found.status, found.metric) == ("against", EXCESS)
    assert found.statistic == pytest.approx(0.609 - 0.15)
    assert found.interval == pytest.approx([found.statistic] * 2)
    assert found.reason == (
        "adversaries move attention by 0.46 JSD more than imitators, at a TVD of 0.150, where"
        " seeds of the recipe have 0.184"
    )


@pytest.mark.parametrize(
    ("wrong", "start", "said"),
    [
        (44, 23, "flip more labels (23.0%) than seeds do (at most 22.0%)"),
        (60, 0, "lose more F1 (0.080) than seeds do (at most 0.020)"),
    ],
)
def test_damage_beyond_that_of_seeds_is_no_manipulation(sst, models, wrong, start, said):
    sst.adversaries[0.002] = models(*[wrong] * 3, start=start, jsd=0.609, tvd=0.15)
    found = judge(sst)
    assert (found.status, found.metric) == ("inconclusive", EXCESS)
    assert found.statistic == pytest.approx(0.609 - 0.15)
    assert found.reason.endswith(f"by 0.46 JSD more than imitators, but {said}")


def test_as_much_damage_as_the_worst_seed_is_allowed(sst, models):
    sst.adversaries[0.002] = models(44, 44, 44, start=22, jsd=0.609, tvd=0.15)  # 44 flips
    assert judge(sst).status == "against"
    sst.adversaries[0.002] = models(48, 48, 48, jsd=0.609, tvd=0.15)  # loss .02
    assert judge(sst).status == "against"


def test_damage_is_the_mean_over_seeds(sst, models):
    careless = models(44, 44, 44, start=21, jsd=0.609, tvd=0.15)
    careless[0] = models(44, start=30, jsd=0.609, tvd=0.15)[0]  # 60, 42 and 42 flips: 24 %
    sst.adversaries[0.002] = careless
    assert judge(sst).status == "inconclusive"
    careless[1] = models(44, start=0, jsd=0.609, tvd=0.15)[0]  # 60, 0 and 42
    assert judge(sst).status == "against"


def test_less_tvd_may_do_where_the_whole_is_too_dear(sst, models):
    """Answering with an adversary only now and then flips less, and still moves attention."""
    sst.adversaries = {
        0.0: models(44, 44, 44, jsd=0.15, tvd=0.0),
        0.002: models(44, 44, 44, start=30, jsd=0.609, tvd=0.15),  # 30 % flips
    }
    found = judge(sst)
    assert found.status == "against"
    assert found.statistic == pytest.approx((0.609 - 0.15) / 3)  # at a TVD of .05
    assert "at a TVD of 0.050" in found.reason


def test_the_largest_budget_is_reported_first(sst):
    sst.dev_tvd = 0.05
    assert "at a TVD of 0.150" not in judge(sst).reason
    sst.dev_tvd = 0.16
    assert "at a TVD of 0.150" in judge(sst).reason


def test_what_costs_more_than_on_dev_is_too_dear(sst, models):
    evidence = sst.evidence()
    sst.adversaries[0.002] = models(44, 44, 44, start=17, jsd=0.609, tvd=0.2)
    evidence.runs["model-adversary"]["test"] = sst.of_adversaries()
    found = hard_to_manipulate(evidence, evidence.of("seed-baseline"), Deltas())
    assert found.status == "inconclusive"
    assert found.reason.endswith("but at a TVD of 0.200, more than seeds have (0.184)")


def test_seeds_that_attend_differently_are_unstable(bench, models):
    bench.seeds = models(16, 18, 20, 22, 24, jsd=0.3)
    found = judge(bench)
    assert (found.status, found.metric, found.delta) == ("against", OF_SEEDS, AGREEING_JSD)
    assert (found.statistic, found.interval) == (pytest.approx(0.3), pytest.approx([0.3, 0.3]))
    assert found.reason == (
        "unstable: seeds of the recipe attend differently, by a mean JSD of 0.30 (above 0.2)"
    )
    assert judge(bench, without=["model-adversary"]) == found  # it takes no adversary


def test_seeds_that_may_attend_differently_are_not_for(bench, models):
    bench.seeds = [models(20, jsd=jsd)[0] for jsd in (0.02, 0.05, 0.1, 0.2, 0.4)]
    found = judge(bench)
    assert (found.status, found.metric) == ("inconclusive", EXCESS)
    assert "adversaries move attention no further" in found.reason
    assert "seeds of the recipe may not agree on attention (JSD up to 0.3" in found.reason


def imitating(models, *jsd, tvd=0.01):
    """An adversary sweep whose imitators have these JSD, and which adds nothing to them."""
    return {
        0.0: [models(20, jsd=x, tvd=tvd)[0] for x in jsd],
        0.002: [models(20, jsd=x + 0.01, tvd=tvd + 0.01)[0] for x in jsd],
        0.08: [models(60, jsd=max(x, 0.5), tvd=0.5)[0] for x in jsd],
    }


def test_imitators_that_attend_differently_are_unstable(bench, models):
    bench.adversaries = imitating(models, 0.28, 0.3, 0.32)
    found = judge(bench)
    assert (found.status, found.metric, found.delta) == ("against", OF_IMITATORS, AGREEING_JSD)
    assert found.statistic == pytest.approx(0.3)
    assert found.reason == (
        "unstable: models that only imitate the answers attend differently, by a mean JSD of"
        " 0.30 (above 0.2)"
    )


@pytest.mark.parametrize("stuck", [{"jsd": 0.6, "tvd": 0.2}, {"jsd": 0.0, "tvd": 0.031}])
def test_a_seed_whose_imitator_got_stuck_says_nothing(bench, models, stuck):
    before = judge(bench)
    for several, more in zip(bench.adversaries.values(), (stuck, {}, {}), strict=True):
        several.insert(1, models(100, **{"jsd": 0.69, "tvd": 0.001, **more})[0])
    assert judge(bench) == before


def test_imitators_that_may_attend_differently_are_not_for(bench, models):
    bench.adversaries = imitating(models, 0.1, 0.15, 0.25)
    found = judge(bench)
    assert (found.status, found.metric) == ("inconclusive", EXCESS)
    assert "but imitators may not agree on attention (JSD up to 0.3" in found.reason


def test_an_excess_beats_unstable_imitators(sst, models):
    sst.adversaries[0.0] = models(44, 44, 44, jsd=0.3, tvd=0.1)
    found = judge(sst)
    assert (found.status, found.metric) == ("against", EXCESS)


@pytest.mark.parametrize(
    ("strong", "said"),
    [
        ({"jsd": 0.3, "tvd": 0.5}, "no lambda moved attention far (JSD 0.30); try larger ones"),
        (
            {"jsd": 0.4, "tvd": 0.03},
            "no adversary costs more than the seeds' TVD (0.030); try larger lambdas",
        ),
    ],
)
def test_a_weak_sweep_shows_nothing(bench, models, strong, said):
    bench.adversaries[0.08] = models(20, 20, 20, **strong)
    found = judge(bench, delta=0.4)
    assert (found.status, found.metric) == ("inconclusive", EXCESS)
    assert found.reason.startswith("within the seeds' own TVD (0.030) adversaries move attention")
    assert found.reason.endswith(f", but {said}")


def test_a_sweep_all_beyond_the_seeds_shows_nothing(bench, models):
    bench.adversaries[0.002] = models(20, 20, 20, jsd=0.06, tvd=0.031)
    found = judge(bench)
    assert found.status == "inconclusive"
    assert found.reason.endswith(
        "every adversary costs more than the seeds' TVD (0.030); try smaller lambdas"
    )


def test_one_training_that_got_stuck_does_not_make_a_sweep_weak(bench, models):
    bench.adversaries[0.002] = models(20, 20, 20, jsd=0.06, tvd=0.02)
    bench.adversaries[0.002][1] = models(100, jsd=0.06, tvd=0.5)[0]
    assert judge(bench).status == "for"


def test_an_excess_whose_interval_holds_delta_is_open(bench, models):
    bench.adversaries[0.08] = [models(20, jsd=jsd, tvd=0.5)[0] for jsd in (0.4, 0.5, 0.6)]
    found = judge(bench, delta=0.0185)
    assert found.status == "inconclusive"
    assert found.interval[0] < 0.0185 < found.interval[1]
    assert found.reason.startswith("excess JSD of 3 seeds; the interval reaches ")
    bench.adversaries[0.002] = models(20, 20, 20, jsd=0.06, tvd=0.031)
    assert judge(bench, delta=0.0185).reason.startswith("excess JSD of 3 seeds; every adversary")


def test_three_imitators_must_come_close(bench, models):
    bench.adversaries[0.0] = [models(20, tvd=tvd)[0] for tvd in (0.03, 0.031, 0.02)]
    found = judge(bench)
    assert (found.status, found.statistic, found.scope) == ("inconclusive", None, "a bench")
    assert found.reason == (
        "2 of 3 imitators answer as closely as seeds of the recipe do (TVD up to 0.030, the"
        " closest imitator 0.020), and 3 are needed; train adversaries longer, or with more seeds"
    )
    bench.adversaries[0.0][1] = models(20, tvd=0.03)[0]
    assert judge(bench).status == "for"


def test_three_adversary_seeds_are_needed(bench):
    bench.adversaries = {x: several[:2] for x, several in bench.adversaries.items()}
    found = judge(bench)
    assert (found.status, found.scope) == ("not_assessed", "a bench")
    assert found.reason == "adversaries were trained with 2 seeds, and 3 are needed"


def test_a_seed_without_every_lambda_does_not_count(bench):
    bench.adversaries[0.08] = bench.adversaries[0.08][:2]
    assert judge(bench).reason.startswith("adversaries were trained with 2 seeds")


@pytest.mark.parametrize("left", [[], [0.0], [0.002, 0.08]])
def test_without_imitators_or_lambdas_it_is_not_assessed(bench, left):
    bench.adversaries = {x: bench.adversaries[x] for x in left}
    found = judge(bench)
    assert (found.status, found.scope) == ("not_assessed", "a bench")
    assert found.reason.startswith("adversary with --sweep")


def test_without_dev_lambdas_cannot_be_chosen(bench):
    evidence = bench.evidence()
    evidence.runs["model-adversary"].pop("dev")
    found = hard_to_manipulate(evidence, evidence.of("seed-baseline"), Deltas())
    assert found.status == "not_assessed"


def test_saturated_seeds_are_given_some_room(bench, models):
    """Seeds that agree to 1e-4 would make every adversary a dear one."""
    bench.seeds = models(16, 18, 20, 22, 24, tvd=0.0001)
    bench.adversaries = {
        0.0: models(20, 20, 20, jsd=0.05, tvd=0.001),
        0.002: models(20, 20, 20, jsd=0.6, tvd=0.004),
    }
    found = judge(bench)
    assert found.status == "against"
    assert "at a TVD of 0.004" in found.reason


def test_a_delta_of_0(bench, models):
    assert judge(bench, delta=0.0).status == "against"  # any excess at all
    same = models(20, 20, 20, jsd=0.05, tvd=0.01)
    bench.adversaries = {0.0: same, 0.002: same, 0.08: same}
    assert judge(bench, delta=0.0).status == "inconclusive"


def test_groups_widen_what_instances_decide(bench, models):
    jsd = np.repeat([0.0, 0.6], 100)  # by half of the texts
    bench.adversaries[0.08] = models(60, 60, 60, jsd=jsd, tvd=0.5)
    alone = np.diff(judge(bench).interval)
    bench.groups = [f"author {row // 20}" for row in range(200)]
    assert np.diff(judge(bench).interval) > 2 * alone


@st.composite
def estimates(draw, low=0.0, high=0.6):
    ends = sorted(draw(st.tuples(*[st.floats(low, high)] * 2)))
    return Estimate(sum(ends) / 2, *ends, n=100)


@st.composite
def cases(draw):
    """Any case at all, in which adversaries flip no label."""
    budget = draw(st.floats(0.01, 0.3))
    tvd = np.sort(draw(st.tuples(*[st.floats(0, 0.5)] * 3)))[None].repeat(3, 0)
    jsd = np.array(draw(st.tuples(*[st.floats(0, 0.69)] * 3)))[None].repeat(3, 0)
    imitated = jsd[:, :1].repeat(100, 1)
    test = Curves([1, 2, 3], [0.0, 0.1, 1.0], tvd, jsd, tvd[None], jsd[None], imitated, Sample(100))
    room = Estimate(budget, budget, budget, n=100)
    allowed = SeedRange(
        room, draw(estimates(0, AGREEING_JSD)), 0.1, draw(st.sampled_from([0, 0.2]))
    )
    looked = [
        Excess(t, draw(estimates(-0.1)), t, draw(st.booleans()), np.eye(3)[[1, 1, 1]])
        for t in (budget / 2, budget)
    ]

    def case(delta):
        runs = SimpleNamespace(seeds=lambda **kind: [1, 2, 3])
        made = Case("any", allowed, runs, test, looked, delta)
        vars(made)["damage"] = (np.zeros((3, 3)), np.full((3, 3), 0.1))
        return made

    return case


@settings(deadline=None)
@given(cases(), st.floats(0, 0.7), st.floats(0, 0.7))
def test_a_larger_delta_never_speaks_less_for_attention(case, one, other):
    order = ("against", "inconclusive", "for")
    small, large = (order.index(weigh(case(delta)).status) for delta in sorted((one, other)))
    assert small <= large


@settings(deadline=None)
@given(cases())
def test_every_case_has_its_reason(case):
    found = weigh(case(0.05))
    assert found.reason
    assert (found.status == "for") <= (found.interval[1] < 0.05)
    assert found.metric in (EXCESS, OF_IMITATORS)
