"""What every question, importance, reading and format must have: the lists are walked with this."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator

from attnaudit.importance.importance import Importance
from attnaudit.questions.question import Question
from attnaudit.readings.reading import Family, Reading
from attnaudit.report.formats.format import Format
from attnaudit.report.registry import find

TOLD = ("definition", "formula", "source", "traps")


def missing_of_question(question: Question) -> Iterator[str]:
    """What a question lacks."""
    for name in ("name", "command", "module", "asks", "about", "traps", "source"):
        if not getattr(question, name):
            yield name
    for part, holds in (("summarise", "summarise"), ("make", "MAKER"), ("records", "kind")):
        if importlib.util.find_spec(f"{question.module}.{part}") is None:
            yield f"{part}.py"
        elif not hasattr(importlib.import_module(f"{question.module}.{part}"), holds):
            yield f"{holds} in {part}"
        elif part == "make" and question.maker.records and not question.maker.cost:
            yield "a cost"
    if not question.metrics:
        yield "metrics"
    for spec in question.metrics:
        for name in ("definition", "formula", "source", "unit"):
            if not getattr(spec, name):
                yield f"{name} of {spec.pattern}"
    if not question.evidence:
        yield "a row of the evidence table"
    for row in question.evidence:
        yield from (
            f"metric {name}" for name in (row.metric, row.against) if name and not find(name)
        )
    if not question.draws and question.name != "erase":  # which has none yet
        yield "figures"
    for name, setting in question.settings.model_fields.items():
        if not setting.description:
            yield f"a description of the setting {name}"


def missing_of_importance(importance: Importance) -> Iterator[str]:
    """What an importance lacks."""
    yield from (name for name in TOLD if not getattr(importance, name))


def missing_of_reading(reading: Reading | Family) -> Iterator[str]:
    """What a reading lacks."""
    yield from (name for name in TOLD if not getattr(reading, name))


def missing_of_format(form: Format) -> Iterator[str]:
    """What a format lacks."""
    yield from (name for name in ("name", "says") if not getattr(form, name))
