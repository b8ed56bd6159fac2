"""Settings of `erase`."""

from __future__ import annotations

import pydantic

from attnaudit.questions.compared import ComparedSettings


class EraseSettings(ComparedSettings):
    """What decides the result; stored with the records."""

    optimum_items: int = pydantic.Field(
        10,
        ge=0,
        le=16,
        description="The most items that a text may have for a search of the best possible order, "
        "which tries all sets of items.",
    )
    seed: int = pydantic.Field(
        0, ge=0, description="The seed of everything that is random in the audit."
    )
    text: bool = pydantic.Field(
        False, description="Whether the records keep the words; without it they hold numbers only."
    )

    @property
    def rankings(self) -> tuple[str, ...]:
        """The rankings of words, attention first."""
        return ("attention", *self.names)
