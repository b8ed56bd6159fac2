"""The words of the field and of this tool, written by hand."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry
from attnaudit.explanations.terms import (
    attention,
    controls,
    judging,
    measures,
    paper,
    repairs,
    tests,
)

TERMS: tuple[Entry, ...] = (
    *attention.TERMS,
    *measures.TERMS,
    *tests.TERMS,
    *controls.CONTROLS,
    *judging.TERMS,
    *repairs.REPAIRS,
    *paper.TERMS,
)
