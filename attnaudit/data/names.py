"""What names of classes may be, and which of them would be two spellings of one class."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

MOST = 10_000  # classes
LONGEST = 200  # characters of a label
ALL_LABELS = "all"  # in place of the name of a label: each of them

_TRUTH = {"true": 1.0, "false": 0.0}


class Renaming:
    """What a spec calls the labels of rows, by a mapping such as {0: bad, 1: good}.

    `0` stands for `0.0` and `false` too, and `1` for `1.0` and `True`: programs that write tables
    spell the same label in all these ways.

    Raises:
        ValueError: two of the labels mean the same, and are called differently.
    """

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self.names = dict(names or {})
        self._by_number: dict[float, str] = {}
        first: dict[float, str] = {}  # the label that stands for each number
        for label, name in self.names.items():
            if (number := _number(label)) is None:
                continue
            other = first.setdefault(number, label)
            if self._by_number.setdefault(number, name) != name:
                raise ValueError(
                    f"{other!r:.40} and {label!r:.40} mean the same, and have two names"
                )

    def __bool__(self) -> bool:
        return bool(self.names)

    def __call__(self, label: str) -> str:
        """The name of the class that a label of the rows means; itself where nothing is said."""
        if not self.names:
            return label
        found = self.names.get(label)
        if found is None and (number := _number(label)) is not None:
            found = self._by_number.get(number)
        return label if found is None else found

    @property
    def classes(self) -> list[str]:
        """The names of the classes in the order of the mapping."""
        return list(dict.fromkeys(self.names.values()))


@dataclass(frozen=True)
class OneLabel:
    """One of several labels that a text may have, asked about as a yes or no.

    `name` is what the model calls it, and `called` what the rows call it. `known` are all labels
    that rows may have.
    """

    name: str
    called: str
    known: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, str]:
        """The two answers: no, then yes."""
        return (f"not {self.name}", self.name)

    def class_of(self, labels: Collection[str]) -> str:
        """The answer for a text that has these labels."""
        return self.classes[self.called in labels]


def check_labels(names: Iterable[str]) -> None:
    """Raise ValueError, in words for the user, for labels that no model should be given.

    `1`, `1.0` and `true` mean the same class to a person, but three classes to a classifier.
    """
    met: dict[float, str] = {}
    for count, name in enumerate(names, start=1):
        if count > MOST:
            raise ValueError(f"there are more than {MOST:,} different labels")
        check_length(name)
        number = _number(name)
        if number is not None and met.setdefault(number, name) != name:
            raise ValueError(f"the labels {met[number]!r} and {name!r} mean the same")


def check_length(name: str) -> None:
    """Raise ValueError for a label that is too long to be one."""
    if len(name) > LONGEST:
        raise ValueError(
            f"the label {name!r:.40}... has {len(name):,} characters, more than {LONGEST}"
        )


def _number(name: str) -> float | None:
    if (truth := _TRUTH.get(name.casefold())) is not None:
        return truth
    try:
        return float(name)
    except ValueError:
        return None
