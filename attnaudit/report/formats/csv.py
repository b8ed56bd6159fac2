"""CSV, for spreadsheets and data frames."""

from __future__ import annotations

from attnaudit.report.formats.format import Format, Rendering


def _render(given: Rendering) -> str:
    from attnaudit.report.csv import csv
    from attnaudit.report.digits import digits

    with digits("interval" if given.digits is None else given.digits):
        return csv(given.report)


FORMAT = Format(
    "csv",
    "All figures and tables as one file of rows, for spreadsheets and data frames.",
    _render,
    ".csv",
    kind="commands",  # no line begins with a text of a file, and its escapes would change it
    tables=True,
    about=(
        "Its columns are kind, name, row, label, column, value, low, high, n, undefined, unit,"
        " better, status and text. The kind of a row is fact, warning, metric, cell"
        " (of the table in name, at a row and a column), finding, gate or note. What does not"
        " apply is empty. Figures"
        " have all their digits, unless --digits says otherwise. A text that begins with =, +, -"
        " or @ has an apostrophe before it, so that no spreadsheet takes it for a formula."
    ),
)
