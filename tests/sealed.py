"""Files of records made by hand: with checksums that fit, or as version 1 wrote them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attnaudit.records.lines import line_of

Content = Mapping[str, Any]


def contents(path: Path) -> list[dict[str, Any]]:
    """What stands on each line, from the header to the footer, without checksums."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "crc"} for line in lines]


def sealed(header: Content, records: Iterable[Content]) -> bytes:
    """A whole file, as an editor leaves it who also computes all checksums."""
    lines = [line_of(header), *map(line_of, records)]
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    return b"".join([*lines, line_of({"count": len(lines) - 1, "sha256": digest})])


def version_1(header: Content, records: Iterable[Content]) -> bytes:
    """A whole file as version 1 of the records' schema had it: without checksums."""
    lines = [{**header, "schema_version": 1}, *records]
    footer = {"count": len(lines) - 1}
    return "".join(
        json.dumps(line, separators=(",", ":")) + "\n" for line in (*lines, footer)
    ).encode()


def reseal(path: Path, **changes: Any) -> None:
    """Change fields of the header, and compute all checksums anew."""
    header, *records, _ = contents(path)
    path.write_bytes(sealed({**header, **changes}, records))


def body(path: Path) -> list[bytes]:
    """The lines after the header, which holds times, and of the footer the number of records.

    What the footer says of the header too, its SHA-256, is left out.
    """
    lines = path.read_bytes().splitlines()[1:]
    if lines and lines[-1].startswith(b'{"count":'):
        lines[-1] = lines[-1].partition(b",")[0] + b"}"
    return lines
