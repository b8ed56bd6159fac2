"""What the splits of a data set are called: other names for train, dev and test."""

from __future__ import annotations

SPLITS = ("train", "dev", "test")
OTHER_NAMES = {
    "training": "train",
    "validation": "dev",
    "valid": "dev",
    "val": "dev",
    "testing": "test",
    "eval": "test",
}


def split_named(name: str) -> str:
    """The split that a name means: `train`, `dev` or `test` by all their names, or itself.

    Capitals and white space around make no difference to those names.
    """
    plain = name.strip().casefold()
    return plain if plain in SPLITS else OTHER_NAMES.get(plain, name)


class Spellings:
    """The names that a file has for train, dev and test; two for one split are a mistake."""

    def __init__(self) -> None:
        self._met: dict[str, str] = {}

    def add(self, name: str) -> str:
        """The split that a name means; raises ValueError where another name means it as well.

        A file that says both `eval` and `test` may well mean two splits.
        """
        split = split_named(name)
        if split in SPLITS:
            plain = name.strip().casefold()
            if (other := self._met.setdefault(split, plain)) != plain:
                raise ValueError(f"{other!r} and {plain!r} both mean the split {split}")
        return split
