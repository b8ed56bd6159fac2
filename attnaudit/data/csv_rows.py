"""Rows of .csv and .tsv files, with any character between their columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from attnaudit.data.lines import Lines
from attnaudit.data.rows import LONGEST, Rows, check_header
from attnaudit.errors import InputError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SAID = re.compile(r'"?sep=(.)"?[,;\t|]*\s*')  # what Excel writes above a header


class Parted(NamedTuple):
    """What parts the columns of a file, and whether its first line is there to say so alone."""

    delimiter: str
    said: bool = False


def parted(path: Path, columns: Collection[str]) -> Parted:
    """What separates the columns: what the file's ending says, unless its header says otherwise.

    Another delimiter counts only where it alone finds all of `columns` in the header. Where none
    does, it is the one that finds the most columns, so that the mistake can be named.

    Raises:
        InputError: the file cannot be read.
    """
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    with closing(Lines(path)) as lines:
        if found := _SAID.fullmatch(next(lines, "")):
            return Parted(found[1], said=True)
    best, most = usual, 0
    for delimiter in (usual, *(d for d in DELIMITERS if d != usual)):
        header = _header(path, delimiter)
        if header and set(header) >= set(columns):
            return Parted(delimiter)
        if len(header) > most:
            best, most = delimiter, len(header)
    return Parted(best)


def _header(path: Path, delimiter: str) -> list[str]:
    """The first row that is not empty; nothing where that delimiter makes no row of it."""
    csv.field_size_limit(LONGEST)
    with closing(Lines(path)) as lines:
        try:
            return next(filter(None, csv.reader(lines, delimiter=delimiter, strict=True)), [])
        except csv.Error:
            return []


def csv_rows(path: Path, required: Collection[str], columns: Collection[str]) -> Rows:
    """The rows of a .csv or .tsv file with the lines they begin on.

    `required` columns must be there; `columns` tell what parts them, as `parted` says.
    Raises InputError for a broken row.
    """
    csv.field_size_limit(LONGEST)
    delimiter, said = parted(path, columns)
    with closing(Lines(path)) as lines:
        if said:
            next(lines)
        # strict: a stray quote is an error, where it would silently swallow the rows that follow.
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header: list[str] | None = None
        while True:
            line = lines.number + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise InputError(
                    f"the row is broken ({error})",
                    where=path,
                    line=line,
                    hint="quote fields that hold quotes or line breaks, and double inner quotes",
                ) from None
            lines.row_ends()
            if cells is None:
                return
            if not cells:
                continue
            if header is None:
                header = cells
                check_header(path, line, header, required)
            elif len(cells) != len(header):
                raise InputError(
                    f"the row has {len(cells)} columns, but the header has {len(header)}",
                    where=path,
                    line=line,
                    hint=f"put fields that hold {delimiter!r} in quotes, and separate the columns"
                    " of all rows as in the header",
                )
            else:
                yield line, dict(zip(header, cells, strict=True))
