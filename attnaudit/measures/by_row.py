"""Numbers by row of a data set, at sixteen bytes a row."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping


class ByRow(Mapping[int, float]):
    """A number for some rows, in the order of the rows; quick to fill in that order."""

    def __init__(self) -> None:
        self._rows, self._values = array("q"), array("d")

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __contains__(self, row: object) -> bool:
        return isinstance(row, int) and self._find(row) is not None

    def __getitem__(self, row: int) -> float:
        place = self._find(row)
        if place is None:
            raise KeyError(row)
        return self._values[place]

    def put(self, row: int, value: float) -> None:
        """Set the number of a row."""
        place = bisect_left(self._rows, row) if self._rows and row <= self._rows[-1] else len(self)
        if place < len(self) and self._rows[place] == row:
            self._values[place] = value
        else:
            self._rows.insert(place, row)
            self._values.insert(place, value)

    def _find(self, row: int) -> int | None:
        place = bisect_left(self._rows, row)
        return place if place < len(self) and self._rows[place] == row else None
