"""Problems a user can mend: what is wrong, where, and what to do next, in one clean line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


def printable(text: object) -> str:
    """`text` with control characters (terminal escapes, line breaks) shown as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


class AuditError(Exception):
    """A problem the user can mend; the command line prints it as one line and exits with 2.

    `what` says what is wrong, `where` names the file (with `line`, counted from 1), and `hint`
    says what to do next.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.what, self.where, self.line, self.hint = what, where, line, hint
        super().__init__(what)

    def __str__(self) -> str:
        place = "" if self.where is None else str(self.where)
        if self.line is not None:
            place += f":{self.line}"
        message = f"{place}: {self.what}" if place else self.what
        return printable(f"{message}; {self.hint}" if self.hint else message)


class InputError(AuditError):
    """A data file, a configuration, a policy or an argument cannot be used."""


class ModelError(AuditError):
    """A model cannot be loaded, or breaks a law that the audits rely on."""


class OutputError(AuditError):
    """A result cannot be written."""


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """A hint that names the nearest of `choices`, or lists them where none is near."""
    known = list(choices)
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    if not known:
        return None
    shown = ", ".join(repr(c) for c in known[:12])
    return f"known: {shown}{', ...' if len(known) > 12 else ''}"
