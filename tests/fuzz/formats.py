"""Formats of files, as trees that can be changed: read, changed, written."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import yaml
from hypothesis import strategies as st

from tests.fuzz.edits import ODD_VALUES


@dataclass(frozen=True)
class Form:
    """How a format is read into a tree and written again, and words that mean something in it.

    `seal` writes it as somebody would who also computes all checksums anew.
    """

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    words: tuple[bytes, ...] = ()
    seal: Callable[[Any], bytes] | None = None


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _json(tree: Any) -> bytes:
    return _text(json.dumps(tree, separators=(",", ":")))


def _read_lines(data: bytes) -> Any:
    return [json.loads(line) for line in data.splitlines()]


def _write_lines(tree: Any) -> bytes:
    rows = tree if isinstance(tree, list) else [tree]
    return b"".join(_json(row) + b"\n" for row in rows)


def _seal(tree: Any) -> bytes:
    """Records with the checksums of their lines and of all; as they are where lines have none."""
    try:
        from attnaudit.records.lines import line_of
    except ImportError:  # records of schema version 1
        return _write_lines(tree)
    written = []
    for line in tree if isinstance(tree, list) else [tree]:
        if not isinstance(line, dict) or not line:
            written.append(_json(line) + b"\n")
            continue
        content = {key: value for key, value in line.items() if key != "crc"}
        if "count" in content and "sha256" in content:
            content["sha256"] = hashlib.sha256(b"".join(written)).hexdigest()
        try:
            written.append(line_of(content))
        except (ValueError, TypeError):  # numbers that are not finite
            written.append(_json(line) + b"\n")
    return b"".join(written)


class _Loader(yaml.SafeLoader):
    """Reads `on`, `yes` and dates as text, so that a valid file stays one when it is written."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - which is how PyYAML wants it
        first: [(tag, p) for tag, p in found if not tag.endswith((":bool", ":timestamp"))]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


def _write_yaml(tree: Any) -> bytes:
    try:
        return _text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
    except ValueError:  # a whole number of more digits than Python writes
        return _json_of_huge(tree)


def _json_of_huge(tree: Any) -> bytes:
    return _text(json.dumps(tree, default=str))


def _separated(delimiter: str) -> Form:
    def read(data: bytes) -> Any:
        return list(csv.reader(io.StringIO(data.decode()), delimiter=delimiter))

    def write(tree: Any) -> bytes:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter)
        for row in tree if isinstance(tree, list) else [tree]:
            cells = row if isinstance(row, list) else [row]
            writer.writerow([_cell(cell) for cell in cells])
        return _text(out.getvalue())

    return Form(
        read, write, (b'"', b'""', b"\r", b"\n\n", delimiter.encode(), b"\x00", b"\xef\xbb\xbf")
    )


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read_torch(data: bytes) -> Any:
    return torch.load(io.BytesIO(data), weights_only=True)


def _write_torch(tree: Any) -> bytes:
    out = io.BytesIO()
    torch.save(tree, out)
    return out.getvalue()


def _read_safetensors(data: bytes) -> Any:
    size = struct.unpack("<Q", data[:8])[0]
    return [json.loads(data[8 : 8 + size]), data[8 + size :]]


def _write_safetensors(tree: Any) -> bytes:
    """The header as changed, then the numbers as they were."""
    header, rest = (tree, b"") if not isinstance(tree, list) or len(tree) != 2 else tree
    told = _json(header)
    return struct.pack("<Q", len(told)) + told + (rest if isinstance(rest, bytes) else b"")


_BOMB = b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9) if n else b"x")
    for n in range(10)
)
_YAML = (
    *(b"&a ", b"*a", b"<<: *a\n", b"a: &a [*a]\n", b"!!python/object/apply:os.system ['id']"),
    *(b"!!binary ", b"!!set ", b"!!timestamp ", b"!x ", b"\t", b"---\n", b"...\n", b"? ", b"- "),
    *(
        b": ",
        b"#",
        b"{",
        b"}",
        b"[",
        b"]",
        b"|",
        b">",
        b"'",
        b'"',
        b"%YAML 9.9\n",
        b"\xff",
        b"\x00",
    ),
    *(b"\x85", b"1_000", b"0x1f", b"0o17", b"1:30", b".inf", b".nan", b"~", b"yes", b"=", _BOMB),
)
_JSON = (
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"null", b"{}", b"[]", b"[" * 5000),
    *(b'"\\ud800"', b'"\\u0000"', b",", b":", b'"', b"\\", b"\n", b"\xff", b"\x00", b"9" * 5000),
    *(b'{"a":1,"a":2}', b"\xef\xbb\xbf", b"//", b"'"),
)

JSON = Form(json.loads, _json, _JSON)
LINES = Form(_read_lines, _write_lines, _JSON)
RECORDS = Form(_read_lines, _write_lines, _JSON, _seal)
YAML = Form(lambda data: yaml.load(data, _Loader), _write_yaml, _YAML)
CSV, TSV = _separated(","), _separated("\t")
TORCH = Form(_read_torch, _write_torch)
SAFETENSORS = Form(_read_safetensors, _write_safetensors, _JSON)
TEXT = Form(
    lambda data: [line.split(" ") for line in data.decode().splitlines()],
    lambda tree: _text(
        "\n".join(
            " ".join(map(_cell, row)) if isinstance(row, list) else _cell(row)
            for row in (tree if isinstance(tree, list) else [tree])
        )
    ),
    (b"nan ", b"inf ", b"1e999 ", b"\n", b" ", b"\x00", b"\xc2\xa0", b"\xff", b"0x1 "),
)
ZIPPED = Form(
    lambda data: TEXT.read(gzip.decompress(data)), lambda tree: gzip.compress(TEXT.write(tree))
)

TENSORS: dict[str, Callable[[torch.Tensor], Any]] = {
    "int8": lambda t: t.to(torch.int8),
    "bool": lambda t: t.to(torch.bool),
    "complex": lambda t: t.to(torch.complex64),
    "half": lambda t: t.to(torch.float16),
    "double": lambda t: t.to(torch.float64),
    "nan": lambda t: torch.full(t.shape, float("nan")),
    "infinite": lambda t: torch.full(t.shape, float("inf")),
    "huge": lambda t: torch.full(t.shape, 1e38),
    "flat": lambda t: t.flatten(),
    "turned": lambda t: t.T if t.dim() == 2 else t[None],
    "empty": lambda t: t.new_zeros(0),
    "short": lambda t: t[:-1] if t.dim() else t,
    "spread": lambda t: t.new_zeros(1).expand(2**40),
    "strided": lambda t: torch.as_strided(t.clone(), t.shape, [0] * t.dim()),
    "sparse": lambda t: t.to_sparse(),
    "quantised": lambda t: torch.quantize_per_tensor(t.float(), 0.1, 0, torch.qint8),
    "meta": lambda t: t.to("meta"),
    "list": lambda t: t.tolist(),
    "shared": lambda t: _shared(),
    "own": lambda t: _own(),
}


def _shared() -> Any:
    """A list that holds the one below it twice, forty levels deep: 2^40 items in a few bytes."""
    found: Any = ["x"]
    for _ in range(40):
        found = [found, found]
    return found


def _own() -> Any:
    """A list that holds itself."""
    found: list[Any] = []
    found.append(found)
    return found


def odd_trees() -> st.SearchStrategy[tuple[int, str]]:
    """A place among the leaves of a checkpoint, and what becomes of what stands there."""
    return st.tuples(st.integers(0, 2**20), st.sampled_from(list(TENSORS)))


def with_odd_tensor(tree: Any, place: int, name: str) -> Any:
    """The checkpoint with one tensor, or one value where that is `shared` or `own`, made odd."""
    found: list[tuple[Any, Any]] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        for key in node if isinstance(node, dict) else range(len(node)):
            whole = name in ("shared", "own")
            if whole or isinstance(node[key], torch.Tensor):
                found.append((node, key))
            if isinstance(node[key], (dict, list)):
                stack.append(node[key])
    node, key = found[place % len(found)]
    node[key] = TENSORS[name](node[key])
    return tree


assert len(ODD_VALUES) > 50
