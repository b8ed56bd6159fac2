"""Settings of `compare-readings`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Optional

import pydantic

from attnaudit.errors import InputError
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.choice import check_measures
from attnaudit.questions.compare_readings.names import OPERATORS
from attnaudit.questions.compared import MeasuredSettings
from attnaudit.questions.option import Option
from attnaudit.readings import READINGS, find_reading

ALL = "all"
Operator = Literal["delete", "mask", "weight"]
Score = Literal["comprehensiveness", "sufficiency", "naopc", "flip_fraction", "tau"]


def check_readings(names: Sequence[str]) -> tuple[str, ...]:
    """The named readings in the order of the list, then heads; raises InputError for others."""
    known = list(READINGS)
    found = dict.fromkeys(name if name == ALL else find_reading(name).name for name in names)
    if ALL in found and len(found) > 1 and not all(n == ALL or n not in known for n in found):
        raise InputError("--reading all goes with heads only, such as head0")
    return tuple(sorted(found, key=lambda n: (n not in known, known.index(n) if n in known else n)))


def check_all_measures(names: Sequence[str]) -> tuple[str, ...]:
    """The named importances in the order of the list, `all` for each of them.

    Raises InputError for others.
    """
    return check_measures(tuple(IMPORTANCES) if ALL in names else names)


def check_operators(names: Sequence[str]) -> tuple[str, ...]:
    """The named operators in their order, each once; raises InputError for others."""
    for name in names:
        if name not in OPERATORS:
            raise InputError(f"unknown operator {name!r}", hint=f"one of {', '.join(OPERATORS)}")
    return tuple(dict.fromkeys(names))


_READINGS = Option(
    "--reading", "NAME", default="those that the model gives quickly", parse=check_readings
)
_MEASURES = Option(
    "--measure", "NAME", default="leave_one_out, gradient and random", parse=check_all_measures
)
_OPERATORS = Option(
    "--operator", "NAME", default="delete, and mask or else weight", parse=check_operators
)
_NOT_READ = Option(offered=False, filled=True)


class CompareReadingsSettings(MeasuredSettings):
    """What decides the result; stored with the records."""

    readings: Annotated[Optional[tuple[str, ...]], _READINGS] = pydantic.Field(  # noqa: UP045
        None,
        min_length=1,
        description="A reading to compare, or the word all, which leaves single heads out.",
    )
    measures: Annotated[Optional[tuple[str, ...]], _MEASURES] = pydantic.Field(  # noqa: UP045
        None,
        min_length=1,
        description="An importance to compare the readings with, or the word all.",
    )
    operators: Annotated[Optional[tuple[str, ...]], _OPERATORS] = (  # noqa: UP045
        pydantic.Field(
            None,
            min_length=1,
            description="How words are erased: delete (from the text), mask (by the model's mask"
            " token) or weight (their attention weights become 0).",
        )
    )
    path: Operator = pydantic.Field(
        "weight",
        description="How words are erased one after another until none is left: for the flip"
        " fraction, and for the score between the least and the greatest possible one.",
    )
    longest: int = pydantic.Field(
        40,
        ge=2,
        le=512,
        description="The most words of a text of which the least and greatest possible scores are"
        " searched. Longer texts have no such score, and are counted.",
    )
    beam: int = pydantic.Field(
        5,
        ge=1,
        le=1000,
        description="How many sets of words the search keeps at each step, in texts of more than"
        " 12 words.",
    )
    draws: int = pydantic.Field(
        2,
        ge=0,
        le=100,
        description="How many random draws the soft scores are the mean of. In each, a part of each"
        " word's embedding becomes 0. 0 leaves these scores out.",
    )
    score: Score = pydantic.Field(
        "comprehensiveness",
        description="The score by which rankings are put in order. It is that of the first"
        " operator, or of --path.",
    )
    seed: int = pydantic.Field(0, ge=0, description="The seed of all random choices in the audit.")
    text: bool = pydantic.Field(
        False,
        description="Keep the words in the records. Without this option, records contain only "
        "numbers.",
    )
    not_read: Annotated[dict[str, str], _NOT_READ] = pydantic.Field(
        {},
        description="The readings that are left out, each with the reason. The audit fills this"
        " in.",
    )

    @pydantic.field_validator("readings", "measures", "operators")
    @classmethod
    def _are_known(
        cls, names: tuple[str, ...] | None, info: pydantic.ValidationInfo
    ) -> tuple[str, ...] | None:
        try:
            return None if names is None else _CHECKS[info.field_name or ""](names)
        except InputError as error:
            raise ValueError(str(error)) from None

    @property
    def rankings(self) -> tuple[str, ...]:
        """The rankings of words: readings, then importances.

        ValueError before the settings are settled for a model.
        """
        if self.readings is None or ALL in self.readings:
            raise ValueError("these settings are not settled for a model")
        return (*self.readings, *self.names)

    @property
    def ordered_by(self) -> str:
        """The score that orders, as metrics name it: `delete.comprehensiveness`, or `tau`."""
        if self.score == "tau":
            return self.score
        if self.operators is None:
            raise ValueError("these settings are not settled for a model")
        first = self.operators[0] if self.score in ERASED_ONCE else self.path
        return f"{first}.{self.score}"


_CHECKS = {
    "readings": check_readings,
    "measures": check_all_measures,
    "operators": check_operators,
}
ERASED_ONCE = ("comprehensiveness", "sufficiency")
LOWER = ("sufficiency", "flip_fraction")  # the less, the better
