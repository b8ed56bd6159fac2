"""The engine of a dask cluster, whose scheduler and workers are processes on loopback."""

from __future__ import annotations

import _socket
import gc
import socket
import sys
import threading

import pytest

from attnaudit.errors import InputError, ModelError
from attnaudit.execution.cluster import Cluster
from attnaudit.execution.observer import Silent
from attnaudit.execution.units import Failure, Unit, WorkerDiedError, carry_out
from tests.execution import jobs
from tests.execution.dask_processes import DaskProcesses

distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
STARTING = 300  # seconds that a loaded machine may need to start a worker


@pytest.fixture(autouse=True, scope="module")
def _loopback():
    """Within this module tests may connect to this very machine."""
    refuse = socket.socket.connect
    connect = _socket.socket.connect

    def local_only(self, address):
        return (connect if address[0] in ("127.0.0.1", "::1") else refuse)(self, address)

    socket.socket.connect = local_only
    yield
    socket.socket.connect = refuse


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    made = DaskProcesses(tmp_path_factory.mktemp("dask"), workers=2)
    yield made
    made.close()


@pytest.fixture
def cluster(dask):
    made = Cluster(dask.address, Silent())
    made._client.wait_for_workers(2, timeout=STARTING)
    yield made
    made.close()


def units(*whats):
    return [Unit(f"unit {n} {what}", what) for n, what in enumerate(whats)]


def test_units_are_worked_on(cluster):
    assert cluster.size == 2
    made = {unit.what: out for unit, out in carry_out(cluster, jobs.square, units(*range(20)))}
    assert made == {n: n * n for n in range(20)}


def test_no_more_is_sent_than_keeps_the_workers_busy(cluster):
    taken = []

    def source():
        for unit in units(*range(20)):
            taken.append(unit)
            yield unit

    stream = cluster.outcomes(jobs.square, source())
    next(stream)
    assert len(taken) <= 2 * 2 + 1
    assert len(list(stream)) == 19


def test_errors_come_back_and_are_tried_again(cluster):
    made = {
        unit.what: out
        for unit, out in carry_out(cluster, jobs.awkward, units(("fail", 7), ("live", 1)))
    }
    assert made[("live", 1)][0] == 1
    assert isinstance(made[("fail", 7)], Failure)
    assert str(made[("fail", 7)].error) == "no 7"
    with pytest.raises(InputError, match="is wrong") as caught:
        list(carry_out(cluster, jobs.awkward, units(("wrong", 0))))
    assert str(caught.value) == "here:3: is wrong; mend it"


def test_an_address_where_nobody_listens(monkeypatch):
    monkeypatch.setattr("attnaudit.execution.cluster._PATIENCE", 0.3)
    with pytest.raises(InputError, match=r"--cluster tcp://127.0.0.1:1: no scheduler answers"):
        Cluster("tcp://127.0.0.1:1", Silent())


@pytest.mark.parametrize("address", ["nonsense://x", "tcp://", "x:y:z", ""])
def test_what_is_no_address(monkeypatch, address):
    monkeypatch.setattr("attnaudit.execution.cluster._PATIENCE", 0.3)
    with pytest.raises(InputError, match="--cluster"):
        Cluster(address, Silent())


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x"])
def test_a_client_that_did_not_connect_leaves_nothing_to_be_collected(monkeypatch, address):
    """Else dask ends it at some time, even under the lock of another client's start."""
    monkeypatch.setattr("attnaudit.execution.cluster._PATIENCE", 0.3)
    before = set(threading.enumerate())
    with pytest.raises(InputError, match="--cluster"):
        Cluster(address, Silent())
    assert set(threading.enumerate()) <= before
    held = distributed.utils.LoopRunner._lock
    assert held.acquire(timeout=STARTING)
    try:
        gc.collect()  # waits for ever if a client is ended now
    finally:
        held.release()


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'attnaudit\[cluster\]'"):
        Cluster("tcp://127.0.0.1:1", Silent())


def test_a_worker_that_dies_of_its_unit(cluster, dask):
    """The scheduler tries it on others, which die of it as well, and gives it up."""
    dask.workers += [dask.add_worker() for _ in range(5)]
    cluster._client.wait_for_workers(7, timeout=STARTING)
    made = {unit.what: out for unit, out in cluster.outcomes(jobs.awkward, iter(units(("die", 0))))}
    assert isinstance(made[("die", 0)], WorkerDiedError)
    assert outcomes_of(cluster, 3) == [9]


def outcomes_of(cluster, number):
    return [out for _, out in cluster.outcomes(jobs.square, iter(units(number)))]


class Withheld:
    """A result that is there, on a worker that does not answer."""

    status = "finished"

    def __init__(self, error):
        self.error = error

    def result(self, timeout):
        raise self.error


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError()])
def test_a_result_that_is_not_given_out_is_to_be_made_again(cluster, error):
    assert isinstance(cluster._outcome(Withheld(error)), WorkerDiedError)


def test_a_cluster_without_workers_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr("attnaudit.execution.cluster._LOOK", 0.2)
    said = []
    dask = DaskProcesses(tmp_path, workers=0)

    def say(line):
        said.append(line)
        dask.workers.append(dask.add_worker())

    observer = Silent()
    monkeypatch.setattr(observer, "say", say, raising=False)
    try:
        cluster = Cluster(dask.address, observer)
        assert outcomes_of(cluster, 3) == [9]
        assert said == [f"{dask.address} has no workers yet: waiting for some"]

        stream = cluster.outcomes(jobs.slow, iter(units(0.0, 600.0)))
        next(stream)
        cluster._client._timeout = 0.5  # for the scheduler to come back
        dask.close()
        with pytest.raises(ModelError, match="the scheduler has stopped; start it again"):
            list(stream)
        cluster.close()
    finally:
        dask.close()
