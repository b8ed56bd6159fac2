"""What a record of `correlate` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from attnaudit.questions.recorded import Attended
from attnaudit.records.fields import Class, Magnitude


class Correlated(Attended, kw_only=True):
    """Attention beside importances; what an importance leaves besides its scores is optional.

    A number of an importance is null where it is undefined, and so are all of them where a text has
    none.
    """

    target: Class
    importance: dict[str, list[Magnitude | None] | None]
    completeness_error: Magnitude | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        Attended.__post_init__(self)
        if self.target >= len(self.probs):
            raise ValueError(f"target is class {self.target} of {len(self.probs)}")
        for name, scores in self.importance.items():
            if scores is not None:
                self.one_a_word(f"importance.{name}", scores)


def kind(record: Mapping[str, Any]) -> type[Correlated]:
    """The class that a record must be of."""
    return Correlated
