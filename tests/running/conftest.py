"""The small model and texts that the tests of questions use."""

from tests.questions.conftest import (
    batches,
    drawn,
    instances,
    known_of,
    model,
    run_fixture,
    summing,
    vocabulary,
)

__all__ = [
    "batches",
    "drawn",
    "instances",
    "known_of",
    "model",
    "run_fixture",
    "summing",
    "vocabulary",
]
