from __future__ import annotations

import dataclasses

import pytest

from attnaudit.findings.context import out_of_context

UNIFORM, LEAK = "probe.base-uniform.f1_gap", "probe.base-leak.f1_gap"


@pytest.fixture
def judge(bench, models):
    """The finding on probes that are wrong on so many texts, or on so many by seed."""

    def judge(base, uniform, leak, delta=0.01, pretrained=False):
        given = {"base": base, "uniform": uniform, "leak": leak}
        bench.probes = {
            name: models(*([wrong] * 5 if isinstance(wrong, int) else wrong))
            for name, wrong in given.items()
        }
        evidence = dataclasses.replace(bench.evidence(), pretrained=pretrained)
        return out_of_context(evidence, delta)

    return judge


@pytest.mark.parametrize(
    ("uniform", "leak", "metric", "gap"), [(80, 60, LEAK, 0.2), (60, 80, UNIFORM, 0.2)]
)
def test_for_shows_the_smaller_gap(judge, uniform, leak, metric, gap):
    found = judge(20, uniform, leak)
    assert (found.status, found.metric) == ("for", metric)
    assert found.statistic == pytest.approx(gap)
    assert found.reason.endswith("; 5 seeds")


@pytest.mark.parametrize(
    ("uniform", "leak", "metric", "gap"),
    [(8, 80, UNIFORM, -0.06), (80, 8, LEAK, -0.06), (8, 8, UNIFORM, -0.06)],
)
def test_either_gap_speaks_against(judge, uniform, leak, metric, gap):
    found = judge(20, uniform, leak)
    assert (found.status, found.metric) == ("against", metric)
    assert found.statistic == pytest.approx(gap)


@pytest.mark.parametrize(("uniform", "leak", "metric"), [(22, 80, UNIFORM), (80, 22, LEAK)])
def test_an_open_gap_leaves_it_open(judge, uniform, leak, metric):
    found = judge(20, uniform, leak)
    assert (found.status, found.metric) == ("inconclusive", metric)
    assert "more seeds or more instances would narrow it" in found.reason


def test_against_comes_before_what_is_open(judge):
    assert judge(20, 22, 10).metric == LEAK
    assert judge(20, 22, 10).status == "against"


def test_reasons_name_the_gap(judge):
    less = "F1 of the probe under the model's attention less that"
    assert judge(20, 60, 80).reason.startswith(f"{less} under uniform attention; ")
    assert judge(20, 80, 60).reason.startswith(f"{less} of the leak control, which does not see")


def test_a_delta_of_0(judge):
    assert judge(20, 20, 80, delta=0.0).status == "inconclusive"
    assert judge(20, 60, 80, delta=0.0).status == "for"


def test_five_seeds_of_each_are_needed(judge):
    found = judge([20] * 6, [80] * 5, [80] * 4)
    assert (found.status, found.scope) == ("not_assessed", "a bench")
    assert found.reason == "4 seeds of each probe, and 5 are needed"


def test_a_probe_may_be_missing(bench):
    bench.probes = {"base": bench.probes["base"], "uniform": bench.probes["uniform"]}
    assert out_of_context(bench.evidence(), 0.01).reason.startswith("0 seeds of each probe")
    found = out_of_context(bench.evidence("probe"), 0.01)
    assert (found.status, found.scope) == ("not_assessed", "a bench")
    assert "would settle it" in found.reason


def test_other_probes_do_not_matter(bench, models):
    before = out_of_context(bench.evidence(), 0.01)
    bench.probes = {**bench.probes, "trained": models(0, 0, 0, 0, 0), "mine": models(90)}
    assert out_of_context(bench.evidence(), 0.01) == before


def test_a_pretrained_control_decides_nothing_against_a_probe_from_scratch(judge):
    found = judge(20, 80, 10, pretrained=True)
    assert (found.status, found.metric) == ("inconclusive", LEAK)
    assert found.statistic == pytest.approx(-0.05)
    assert "pretrained and the probe is not" in found.reason
    assert "never against" in found.rule
    assert judge(20, 10, 80, pretrained=True).status == "against"
    assert judge(20, 10, 10, pretrained=True).metric == UNIFORM
    assert judge(20, 80, 60, pretrained=True).status == "for"
