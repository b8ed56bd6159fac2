"""Every branch of the rule, on models of which the scores are known without computing them.

A model that is wrong on so many of 200 texts, with classes in turn, has about macro-F1 1 - wrong /
200; the same number of wrong texts gives the same score.
"""

from __future__ import annotations

import pytest

from attnaudit.findings.context import ALIKE, NO_ADVERSARY, out_of_context
from attnaudit.measures.sample import Sample
from attnaudit.questions.score_of_seeds import ScoreOfSeeds

UNIFORM, ADVERSARY = "probe.base-uniform.score_gap", "probe.base-adversary.score_gap"
LEAK = "probe.leak.score_gap"


@pytest.fixture
def judge(bench, models):
    """The finding on models that are wrong on so many texts, or on so many by seed."""

    def several(wrong, jsd=0.05):
        return models(*([wrong] * 5 if isinstance(wrong, int) else wrong), jsd=jsd)

    def judge(
        base=20, uniform=80, attended=70, other=20, delta=0.01, adversary=None, far=0.5, whole=0
    ):
        bench.probes = {"base": several(base), "uniform": several(uniform)}
        if adversary is not None:
            bench.probes["adversary"] = several(adversary, far)
        bench.arms = {"attended": several(attended), "other": several(other)}
        bench.whole = whole
        return out_of_context(bench.evidence(), delta)

    return judge


def test_for_shows_the_gap_to_uniform_attention(judge):
    found = judge()
    assert (found.status, found.metric, found.delta) == ("for", UNIFORM, 0.01)
    assert found.statistic == pytest.approx(0.3)
    assert found.interval[0] > 0.01
    assert "the probe's macro-F1 is 0.300 higher (95 % interval 0." in found.reason
    assert (
        "than with uniform weights. When models of the recipe are trained without the attended "
        "words"
    ) in found.reason
    assert "is 0.250 lower (95 % interval 0." in found.reason
    assert found.reason.endswith(
        "other words. So these words carry evidence. There are 5 seeds of each kind of model."
    )


def test_without_an_adversary_the_scope_says_so(judge):
    assert judge().scope == f"a bench; {NO_ADVERSARY}"
    assert judge(adversary=80).scope == "a bench"


def test_a_probe_that_gains_nothing_is_against(judge):
    found = judge(base=60, uniform=40)
    assert (found.status, found.metric) == ("against", UNIFORM)
    assert found.statistic == pytest.approx(-0.1)
    assert "is 0.100 lower (95 % interval 0." in found.reason
    assert "than with uniform weights. The gain is less than 0.01. There are 5" in found.reason


def test_what_is_left_betrays_the_answer(judge):
    found = judge(attended=20, other=60)
    assert (found.status, found.metric) == ("against", LEAK)
    assert found.statistic == pytest.approx(-0.2)
    assert "is 0.200 higher (95 % interval 0." in found.reason
    assert "than without the same number of other words. So the remaining words" in found.reason


def test_against_comes_before_all_that_is_open(judge):
    assert judge(base=60, uniform=40, attended=20, other=60).metric == UNIFORM
    assert judge(base=20, uniform=22, attended=20, other=60).metric == LEAK
    assert judge(attended=20, other=60, whole=150).status == "against"
    assert judge(attended=40, other=100).status == "against"  # no better than a constant
    assert judge(attended=20, other=60, adversary=20).metric == LEAK
    assert judge(base=60, uniform=40, whole=150, adversary=20).status == "against"


def test_an_open_gap_to_uniform_attention_comes_first(judge):
    found = judge(uniform=22, attended=20, other=20, whole=150, adversary=20)
    assert (found.status, found.metric) == ("inconclusive", UNIFORM)
    assert "than with uniform weights. There are 5 seeds of each kind of model. " in found.reason
    assert "If the true gap is the one seen here" in found.reason


def test_replaceable_words(judge, bench, models):
    """Models that are wrong on the same texts differ by nothing."""
    found = judge(attended=[18, 20, 20, 20, 22], other=[18, 20, 20, 20, 22], delta=0.05)
    assert (found.status, found.metric) == ("inconclusive", LEAK)
    assert -0.05 < found.interval[0] < found.interval[1] < 0.05
    assert "other words can replace the attended words" in found.reason


@pytest.mark.parametrize(
    ("attended", "other"),
    [
        (22, 20),  # the interval holds delta
        ((20, 10, 40, 20, 60), (20, 60, 20, 30, 20)),  # and much else
    ],
)
def test_a_leak_control_that_does_not_decide(judge, attended, other):
    found = judge(attended=attended, other=other)
    assert (found.status, found.metric) == ("inconclusive", LEAK)
    assert (
        "The leak control did not decide. There are 5 seeds of each kind of model. "
    ) in found.reason
    assert "If the true gap is the one seen here" in found.reason


def test_most_texts_must_lose_a_word(judge):
    assert judge(whole=100).status == "for"
    found = judge(whole=102)
    assert (found.status, found.metric) == ("inconclusive", LEAK)
    assert found.reason.startswith("51 % of the texts have fewer than five words")
    assert judge(whole=102, attended=140, other=140).reason.startswith("51 % of the texts")


def test_the_random_arm_must_beat_guessing(judge, bench):
    """Guessing is right on half the texts, and has macro-F1 1/2; a constant has 1/3."""
    found = judge(attended=190, other=130)
    assert (found.status, found.metric) == ("inconclusive", None)
    assert "not shown to be better than guessing" in found.reason
    assert found.interval[0] <= 0
    assert judge(attended=190, other=60).status == "for"
    gold = bench.gold
    score = ScoreOfSeeds(gold, 2, Sample(len(gold)))
    assert score.constant().mean() == pytest.approx(1 / 3)
    assert score.guess().mean() == 1 / 2


def test_an_adversary_can_only_take_a_for_away(judge):
    assert judge(adversary=80).status == judge(adversary=80, delta=0.15).status == "for"
    for wrong in (20, 10, 21):
        found = judge(adversary=wrong)
        assert (found.status, found.metric) == ("inconclusive", ADVERSARY)
        assert "So it is not shown that the probe needs the model's own weights" in found.reason
        assert found.statistic == pytest.approx((wrong - 20) / 200, abs=1e-3)
    assert judge(base=60, uniform=40, adversary=190).status == "against"
    assert judge(attended=20, other=20, adversary=190).metric == LEAK


def test_the_attention_of_an_adversary_that_is_not_other_takes_no_for_away(judge):
    found = judge(adversary=20, far=0.1)  # its interval has no width, and is not above .1
    assert (found.status, found.metric) == ("for", UNIFORM)
    assert found.scope == f"a bench; {ALIKE} by more than a JSD of 0.1"
    assert judge(adversary=20, far=0.11).status == "inconclusive"


def test_a_delta_of_0(judge):
    assert judge(base=20, uniform=20, delta=0.0).status == "inconclusive"
    assert judge(delta=0.0).status == "for"
    assert judge(attended=20, other=20, delta=0.0).status == "inconclusive"


def test_five_seeds_of_each_are_needed(judge):
    five = [20] * 5
    found = judge(base=[20] * 6, uniform=five, attended=[70] * 4, other=[20] * 3)
    assert (found.status, found.statistic) == ("not_assessed", None)
    assert found.reason == (
        "5 seeds of each model are needed: the model without other words has 3, the model without"
        " attended words has 4."
    )
    found = judge(adversary=[80] * 2)
    assert found.reason.endswith("the probe under the guide adversary has 2.")


def test_seeds_that_some_lack_are_left_out_and_named(judge):
    found = judge(base=[20] * 6, uniform=[80] * 5, attended=[70] * 6, other=[20] * 6)
    assert (found.status, found.metric) == ("for", None)
    missing = "seed 6, missing for the probe under the guide uniform"
    assert found.reason.endswith(f"5 seeds of each kind of model. Left out: {missing}.")


def test_models_that_share_too_few_seeds(bench, models):
    evidence = bench.evidence()
    runs = evidence.of("probe")
    (kind,) = (k for k in runs.models if dict(k).get("guide") == "uniform")
    runs.models[kind] = {seed + 3: columns for seed, columns in runs.models[kind].items()}
    found = out_of_context(evidence, 0.01)
    assert found.status == "not_assessed"
    assert found.reason == "The models have only 2 seeds in common, but 5 are needed."


def test_a_guide_may_be_missing(bench):
    bench.probes = {"base": bench.probes["base"]}
    found = out_of_context(bench.evidence(), 0.01)
    assert (found.status, found.reason) == (
        "not_assessed",
        "5 seeds of each model are needed: the probe under the guide uniform has 0.",
    )


def test_without_a_probe(bench):
    found = out_of_context(bench.evidence("probe"), 0.01)
    assert (found.status, found.scope) == ("not_assessed", "a bench")
    assert found.reason == "Run seed-baseline and probe to find out."


def test_older_records_say_what_to_run(bench, models):
    bench.probes = {**bench.probes, "leak": models(70, 70, 70, 70, 70)}
    bench.arms = {}
    found = out_of_context(bench.evidence(), 0.01)
    assert found.status == "not_assessed"
    assert "older version made these records" in found.reason
    assert found.reason.endswith("run probe again.")


def test_controls_decide_nothing(bench, models):
    before = out_of_context(bench.evidence(), 0.01)
    others = ("trained", "mine", "shuffled", "untrained", "position")
    bench.probes = {**bench.probes, **dict.fromkeys(others, models(0, 0, 0, 0, 0))}
    assert out_of_context(bench.evidence(), 0.01) == before
