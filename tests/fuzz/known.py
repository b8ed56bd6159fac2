"""Failures that are known and not mended yet, in one place. To switch one on, delete its line.

A failure is known where its target begins with `target` and its line holds `says`, a regular
expression. `why` says what is missing, and `of` is the number under which the audit of the tool
has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """A failure that is known."""

    target: str
    says: str
    of: str
    why: str


_UNCHECKED = "records are not held to a schema"
_OUTSIDE = "outside its range|upside down|not finite"
KNOWN: tuple[Known, ...] = (
    Known("partial", "internal error", "D2", _UNCHECKED),
    Known("partial", "other records than", "D2", "lines of a partial file have no checksum"),
    Known("resuming", "internal error", "D2", _UNCHECKED),
    Known("resuming", "other records than", "D2", "lines of a partial file have no checksum"),
    Known("resuming", "not what was made", "D1", "records have no checksum"),
    Known("records-", _OUTSIDE, "D1", "figures are not held to their ranges"),
    Known("findings-", _OUTSIDE, "D1", "figures are not held to their ranges"),
    Known("report", _OUTSIDE, "D1", "figures are not held to their ranges"),
    Known("records-", "internal error", "D8", _UNCHECKED),
    Known("findings-", "internal error", "D8", _UNCHECKED),
    Known("baseline-records", "internal error", "D8", _UNCHECKED),
    Known("", "control character", "D6", "what comes from files is printed as it is"),
    Known("", "workflow command", "D6", "ids and labels begin lines of the output"),
    Known("checkpoint", "warning: Casting complex|internal error", "D5, D8", "odd dtypes, shapes"),
    Known("config", "slow", "", "as many reviews are made as a configuration asks for"),
    Known("", "slow", "D3", "aliases, shared lists, and expressions of a tokeniser"),
    Known("folder-tokenizer_config.json", "invalid literal for int", "", "a size is no number"),
)


def known(target: str, fault: str) -> Known | None:
    """The entry that a failure is known by; None for a new one."""
    return next(
        (k for k in KNOWN if target.startswith(k.target) and re.search(k.says, fault)), None
    )
