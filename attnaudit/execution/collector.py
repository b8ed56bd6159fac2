"""Python's search for objects that only hold each other, put off until all is imported.

An import of torch makes some hundred thousand objects, all of which stay. Python would search them
again and again, while they are made and whenever records have been made since: a tenth of the time
of a short audit. The search begins when work does, and leaves out what is there by then.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


class Collector:
    """The search of this process. It belongs to the program: within a user's it is left alone."""

    def __init__(self) -> None:
        self._waits = False

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """Within, nothing is searched before `begin`; behind it, all is as it was before."""
        self._waits = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if self._waits:
                gc.enable()
            self._waits = False

    def begin(self) -> None:
        """Imports are done: search from now on, but only what is made from now on."""
        if self._waits:
            gc.freeze()
            gc.enable()
            self._waits = False


COLLECTOR = Collector()
