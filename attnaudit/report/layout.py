"""How tables are laid out, in whatever format: their cells as text, values with their intervals.

Three neighbouring columns `NAME`, `low`, `high` are shown as one: `value [low, high]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len

from attnaudit.errors import printable
from attnaudit.measures.summary import Cell, Table
from attnaudit.report.schema import Report, TableData


def all_tables(report: Report) -> list[TableData]:
    """The tables of a report, or its metrics as one; the comparison with a baseline stands last."""
    own = [table for name, table in report.tables.items() if not name.startswith("baseline")]
    compared = [table for name, table in report.tables.items() if name.startswith("baseline")]
    return [cut(table) for table in [*(own or [_metrics_table(report)]), *compared]]


def cut(table: TableData) -> TableData:
    """The table with the rows that are shown alone, and a note that says how many more there are.

    JSON holds them all.
    """
    if table.shown is None or len(table.rows) <= table.shown:
        return table
    more = len(table.rows) - table.shown
    note = f"{more:,} more {'row' if more == 1 else 'rows'}: the report as JSON holds all."
    return table.model_copy(
        update={"rows": table.rows[: table.shown], "notes": [*table.notes, note]}
    )


def _metrics_table(report: Report) -> TableData:
    return TableData(
        title="Metrics",
        columns=["metric", "value", "low", "high", "n"],
        rows=[[name, m.value, m.ci_low, m.ci_high, m.n] for name, m in report.metrics.items()],
        notes=[],
    )


@dataclass(frozen=True)
class Column:
    """A column as it is shown: control characters escaped, cells equally formatted.

    A `wordy` one holds words, which may be folded. It is to be `wanted` wide.
    """

    header: str
    cells: list[str]
    justify: Literal["left", "right"]
    wordy: bool = False
    wanted: int = -1

    def __post_init__(self) -> None:
        """Want the least width that breaks no cell, and no word of the header."""
        if self.wanted < 0:
            needed = max(map(cell_len, [*self.header.split(), *self.cells]), default=0)
            object.__setattr__(self, "wanted", needed)

    @property
    def narrowest(self) -> int:
        """The least width that breaks no word, of a column of words; else that of whole cells."""
        if not self.wordy:
            return self.wanted
        words = (word for text in (self.header, *self.cells) for word in text.split())
        return max(map(cell_len, words), default=0)


def laid_out(table: Table | TableData) -> list[Column]:
    """The columns of a table, from left to right."""
    names = [printable(name) for name in table.columns]
    cells = [[row[i] for row in table.rows] for i in range(len(names))]
    columns, i = [], 0
    while i < len(names):
        numeric = all(cell == "" or not isinstance(cell, str) for cell in cells[i])
        shown = [_cell(cell, numeric) for cell in cells[i]]
        if names[i + 1 : i + 3] == ["low", "high"]:
            # The cells are equally wide, so that left keeps values without an interval in line.
            bounds = cells[i + 1 : i + 3]
            known = any(cell is not None for part in bounds for cell in part)
            header = f"{names[i]} [low, high]" if known else names[i]
            columns.append(Column(header, _with_intervals(shown, *bounds), "left"))
            i += 3
        else:
            columns.append(Column(names[i], shown, "right" if numeric else "left", not numeric))
            i += 1
    return columns


def _with_intervals(
    values: Sequence[str], lows: Sequence[Cell], highs: Sequence[Cell]
) -> list[str]:
    parts = [values, *([_cell(cell, True) for cell in cells] for cells in (lows, highs))]
    widths = [max(map(len, part), default=0) for part in parts]
    lines = []
    for i, bounds in enumerate(zip(lows, highs, strict=True)):
        value, low, high = (part[i].rjust(w) for part, w in zip(parts, widths, strict=True))
        lines.append(value if bounds == (None, None) else f"{value} [{low}, {high}]")
    return lines


def _cell(cell: Cell, numeric: bool) -> str:
    if cell is None:
        return "n/a" if numeric else ""
    if isinstance(cell, float):
        return number(cell)
    return f"{cell:,}" if isinstance(cell, int) else printable(cell)


def number(value: float) -> str:
    """A figure with three decimals, or in powers of ten where that would leave nothing."""
    if 0 < abs(value) < 0.0005:
        return f"{value:.1e}"
    return f"{value + 0.0:.3f}"  # + 0.0 takes the sign off a negative zero
