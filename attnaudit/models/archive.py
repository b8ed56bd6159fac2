"""Whether a torch archive holds no more than it seems to, looked into before torch reads it.

`torch.load(weights_only=True)` runs no code, but a file of some kilobytes can still keep it busy
for ever or fill the memory: a list that holds itself forty times over, a tensor that claims more
bytes than the file has, a compressed part. What `torch.save` writes of plain values and tensors has
none of that, so anything else is refused, by a look at the steps of the pickle and at the list of
parts, without making a single object.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

MOST_PARTS = 10_000
LARGEST_PICKLE = 256 * 2**20  # bytes: words, settings and the shapes of tensors
DEEPEST = 32

_OBJECTS = {("torch._utils", "_rebuild_tensor_v2"), ("collections", "OrderedDict")}
_BYTES = {  # of one number in a storage
    **{"FloatStorage": 4, "DoubleStorage": 8, "HalfStorage": 2, "BFloat16Storage": 2},
    **{"LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1},
    **{"ByteStorage": 1, "BoolStorage": 1},
    **{"ComplexFloatStorage": 8, "ComplexDoubleStorage": 16},
}
_PLAIN_MODULES = {"torch", "torch._utils", "collections"}


class OddError(Exception):
    """The archive is not as `torch.save` writes plain values and tensors; says how."""


class PickledError(Exception):
    """The archive holds objects of classes, which are never loaded."""


def check_archive(path: Path) -> None:
    """Raise OddError, PickledError or BadZipFile unless torch can read `path` without harm."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        _check_parts(archive, parts, size)
        pickles = [part for part in parts if part.filename.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise OddError("it must have exactly one part data.pkl")
        if pickles[0].file_size > LARGEST_PICKLE:
            raise OddError("its words and settings take more than 256 MiB")
        claimed = _Look(archive.read(pickles[0])).storages()
    folder = pickles[0].filename.removesuffix("data.pkl")
    held = {part.filename: part.file_size for part in parts}
    for key, count in claimed.items():
        if held.get(f"{folder}data/{key}") != count:
            raise OddError(f"a tensor claims {count:,} bytes that the file does not hold")


def _check_parts(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo], size: int) -> None:
    if not parts or len(parts) > MOST_PARTS:
        raise OddError(f"it has {len(parts):,} parts")
    if any(part.compress_type != zipfile.ZIP_STORED or part.flag_bits & 1 for part in parts):
        raise OddError("its parts are compressed or encrypted")
    if any(part.compress_size != part.file_size for part in parts):
        raise OddError("its parts have other sizes than it says")
    if sum(part.file_size for part in parts) > size:
        raise OddError("its parts claim more bytes than the file has")
    if len({part.filename.casefold() for part in parts}) < len(parts):
        raise OddError("a part occurs twice")
    if archive.comment or min(part.header_offset for part in parts) != 0:
        raise OddError("there is something before or after its parts")


class _Item(NamedTuple):
    """What a step of the pickle puts on the stack: its kind, its depth, and what it says."""

    kind: str
    depth: int = 0
    value: Any = None


_MARK = _Item("mark")
_SCALARS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "NEWTRUE", "NEWFALSE", "NONE"}
_SHARED = {"text", "scalar", "global", "tensor", "storage"}  # what may be met a second time


class _Look:
    """Follows the steps of a pickle with a stack of kinds in place of objects."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.stack: list[_Item] = []
        self.memo: dict[int, _Item] = {}
        self.claimed: dict[str, int] = {}

    def storages(self) -> dict[str, int]:
        """The bytes that each storage of a tensor is said to have."""
        try:
            for step, said, _ in pickletools.genops(io.BytesIO(self.content)):
                self._step(step.name, said)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise OddError(f"its pickle is broken: {error}") from None
        return self.claimed

    def _step(self, name: str, said: Any) -> None:
        if name in _SCALARS:
            self.stack.append(_Item("scalar", value=said))
        elif name in ("BINUNICODE", "SHORT_BINUNICODE"):
            said.encode()  # half a surrogate pair raises ValueError
            self.stack.append(_Item("text", value=said))
        elif name in ("EMPTY_DICT", "EMPTY_LIST"):
            self.stack.append(_Item(name[6:].lower()))
        elif name == "EMPTY_TUPLE":
            self.stack.append(_Item("tuple", value=[]))
        elif name == "MARK":
            self.stack.append(_MARK)
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[said] = self.stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            if self.memo[said].kind not in _SHARED:
                raise OddError("it contains the same list or mapping in several places")
            self.stack.append(self.memo[said])
        elif name in ("APPENDS", "SETITEMS"):
            self._fill(self._marked(), name == "SETITEMS")
        elif name in ("APPEND", "SETITEM"):
            self._fill(self._last(1 + (name == "SETITEM")), name == "SETITEM")
        elif name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            self._tuple(self._marked() if name == "TUPLE" else self._last(int(name[5:])))
        elif name == "GLOBAL":
            self._global(*said.split(" "))
        elif name == "REDUCE":
            self._call(*self._last(2))
        elif name == "BINPERSID":
            self._storage(self.stack.pop())
        elif name not in ("PROTO", "STOP"):
            raise PickledError

    def _marked(self) -> list[_Item]:
        items: list[_Item] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _last(self, count: int) -> list[_Item]:
        items = self.stack[-count:]
        if len(items) < count or _MARK in items:
            raise ValueError("a step has nothing to work on")
        del self.stack[-count:]
        return items

    def _fill(self, items: list[_Item], pairs: bool) -> None:
        whole = self.stack.pop()
        if whole.kind != ("dict" if pairs else "list"):
            raise ValueError("a step does not fit the object that it fills")
        if pairs and (len(items) % 2 or any(key.kind != "text" for key in items[::2])):
            raise OddError("a key is not text")
        depth = max((item.depth + 1 for item in items), default=0)
        if depth > DEEPEST:
            raise OddError(f"it is nested in more than {DEEPEST} levels")
        self.stack.append(whole._replace(depth=max(whole.depth, depth)))

    def _tuple(self, items: list[_Item]) -> None:
        if len(items) > 16 or any(i.depth > 1 or i.kind in ("dict", "list") for i in items):
            raise OddError("it contains a tuple that does not belong to a tensor")
        depth = 1 + any(item.kind == "tuple" for item in items)
        self.stack.append(_Item("tuple", depth, items))

    def _global(self, module: str, name: str) -> None:
        known = (module, name) in _OBJECTS or (module == "torch" and name in _BYTES)
        if not known and module in _PLAIN_MODULES:
            raise OddError(f"it contains {module}.{name}"[:100])
        if not known:
            raise PickledError
        self.stack.append(_Item("global", value=name))

    def _call(self, called: _Item, given: _Item) -> None:
        if called.kind != "global" or given.kind != "tuple":
            raise PickledError
        if called.value == "OrderedDict" and not given.value:
            self.stack.append(_Item("hooks"))
        elif called.value == "_rebuild_tensor_v2" and given.value[0].kind == "storage":
            self.stack.append(_Item("tensor"))
        else:
            raise OddError(f"it calls {called.value} in another way than torch does")

    def _storage(self, told: _Item) -> None:
        if told.kind != "tuple" or [i.kind for i in told.value[:3]] != ["text", "global", "text"]:
            raise OddError("it refers to something that is not a storage")
        kind, key, count = (told.value[i].value for i in (1, 2, 4))
        if kind not in _BYTES or type(count) is not int or count < 0:
            raise OddError("it refers to a storage without a size")
        claimed = count * _BYTES[kind]
        if self.claimed.setdefault(key, claimed) != claimed:
            raise OddError("it gives one storage two sizes")
        self.stack.append(_Item("storage"))
