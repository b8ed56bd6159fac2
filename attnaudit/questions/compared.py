"""Settings of the audits that put attention beside importance measures."""

from __future__ import annotations

from typing import Optional

import pydantic

from attnaudit.config import Settings
from attnaudit.importance import IMPORTANCES
from attnaudit.readings.heads import Heads


class ComparedSettings(Settings):
    """Which measures, and which attention they are put beside."""

    measures: Optional[tuple[str, ...]] = pydantic.Field(  # noqa: UP045
        None,
        min_length=1,
        description="The importances that attention is compared with; by default those "
        "that suit the model.",
    )
    left_out: tuple[str, ...] = pydantic.Field(
        (),
        description="The importances that are left out because they are slow for this model; "
        "the audit fills this in.",
    )
    heads: Heads = pydantic.Field(
        "mean",
        description="What is shown and ranked of several heads: `mean`, `max`, or the number of "
        "one head.",
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The measures in registry order; ValueError before `settle` has settled them."""
        if self.measures is None:
            raise ValueError("these settings are not settled for a model")
        return tuple(name for name in IMPORTANCES if name in self.measures)
