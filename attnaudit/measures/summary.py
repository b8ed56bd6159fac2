"""What a summary is made of: estimates with their uncertainty, and tables of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Cell = str | int | float | None


@dataclass(frozen=True)
class Estimate:
    """One figure with its 95 % interval.

    `n` counts the instances it rests on, `undefined` those that gave no value. A figure that
    cannot be given is None, and `reason` says why; it is never NaN.
    """

    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int = 0
    undefined: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class Table:
    """A table as it is shown and stored: a title, column names, rows of cells, notes below.

    One that is `detail` is stored, and shown only to those who ask for more. Of its rows the first
    `shown` are shown, and all are stored; None shows all.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    detail: bool = False
    shown: int | None = None

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.title}: not every row has {len(self.columns)} cells")

    def once(self, *names: str) -> Table:
        """The same without a column that has one of these names, like a column before it."""
        kept = [
            at
            for at, name in enumerate(self.columns)
            if name not in names or name not in self.columns[:at]
        ]
        rows = [[row[at] for at in kept] for row in self.rows]
        return replace(self, columns=[self.columns[at] for at in kept], rows=rows)


@dataclass(frozen=True)
class Columns:
    """What the metrics that are means over instances are means of.

    `ids` (n,) and `groups` (n,), None where the data names no group, are those of the records;
    `values` holds (n,) numbers by the metric's name, NaN where an instance leaves it undefined. So
    two runs on the same data can be compared instance by instance. Figures show the values by the
    classes that the audited model predicts, `predicted` (n,), and by the largest weight of its
    attention, `largest` (n,), where records hold attention.
    """

    ids: Sequence[str]
    groups: Sequence[str | None]
    values: Mapping[str, NDArray[np.float64]]
    predicted: NDArray[np.int64] | None = None
    largest: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Summary:
    """What a question concludes from its records: metrics by name, and tables by name.

    `runs` holds the trained models that the records are of, by split, where there are any: findings
    rest on them (see `questions.runs`).
    """

    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    notes: Sequence[str] = ()
    # Arrays have no one truth.
    columns: Columns | None = field(default=None, compare=False)
    runs: Mapping[str, Any] | None = field(default=None, compare=False)

    def rows(self, table: str) -> Iterator[dict[str, Cell]]:
        """The rows of a table as cells by column; none where there is no such table."""
        if table in self.tables:
            columns = self.tables[table].columns
            yield from (dict(zip(columns, row, strict=True)) for row in self.tables[table].rows)
