"""What records say of attributions: importances whose scores another tool made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attnaudit.importance.attributed import Attribution


class Origins:
    """Where attributions come from, and how many texts of some records have none of them."""

    def __init__(self, attributions: Sequence[Attribution]) -> None:
        self._attributions = attributions
        self._missing = {one.name: 0 for one in attributions}
        self._texts = 0

    def add(self, scores: Mapping[str, Sequence[Any]]) -> None:
        """Take in what a record has by importance: numbers, or null where it is undefined."""
        self._texts += 1
        for name in self._missing:
            self._missing[name] += None in scores[name]

    def notes(self) -> list[str]:
        """For below a table: a line for each."""
        return [self._note(one) for one in self._attributions]

    def _note(self, one: Attribution) -> str:
        made = f" ({one.origin})" if one.origin else ""
        said = f"{one.name}: scores of another tool{made}, from {Path(one.path).name}."
        missing = self._missing[one.name]
        if not missing:
            return said
        return (
            f"{said} The file has none for {missing:,} of {self._texts:,} texts, which are left out"
            " of its figures."
        )
