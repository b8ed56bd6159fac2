"""One trial of each kind that is quick; `python -m tests.chaos` runs all of them, many times."""

from __future__ import annotations

import pytest

from tests.chaos.__main__ import CORRELATE, Pauser, Trials, starved, without_scheduler
from tests.chaos.commands import Command, Outcome, disturbed, kill_after, moments

pytestmark = pytest.mark.slow  # whole commands in processes of their own, killed and resumed


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    return Trials(tmp_path_factory.mktemp("chaos"), times=1, seed=0)


@pytest.mark.whole
def test_a_killed_run_is_resumed_to_the_same_records(trials):
    expected, seconds = trials.undisturbed(CORRELATE)
    strike = kill_after(0.7 * seconds)
    outcome = disturbed(CORRELATE, trials.empty("killed"), expected, strike, 1)
    assert outcome.same, outcome


@pytest.mark.whole
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_stopped_goes_on(trials, workers):
    expected, _ = trials.undisturbed(CORRELATE)
    line = (*CORRELATE.line, "--workers", str(workers))
    shared = Command(line, CORRELATE.leaves, CORRELATE.again)
    outcome = disturbed(shared, trials.empty("paused"), expected, Pauser(workers > 1).strike, 1)
    assert outcome.hits == 1
    assert outcome.same, outcome


@pytest.mark.whole
def test_a_scheduler_that_goes_away_is_one_line_and_the_run_can_go_on(trials):
    expected, _ = trials.undisturbed(CORRELATE)
    place = trials.empty("scheduler")
    clean, said = without_scheduler(CORRELATE, trials.folder, place)
    assert clean, said
    CORRELATE.finish(place, *CORRELATE.again)
    assert CORRELATE.left(place) == expected


@pytest.mark.whole
@pytest.mark.parametrize("room", [1 << 20, 1 << 24])
def test_a_process_without_memory_says_so_in_one_line(trials, room):
    """Real limits: what fails first is up to the system."""
    code, said = starved(CORRELATE, trials.empty("starved"), room)
    assert code in (0, 2), said
    if code:
        assert said.startswith("error: "), said
        assert "memory ran out" in said
        assert said.count("\n") == 1


def test_moments_are_spread_over_the_time():
    found = sorted(moments(4, 8.0, seed=1))
    assert all(2 * k <= moment < 2 * k + 2 for k, moment in enumerate(found))


def test_an_outcome_in_words():
    assert str(Outcome(2, False, 3.2)) == "disturbed 2 times, left DIFFERENT (3 s)"
