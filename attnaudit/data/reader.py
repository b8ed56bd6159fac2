"""Rows read one by one from every kind of data file, each with the line it begins on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from attnaudit.data import arrow_rows
from attnaudit.data.csv_rows import DELIMITERS, csv_rows, parted
from attnaudit.data.excel_rows import excel_rows
from attnaudit.data.json_rows import json_rows
from attnaudit.data.rows import Row, Rows, missing
from attnaudit.errors import InputError
from attnaudit.inputs import open_input, opening

__all__ = ["ROW_SUFFIXES", "Row", "Rows", "described", "file_sha256", "read_rows"]

TEXT_SUFFIXES = (".jsonl", ".csv", ".tsv")
ROW_SUFFIXES = (*TEXT_SUFFIXES, ".xlsx", ".parquet")


def read_rows(
    path: Path, required: Collection[str] = (), columns: Collection[str] | None = None
) -> Rows:
    """The rows of a file, one at a time, with their line from 1.

    Values are what JSON or Parquet make of them, or strings in .csv, .tsv and .xlsx, where the
    first row names the columns and a quoted field may hold line breaks. Blank lines are passed
    over. Rows of Parquet files and of Hugging Face folders are counted from 1 and have no lines.
    Who may not want all rows closes the generator, and with it the file.

    Args:
        path: the file, in UTF-8 if it is text (a byte order mark is allowed), or a folder that
            `save_to_disk` of Hugging Face datasets has left.
        required: the columns that each row must have.
        columns: those by which the delimiter of a .csv or .tsv file is known; None: `required`.

    Raises:
        InputError: the file cannot be read, is empty, or has a broken row, named by its line.
    """
    suffix = path.suffix.lower()
    if arrow_rows.is_saved(path):
        rows = arrow_rows.saved_rows(path, required)
    elif suffix == ".jsonl":
        rows = json_rows(path)
    elif suffix in (".csv", ".tsv"):
        rows = csv_rows(path, required, required if columns is None else columns)
    elif suffix == ".xlsx":
        rows = excel_rows(path, required)
    elif suffix == ".parquet":
        rows = arrow_rows.parquet_rows(path, required)
    else:
        raise InputError(
            f"cannot be read as rows: {suffix!r} is none of {', '.join(ROW_SUFFIXES)}", where=path
        )
    empty, needed = True, set(required)
    with closing(rows):
        for line, row in rows:
            empty = False
            if not row.keys() >= needed:
                raise missing(path, line, row, required)
            yield line, row
    if empty:
        raise InputError("has no rows", where=path)


def described(path: Path, columns: Collection[str]) -> str | None:
    """What is unusual about a file that is read all the same; None for a usual one.

    Raises InputError for one that cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        delimiter = parted(path, columns).delimiter
        if delimiter != ("," if suffix == ".csv" else "\t"):
            return f"its columns are separated by {DELIMITERS.get(delimiter, repr(delimiter))}"
    files = arrow_rows.files_of(path)
    return f"its rows stand in {len(files)} files" if len(files) > 1 else None


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; raises InputError if it cannot be read.

    Of data in several files it is that of their names and digests.
    """
    files = arrow_rows.files_of(path)
    if files == [path]:
        return _sha256(path)
    told = "".join(f"{file.name} {_sha256(file)}\n" for file in files)
    return hashlib.sha256(told.encode()).hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open_input(path) as file, opening(path):
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
