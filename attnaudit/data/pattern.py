r"""Regular expressions of strangers: what `re` would find, by an engine that can be stopped.

A pattern in a spec or a checkpoint may need more time than there is on a text of a few words, and
`re` cannot be interrupted. The `regex` package can. Its `\w`, `\s` and `\b` are wider than those
of `re`, and it reads some text as commands, so patterns are written out for it here: a pattern that
`re` takes finds the same matches. Two differences are left. Letters that are newer than Python's
own tables of characters are letters. Where case is ignored, the dotless and the dotted i of
Turkish are not all the same letter.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

import regex

LONGEST = 2_000  # characters of a pattern
LARGEST = 100_000  # what a pattern may grow to when its repeats are written out
MOST_SETS = 20  # of a pattern that ignores case: `re` takes .05 s to check a large one
SECONDS = 5.0  # of this process, for one text
SECONDS_IN_ALL = 60.0  # of this thread, before the rate counts
SLOWEST = 20_000  # characters a second; usual patterns do a million

_WORD = r"\p{L}\p{N}_"
_SPACE = r"\s\x1c-\x1f"
_NO_WORD = (  # within a set, where nothing can be taken away: all other categories
    r"\p{M}\p{S}\p{Z}\p{C}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}"
    r"\u203f\u2040\u2054\ufe33\ufe34\ufe4d-\ufe4f\uff3f"
)
_NO_SPACE = r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Cs}\p{Co}\p{Cn}\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_IN_SET = {"w": _WORD, "W": _NO_WORD, "s": _SPACE, "S": _NO_SPACE}
_W = f"[{_WORD}]"
_OUTSIDE = {
    "w": _W,
    "W": f"[^{_WORD}]",
    "s": f"[{_SPACE}]",
    "S": f"[^{_SPACE}]",
    "b": f"(?:(?<={_W})(?!{_W})|(?<!{_W})(?={_W}))",
    "B": f"(?:(?<={_W})(?={_W})|(?<!{_W})(?!{_W}))",
}
_REPEAT = re.compile(r"\{(?=[0-9,])([0-9]*)(,?)([0-9]*)\}")
_FLAGS = re.compile(r"\(\?([aiLmsux]+)(-[ims]+)?([:)])")
_COMMENT = re.compile(r"\(\?#[^)]*\)")
_NAMED = re.compile(r"\\N\{[^}]*\}")


class Pattern:
    """A checked pattern; its matches are found within `SECONDS` a text, and at a bearable rate.

    Raises ValueError, in words for the user, for a pattern that is none, is too large, or matches
    the empty string.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._compiled = _compiled(pattern)
        self._seconds = 0.0
        self._characters = 0

    def spans(self, text: str, most: int | None = None) -> list[tuple[int, int]]:
        """Start and end of each match in `text` that is not empty, the first `most` of them.

        Raises ValueError where that takes too long.
        """
        started = time.thread_time()
        try:
            found = list(islice(self._found(text), most))
        except (TimeoutError, MemoryError):
            raise ValueError(
                f"the pattern {self.pattern!r:.80} takes more than {SECONDS:g} s on one text of"
                f" {len(text):,} characters"
            ) from None
        self._seconds += time.thread_time() - started
        self._characters += len(text)
        if self._seconds > SECONDS_IN_ALL + self._characters / SLOWEST:
            raise ValueError(
                f"the pattern {self.pattern!r:.80} is too slow: {self._seconds:.0f} s for"
                f" {self._characters:,} characters"
            )
        return found

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        for match in self._compiled.finditer(text, timeout=SECONDS):
            start, end = match.span()
            if end > start:
                yield start, end


@lru_cache(maxsize=16)
def _compiled(pattern: str) -> regex.Pattern[str]:
    shown = f"{pattern!r:.80}"
    if len(pattern) > LONGEST:
        raise ValueError(f"{shown} has more than {LONGEST:,} characters")
    if re.search(r"\(\?[aLmsux]*i", pattern) and pattern.count("[") > MOST_SETS:
        raise ValueError(f"{shown} ignores case and has more than {MOST_SETS} sets")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # sets in sets, which are written out
            warnings.simplefilter("error", DeprecationWarning)  # flags that do not come first
            flags = re.compile(pattern).flags
    except (re.error, Warning, OverflowError, RecursionError) as error:
        raise ValueError(f"{shown} is not a regular expression ({error})") from None
    written = _Writer(pattern, flags).written()
    try:
        compiled = regex.compile(written, regex.V0, cache_pattern=False)
        empty = compiled.fullmatch("", timeout=SECONDS)
    except (regex.error, RecursionError, MemoryError, TimeoutError) as error:
        why = str(error) or type(error).__name__
        raise ValueError(f"{shown} is too complicated a regular expression ({why})") from None
    if empty:
        raise ValueError(f"{shown} matches the empty string, so it gives no tokens")
    return compiled


class _Writer:
    """Writes a pattern that `re` takes so that `regex` reads it as `re` does.

    It counts on the way what the pattern grows to, for `regex` writes repeats out.
    """

    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern = pattern
        self.ascii, self.verbose = bool(flags & re.ASCII), bool(flags & re.VERBOSE)
        self.out: list[str] = []
        self.sizes, self.last = [0], 0  # of the groups that are open; of the last item

    def written(self) -> str:
        at = 0
        while at < len(self.pattern):
            at = self._step(at)
            if sum(self.sizes) > LARGEST:
                raise ValueError(
                    f"{self.pattern!r:.80} repeats too much: it grows to more than"
                    f" {LARGEST:,} items"
                )
        return "".join(self.out)

    def _step(self, at: int) -> int:
        """Write what begins at `at`, and say where the next begins."""
        c = self.pattern[at]
        if c == "\\":
            return self._escape(at)
        if c == "[":
            return self._set(at)
        if c == "(":
            return self._open(at)
        if c == ")":
            self.last = self.sizes.pop()
            self._item(c, self.last)
            return at + 1
        if c == "{":
            return self._repeat(at)
        if c == "#" and self.verbose:
            end = self.pattern.find("\n", at)
            return len(self.pattern) if end < 0 else end
        self._item(c, 0 if c in "?*+|" else 1)
        return at + 1

    def _item(self, text: str, size: int) -> None:
        self.out.append(text)
        self.sizes[-1] += size
        self.last = size or self.last

    def _escape(self, at: int) -> int:
        if named := _NAMED.match(self.pattern, at):
            self._item(named[0], 1)
            return named.end()
        kind = self.pattern[at + 1]
        self._item(f"\\{kind}" if self.ascii else _OUTSIDE.get(kind, f"\\{kind}"), 1)
        return at + 2

    def _set(self, at: int) -> int:
        end = at + 1
        end += self.pattern[end] == "^"
        self.out.append(self.pattern[at:end])
        first = True
        while first or self.pattern[end] != "]":
            c, step = self.pattern[end], 1
            if c == "\\":
                kind, step = self.pattern[end + 1], 2
                c = f"\\{kind}" if self.ascii else _IN_SET.get(kind, f"\\{kind}")
                if named := _NAMED.match(self.pattern, end):
                    c, step = named[0], len(named[0])
            elif c in "[]":
                c = f"\\{c}"
            self.out.append(c)
            end, first = end + step, False
        self._item("]", 1)
        return end + 1

    def _open(self, at: int) -> int:
        if comment := _COMMENT.match(self.pattern, at):
            return comment.end()
        if flags := _FLAGS.match(self.pattern, at):
            if flags[3] == ":" and set("aLux") & set(flags[1]):
                raise ValueError(
                    f"{self.pattern!r:.80} sets the flag {flags[1]!r} for only a part of it; "
                    "set it for the whole pattern, at its start"
                )
            self.out.append(flags[0])
            if flags[3] == ":":
                self.sizes.append(0)
            return flags.end()
        self.sizes.append(0)
        self.out.append("(")
        return at + 1

    def _repeat(self, at: int) -> int:
        found = _REPEAT.match(self.pattern, at)
        if found is None or self.pattern[max(0, at - 1) : at] in ("", "|", "("):
            self._item(r"\{", 1)
            return at + 1
        low, comma, high = found.groups()
        most = int(high or low or 0) + (comma == "," and not high)
        self.sizes[-1] += self.last * max(0, most - 1)
        self.last *= max(1, most)
        self.out.append(f"{{{low or 0}{comma}{high}}}")
        return found.end()
