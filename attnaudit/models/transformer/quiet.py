"""transformers without its progress bars, notes and warnings: this program reports for itself."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import transformers

from attnaudit.inputs import prints_kept_out


@contextmanager
def quiet() -> Iterator[None]:
    """Within the context transformers logs errors alone and draws no bars."""
    logs = transformers.logging
    before, bars = logs.get_verbosity(), logs.is_progress_bar_enabled()
    if before >= logging.ERROR and not bars:  # to say so again would take all loggers a while
        yield
        return
    logs.set_verbosity_error()  # type: ignore[no-untyped-call]
    logs.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logs.set_verbosity(before)
        if bars:
            logs.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def quiet_loading() -> Iterator[None]:
    """The same, and Python warnings are ignored: importing a model's code may raise some.

    What libraries print goes to standard error.
    """
    with quiet(), prints_kept_out(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
