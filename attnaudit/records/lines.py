"""Lines of a records file: one JSON object each, sealed by a checksum.

The last field of a line is `"crc"`: the CRC-32, in eight hexadecimal digits, of all bytes of the
line before `,"crc":"`. It shows accidents. It is no proof against intent: someone who edits a line
can compute it again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any, TypeAlias
from zlib import crc32

import msgspec

from attnaudit.errors import InputError
from attnaudit.records.schema import parse_json

LONGEST = 1 << 24  # bytes of a line: no text that a model can read comes near
DAMAGED = "restore the file from a copy, or run the audit again"

_SEAL = re.compile(rb',"crc":"([0-9a-f]{8})"\}\n')
_SEALED = len(b',"crc":"12345678"}\n')

Content: TypeAlias = dict[str, Any]


def line_of(content: Mapping[str, Any]) -> bytes:
    """A line with its checksum; raises ValueError for a number that is not finite."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # Half characters have no UTF-8; what "backslashreplace" makes of one is JSON's own escape.
    body = text.encode("utf-8", "backslashreplace")[:-1]
    return body + b',"crc":"%08x"}\n' % crc32(body)


def content_of(line: bytes, where: str, number: int | None, sealed: bool = True) -> Content:
    """The JSON object on a line, without its checksum.

    Raises InputError for anything else, and, where lines are `sealed`, for a line whose bytes are
    not those that its checksum was made of.
    """
    if sealed:
        _check_seal(line, where, number)
    content = _decoded(line, where, number)
    if not isinstance(content, dict):
        raise InputError("is not a JSON object", where=where, line=number)
    if sealed:
        del content["crc"]
    return content


def lines(stream: IO[bytes], where: str, first: int) -> Iterator[tuple[int, bytes]]:
    """The lines from here on, numbered from `first`; raises InputError for one of no end."""
    number = first
    while line := stream.readline(LONGEST):
        if len(line) == LONGEST:
            raise InputError(
                f"is longer than the limit for a record ({LONGEST >> 20} MiB)",
                where=where,
                line=number,
            )
        yield number, line
        number += 1


def _check_seal(line: bytes, where: str, number: int | None) -> None:
    if not line.endswith(b"\n"):
        raise InputError("is cut off", where=where, line=number, hint=DAMAGED)
    seal = _SEAL.fullmatch(line, max(0, len(line) - _SEALED))
    if seal is None:
        raise InputError("lacks its checksum", where=where, line=number, hint=DAMAGED)
    if int(seal[1], 16) != crc32(memoryview(line)[:-_SEALED]):
        raise InputError(
            "is damaged, or was edited: its checksum does not match",
            where=where,
            line=number,
            hint=DAMAGED,
        )


def _decoded(line: bytes, where: str, number: int | None) -> Any:
    try:
        return msgspec.json.decode(line)
    except RecursionError:
        raise InputError("is not valid JSON (too deep)", where=where, line=number) from None
    except ValueError:  # half characters too, which msgspec does not read
        pass
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=where, line=number) from None
    return parse_json(text, where, number)
