from __future__ import annotations

import pytest

from attnaudit.findings.assess import assess
from attnaudit.findings.context import NO_ADVERSARY
from attnaudit.findings.desiderata import FINDINGS
from attnaudit.findings.rules import Deltas

NAMES = ("necessary", "stable", "hard_to_manipulate", "out_of_context")


def statuses(findings):
    return tuple(findings[name].status for name in NAMES)


def test_everything_speaks_for_attention(bench):
    found = assess(bench.evidence(), Deltas())
    assert tuple(found) == NAMES
    assert statuses(found) == ("for",) * 4
    untried = f"a bench; {NO_ADVERSARY}"
    assert [f.scope for f in found.values()] == ["a bench", "a bench", "a bench", untried]
    assert all(f.rule and f.metric and f.interval for f in found.values())
    assert [f.delta for f in found.values()] == [0.01, 2 / 3, 0.1, 0.01]


@pytest.mark.parametrize("evidence", [None, "no seeds"])
def test_without_seeds_nothing_is_assessed(bench, evidence):
    found = assess(bench.evidence("seed-baseline") if evidence else None, Deltas())
    assert statuses(found) == ("not_assessed",) * 4
    assert {name: f.reason for name, f in found.items()} == {
        one.name: one.needs for one in FINDINGS
    }
    assert all(f.scope is None for f in found.values())


def test_a_barrier_stands_before_all(bench):
    bench.partial = True
    found = assess(bench.evidence(), Deltas())
    assert statuses(found) == ("not_assessed",) * 4
    assert {f.reason for f in found.values()} == {"Some rows were not audited, because of --limit."}
    assert {f.scope for f in found.values()} == {"a bench"}
    assert all(f.statistic is None and f.interval is None for f in found.values())


def test_what_is_not_needed_is_not_asked_further(bench, models):
    bench.uniform = models(6, 8, 10, 12, 14)
    found = assess(bench.evidence(), Deltas())
    assert statuses(found) == ("against", *("not_assessable",) * 3)


def test_what_the_others_would_say_is_shown_all_the_same(bench, models):
    alone = assess(bench.evidence(), Deltas())
    bench.uniform = models(6, 8, 10, 12, 14)
    found = assess(bench.evidence(), Deltas())
    for name in NAMES[1:]:
        assert found[name].reason == (
            "Learned attention improves this recipe by less than 0.01 in score (see necessary), so"
            " this question makes little sense. By its own rule the finding would be for."
            f" {alone[name].reason}"
        )
        as_alone = {"status": "for", "reason": alone[name].reason}
        assert found[name].model_copy(update=as_alone) == alone[name]


def test_what_was_not_run_stays_not_assessed(bench, models):
    bench.uniform = models(6, 8, 10, 12, 14)
    found = assess(bench.evidence("probe"), Deltas())
    assert statuses(found) == ("against", "not_assessable", "not_assessable", "not_assessed")


def test_what_may_be_needed_is(bench):
    bench.uniform = bench.seeds
    deltas = Deltas(necessary=0.0)  # the gap is 0: neither above nor below
    assert statuses(assess(bench.evidence(), deltas)) == ("inconclusive", "for", "for", "for")


@pytest.fixture
def movable(bench, models):
    """A bench on which delta decides whether attention is hard to manipulate."""
    bench.adversaries = {
        **bench.adversaries,
        0.002: models(*[20] * 6, jsd=0.06, tvd=0.02, moved=150),
    }
    return bench


def test_nothing_is_against_attention_that_cannot_be_tested(movable):
    bench = movable
    bench.controls = {"bypassed": True, "erased": {"tvd": 0.01, "flips": False}}
    assert statuses(assess(bench.evidence(), Deltas())) == ("for",) * 4
    deltas = Deltas(necessary=0.4, hard_to_manipulate=0.001, out_of_context=0.9)
    found = assess(bench.evidence(), deltas)  # else against, and the others not assessable
    assert statuses(found) == ("inconclusive", "for", "inconclusive", "inconclusive")
    held = [f for f in found.values() if f.status != "for"]
    assert all("Even all weights on words set to 0" in f.reason for f in held)
    bench.controls = {**bench.controls, "bypassed": False}
    assert statuses(assess(bench.evidence(), deltas))[0] == "against"


def test_each_finding_has_its_own_delta(movable):
    bench = movable
    deltas = Deltas(necessary=0.4, hard_to_manipulate=0.001, out_of_context=0.9)
    assert statuses(assess(bench.evidence(), deltas))[0] == "against"
    deltas = Deltas(necessary=0.2, hard_to_manipulate=0.001, out_of_context=0.9)
    assert statuses(assess(bench.evidence(), deltas)) == ("for", "for", "against", "against")


def test_audits_that_were_not_run_are_named(bench):
    found = assess(bench.evidence("model-adversary", "probe"), Deltas())
    assert statuses(found) == ("for", "for", "not_assessed", "not_assessed")
    assert "adversary with --sweep" in found["hard_to_manipulate"].reason
    assert "probe" in found["out_of_context"].reason


def test_records_of_other_splits_alone_say_nothing(bench):
    evidence = bench.evidence()
    runs = {audit: dict(splits) for audit, splits in evidence.runs.items()}
    runs["probe"] = {"dev": runs["probe"].pop("test")}
    found = assess(type(evidence)(**{**vars(evidence), "runs": runs}), Deltas())
    assert statuses(found) == ("for", "for", "for", "not_assessed")
    runs["seed-baseline"].pop("test")
    found = assess(type(evidence)(**{**vars(evidence), "runs": runs}), Deltas())
    assert statuses(found) == ("not_assessed",) * 4
