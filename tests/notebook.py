"""Records in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attnaudit.records.schema import Run, run_key


class Notebook:
    """Records in memory, for audits that would write them to a file."""

    def __init__(self) -> None:
        self._records: list[dict[str, Any]] = []
        self._done: dict[str, set[int]] = {}

    def done_in(self, run: Run | None) -> set[int]:
        """The rows that a run has records of."""
        return self._done.get(run_key(run), set())

    def records(self) -> Iterator[dict[str, Any]]:
        """All records so far, by run in the order of their first one, then by row."""
        order = {run: place for place, run in enumerate(self._done)}
        return iter(sorted(self._records, key=lambda r: (order[run_key(r["run"])], r["row"])))

    def write(self, batch: Iterable[dict[str, Any]]) -> None:
        """Take in records as they are made."""
        for record in batch:
            self._done.setdefault(run_key(record["run"]), set()).add(record["row"])
            self._records.append(record)
