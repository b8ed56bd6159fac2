"""How tables are laid out, in all formats: their cells as text, values with their intervals.

Three neighbouring columns `NAME`, `low`, `high` are shown as one: `value [low, high]`. How many
digits a figure has, `digits` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len

from attnaudit.errors import printable
from attnaudit.measures.summary import Cell, Table
from attnaudit.report.digits import places, shown
from attnaudit.report.schema import Report, TableData


def all_tables(report: Report) -> list[TableData]:
    """The tables of a report, or its metrics as one; the comparison with a baseline stands last."""
    return list(named_tables(report).values())


def named_tables(report: Report) -> dict[str, TableData]:
    """`all_tables` by their names."""
    of_baseline = {name: name.startswith("baseline") for name in report.tables}
    own = {name: report.tables[name] for name, compared in of_baseline.items() if not compared}
    last = {name: report.tables[name] for name, compared in of_baseline.items() if compared}
    shown = {**(own or {"metrics": _metrics_table(report)}), **last}
    return {name: cut(table) for name, table in shown.items()}


def cut(table: TableData) -> TableData:
    """The table with the rows that are shown alone, and a note that says how many more there are.

    JSON holds them all.
    """
    if table.shown is None or len(table.rows) <= table.shown:
        return table
    more = len(table.rows) - table.shown
    note = f"{more:,} more {'row' if more == 1 else 'rows'}: the JSON report has all of them."
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


_ENDS = "[low, high]"  # what the header of a column says behind its name that holds intervals


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
        if spans(names, i):
            # The cells are equally wide, so that left keeps values without an interval in line.
            bounds = cells[i + 1 : i + 3]
            known = any(cell is not None for part in bounds for cell in part)
            header = f"{names[i]} {_ENDS}" if known else names[i]
            columns.append(Column(header, _with_intervals(cells[i], *bounds), "left"))
            i += 3
        else:
            found = [_cell(cell, numeric) for cell in cells[i]]
            columns.append(Column(names[i], found, "right" if numeric else "left", not numeric))
            i += 1
    return columns


def spans(names: Sequence[str], i: int) -> bool:
    """Whether the next two columns are the ends of the intervals of column `i`."""
    return list(names[i + 1 : i + 3]) == ["low", "high"]


def _with_intervals(
    values: Sequence[Cell], lows: Sequence[Cell], highs: Sequence[Cell]
) -> list[str]:
    numeric = all(cell == "" or not isinstance(cell, str) for cell in values)
    rows = [
        [_cell(v, numeric, after), _cell(low, True, after), _cell(high, True, after)]
        for v, low, high in zip(values, lows, highs, strict=True)
        for after in [places(_figure(low), _figure(high))]
    ]
    widths = [max(map(len, part), default=0) for part in zip(*rows, strict=True)]
    lines = []
    for row, bounds in zip(rows, zip(lows, highs, strict=True), strict=True):
        value, low, high = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(value if bounds == (None, None) else f"{value} [{low}, {high}]")
    return lines


def _figure(cell: Cell) -> float | None:
    return None if isinstance(cell, str) else cell


def _cell(cell: Cell, numeric: bool, after: int | None = None) -> str:
    if cell is None:
        return "n/a" if numeric else ""
    if isinstance(cell, float):
        return shown(cell, after)
    return f"{cell:,}" if isinstance(cell, int) else printable(cell)


def number(value: float, low: float | None = None, high: float | None = None) -> str:
    """A figure, with as many digits as its interval from `low` to `high` says, if it has one."""
    return shown(value, places(low, high))


def close(column: Column) -> list[str]:
    """The cells of a column without the spaces that keep intervals in line on a terminal."""
    if column.header.endswith(_ENDS):
        return [" ".join(cell.split()).replace("[ ", "[") for cell in column.cells]
    return column.cells
