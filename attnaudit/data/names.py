"""What names of classes may be, and which of them would be two spellings of one class."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 10_000  # classes
LONGEST = 200  # characters of a label

_TRUTH = {"true": 1.0, "false": 0.0}


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
