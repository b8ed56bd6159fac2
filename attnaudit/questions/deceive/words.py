"""Which words of a text are impermissible: marked in the data, in a list, or found by a pattern."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pydantic

from attnaudit.config import Settings
from attnaudit.data.pattern import MOST_SETS, Pattern
from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_path
from attnaudit.inputs import MIB, read_text

if TYPE_CHECKING:
    from attnaudit.data.dataset import Dataset
    from attnaudit.data.instance import Instance

LARGEST_LIST = 8 * MIB
HOW = (
    "name them with --word, --words-file or --pattern, or mark them in the data by a field"
    " `impermissible` of 0 and 1 for each word"
)


class WordsFile(Settings):
    """A list of words, one a line; `path` as it was given."""

    path: str = pydantic.Field(description="The path of the list, as it was given.")
    sha256: str = pydantic.Field(description="The SHA-256 of the list.")

    def words(self) -> list[str]:
        """The words; raises InputError for a list that cannot be read, or has changed."""
        path = Path(self.path)
        if sha256_path(path) != self.sha256:
            raise InputError("has changed since it was first read", where=path)
        return _lines(path)


def read_words_file(given: str | Path) -> WordsFile:
    """The list that `--words-file` names; raises InputError for one without words."""
    path = Path(given)
    if not _lines(path):
        raise InputError("has no words", where=path, hint="write one word a line")
    return WordsFile(path=str(given), sha256=sha256_path(path))


def _lines(path: Path) -> list[str]:
    lines = (line.strip() for line in read_text(path, LARGEST_LIST).splitlines())
    return [line for line in lines if line]


def whole_words(pattern: str) -> Pattern:
    """The pattern as it must match a whole word, in any case; raises ValueError for a bad one."""
    if pattern.count("[") > MOST_SETS:  # which take long where case is ignored
        raise ValueError(f"{pattern!r:.80} has more than {MOST_SETS} sets")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of sets in sets
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r:.80} is not a regular expression ({error})") from None
    return Pattern(rf"(?i)\A(?:{pattern})\Z")


class Rule(Settings):
    """Which words are meant: those that are listed or that the pattern matches.

    Where neither is given, those that the data mark.
    """

    words: tuple[str, ...] = ()
    file: WordsFile | None = None
    pattern: str | None = None

    def finder(self) -> Callable[[Instance], tuple[int, ...]]:
        """What gives the numbers of the words of a text, ascending; raises InputError.

        Words are compared as the text has them, without regard to case.
        """
        if not (self.words or self.file or self.pattern):
            return marked_words
        listed = {w.casefold() for w in (*self.words, *(self.file.words() if self.file else ()))}
        pattern = None if self.pattern is None else whole_words(self.pattern)

        def found(instance: Instance) -> tuple[int, ...]:
            try:
                return tuple(
                    number
                    for number, word in enumerate(instance.units(pieces=False))
                    if word.casefold() in listed or (pattern and pattern.spans(word, 1))
                )
            except ValueError as error:
                raise InputError(f"--pattern: {error}", hint="simplify it") from None

        return found


def marked_words(instance: Instance) -> tuple[int, ...]:
    """The numbers of the words of a text that its data mark: one of its tokens is enough."""
    flags = instance.impermissible or ()
    marked = zip(instance.words, flags, strict=False)
    return tuple(sorted({word for word, flag in marked if flag}))


def check_words(data: Dataset, words: Sequence[Sequence[int]]) -> None:
    """Raise InputError where no text of a split has such a word, or a text has no other."""
    if not any(words):
        raise InputError(
            f"no text of the split {data.split!r} has an impermissible word",
            where=data.path,
            hint=HOW,
        )
    for instance, marked in zip(data.instances, words, strict=True):
        if len(marked) == instance.words[-1] + 1:
            raise InputError(
                f"all words of the text {instance.id!r:.80} are impermissible, so nothing is left"
                " without them",
                where=data.path,
                line=instance.line,
                hint="leave this text out of the data, or mark fewer words",
            )
