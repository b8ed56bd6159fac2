"""A question put to a language model: a template with a place for the text, and its answers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pydantic

from attnaudit.config import Settings, read_document
from attnaudit.errors import InputError

if TYPE_CHECKING:
    from attnaudit.data.settings import Order

LONGEST = 2**16  # characters of a template
TEXT, QUERY = "{text}", "{query}"
Content = Literal["text", "prompt"]


class Template(Settings):
    """What stands around a text, as it is written: `before` it, `after` it, and around its query.

    A template without a place for a query has `query` None: None of `between` is used then. Where
    there is one, `between` stands between both sides, and `query` says which of them comes first.
    With `content` prompt all words of the prompt are to be explained, not those of the text alone.
    """

    before: str = pydantic.Field("", max_length=LONGEST)
    between: str = pydantic.Field("", max_length=LONGEST)
    after: str = pydantic.Field("", max_length=LONGEST)
    query: Literal["first", "second"] | None = None
    content: Content = "text"

    @classmethod
    def of(cls, template: str, content: Content) -> Template:
        """A template as people write it; raises ValueError, in words for the user."""
        if template.count(TEXT) != 1:
            times = template.count(TEXT)
            raise ValueError(
                f"must hold {TEXT} once, in the place of the text, not {times} times"
                if times
                else f"has no {TEXT}, which marks the place of the text"
            )
        if template.count(QUERY) > 1:
            raise ValueError(f"may hold {QUERY} once, not {template.count(QUERY)} times")
        if QUERY not in template:
            before, _, after = template.partition(TEXT)
            return cls(before=before, after=after, content=content)
        turned = template.index(QUERY) < template.index(TEXT)
        first, second = (QUERY, TEXT) if turned else (TEXT, QUERY)
        before, _, rest = template.partition(first)
        between, _, after = rest.partition(second)
        query: Literal["first", "second"] = "first" if turned else "second"
        return cls(before=before, between=between, after=after, query=query, content=content)

    @property
    def order(self) -> Order | None:
        """The order of a text and its query; None where there is no place for a query."""
        if self.query is None:
            return None
        return ("query", "text") if self.query == "first" else ("text", "query")

    def in_order(self, text: str, query: str | None) -> list[str]:
        """The text, and the query where there is a place for one, as the prompt has them."""
        if self.query is None:
            return [text]
        return [query or "", text] if self.query == "first" else [text, query or ""]

    def filled(self, text: str, query: str | None) -> tuple[str, list[tuple[int, int]]]:
        """The whole prompt for a text, and where each side stands in it: (start, end).

        White space around the text and around the query is left out.
        """
        whole, places, sides = "", [], self.in_order(text, query)
        for literal, side in zip((self.before, self.between), sides, strict=False):
            whole += literal
            places.append((len(whole), len(whole) + len(side.strip())))
            whole += side.strip()
        return whole + self.after, places


class Prompt(Settings):
    """What a file gives to `--prompt`.

    `template` is the prompt, with `{text}` where a text goes, and `{query}` where its query does,
    if texts have one. Everything else stands as it is: instructions, examples, special tokens.
    `labels` gives the word with which the model would go on for each class. `content` says which
    words are explained: those of the text, or all of the prompt, examples included.
    """

    template: str = pydantic.Field(max_length=LONGEST)
    labels: dict[str, str] = pydantic.Field(min_length=2, max_length=1000)
    content: Content = "text"

    @pydantic.field_validator("template")
    @classmethod
    def _check_template(cls, template: str) -> str:
        Template.of(template, "text")
        return template

    @pydantic.field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        for name, word in labels.items():
            if not word.strip():
                raise ValueError(f"the label {name!r:.40} has no word")
        taken: dict[str, str] = {}
        for name, word in labels.items():
            if word in taken:
                raise ValueError(
                    f"{taken[word]!r:.40} and {name!r:.40} have the same word, {word!r:.40}"
                )
            taken[word] = name
        return labels

    @property
    def parts(self) -> Template:
        """The template, taken apart."""
        return Template.of(self.template, self.content)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what the file says, however it is laid out."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_prompt(path: Path) -> Prompt:
    """The prompt in the YAML file `path`; raises InputError with the line of a mistake."""
    document = read_document(path)
    labels = document.mapping.get("labels")
    if isinstance(labels, dict):
        # As written: YAML would turn `true` and 1 into other things than words.
        document.mapping["labels"] = {
            str(name): document.texts.get(("labels", name), word) for name, word in labels.items()
        }
    elif isinstance(labels, (list, str)):
        raise InputError(
            "labels: give the word of each class, not the classes alone",
            where=path,
            line=document.line(("labels",)),
            hint="write `labels:` and below it lines such as `positive: ' good'`",
        )
    return document.parse(Prompt)
