"""An existing dask.distributed cluster as the place where units are worked on.

Slurm users start one with dask-jobqueue, Kubernetes users with dask-kubernetes. Workers need this
version of attnaudit, and the model and data under the same paths. A worker that dies is replaced by
the scheduler's own retry.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from attnaudit.errors import InputError, ModelError
from attnaudit.execution.observer import Observer
from attnaudit.execution.units import Unit, WorkerDiedError

R = TypeVar("R")
_PATIENCE = 10  # seconds to wait for an answer
_LOOK = 10  # seconds without news of a unit, after which the cluster itself is looked at
_ENDING = 60  # seconds for what is here to end: a loaded machine may need many
_AHEAD = 2  # units sent for each that is worked on, so that no worker waits for the next


class Cluster:
    """The scheduler at `address`, such as `tcp://10.0.0.1:8786`.

    Raises InputError if dask.distributed is not installed or no scheduler answers there.
    """

    def __init__(self, address: str, observer: Observer) -> None:
        try:
            dask: Any = importlib.import_module("distributed")
        except ImportError:
            raise InputError(
                "--cluster needs dask.distributed",
                hint="pip install 'attnaudit[cluster]', here and on the workers",
            ) from None
        self._dask, self._observer, self.address = dask, observer, address
        if not address:  # which dask takes for a wish for a cluster of its own
            raise InputError("--cluster: no address is given")
        self._client: Any = dask.Client.__new__(dask.Client)  # at hand where its start fails
        try:
            self._client.__init__(address, timeout=_PATIENCE, set_as_default=False)
        except Exception as error:
            self._abandon()
            if not isinstance(error, (OSError, ValueError)):
                raise
            what = str(error).partition("\n")[0]
            raise InputError(
                f"--cluster {address}: no scheduler answers at this address ({what})"
            ) from None
        self._attempts: dict[str, int] = {}
        self._lonely = False

    @property
    def size(self) -> int:
        """How many units are worked on at once: the threads of all workers, at least one."""
        return max(1, self._threads())

    def outcomes(
        self, function: Callable[[Any], R], units: Iterator[Unit]
    ) -> Iterator[tuple[Unit, R | Exception]]:
        """See `Engine`."""
        sent: dict[Any, Unit] = {}
        while True:
            while len(sent) < _AHEAD * self.size and (unit := next(units, None)) is not None:
                sent[self._submit(function, unit)] = unit
            if not sent:
                return
            for future in self._finished(list(sent)):
                unit = sent.pop(future)
                yield unit, self._outcome(future)
                future.release()

    def close(self) -> None:
        """See `Engine`; what has been sent is forgotten by the scheduler."""
        with contextlib.suppress(self._dask.TimeoutError):  # it ends later then, by itself
            self._client.close(timeout=_ENDING)

    def _abandon(self) -> None:
        """End a client that could not start.

        Dask leaves its thread running and ends it when the client is collected as garbage. That may
        happen while another client starts, under the very lock that this end waits for: for ever.
        """
        with contextlib.suppress(AttributeError, self._dask.TimeoutError):
            self._client.close(timeout=_ENDING)  # does nothing where dask has closed all but ...
            self._client._loop_runner.stop(_ENDING)  # ... the thread

    def _submit(self, function: Callable[[Any], R], unit: Unit) -> Any:
        attempt = self._attempts[unit.key] = self._attempts.get(unit.key, 0) + 1
        key = f"attnaudit-{unit.key}-{attempt}"  # an error is remembered under its key
        return self._client.submit(function, unit.what, key=key)

    def _finished(self, sent: list[Any]) -> list[Any]:
        """Futures that are done, at least one; raises ModelError if the scheduler is gone."""
        while True:
            try:
                with self._client.as_current():
                    waited = self._dask.wait(sent, _LOOK, return_when="FIRST_COMPLETED")
                return list(waited.done)
            except self._dask.TimeoutError:  # Python 3.10 has two of that name
                self._check()

    def _check(self) -> None:
        if self._client.status != "running":
            raise _gone(self.address)
        lonely = not self._threads()
        if lonely and not self._lonely:
            self._observer.say(f"{self.address} has no workers yet: waiting for some")
        self._lonely = lonely

    def _threads(self) -> int:
        try:
            threads: int = sum(self._client.nthreads().values())
        except OSError:
            raise _gone(self.address) from None
        return threads

    def _outcome(self, future: Any) -> Any:
        """What the function gave, or the exception it raised."""
        if future.status == "finished":
            try:
                return future.result(timeout=_PATIENCE)
            except (self._dask.TimeoutError, OSError):  # it lies on a worker that is paused or gone
                return WorkerDiedError("its worker does not return the result")
        if future.status in ("cancelled", "lost"):
            raise _gone(self.address)
        error = future.exception(timeout=_PATIENCE)
        if isinstance(error, self._dask.KilledWorker):
            return WorkerDiedError(f"it made workers stop ({error.last_worker})")
        return error if isinstance(error, Exception) else RuntimeError(repr(error))


def _gone(address: str) -> ModelError:
    return ModelError(
        f"--cluster {address}: the scheduler has stopped",
        hint="start it again, then continue with --resume",
    )
