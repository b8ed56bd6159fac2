"""Problems that a user can solve: what is wrong, where, and what to do next, in one clean line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

# What the text that a program prints is: words for readers, JSON, or a language with &#...;.
# `commands` are workflow commands, which are meant to be obeyed.
Kind = Literal["text", "json", "markup", "commands"]

_COLOUR = r"\x1b\[[0-9;]*m"
_ODD = re.compile(rf"{_COLOUR}|[^\x20-\x7e\n]")
# GitHub's runner obeys a line that begins with :: behind any white space, and ##[ anywhere in one;
# Azure's obeys ##vso[ (actions/runner, src/Runner.Common/ActionCommand.cs).
_COMMAND = re.compile(r"(?m)^([^\S\n]*):(?=:)|#(?=#(?:\[|vso\[))")


def printable(text: object) -> str:
    """`text` with control characters (terminal escapes, line breaks) shown as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def harmless(text: str, kind: Kind = "text", encoding: str = "utf-8") -> str:
    """`text` as a terminal and a log of CI may have it: nothing in it moves, hides or commands.

    Whoever builds the text escapes what comes from files; this comes last, and sees all of it.
    Line breaks and colours stay. JSON stays the same JSON. Text that must be exact (`json`,
    `markup`) becomes ASCII where `encoding` is none of Unicode.
    """
    if kind == "commands":
        return text
    escape = {"text": _of_text, "json": _of_json, "markup": _of_markup}[kind]
    if kind != "text" and not text.isascii() and not encoding.lower().startswith("utf"):
        text = re.sub(r"[^\x00-\x7f]", lambda found: escape(found[0]), text)
    if kind != "markup" and not text.replace("\n", "").isprintable():
        text = _ODD.sub(
            lambda found: (
                found[0]
                if found[0].isprintable() or (kind == "text" and len(found[0]) > 1)
                else escape(found[0][0]) + found[0][1:]
            ),
            text,
        )
    return _COMMAND.sub(
        lambda found: f"{found[1]}{escape(':')}" if found[1] is not None else escape("#"), text
    )


def _of_text(character: str) -> str:
    escaped = printable(character)
    return f"\\x{ord(character):02x}" if escaped == character else escaped


def _of_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _of_markup(character: str) -> str:
    return f"&#{ord(character)};"


class AuditError(Exception):
    """A problem that the user can solve. The command line prints it as one line and exits with 2.

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
    """A model cannot be loaded, or breaks a law that the audits need."""


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
