"""Pretrained word vectors, read line by line from the fastText and GloVe text formats."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnaudit.errors import InputError
from attnaudit.inputs import MIB, in_bytes, open_input, opening

Vector = NDArray[np.float32]
MOST_NUMBERS = 2**14  # of a vector
LONGEST = MIB  # bytes of a line
MOST_UNPACKED = 100  # times what was read of a gzip file
SLACK = MIB  # bytes that are unpacked whatever they were before


def read_vectors(path: Path, wanted: Collection[str]) -> tuple[dict[str, Vector], int]:
    """The vectors of the wanted words, and their dimension.

    Each line is a word and its numbers, with single spaces between; a first line of two whole
    numbers is the `count dim` header of fastText. Words may hold spaces (some of GloVe's do). Of
    a word that stands twice the first vector counts.

    Args:
        path: the file, plain or gzip (.gz), in UTF-8.
        wanted: the words to keep; no others are held in memory.

    Returns:
        A float32 vector of shape (dim,) for each wanted word in the file, and dim.

    Raises:
        InputError: the file cannot be read, is cut short, has a broken line, or holds none of the
            wanted words.
    """
    words = set(wanted)
    vectors: dict[str, Vector] = {}
    count = dim = None
    held = 0
    for line, data in _lines(path):
        if not data:
            continue
        if dim is None:
            fields = data.split()
            whole = all(field.isdigit() and len(field) < 19 for field in fields)
            header = line == 1 and len(fields) == 2 and whole
            dim = int(fields[1]) if header else data.count(b" ")
            if dim == 0:
                hint = "give vectors as text: a word and its numbers on each line"
                raise InputError("is not a file of word vectors", where=path, line=line, hint=hint)
            if dim > MOST_NUMBERS:
                raise InputError(
                    f"vectors of {dim:,} numbers are too large; the most is {MOST_NUMBERS:,}",
                    where=path,
                    line=line,
                )
            if header:
                count = int(fields[0])
                continue
        held += 1
        word, numbers = _split(data, dim, path, line)
        if word in words and word not in vectors:
            vectors[word] = _vector(numbers, dim, path, line)
    if dim is None:
        raise InputError("has no word vectors", where=path)
    if count is not None and held < count:
        raise InputError(
            f"is cut short: its header promises {count} vectors, but it contains {held}",
            where=path,
            hint="fetch the file again",
        )
    if not vectors:
        raise InputError(
            f"contains none of the {len(words)} words of the data",
            where=path,
            hint="check its language, and whether its words are in lower case like the data",
        )
    return vectors, dim


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a plain or gzip file, with their number, stripped of spaces at their end.

    A line is cut while it is read, and what a gzip file unpacks to is held against what was read of
    it: numbers shrink to a third or a half, never to a hundredth.
    """
    number = unpacked = 0
    with open_input(path) as raw, opening(path):
        try:
            packed = path.suffix.lower() == ".gz"
            file = gzip.GzipFile(fileobj=raw) if packed else raw
            while data := file.readline(LONGEST + 1):
                number += 1
                unpacked += len(data)
                if len(data) > LONGEST:
                    what = f"the line has more than {in_bytes(LONGEST)}"
                    hint = "give vectors as text: a word and its numbers on each line"
                    raise InputError(what, where=path, line=number, hint=hint)
                if packed and unpacked > SLACK and unpacked > MOST_UNPACKED * raw.tell():
                    raise InputError(
                        f"unpacks to more than {MOST_UNPACKED} times its size, which is unusual "
                        "for vectors",
                        where=path,
                        line=number,
                        hint="unpack it yourself if you trust it",
                    )
                yield number, data.rstrip(b" \r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"is a broken or cut-off gzip file ({error})",
                where=path,
                line=number + 1,
                hint="fetch the file again",
            ) from None


def _split(data: bytes, dim: int, path: Path, line: int) -> tuple[str, bytes]:
    """The word and its numbers, which are the last `dim` fields."""
    spaces = data.count(b" ")
    end = data.find(b" ")
    if spaces != dim:
        end = len(data)
        for _ in range(min(spaces, dim)):  # `dim` may come from a header, and be any number
            end = data.rfind(b" ", 0, end)
        # What goes before is a word with spaces, unless it ends in a number: then one is too many.
        if spaces < dim or _is_number(data[:end].rpartition(b" ")[2]):
            raise InputError(
                f"the line has {spaces} numbers after its word, not {dim}",
                where=path,
                line=line,
                hint="each line is a word and the same number of numbers as the first line",
            )
    try:
        return data[:end].decode(), data[end:]
    except UnicodeDecodeError:
        raise InputError(
            "is not UTF-8 text",
            where=path,
            line=line,
            hint="unpack archives and convert binary vectors to text first",
        ) from None


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _vector(numbers: bytes, dim: int, path: Path, line: int) -> Vector:
    fields = numbers.split()
    try:
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and found below
            vector = np.array([float(field) for field in fields], dtype=np.float32)
    except ValueError:
        wrong = next(field for field in fields if not _is_number(field))
        what = f"the vector contains {wrong.decode(errors='replace')!r:.60}, which is not a number"
    else:
        if len(fields) != dim:  # two spaces stood in a row
            what = f"the vector has {len(fields)} numbers, not {dim}"
        elif np.isfinite(vector).all():
            return vector
        else:
            what = "the vector contains a number that is not finite"
    raise InputError(what, where=path, line=line, hint="correct or remove that line")
