"""Settings of the questions that rank or show attention."""

from __future__ import annotations

import pydantic

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.readings import find_reading
from attnaudit.readings.reading import Reading


class ShownSettings(Settings):
    """Which reading of the attention is shown and ranked."""

    reading: str = pydantic.Field(
        "mean",
        description="Which one number for each word is shown and ranked: the `mean` or `max` "
        "over all heads, or the weight of one head, such as head0. The command `attnaudit explain` "
        "lists all readings. Only correlate and erase take those that need more than the weights, "
        "such as rollout.",
    )

    @pydantic.field_validator("reading")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            return find_reading(name).name
        except InputError as error:
            raise ValueError(str(error)) from None

    @property
    def shown(self) -> Reading:
        """The reading itself."""
        return find_reading(self.reading)
