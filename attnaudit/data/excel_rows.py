"""Rows of .xlsx files, through the optional library openpyxl."""

from __future__ import annotations

import datetime
import warnings
import zipfile
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from attnaudit.data.rows import LONGEST, Rows, check_header
from attnaudit.errors import InputError
from attnaudit.inputs import MIB, in_bytes, open_input

LARGEST = 256 * MIB  # bytes that a file unpacks to
_MEND = "save it anew as .xlsx, or as 'CSV UTF-8'"


def excel_rows(path: Path, required: Collection[str]) -> Rows:
    """The rows of the one sheet that is not empty; the first names the columns.

    Cells are strings, as those of a .csv file: an empty cell is an empty string, a number is
    written as short as it can be, truth is `true` or `false`. Of a formula it is the value that was
    last computed. Lines are those that Excel shows.

    Raises:
        InputError: openpyxl is not installed, the file cannot be read or is larger than `LARGEST`,
            or two sheets hold rows.
    """
    with _opened(path) as book:
        filled = []
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # what the file says of its size need not be so
            if any(_any(cells) for cells in _cells(path, sheet)):
                filled.append(sheet)
        if len(filled) > 1:
            names = ", ".join(repr(sheet.title)[:60] for sheet in filled[:12])
            raise InputError(
                f"has {len(filled)} sheets with rows: {names}",
                where=path,
                hint="keep one, or save the one you want as 'CSV UTF-8'",
            )
        header: list[str] | None = None
        for line, cells in enumerate(_cells(path, filled[0]) if filled else (), start=1):
            if not _any(cells):
                continue
            texts = [_text(cell) for cell in cells]
            while texts and texts[-1] == "" and len(texts) > len(header or ()):
                texts.pop()  # cells that were used once
            if header is None:
                header = texts
                check_header(path, line, header, required)
                continue
            if len(texts) > len(header):
                raise InputError(
                    f"the row has {len(texts)} columns, but the header has {len(header)}",
                    where=path,
                    line=line,
                    hint="name every column in the first row",
                )
            if sum(map(len, texts)) > LONGEST:
                raise InputError(f"a row has more than {in_bytes(LONGEST)}", where=path, line=line)
            texts += [""] * (len(header) - len(texts))
            yield line, dict(zip(header, texts, strict=True))


def _opened(path: Path) -> closing[Any]:
    """The workbook, whose sheets are read row by row."""
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            "is an Excel file, and openpyxl, which reads it, is not installed",
            where=path,
            hint="install attnaudit[excel], or save the sheet as 'CSV UTF-8'",
        ) from None
    with open_input(path) as file:  # what is no regular file is refused
        begin = file.read(4)
    if begin == b"\xd0\xcf\x11\xe0":
        raise InputError("is an old or an encrypted Excel file", where=path, hint=_MEND)
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > LARGEST:
            raise InputError(
                f"unpacks to more than {in_bytes(LARGEST)}",
                where=path,
                hint="save the sheet as 'CSV UTF-8'",
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and drawings that it does not know
            return closing(openpyxl.load_workbook(path, read_only=True, data_only=True))
    except InputError:
        raise
    except Exception as error:  # the library raises whatever the file makes it
        raise _broken(path, error) from None


def _cells(path: Path, sheet: Any) -> Iterator[tuple[Any, ...]]:
    """The rows of a sheet, the empty ones too."""
    try:
        yield from sheet.iter_rows(values_only=True)
    except Exception as error:
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> InputError:
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(f"is no Excel file that can be read ({first:.200})", where=path, hint=_MEND)


def _any(cells: tuple[Any, ...]) -> bool:
    return any(cell is not None and cell != "" for cell in cells)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, (datetime.date, datetime.time)):
        return cell.isoformat()
    return str(cell)
