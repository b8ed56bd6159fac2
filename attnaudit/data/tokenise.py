"""Text cut into tokens with their place in the text and the word that each belongs to."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pydantic

from attnaudit.config import Settings
from attnaudit.data.pattern import Pattern
from attnaudit.data.prompt import Template
from attnaudit.errors import InputError
from attnaudit.inputs import read_text

if TYPE_CHECKING:
    import tokenizers


class Token(NamedTuple):
    """A token, where it stands (`text[start:end]`), and the number of its word, from 0.

    The word is the unit of explanation: the tokens of one word are deleted together. Numbers are
    consecutive and never fall along the text.
    """

    text: str
    start: int
    end: int
    word: int


class Tokeniser(Protocol):
    """Cuts a text into tokens, in the order of the text; adds no special tokens."""

    def __call__(self, text: str, most: int | None = None) -> list[Token]:
        """The tokens of `text`, or at least the first `most` of them.

        Raises ValueError, in words for the user, where a pattern takes too long.
        """


class TokeniserSettings(Settings):
    """How text is cut: at white space, by a regular expression, or by a tokenizer.json.

    In YAML: `whitespace`, `{regex: PATTERN}` (each match is a token) or `{file: tokenizer.json}`.
    `content` is the text of a tokenizer.json: what a checkpoint keeps in place of a path. `prompt`
    is what a language model that is asked by prompt has around each text; no file gives it.
    """

    regex: str | None = None
    file: Path | None = None
    content: str | None = None
    prompt: Template | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _read_name(cls, value: Any) -> Any:
        if isinstance(value, (dict, cls)):
            return value
        if value == "whitespace":
            return {}
        ways = "whitespace, {regex: PATTERN} or {file: tokenizer.json}"
        raise ValueError(f"should be {ways}, not {value!r:.60}")

    @pydantic.field_validator("regex")
    @classmethod
    def _check_regex(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        Pattern(pattern)
        return pattern

    @pydantic.model_validator(mode="after")
    def _check_one(self) -> TokeniserSettings:
        if sum(way is not None for way in (self.regex, self.file, self.content)) > 1:
            raise ValueError("give regex or file, not both")
        return self

    def __str__(self) -> str:
        if self.regex is not None:
            return f"regex {self.regex}"
        return "whitespace" if self.file is None and self.content is None else "tokenizer.json"

    @property
    def cuts_words(self) -> bool:
        """Whether a token may be a piece of a word."""
        return self.file is not None or self.content is not None

    def embedded(self) -> TokeniserSettings:
        """The same tokeniser, without need of a file; raises InputError if the file is no good."""
        if self.file is None:
            return self
        content = read_text(self.file)
        load_tokeniser(content, self.file)
        return TokeniserSettings(content=content)

    def same_as(self, other: TokeniserSettings) -> bool:
        """Whether both cut every text alike (a tokenizer.json may be laid out differently)."""
        ours, theirs = self.embedded(), other.embedded()
        if ours.content is None or theirs.content is None:
            return ours == theirs
        return bool(json.loads(ours.content) == json.loads(theirs.content))


def build_tokeniser(settings: TokeniserSettings, lowercase: bool = False) -> Tokeniser:
    """The tokeniser that `settings` describe; raises InputError for an unusable tokenizer.json.

    `lowercase` lowers what the tokens say, never their offsets, which always refer to the text as
    given. A tokenizer.json sees lower-cased text, since its pieces must come from its vocabulary.
    """
    if settings.file is not None:
        settings = settings.embedded()
    if settings.content is not None:
        return _Pieces(load_tokeniser(settings.content, None), lowercase)
    return _Matches(settings.regex, lowercase)


def align(flags: Sequence[int], text: str, tokens: Sequence[Token]) -> tuple[int, ...]:
    """0/1 flags per white-space token of `text`, carried over to `tokens` by place.

    Args:
        flags: one 0 or 1 for each of `text.split()`.
        text: the text that was cut.
        tokens: its tokens, by any tokeniser.

    Returns:
        One 0 or 1 a token: 1 where the token shares a character with a flagged white-space token.
    """
    flagged = bytearray(len(text))
    for flag, match in zip(flags, _WORD.finditer(text), strict=True):
        if flag:
            flagged[match.start() : match.end()] = b"\1" * (match.end() - match.start())
    return tuple(int(flagged.find(1, token.start, token.end) >= 0) for token in tokens)


_WORD = re.compile(r"\S+")


class _Matches:
    """Each match of a regular expression is a token and a word of its own."""

    def __init__(self, pattern: str | None, lowercase: bool) -> None:
        self.pattern = None if pattern is None else Pattern(pattern)  # None: white space
        self.lowercase = lowercase

    def __call__(self, text: str, most: int | None = None) -> list[Token]:
        """The first `most` tokens of `text`."""
        if self.pattern is None:
            spans = [match.span() for match in islice(_WORD.finditer(text), most)]
        else:
            spans = self.pattern.spans(text, most)
        told = [(text[start:end], start, end) for start, end in spans]
        if self.lowercase:
            return [Token(x.lower(), start, end, i) for i, (x, start, end) in enumerate(told)]
        return [Token(x, start, end, i) for i, (x, start, end) in enumerate(told)]


def pieces_of(encoding: tokenizers.Encoding, text: str) -> list[Token]:
    """The pieces of a `text` that a tokenizer.json has cut, grouped into words.

    A word ends where the tokeniser's own words end, and at white space: SentencePiece models see
    a whole sentence as one word, which would be no unit of explanation.
    """
    tokens: list[Token] = []
    word, last_id, last_start = -1, None, 0
    for piece, (start, end), word_id in zip(
        encoding.tokens, encoding.offsets, encoding.word_ids, strict=True
    ):
        inked = end - len(text[start:end].lstrip())  # pieces may begin with their white space
        gap = text[last_start:inked]
        if word_id is None or word_id != last_id or any(c.isspace() for c in gap):
            word += 1
        tokens.append(Token(piece, start, end, word))
        last_id, last_start = word_id, inked
    return tokens


class _Pieces:
    """The pieces of a tokenizer.json, grouped into words as `pieces_of` does."""

    def __init__(self, tokeniser: tokenizers.Tokenizer, lowercase: bool) -> None:
        self.tokeniser, self.lowercase = tokeniser, lowercase

    def __call__(self, text: str, most: int | None = None) -> list[Token]:
        """The tokens of `text`, all of them."""
        encoding = self.tokeniser.encode(
            _lower_in_place(text) if self.lowercase else text, add_special_tokens=False
        )
        return pieces_of(encoding, text)


def _lower_in_place(text: str) -> str:
    """`text` in lower case, at the same length: letters that would grow are left as they are."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def load_tokeniser(content: str, path: Path | None) -> tokenizers.Tokenizer:
    """The tokenizer of a tokenizer.json; raises InputError where it is none."""
    from tokenizers import Tokenizer  # only a tokenizer.json needs it

    try:
        tokeniser = Tokenizer.from_str(content)
    except Exception as error:  # the library raises nothing more special
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"cannot be used as a tokenizer.json ({first})",
            where=path or "tokeniser",
            hint="save it with the `tokenizers` library",
        ) from None
    tokeniser.no_truncation()  # lengths are the data set's business
    tokeniser.no_padding()
    return tokeniser
