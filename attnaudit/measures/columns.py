"""Columns that a pass over many records fills: few bytes of memory a record, whatever their number.

What is appended goes to temporary files and is mapped into memory where it is read, anew at each
access, so that only the columns in use take memory. Short columns stay in memory.
"""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from typing_extensions import override

from attnaudit.measures.spool import Spool

Array = NDArray[np.float64]
T = TypeVar("T", covariant=True)
U = TypeVar("U")
PART = 1024  # numbers, or rows of them, that are appended to a file at once


def parts(items: Iterable[U], size: int = PART) -> Iterator[list[U]]:
    """The items in lists of `size`, the last of which may be shorter."""
    stream = iter(items)
    while part := list(itertools.islice(stream, size)):
        yield part


class Column:
    """Numbers of one dtype, appended one by one or as runs of a fixed length.

    Raises ValueError for a number that the dtype cannot hold, TypeError for what is no number.
    """

    def __init__(self, dtype: DTypeLike = np.float64) -> None:
        self._dtype = np.dtype(dtype)
        self._waiting: array[Any] = array(self._dtype.char)
        self._spool = Spool()

    def __len__(self) -> int:
        return len(self._spool) // self._dtype.itemsize + len(self._waiting)

    def add(self, value: float) -> None:
        """Append one number."""
        self.extend((value,))

    def extend(self, values: Iterable[float]) -> None:
        """Append several."""
        try:
            self._waiting.extend(values)
        except OverflowError as error:
            raise ValueError(str(error)) from None
        if len(self._waiting) >= PART:
            self._spool.append(self._waiting.tobytes())
            self._waiting = array(self._dtype.char)

    def array(self, width: int | None = None) -> NDArray[Any]:
        """All numbers, (n,), or as rows of `width`, (n / width, width); read-only."""
        if self._waiting:
            self._spool.append(self._waiting.tobytes())
            self._waiting = array(self._dtype.char)
        numbers = self._spool.array(self._dtype, 0, len(self))
        return numbers if width is None else numbers.reshape(-1, width)


class Stored(Sequence[T]):
    """A sequence that makes its items when asked for them; it equals a list of equal items."""

    def item(self, index: int) -> T:
        """The item at `index`, from 0 to the length less 1."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    @override
    def __getitem__(self, index: SupportsIndex | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self.item(i) for i in range(*index.indices(len(self)))]
        place = index.__index__()
        if not -len(self) <= place < len(self):
            raise IndexError(f"no item {place} of {len(self)}")
        return self.item(place % len(self))

    @override
    def __iter__(self) -> Iterator[T]:
        return (self.item(i) for i in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        if other is self:
            return True
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        more = ", ..." if len(self) > 3 else ""
        return f"<{len(self)} items: {', '.join(map(repr, self[:3]))}{more}>"


class Texts(Stored[str]):
    """Strings, as UTF-8 in a file: eight bytes of memory each."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._spool, self._ends = Spool(), array("q")
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, text: str) -> None:
        """Append one string; raises TypeError for anything else."""
        if not isinstance(text, str):
            raise TypeError(f"{text!r:.60} is not a string")
        self._spool.append(text.encode("utf-8", "surrogatepass"))
        self._ends.append(len(self._spool))

    @override
    def item(self, index: int) -> str:
        start = self._ends[index - 1] if index else 0
        return self._spool.read(start, self._ends[index] - start).decode("utf-8", "surrogatepass")


class Names(Stored[str | None]):
    """Strings of which many are the same, or None: each distinct one is held once.

    `codes` (n,) number the strings from 0 in the order in which they were first met; -1 for None.
    """

    def __init__(self, names: Iterable[str | None] = ()) -> None:
        self._numbers: dict[str, int] = {}
        self._known: list[str] = []
        self._codes = Column(np.int32)
        for name in names:
            self.add(name)

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, name: str | None) -> None:
        """Append one."""
        code = -1
        if name is not None:
            code = self._numbers.setdefault(name, len(self._known))
            if code == len(self._known):
                self._known.append(name)
        self._codes.add(code)

    @property
    def codes(self) -> NDArray[np.int32]:
        """See the class."""
        return self._codes.array()

    @override
    def item(self, index: int) -> str | None:
        code = int(self.codes[index])
        return None if code < 0 else self._known[code]

    @override
    def __iter__(self) -> Iterator[str | None]:
        return (None if code < 0 else self._known[code] for code in self.codes)


class Frame(Mapping[str, Array]):
    """Columns of numbers of equal length, (n,), by name.

    They are appended in parts; a part may lack a name, and is NaN there. `names` are those of the
    rows that are added one by one. To be read when all parts are there.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = tuple(names)
        self._waiting: list[Sequence[float | None]] = []
        self._known = {name: k for k, name in enumerate(self._names)}
        # Of each part: its names, its rows, and where it begins in the spool.
        self._parts: list[tuple[tuple[str, ...], int, int]] = []
        self._spool = Spool()
        self._size = 0
        self._whole: Spool | None = None  # one column after the other

    @property
    def size(self) -> int:
        """The length of the columns."""
        return self._size + len(self._waiting)

    def add(self, row: Sequence[float | None]) -> None:
        """Append a number for each of `names`; None is NaN."""
        self._waiting.append(row)
        if len(self._waiting) == PART:
            self._flush()

    def extend(self, columns: Mapping[str, ArrayLike], size: int) -> None:
        """Append `size` numbers for each name of `columns`."""
        self._flush()
        arrays = [np.asarray(values, np.float64) for values in columns.values()]
        if any(values.shape != (size,) for values in arrays):
            shapes = ", ".join(str(values.shape) for values in arrays)
            raise ValueError(f"columns must be ({size},), not of shapes {shapes}")
        assert self._whole is None
        names = tuple(columns)
        for name in names:
            self._known.setdefault(name, len(self._known))
        self._parts.append((names, size, len(self._spool)))
        self._size += size
        for values in arrays:
            self._spool.append(values.tobytes())

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __contains__(self, name: object) -> bool:
        return name in self._known  # without reading it

    def __getitem__(self, name: str) -> Array:
        """(n,) numbers, read-only and mapped anew."""
        if self._whole is None:
            self._flush()
            self._whole = self._by_column()
        return self._whole.array(np.float64, 8 * self._known[name] * self._size, self._size)

    def _flush(self) -> None:
        if self._waiting:
            rows, self._waiting = self._waiting, []
            table = np.array(rows, np.float64).reshape(len(rows), len(self._names))
            self.extend(dict(zip(self._names, table.T, strict=True)), len(rows))

    def _by_column(self) -> Spool:
        """The numbers of all parts, column by column."""
        whole = Spool()
        for name in self._known:
            for names, size, start in self._parts:
                if name in names:
                    whole.append(self._spool.read(start + 8 * size * names.index(name), 8 * size))
                else:
                    whole.append(np.full(size, math.nan).tobytes())
        self._spool, self._parts = Spool(), []
        return whole


class Lazy(Mapping[str, Array]):
    """Columns, (n,) each, that `make` gives by name at each access."""

    def __init__(self, names: Iterable[str], make: Callable[[str], Array]) -> None:
        self._names, self._make = dict.fromkeys(names), make

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)


def joined(*parts: Mapping[str, Array]) -> Lazy:
    """Several mappings as one, asked in their order for each column when it is asked for."""
    owners = {name: part for part in reversed(parts) for name in part}
    names = (name for part in parts for name in part)
    return Lazy(names, lambda name: owners[name][name])


def paired(one: Sequence[str], other: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the names of `other` that are also in `one` stand in `one`, and in `other`.

    Both hold each name once. In the order of `other`.
    """
    hashes, theirs = (np.fromiter(map(hash, names), np.int64, len(names)) for names in (one, other))
    order = np.argsort(hashes, kind="stable")
    ranked = hashes[order]
    low, high = (np.searchsorted(ranked, theirs, side) for side in ("left", "right"))
    pairs = Column(np.int64)
    for there, (first, end) in enumerate(zip(low, high, strict=True)):
        for here in order[first:end]:  # one, but for different names of one hash
            if one[here] == other[there]:
                pairs.extend((int(here), there))
    then, now = pairs.array(2).T
    return then, now
