"""What the records of several questions hold, as classes: their fields, and how these go together.

Each question says in its `records.py` what its own records hold, made of these. `kind(record)`
there gives the class that a record must be of.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from attnaudit.records.fields import (
    Class,
    Count,
    Divergence,
    Fields,
    Magnitude,
    Record,
    Share,
    Sign,
    Weight,
    Words,
    is_attention,
    is_distribution,
)


class Integration(Fields, kw_only=True):
    """What scores that are integrals rest on: see `importance.importance.Integral`."""

    gradients: Count
    tolerance: Magnitude
    error: Magnitude | None
    completeness_error: Magnitude | None
    reason: str | UnsetType = UNSET


class Answer(Record, kw_only=True):
    """What `questions.answers` records of every text: the answer, and where attention lies."""

    group: str | UnsetType = UNSET
    gold: Class
    predicted: Class
    probs: list[Share]
    words: Words
    outside: Share
    unreachable: Words | UnsetType = UNSET
    reach: tuple[Count, Count] | UnsetType = UNSET
    first_word: Weight | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        classes = len(self.probs)
        if not is_distribution(self.probs):
            raise ValueError(f"probs add up to {sum(self.probs):.6g}, not to 1")
        for name in ("gold", "predicted"):
            if getattr(self, name) >= classes:
                raise ValueError(f"{name} is class {getattr(self, name)} of {classes}")
        if self.probs[self.predicted] != max(self.probs):
            raise ValueError(f"predicted is {self.predicted}, and probs say otherwise")
        if self.reach is not UNSET and self.reach[1] - self.reach[0] != self.words:
            raise ValueError(f"reach does not have {self.words} words")


class Worded(Answer, kw_only=True):
    """An answer with what else is said word by word, and with the words if text is asked for.

    Where the reading of the attention says whether a word speaks for the explained class,
    `attention` holds magnitudes, and `attention_signs` has 1 for such a word and -1 for one against
    the class.
    """

    attention_signs: list[Sign] | UnsetType = UNSET
    tokens: list[str] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        Answer.__post_init__(self)
        if self.attention_signs is not UNSET:
            self.one_a_word("attention_signs", self.attention_signs)

    def one_a_word(self, name: str, numbers: list[Any]) -> None:
        """Raise ValueError unless there is one number for each word."""
        if len(numbers) != self.words:
            raise ValueError(f"{name} has {len(numbers)} numbers for {self.words} words")

    def check_attention(self, weights: list[Any]) -> None:
        """Raise ValueError unless these are weights of the words."""
        self.one_a_word("attention", weights)
        if not is_attention(weights):
            raise ValueError(f"attention adds up to {sum(weights):.6g}, more than 1")


class Attended(Worded, kw_only=True):
    """An answer with its attention, one weight a word."""

    attention: list[Weight]

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        Worded.__post_init__(self)
        self.check_attention(self.attention)


class Read(Worded, kw_only=True):
    """An answer with a reading of its attention, which may be undefined for the text.

    `attention` is then null for each word, and `no_reading` says why.
    """

    attention: list[Weight | None]
    no_reading: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError where the fields do not go together."""
        Worded.__post_init__(self)
        if self.no_reading is UNSET:
            if None in self.attention:
                raise ValueError("attention has a null, and there is no no_reading")
            self.check_attention(self.attention)
            return
        self.one_a_word("attention", self.attention)
        if any(weight is not None for weight in self.attention):
            raise ValueError("attention has a number, and no_reading says that there is none")
        if self.attention_signs is not UNSET:
            raise ValueError("attention_signs are of no reading that is there")


class Moved(Fields, kw_only=True):
    """How far an answer moves: TVD, and whether another class is predicted."""

    tvd: Share
    flips: bool


# Records of models that a question trains


class BaseRun(Fields, kw_only=True):
    """The audited model on one split."""

    model: Literal["base"]
    split: str


class Base(Attended, kw_only=True):
    """The audited model's record of a text, beside those of the trained models."""

    run: BaseRun


class Trained(Attended, kw_only=True):
    """A trained model's record of a text, with how far it is from the audited model."""

    jsd: Divergence
    tvd: Share


class GaveUp(Record, kw_only=True):
    """All that there is of a training that diverged, besides its run."""

    diverged: bool

    def __post_init__(self) -> None:
        """Raise ValueError for a training that did not."""
        if not self.diverged:
            raise ValueError("diverged is false")


def run_of(record: Any) -> dict[str, Any]:
    """The run of a record that nobody has checked yet; empty where it has none."""
    run = record.get("run")
    return run if isinstance(run, dict) else {}
