"""The engine that a command asks for: this process, several, or a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attnaudit.execution.observer import Observer
from attnaudit.execution.units import Engine, Here


@contextmanager
def open_engine(workers: int | None, cluster: str | None, observer: Observer) -> Iterator[Engine]:
    """`workers` processes, or the cluster at that address; its workers end with the context.

    None: as many processes as are faster, which is chosen for each piece of work.

    Raises InputError for a cluster that cannot be reached.
    """
    engine: Engine = Here()
    if cluster is not None:
        from attnaudit.execution.cluster import Cluster

        engine = Cluster(cluster, observer)
    elif workers is None:
        from attnaudit.execution.choosing import Choosing

        engine = Choosing(observer)
    elif workers > 1:
        from attnaudit.execution.processes import Processes

        engine = Processes(workers)
    try:
        yield engine
    finally:
        engine.close()
