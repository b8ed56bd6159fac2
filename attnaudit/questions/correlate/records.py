"""What a record of `correlate` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from attnaudit.questions.recorded import Integration, Read
from attnaudit.records.fields import Class, Magnitude, Sign


class Correlated(Read, kw_only=True):
    """Attention beside importances; the numbers of an importance are null where it is undefined.

    Records of before integrals were checked hold `completeness_error`, and no `integration`; older
    ones hold no `signs`.
    """

    target: Class
    importance: dict[str, list[Magnitude | None]]
    signs: dict[str, list[Sign]] | UnsetType = UNSET
    integration: dict[str, Integration] | UnsetType = UNSET
    completeness_error: Magnitude | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        Read.__post_init__(self)
        if self.target >= len(self.probs):
            raise ValueError(f"target is class {self.target} of {len(self.probs)}")
        for name, scores in self.importance.items():
            self.one_a_word(f"importance.{name}", scores)
        for name, signs in ({} if self.signs is UNSET else self.signs).items():
            self.one_a_word(f"signs.{name}", signs)
            if name not in self.importance:
                raise ValueError(f"signs.{name} is of no importance that is there")
        if self.integration is not UNSET and (odd := self.integration.keys() - self.importance):
            raise ValueError(
                f"integration.{min(odd)} belongs to an importance that is not in the record"
            )


def kind(record: Mapping[str, Any]) -> type[Correlated]:
    """The class that a record must be of."""
    return Correlated
