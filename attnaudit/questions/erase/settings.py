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
        description="Search the best possible order only in texts of at most this many items. The "
        "search tries all sets of items.",
    )
    seed: int = pydantic.Field(0, ge=0, description="The seed of all random choices in the audit.")
    text: bool = pydantic.Field(
        False,
        description="Keep the words in the records. Without this option, records contain only "
        "numbers.",
    )

    @property
    def rankings(self) -> tuple[str, ...]:
        """The rankings of words, attention first."""
        return ("attention", *self.names)
