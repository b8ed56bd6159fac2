"""A plan that was written down before the work, and whether a run kept to it.

`attnaudit audit ... --dry-run --lock plan.json` writes what was planned: settings, and SHA-256 of
the policy, the data, the model or its recipe, and the code. `audit ... --lock plan.json` compares.
The file holds a digest of itself, which shows changes by accident. Who wants to prove that a plan
was not replaced keeps its SHA-256 where nobody can change it, such as in a commit or a registry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_file
from attnaudit.inputs import MIB, read_text
from attnaudit.records.schema import Number, parse_json

KIND: Literal["attnaudit-lock"] = "attnaudit-lock"
LARGEST = 4 * MIB  # a plan of all questions has 5 KiB
_DIGEST = "^[0-9a-f]{64}$"
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"

Planned = dict[str, str | int | Number | bool | None]  # what was planned, by its name


class LockFacts(Settings):
    """The plan that was locked before the run, and where the run left it."""

    file: str = Field(description="The lock file, as it was named.")
    sha256: str = Field(pattern=_DIGEST, description="Its SHA-256.")
    made: str = Field(pattern=_TIME, description="When the plan was made, in UTC, ISO 8601.")
    differences: list[str] = Field(
        description="What differs between plan and run; empty if the run followed the plan."
    )


class _LockFile(Settings):
    kind: Literal["attnaudit-lock"]
    lock_version: Literal[1]
    attnaudit: str = Field(max_length=100)
    made: str = Field(pattern=_TIME)
    command_line: list[str]
    planned: Planned
    digest: str = Field(pattern=_DIGEST)


@dataclass(frozen=True)
class Lock:
    """A lock file that was read: its name and SHA-256, when it was made, and what was planned."""

    path: Path
    sha256: str
    made: str
    planned: Mapping[str, Any]

    def facts(self, done: Planned, begun: str) -> LockFacts:
        """How what is `done` differs from the plan; `begun` is when the first work began."""
        names = sorted({*self.planned, *done})
        differences = [
            _difference(name, self.planned.get(name, _ABSENT), done.get(name, _ABSENT))
            for name in names
            if self.planned.get(name, _ABSENT) != done.get(name, _ABSENT)
        ]
        if begun < self.made:
            differences.append(
                f"the first records were begun at {begun}, before the plan was locked"
            )
        return LockFacts(
            file=str(self.path), sha256=self.sha256, made=self.made, differences=differences
        )


_ABSENT = "nothing"


def _difference(name: str, planned: object, done: object) -> str:
    return f"{name}: planned {_shown(planned)}, done {_shown(done)}"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    is_digest = len(shown) == 64 and not set(shown) - set("0123456789abcdef")
    return f"{shown[:12]}..." if is_digest else shown


def dumps(planned: Planned, version: str, made: str, command_line: list[str]) -> str:
    """The text of a lock file."""
    content: dict[str, Any] = {
        "kind": KIND,
        "lock_version": 1,
        "attnaudit": version,
        "made": made,
        "command_line": command_line,
        "planned": planned,
    }
    return json.dumps(content | {"digest": _digest(content)}, indent=2) + "\n"


def read_lock(path: Path) -> Lock:
    """The lock file at `path`; raises InputError for another file, and for one that was changed."""
    content = parse_json(read_text(path, LARGEST), str(path))
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise InputError(
            "is not a lock file of attnaudit",
            where=path,
            hint="`attnaudit audit ... --dry-run --lock FILE` writes one",
        )
    if content.get("lock_version") != 1:
        raise InputError(
            f"has lock version {content.get('lock_version')!r}, but this attnaudit reads version 1",
            where=path,
            hint="use the version of attnaudit that wrote it",
        )
    told = {key: value for key, value in content.items() if key != "digest"}
    try:
        file = _LockFile.model_validate(content)
    except ValueError:
        file = None
    if file is None or file.digest != _digest(told):
        raise InputError(
            "was changed after it was written, so it proves nothing",
            where=path,
            hint="use the original file, or lock a new plan with --dry-run --lock",
        )
    return Lock(path, sha256_file(path), file.made, file.planned)


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
