"""How often texts go through a model: the unit in which the cost of a question is counted."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt

from attnaudit.config import Settings


class Passes(Settings):
    """How often texts go through the model."""

    forward: NonNegativeInt = Field(
        0, description="Texts that go through the part of the network below the audited attention."
    )
    backward: NonNegativeInt = Field(0, description="Gradients of the answer to a text.")
    answers: NonNegativeInt | None = Field(
        0,
        description="Answers under given attention weights; null if a search decides how many "
        "it needs.",
    )
    exact: bool = Field(
        True, description="Whether this is the exact number; otherwise it is the most."
    )

    def __add__(self, other: Passes) -> Passes:
        unknown = self.answers is None or other.answers is None
        return Passes(
            forward=self.forward + other.forward,
            backward=self.backward + other.backward,
            answers=None if unknown else (self.answers or 0) + (other.answers or 0),
            exact=self.exact and other.exact,
        )

    def times(self, count: int) -> Passes:
        """So many of these."""
        return Passes(
            forward=count * self.forward,
            backward=count * self.backward,
            answers=None if self.answers is None else count * self.answers,
            exact=self.exact,
        )


def answering(count: int) -> Passes:
    """To have `count` texts answered, once each."""
    return Passes(forward=count, answers=count)


def learning(count: int) -> Passes:
    """To learn from `count` texts, once each."""
    return answering(count) + Passes(backward=count)
