"""Texts cut as a language model's tokenizer cuts them inside a prompt.

A tokenizer cuts a text differently where something stands before it: "good" begins a text, and
" good" goes on with one. So a text is cut with the whole prompt around it. Its tokens are those
that share a character with it, or with the spaces before it. The tokens of the prompt itself
must be the same around every text. Where they are not, as where a tokenizer joins the full stop of
a text and the line break of the prompt, the text cannot be told from the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from attnaudit.data.prompt import Template
from attnaudit.data.tokenise import (
    Token,
    Tokeniser,
    TokeniserSettings,
    build_tokeniser,
    load_tokeniser,
    pieces_of,
)

if TYPE_CHECKING:
    import tokenizers

    from attnaudit.data.settings import ReadingSettings

ORDINARY = "good"  # a text that no tokenizer joins with anything
Span = tuple[int, int]


class Around(NamedTuple):
    """The tokens of a prompt that belong neither to the text nor to its query."""

    before: tuple[str, ...]
    between: tuple[str, ...]
    after: tuple[str, ...]


class InPrompt(NamedTuple):
    """The tokens of a text and of its query, and those around them; words count from 0 in each."""

    text: list[Token]
    query: list[Token] | None
    around: Around


class Prompted:
    """A tokenizer with a template around what it cuts; `around` is what it has around a text."""

    def __init__(self, tokeniser: tokenizers.Tokenizer, template: Template) -> None:
        self._tokeniser, self.template = tokeniser, template
        self.around = self.cut(ORDINARY, None if template.query is None else ORDINARY).around

    def cut(self, text: str, query: str | None) -> InPrompt:
        """A text and its query, as they are cut in the prompt."""
        template = self.template
        whole, places = template.filled(text, query)
        tokens = pieces_of(self._tokeniser.encode(whole, add_special_tokens=False), whole)
        regions = [_with_space_before(whole, place) for place in places]
        around: tuple[list[str], ...] = ([], [], [])
        inside: tuple[list[Token], ...] = ([], [])
        for token in tokens:
            for found, (start, end) in zip(inside, regions, strict=False):
                if token.start < end and token.end > start:
                    found.append(token)
                    break
            else:
                behind = sum(token.start >= end for _, end in regions)
                around[2 if behind == len(regions) else behind].append(token.text)
        originals = [text] if query is None else template.in_order(text, query)
        made = [
            _placed(found, place, original)
            for found, place, original in zip(inside, places, originals, strict=False)
        ]
        first, second = made[0], made[1] if len(made) > 1 else None
        if second is not None and template.query == "first":
            first, second = second, first
        return InPrompt(first, second, Around(*map(tuple, around)))


def prompted_by(settings: TokeniserSettings) -> Prompted | None:
    """What cuts a text inside its prompt; None without one, or where the prompt is all text."""
    template = settings.prompt
    if template is None or template.content == "prompt":
        return None
    assert settings.content is not None
    return Prompted(load_tokeniser(settings.content, None), template)


def text_tokeniser(spec: ReadingSettings) -> Tokeniser:
    """What cuts the text of a row, in its prompt where there is one."""
    prompted = prompted_by(spec.tokeniser)
    if prompted is None:
        return build_tokeniser(spec.tokeniser, spec.lowercase)
    asked = None if prompted.template.query is None else ORDINARY  # a text is cut alike beside any
    return lambda text, most=None: prompted.cut(text, asked).text


def _with_space_before(whole: str, place: Span) -> Span:
    """The place of a text, and the spaces before it, which begin the first word."""
    start, end = place
    return len(whole[:start].rstrip(" ")) if end > start else start, end


def _placed(tokens: Sequence[Token], place: Span, original: str) -> list[Token]:
    """Tokens of a prompt as tokens of one text in it, which stands at `place` without its edges.

    A piece that is white space alone goes with the word behind it.
    """
    start, end = place
    shift = start - (len(original) - len(original.lstrip()))
    made: list[Token] = []
    word, last, inked = -1, None, True
    for token in tokens:
        if token.word != last and inked:
            word, inked = word + 1, False
        last = token.word
        first = max(token.start, start) - shift
        behind = max(min(token.end, end) - shift, first)
        inked = inked or (not original[first:behind].isspace() and first < behind)
        made.append(Token(token.text, first, behind, word))
    return made
