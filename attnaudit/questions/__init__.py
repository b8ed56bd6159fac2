"""The questions that are asked of a model: one folder each, and the only list of them.

A folder holds everything about its question. `__init__` holds the `QUESTION`, which is light to
import. `make` turns a model into records, and alone may import torch. `summarise` turns records
into metrics and tables. `figures` draws them.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

from attnaudit.errors import InputError

if TYPE_CHECKING:
    from attnaudit.questions.question import Question

# In the order of reports. A suite asks them in this order too, so that a question may build on the
# records of those before it.
QUESTIONS: tuple[str, ...] = (
    "attnaudit.questions.correlate",
    "attnaudit.questions.permute",
    "attnaudit.questions.erase",
    "attnaudit.questions.heads",
    "attnaudit.questions.identify",
    "attnaudit.questions.compare_readings",
    "attnaudit.questions.patterns",
    "attnaudit.questions.instance_adversary",
    "attnaudit.questions.seed_baseline",
    "attnaudit.questions.model_adversary",
    "attnaudit.questions.ladder",
    "attnaudit.questions.probe",
    "attnaudit.questions.deceive",
    "attnaudit.questions.rationalize",
)


def all_questions() -> tuple[Question, ...]:
    """Every question, in the order of the list."""
    return tuple(map(_load, QUESTIONS))


def find_question(name: str) -> Question:
    """The question called `name`; raises InputError for one that this version does not know."""
    found = next((question for question in all_questions() if question.name == name), None)
    if found is None:
        raise InputError(
            f"this attnaudit has no audit {name!r}", hint="use the version that wrote the records"
        )
    return found


@cache
def _load(module: str) -> Question:
    question: Question = importlib.import_module(module).QUESTION
    return question
