from __future__ import annotations

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnaudit.findings.desiderata import FINDINGS
from attnaudit.findings.rules import Deltas, compare, finding, not_assessed
from attnaudit.measures.summary import Estimate

GAP = Estimate(0.02, 0.005, 0.035, n=100)
POINT = Estimate(0.02, n=100, reason="no interval: one seed does not show how much seeds differ")


@pytest.mark.parametrize(
    ("delta", "status"),
    [
        (0.0, "for"),
        (0.004, "for"),
        (0.005, "inconclusive"),
        (0.02, "inconclusive"),
        (0.035, "inconclusive"),
        (0.036, "against"),
    ],
)
def test_the_whole_interval_decides(delta, status):
    assert compare(GAP, delta) == status


def test_without_an_interval_nothing_is_decided():
    assert compare(POINT, 0.0) == "inconclusive"
    assert compare(Estimate(None, undefined=3), 0.0) == "inconclusive"


ends = st.lists(st.floats(-1, 1), min_size=2, max_size=2).map(sorted)


@given(ends, st.floats(0, 1), st.floats(0, 1))
def test_a_larger_delta_never_speaks_more_for_an_effect(ends, one, other):
    order = ("against", "inconclusive", "for")
    found = Estimate(sum(ends) / 2, *ends, n=9)
    small, large = (order.index(compare(found, delta)) for delta in sorted((one, other)))
    assert small >= large


def test_a_finding_holds_the_figure_that_decided():
    found = finding("for", "why", GAP, 0.01, "scope", "a.metric", "a rule")
    assert (found.statistic, found.interval, found.delta) == (0.02, [0.005, 0.035], 0.01)
    assert (found.status, found.reason, found.scope) == ("for", "why", "scope")
    assert (found.metric, found.rule) == ("a.metric", "a rule")
    assert finding("inconclusive", "why", POINT).interval is None
    assert finding("inconclusive", "why", POINT).statistic == 0.02
    assert finding("not_assessed", "why").statistic is None


def test_what_is_not_assessed_says_what_to_run():
    found = not_assessed()
    assert tuple(found) == ("necessary", "stable", "hard_to_manipulate", "out_of_context")
    assert {f.status for f in found.values()} == {"not_assessed"}
    assert [f.reason for f in found.values()] == [one.needs for one in FINDINGS]


def test_the_smallest_effects_of_interest():
    deltas = Deltas()
    assert dict(deltas) == {
        "necessary": 0.01,
        "stable": 2 / 3,
        "hard_to_manipulate": 0.1,
        "out_of_context": 0.01,
    }
    mosts = (1, 1, 0.6931, 1)
    for name, most in zip(dict(deltas), mosts, strict=True):
        assert getattr(Deltas(**{name: 0}), name) == 0
        assert getattr(Deltas(**{name: most}), name) == most
        for wrong in (-0.01, most + 0.01):
            with pytest.raises(pydantic.ValidationError):
                Deltas(**{name: wrong})
