"""Settings of `deceive`."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from attnaudit.questions.deceive.words import Rule, WordsFile, read_words_file, whole_words
from attnaudit.questions.option import Option
from attnaudit.questions.scored import ScoredSettings
from attnaudit.questions.strengths import checked_strengths

COEFFICIENTS = (0.0, 0.1, 1.0)  # Pruthi et al. 2020, section 5
LEAST_SEEDS = 5  # below them there is no verdict on models that are trained
_WORDS = Option("--word", metavar="WORD", default="none")
_FILE = Option("--words-file", metavar="FILE", parse=read_words_file)
_COEFFICIENTS = Option("--coefficient", default="0, 0.1 and 1")


class DeceiveSettings(ScoredSettings):
    """What decides the result; stored with the records.

    0 need not be among the `coefficients`. `seed` is the first of the `seeds`, of which the audited
    model's own is left out, and the seed of all other random choices.
    """

    words: Annotated[tuple[str, ...], _WORDS] = pydantic.Field(
        (),
        max_length=100_000,
        description="An impermissible word: one that the answer should not rest on, such as a "
        "pronoun. Upper and lower case are the same. Records hold these words; with --words-file "
        "they hold only the path of the list.",
    )
    words_file: Annotated[WordsFile | None, _FILE] = pydantic.Field(
        None, description="A list of impermissible words, one on each line."
    )
    pattern: str | None = pydantic.Field(
        None,
        max_length=2000,
        description="A regular expression: the words that it matches as a whole are "
        "impermissible. Without words, list and pattern, it is the words that the data mark in "
        "the field `impermissible`.",
    )
    coefficients: Annotated[tuple[float, ...], _COEFFICIENTS] = pydantic.Field(
        COEFFICIENTS,
        max_length=20,
        description="How strongly training punishes attention to impermissible words. Models "
        "without the penalty (0) are always trained.",
    )
    heads: Literal["mean", "max"] = pydantic.Field(
        "mean",
        description="What is punished and reported of several heads: the mean over heads, or the "
        "head that attends to the words most.",
    )
    blocked: bool = pydantic.Field(
        False,
        description="For transformers: impermissible and other words cannot see each other in any "
        "layer. They meet only in the row that the answer is read from, which no word sees. "
        "Checkpoints (--keep) do not hold this block.",
    )
    seeds: int = pydantic.Field(
        5, ge=1, le=10_000, description="How many models to train for each coefficient."
    )
    most_mass: float = pydantic.Field(
        0.05,
        gt=0,
        lt=1,
        description="The words count as hidden if they get less of the attention than this.",
    )
    least_use: float = pydantic.Field(
        0.05,
        gt=0,
        lt=1,
        description="The words count as used if the answer moves by more than this (TVD) without "
        "them, beyond what it moves without as many other words.",
    )
    seed: int = pydantic.Field(
        0,
        ge=0,
        description="The first seed of the models to train, and the seed of all other random "
        "choices.",
    )
    text: bool = pydantic.Field(
        False,
        description="Keep the words in the records. Without this option, records contain only "
        "numbers.",
    )

    @pydantic.field_validator("words")
    @classmethod
    def _are_words(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if not word or any(c.isspace() for c in word):
                raise ValueError(f"{word!r:.40} is not one word")
        return words

    @pydantic.field_validator("pattern")
    @classmethod
    def _is_pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            whole_words(pattern)
        return pattern

    @pydantic.field_validator("coefficients")
    @classmethod
    def _usable(cls, given: tuple[float, ...]) -> tuple[float, ...]:
        return checked_strengths("a coefficient", given)

    @property
    def rule(self) -> Rule:
        """Which words are impermissible."""
        return Rule(words=self.words, file=self.words_file, pattern=self.pattern)

    @property
    def all_coefficients(self) -> tuple[float, ...]:
        """The coefficients, ascending, and 0 among them."""
        return tuple(sorted({0.0, *map(float, self.coefficients)}))
