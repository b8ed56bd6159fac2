"""How rows become instances: what a model keeps, to read other data as it read its own."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from attnaudit.config import Settings
from attnaudit.data.tokenise import TokeniserSettings

LONGEST = 2**16  # tokens of a text: longer ones would fill the memory of a usual machine
Role = Literal["text", "label", "query", "id", "rationale", "impermissible", "split", "group"]
MARKS: tuple[Role, ...] = ("rationale", "impermissible")  # 0 or 1 a word
Side = Literal["text", "query"]
Order = tuple[Side, ...]  # both sides, each once
TEXT_FIRST: Order = ("text", "query")


def _check_order(order: Order | None) -> Order | None:
    if order is not None and sorted(order) != ["query", "text"]:
        raise ValueError("give [text, query] or [query, text]")
    return order


class Fields(Settings):
    """The column of each thing that a row says; None: the column of that name, if it is there."""

    text: str = "text"
    label: str = "label"
    query: str | None = None
    id: str | None = None
    rationale: str | None = None
    impermissible: str | None = None
    split: str | None = None
    group: str | None = None

    def column(self, role: Role) -> str:
        """The name of the column that holds `role`."""
        name: str | None = getattr(self, role)
        return role if name is None else name


class ReadingSettings(Settings):
    """How rows become instances: what a model keeps, to read other data as it read its own.

    `min_length` is in words, `max_length` (of the text) and `max_query_length` are in tokens, as is
    `max_pair_length`: of a text and its query together, for models that read them as one sequence.
    `overlong` says what becomes of longer rows. `order` is that of a text and its query in such a
    sequence; None where nobody said it, and then the text comes first.
    """

    fields: Fields = Fields()
    tokeniser: TokeniserSettings = TokeniserSettings()
    lowercase: bool = False
    min_length: int = pydantic.Field(1, ge=1, le=LONGEST)
    max_length: int = pydantic.Field(4096, ge=1, le=LONGEST)
    overlong: Literal["truncate", "skip"] = "truncate"
    max_query_length: int = pydantic.Field(512, ge=1, le=LONGEST)
    max_pair_length: int | None = pydantic.Field(None, ge=2, le=2 * LONGEST)
    order: Annotated[Order | None, pydantic.AfterValidator(_check_order)] = None

    @pydantic.model_validator(mode="after")
    def _check_lengths(self) -> ReadingSettings:
        if self.min_length > self.max_length:
            raise ValueError(
                f"min_length {self.min_length} is larger than max_length {self.max_length}, so "
                "no row fits"
            )
        return self
