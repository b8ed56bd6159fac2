"""Settings of `erase`."""

from __future__ import annotations

import pydantic

from attnaudit.questions.compared import ComparedSettings


class EraseSettings(ComparedSettings):
    """What decides the result; stored with the records."""

    optimum_items: int = pydantic.Field(
        10, ge=0, le=16, description="most items of an exact search"
    )
    seed: int = pydantic.Field(0, ge=0)
    text: bool = False

    @property
    def rankings(self) -> tuple[str, ...]:
        """The rankings of words, attention first."""
        return ("attention", *self.names)
