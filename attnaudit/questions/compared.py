"""Settings of the audits that put attention beside importance measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Optional

import pydantic

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.attributed import Attribution, attributed, read_attributions
from attnaudit.importance.choice import check_measures
from attnaudit.importance.importance import Importance
from attnaudit.questions.option import Option
from attnaudit.questions.shown import ShownSettings

_MEASURES = Option("--measure", "NAME", default="all that fit the model", parse=check_measures)
_ATTRIBUTIONS = Option(
    "--attributions", "FILE", default="none", parse=read_attributions, filled=True
)
_LEFT_OUT = Option(offered=False, filled=True)


class MeasuredSettings(Settings):
    """Which importances are computed."""

    measures: Annotated[Optional[tuple[str, ...]], _MEASURES] = pydantic.Field(  # noqa: UP045
        None,
        min_length=1,
        description="An importance to compare attention with.",
    )
    attributions: Annotated[tuple[Attribution, ...], _ATTRIBUTIONS] = pydantic.Field(
        (),
        description="Scores that another tool, such as captum or SHAP, gave to the words: a .jsonl"
        " file, which becomes one more importance. `attnaudit explain` says under `attributions`"
        " what it holds.",
    )
    left_out: Annotated[tuple[str, ...], _LEFT_OUT] = pydantic.Field(
        (),
        description="The importances that are left out because they are slow for this model. "
        "The audit fills this in.",
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The importances: the measures in the order of the list, then attributions by name.

        ValueError before `settle` has settled them.
        """
        return tuple(importance.name for importance in self.importances)

    @property
    def importances(self) -> tuple[Importance, ...]:
        """The same as importances."""
        if self.measures is None:
            raise ValueError("these settings are not settled for a model")
        listed = (one for name, one in IMPORTANCES.items() if name in self.measures)
        return (*listed, *(attributed(one.name) for one in self.attributions))


class ComparedSettings(MeasuredSettings, ShownSettings):
    """Which importances attention is put beside."""


def with_attributions(asked: Mapping[str, Settings], files: Sequence[str]) -> dict[str, Settings]:
    """The settings of questions by name, with attributions for those that compare importances.

    Raises InputError for a file that cannot be read, or where no question takes them.
    """
    if not files:
        return dict(asked)
    found = {"attributions": read_attributions(files)}
    if not any(isinstance(settings, MeasuredSettings) for settings in asked.values()):
        raise InputError(
            "--attributions goes with correlate and erase, and neither is asked; compare-readings"
            " takes it, too",
            hint="leave one of them in, or leave --attributions out",
        )
    return {
        name: one.model_copy(update=found) if isinstance(one, MeasuredSettings) else one
        for name, one in asked.items()
    }
