"""Worker processes: that they work, die, are replaced, and end with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from attnaudit.errors import InputError
from attnaudit.execution.processes import Processes
from attnaudit.execution.units import Failure, Unit, WorkerDiedError, carry_out
from tests.execution import jobs


@pytest.fixture(scope="module")
def two():
    engine = Processes(2)
    yield engine
    engine.close()


def units(*whats):
    return [Unit(f"unit {n}", what) for n, what in enumerate(whats)]


def outcomes(engine, function, *whats):
    return {unit.what: out for unit, out in engine.outcomes(function, iter(units(*whats)))}


def test_results_come_from_other_processes(two):
    assert outcomes(two, jobs.square, *range(9)) == {n: n * n for n in range(9)}
    made = set(outcomes(two, jobs.process, *range(20)).values())
    assert os.getpid() not in made
    assert len(made) <= 2


def test_errors_come_back_with_where_they_arose(two):
    (error,) = outcomes(two, jobs.awkward, ("fail", 7)).values()
    assert (type(error), str(error)) == (ValueError, "no 7")
    assert 'raise ValueError(f"no {value}")' in str(error.__cause__)
    (error,) = outcomes(two, jobs.awkward, ("wrong", 0)).values()
    assert isinstance(error, InputError)
    assert str(error) == "here:3: is wrong; mend it"


@pytest.mark.parametrize("how", ["unpicklable", "odd error"])
def test_what_cannot_be_sent_back_is_told(two, how):
    (error,) = outcomes(two, jobs.awkward, (how, 1)).values()
    assert isinstance(error, RuntimeError)
    assert "pickle" in str(error)
    assert outcomes(two, jobs.square, 3) == {3: 9}


@pytest.mark.parametrize(
    ("how", "ending"), [("die", "its worker ended with SIGKILL"), ("exit", "with exit code 3")]
)
def test_a_worker_that_dies_is_replaced(two, how, ending):
    found = outcomes(two, jobs.awkward, ("live", 1), (how, 2), ("live", 3), ("live", 4))
    died = found.pop((how, 2))
    assert isinstance(died, WorkerDiedError)
    assert str(died).endswith(ending)
    assert sorted(value for value, _ in found.values()) == [1, 3, 4]


def test_its_unit_is_tried_again(two, tmp_path):
    places = [str(tmp_path / name) for name in ("a", "b", "c")]
    made = list(carry_out(two, jobs.once, units(*places)))
    assert {unit.what: out for unit, out in made} == dict.fromkeys(places, "done")


def test_a_unit_that_kills_every_worker_is_given_up(two):
    made = {
        unit.what: out
        for unit, out in carry_out(two, jobs.awkward, units(("die", 0), ("live", 1), ("live", 2)))
    }
    assert isinstance(made[("die", 0)], Failure)
    assert isinstance(made[("die", 0)].error, WorkerDiedError)
    assert made[("live", 1)][0] == 1


def test_idle_workers_that_were_killed_are_replaced(two):
    for pid in set(outcomes(two, jobs.process, *range(4)).values()):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    assert {out for _, out in carry_out(two, jobs.square, units(*range(5)))} == {0, 1, 4, 9, 16}


def test_closing_ends_workers_in_the_middle_of_their_work():
    engine = Processes(1)
    (pid,) = outcomes(engine, jobs.process, 0).values()
    stream = engine.outcomes(jobs.slow, iter(units(0.0, 60.0)))
    next(stream)
    begun = time.monotonic()
    engine.close()
    assert time.monotonic() - begun < 10
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


ORPHANS = """
import sys
from attnaudit.execution.processes import Processes
from attnaudit.execution.units import Unit
from tests.execution import jobs

if __name__ == "__main__":
    engine = Processes(2)
    for _, pid in engine.outcomes(jobs.process, iter([Unit(str(n), n) for n in range(8)])):
        print(pid, flush=True)
    print("begun", flush=True)
    list(engine.outcomes(jobs.slow, iter([Unit(str(n), 60) for n in range(2)])))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "orphans.py"
    script.write_text(ORPHANS)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with parent:
        lines = iter(parent.stdout.readline, "begun\n")
        pids = {int(line) for line in lines}
        time.sleep(0.3)  # they are at their long work now
        parent.kill()
    left = wait_for_end(pids)
    assert not left


def wait_for_end(pids, seconds=10):
    """Those of the processes that still run after so long."""
    until = time.monotonic() + seconds
    while (left := {pid for pid in pids if runs(pid)}) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def runs(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # nobody may reap it, where its new parent does not


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 cannot leave it out")
def test_a_worker_takes_no_module_from_the_working_folder(tmp_path, monkeypatch):
    for name in ("random", "pickle", "socket", "signal", "threading"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('of the working folder')\n")
    monkeypatch.chdir(tmp_path)
    engine = Processes(1)
    try:
        assert [outcome for _, outcome in engine.outcomes(abs, iter([Unit("a", -3)]))] == [3]
    finally:
        engine.close()
    assert "PYTHONSAFEPATH" not in os.environ


def test_a_worker_searches_for_circles_once_its_work_begins():
    with_one = Processes(1)
    try:
        (outcome,) = outcomes(with_one, jobs.begin, 0).values()
        assert outcome == (False, True)
    finally:
        with_one.close()
