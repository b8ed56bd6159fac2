"""The kinds of runs that predictors are, by what metrics call them."""

from __future__ import annotations

from attnaudit.questions.rationalize.names import FULL, PLACES, RANDOM
from attnaudit.questions.runs import Kind, kind_of


def kind_named(name: str) -> Kind:
    """The kind of run that metrics call `name`."""
    if name in (FULL, RANDOM):
        return kind_of(sees="text" if name == FULL else name)
    by = name.removesuffix(PLACES)
    return kind_of(sees="rationale" if by == name else "positions", by=by)
