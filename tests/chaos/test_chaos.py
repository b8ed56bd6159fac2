"""One trial of each kind that is quick; `python -m tests.chaos` runs all of them, many times."""

from __future__ import annotations

import pytest

from tests.chaos.__main__ import CORRELATE, Trials
from tests.chaos.commands import Outcome, disturbed, kill_after, moments

pytestmark = pytest.mark.slow  # whole commands in processes of their own, killed and resumed


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    return Trials(tmp_path_factory.mktemp("chaos"), times=1, seed=0)


def test_a_killed_run_is_resumed_to_the_same_records(trials):
    expected, seconds = trials.undisturbed(CORRELATE)
    strike = kill_after(0.7 * seconds)
    outcome = disturbed(CORRELATE, trials.empty("killed"), expected, strike, 1)
    assert outcome.same, outcome


def test_moments_are_spread_over_the_time():
    found = sorted(moments(4, 8.0, seed=1))
    assert all(2 * k <= moment < 2 * k + 2 for k, moment in enumerate(found))


def test_an_outcome_in_words():
    assert str(Outcome(2, False, 3.2)) == "disturbed 2 times, left DIFFERENT (3 s)"
