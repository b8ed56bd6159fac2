"""Rows of Parquet files and of folders that Hugging Face `datasets` saved, through pyarrow.

Nothing is unpickled and nothing of `datasets` runs: both are tables in Apache Arrow's own formats.
What `datasets` knows of a column it writes beside the table, under the key `huggingface`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from attnaudit.data.rows import LONGEST, Row, Rows, check_header
from attnaudit.errors import InputError
from attnaudit.inputs import MIB, in_bytes, open_input, read_text

STATE = "state.json"  # in a folder of one split
DICTIONARY = "dataset_dict.json"  # in a folder of several
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(?:-[0-9a-f]+)?\.parquet")
_BATCH = 256  # rows
_LARGEST_STATE = MIB
LARGEST_GROUP = 2048 * MIB  # bytes of a row group, unpacked
MOST_SHARDS = 10_000


def is_saved(path: Path) -> bool:
    """Whether `path` is a folder of one split, as `save_to_disk` leaves it."""
    return path.is_dir() and (path / STATE).is_file()


def saved_splits(folder: Path) -> dict[str, Path] | None:
    """The folders of the splits that `save_to_disk` left in one folder; None where it did not.

    Raises InputError where the file that lists them is broken.
    """
    listed = folder / DICTIONARY
    if not listed.is_file():
        return None
    names = _json(listed).get("splits")
    if not isinstance(names, list) or not all(isinstance(n, str) and _plain(n) for n in names):
        raise InputError("does not list the splits", where=listed, hint="save the data set anew")
    return {name: folder / name for name in names}


def files_of(path: Path) -> list[Path]:
    """The files that hold the rows of `path`: itself, its shards, or what its folder lists.

    A file `train-00000-of-00003.parquet` stands for all three.
    Raises InputError where one is missing.
    """
    if is_saved(path):
        state = path / STATE
        listed = _json(state).get("_data_files")
        names = [f.get("filename") for f in listed if isinstance(f, Mapping)] if listed else []
        if not names or not all(isinstance(name, str) and _plain(name) for name in names):
            raise InputError("lists no data files", where=state, hint="save the data set anew")
        return [path / str(name) for name in names]
    found = _SHARD.fullmatch(path.name)
    if found is None or (count := int(found[3])) <= 1:
        return [path]
    if count > MOST_SHARDS:
        raise InputError(f"is one of more than {MOST_SHARDS:,} files", where=path)
    shards: dict[int, Path] = {}
    for file in path.parent.iterdir():
        other = _SHARD.fullmatch(file.name)
        if other and (other[1], other[3]) == (found[1], found[3]):
            shards[int(other[2])] = file
    if lacking := [i for i in range(count) if i not in shards]:
        raise InputError(
            f"is one of {count} files, and number {lacking[0]} is not there",
            where=path,
            hint="put the others beside it, or give it a name without numbers",
        )
    return [shards[i] for i in range(count)]


def parquet_rows(path: Path, required: Collection[str]) -> Rows:
    """The rows of a Parquet file and its shards, counted from 1; raises InputError."""
    parquet = _library(path, "pyarrow.parquet", "is a Parquet file")

    def batches(file: Path) -> Iterator[Any]:
        open_input(file).close()  # what is no regular file is refused
        # Words that stand often are held once, so that few bytes cannot become many.
        with parquet.ParquetFile(file) as first:
            schema = first.schema_arrow
            check_header(path, None, schema.names, required)
            groups = [first.metadata.row_group(i) for i in range(first.metadata.num_row_groups)]
            largest = max((group.total_byte_size for group in groups), default=0)
        if largest > LARGEST_GROUP:
            raise InputError(
                f"has a row group of more than {in_bytes(LARGEST_GROUP)}",
                where=file,
                hint="write it with smaller row groups",
            )
        texts = [f.name for f in schema if str(f.type) in ("string", "large_string")]
        with parquet.ParquetFile(file, read_dictionary=texts) as table:
            yield from table.iter_batches(batch_size=_BATCH)

    return _rows(path, files_of(path), batches, "is no Parquet file that can be read")


def saved_rows(path: Path, required: Collection[str]) -> Rows:
    """The rows of one split in a folder of `save_to_disk`, counted from 1; raises InputError."""
    arrow = _library(path, "pyarrow", "is a Hugging Face data set")

    def batches(file: Path) -> Iterator[Any]:
        open_input(file).close()
        with arrow.memory_map(str(file)) as source, arrow.ipc.open_stream(source) as stream:
            check_header(path, None, stream.schema.names, required)
            yield from stream

    return _rows(path, files_of(path), batches, "is no data set of `save_to_disk` that can be read")


def _rows(path: Path, files: list[Path], batches: Any, broken: str) -> Rows:
    number = 0
    for file in files:
        with closing(_guarded(batches(file), file, broken)) as tables:
            for table in tables:
                names = _names(table.schema)
                columns = list(zip(table.schema.names, table.columns, strict=True))
                for i in range(table.num_rows):
                    number += 1
                    row = {name: _value(column[i], path, number) for name, column in columns}
                    yield number, _named(row, names)


def _guarded(batches: Iterator[Any], file: Path, broken: str) -> Generator[Any, None, None]:
    """The batches; whatever the library raises is a mistake in the file."""
    try:
        for batch in batches:
            batch.validate(full=True)  # offsets that lead elsewhere would end the whole program
            yield batch
    except InputError:
        raise
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{broken} ({first:.200})", where=file, hint="write it anew, or fetch it again"
        ) from None


def _value(cell: Any, path: Path, number: int) -> object:
    """A cell as JSON would have it; raises InputError for text that is too long or no Unicode."""
    try:
        value = cell.as_py()
    except (ValueError, UnicodeDecodeError, OverflowError):
        raise InputError(
            "the row holds what is no text and no number", where=path, line=number
        ) from None
    if isinstance(value, (str, bytes, list)) and len(value) > LONGEST:
        raise InputError(f"a row has more than {in_bytes(LONGEST)}", where=path, line=number)
    return value


def _named(row: Row, names: Mapping[str, list[str]]) -> Row:
    """The row with the names of classes in place of their numbers."""
    for column, classes in names.items():
        value = row.get(column)
        if isinstance(value, list):
            row[column] = [_name(each, classes) for each in value]
        elif value is not None:
            row[column] = _name(value, classes)
    return row


def _name(value: object, classes: Sequence[str]) -> object:
    """The name of a number of a class; anything else stays what it is."""
    return classes[value] if isinstance(value, int) and 0 <= value < len(classes) else value


def _names(schema: Any) -> dict[str, list[str]]:
    """The names of the classes of each column of classes, as `datasets` writes them down."""
    try:
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = told["info"]["features"]
        # A column of lists, of texts that have several classes, says so around the names.
        within = {name: feature.get("feature", feature) for name, feature in features.items()}
        found = {name: feature["names"] for name, feature in within.items() if "names" in feature}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {
        column: names
        for column, names in found.items()
        if isinstance(names, list) and all(isinstance(name, str) for name in names)
    }


def _library(path: Path, name: str, what: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(
            f"{what}, and pyarrow, which reads it, is not installed",
            where=path,
            hint="install attnaudit[parquet], or save the data as .jsonl or .csv",
        ) from None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_text(path, _LARGEST_STATE))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError("is not a JSON object", where=path, hint="save the data set anew")
    return found


def _plain(name: str) -> bool:
    """Whether it names a file or folder in the same place."""
    return Path(name).name == name and name not in (".", "..")
