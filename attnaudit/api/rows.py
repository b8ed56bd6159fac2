"""Data that a program holds: rows and specs, as the files that all data are read from."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from attnaudit.data.split_names import OTHER_NAMES, SPLITS
from attnaudit.errors import AuditError, InputError
from attnaudit.yaml_writer import written

IN_MEMORY = "data in memory"
Row = Mapping[str, Any] | tuple[str, str | int]
Data = str | Path | Mapping[str, Any] | Sequence[Row]
_FILES = (*SPLITS, *OTHER_NAMES, "file")  # the keys of a spec that name files


@dataclass(frozen=True)
class Named:
    """Data by the name that reports give them, and the file that holds them for a while, if any."""

    name: Path
    file: Path | None = None


@contextmanager
def as_file(data: Data) -> Iterator[Named]:
    """`data` as a file. A file that was made only for this is removed afterwards.

    A path is used as it is. A mapping is a dataset spec; its paths are relative to the working
    folder. A sequence contains rows: mappings with `text`, `label` and other fields of rows, or
    pairs (text, label).

    Raises InputError for anything else. An error inside the data names `data in memory` and the
    number of the row.
    """
    if isinstance(data, (str, Path)):
        yield Named(Path(data))
        return
    with tempfile.TemporaryDirectory(prefix="attnaudit-") as folder:
        if isinstance(data, Mapping):
            file = _write_spec(data, Path(folder))
        else:
            file = _write_rows(data, Path(folder))
        try:
            yield Named(Path(IN_MEMORY), file)
        except AuditError as error:
            if error.where is None or Path(error.where) != file:
                raise
            raise type(error)(
                error.what, where=IN_MEMORY, line=error.line, hint=error.hint
            ) from None


def _write_spec(spec: Mapping[str, Any], folder: Path) -> Path:
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in spec.items()}
    for key in _FILES:
        if isinstance(plain.get(key), str):
            plain[key] = str(Path(plain[key]).absolute())
    tokeniser = plain.get("tokeniser")
    if isinstance(tokeniser, Mapping) and isinstance(tokeniser.get("file"), (str, Path)):
        plain["tokeniser"] = {**tokeniser, "file": str(Path(tokeniser["file"]).absolute())}
    file = folder / "data.yaml"
    try:
        file.write_text(written(plain, sort_keys=False), encoding="utf-8")
    except yaml.YAMLError as error:
        raise InputError(
            "contains something that is not a text, number, list or mapping",
            where=IN_MEMORY,
            hint=f"write it as in a spec file ({str(error).splitlines()[0]:.80})",
        ) from None
    return file


def _write_rows(rows: Any, folder: Path) -> Path:
    if not isinstance(rows, Sequence) or isinstance(rows, (bytes, bytearray)):
        raise InputError(
            f"is a {type(rows).__name__}, which cannot be used as data",
            where=IN_MEMORY,
            hint="give a path, a list of {'text': ..., 'label': ...}, or a list of (text, label)",
        )
    if not rows:
        raise InputError("has no rows", where=IN_MEMORY)
    file = folder / "data.jsonl"
    with file.open("w", encoding="utf-8") as stream:
        for number, row in enumerate(rows, start=1):
            stream.write(_line(row, number) + "\n")
    return file


def _line(row: Row, number: int) -> str:
    """The row as a line of JSON; raises InputError for what is none."""
    if isinstance(row, Mapping):
        content = dict(row)
    elif isinstance(row, (tuple, list)) and len(row) == 2:
        content = {"text": row[0], "label": row[1]}
    else:
        raise InputError(
            f"the row is a {type(row).__name__}, not a mapping or a pair (text, label)",
            where=IN_MEMORY,
            line=number,
        )
    try:
        return json.dumps(content, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the row contains something that JSON cannot hold ({error})",
            where=IN_MEMORY,
            line=number,
            hint="give texts as strings, labels as strings or whole numbers, and None for a "
            "missing value",
        ) from None


def _plain(value: Any) -> Any:
    """A number of numpy, or an array, as Python's own."""
    for name in ("tolist", "item"):
        if hasattr(value, name):
            return getattr(value, name)()
    raise TypeError(f"a {type(value).__name__}")
