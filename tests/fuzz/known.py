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


KNOWN: tuple[Known, ...] = ()


def known(target: str, fault: str) -> Known | None:
    """The entry that a failure is known by; None for a new one."""
    return next(
        (k for k in KNOWN if target.startswith(k.target) and re.search(k.says, fault)), None
    )
