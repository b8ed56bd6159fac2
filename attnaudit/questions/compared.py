"""Settings of the audits that put attention beside importance measures."""

from __future__ import annotations

from typing import Annotated, Optional

import pydantic

from attnaudit.importance import IMPORTANCES
from attnaudit.importance.choice import check_measures
from attnaudit.questions.option import Option
from attnaudit.questions.shown import ShownSettings

_MEASURES = Option("--measure", "NAME", default="all that fit the model", parse=check_measures)
_LEFT_OUT = Option(offered=False, filled=True)


class ComparedSettings(ShownSettings):
    """Which importances attention is put beside."""

    measures: Annotated[Optional[tuple[str, ...]], _MEASURES] = pydantic.Field(  # noqa: UP045
        None,
        min_length=1,
        description="An importance to compare attention with.",
    )
    left_out: Annotated[tuple[str, ...], _LEFT_OUT] = pydantic.Field(
        (),
        description="The importances that are left out because they are slow for this model. "
        "The audit fills this in.",
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The measures in the order of the list; ValueError before `settle` has settled them."""
        if self.measures is None:
            raise ValueError("these settings are not settled for a model")
        return tuple(name for name in IMPORTANCES if name in self.measures)
