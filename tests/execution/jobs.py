"""Functions that tests send to workers."""

from __future__ import annotations

import gc
import os
import signal
import time
from pathlib import Path

from attnaudit.errors import InputError
from attnaudit.execution.collector import COLLECTOR


def square(x):
    return x * x


def process(_):
    return os.getpid()


def begin(_):
    """Whether Python searches for circles before work begins, and then."""
    before = gc.isenabled()
    COLLECTOR.begin()
    return before, gc.isenabled()


def awkward(what):
    """Do as told: fail, be wrong, die, or answer with the process that worked on it."""
    how, value = what
    if how == "fail":
        raise ValueError(f"no {value}")
    if how == "wrong":
        raise InputError("is wrong", where="here", line=3, hint="mend it")
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "exit":
        os._exit(3)
    if how == "unpicklable":
        return lambda: value
    if how == "odd error":
        error = ValueError("odd")
        error.more = lambda: value
        raise error
    return value, os.getpid()


def once(what):
    """Die at the first call, which leaves a file behind; answer at the next."""
    place = Path(what)
    if place.exists():
        return "done"
    place.write_text("")
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def slow(seconds):
    time.sleep(seconds)
    return seconds
