"""One file cut into train, dev and test, by seed and label: never unless a spec asks for it."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from attnaudit.data.opening import key_of, rows_of
from attnaudit.data.reader import Row
from attnaudit.data.row_label import row_label, unknown_label
from attnaudit.data.shares import TooFewError, places, shares_of
from attnaudit.data.spec import DatasetSpec
from attnaudit.errors import InputError

_WHATEVER = ""  # in place of the label of texts that have several: no label is empty


@dataclass(frozen=True)
class Cut:
    """How one file was cut into splits: the shares as they were asked for, and the seed.

    `rows` counts the rows of each split, those that are skipped later too. `groups` says whether
    rows of one group stayed together. `by_label` says that every label has its share of every
    split; texts of several labels are split without regard to them. `places` (n,) is the split of
    each row, as its place in `rows`.
    """

    shares: str
    seed: int
    rows: dict[str, int]
    groups: bool
    places: NDArray[np.int8] = field(repr=False, compare=False)
    by_label: bool = True

    @property
    def facts(self) -> dict[str, str | int | bool | dict[str, int]]:
        """What a report says of it."""
        return {
            "shares": self.shares,
            "seed": self.seed,
            "rows": dict(self.rows),
            "groups_whole": self.groups,
            **({} if self.by_label else {"by_label": False}),
        }

    @property
    def words(self) -> str:
        """It, in a line for the user."""
        counts = [f"{n:,} {split}" for split, n in self.rows.items()]
        whole = "; rows of one group stay together" if self.groups else ""
        by = " by label" if self.by_label else ""
        return (
            f"split{by} into {', '.join(counts[:-1])} and {counts[-1]} rows"
            f" ({self.shares}, seed {self.seed}{whole})"
        )


def cut_of(spec: DatasetSpec, known: Sequence[str]) -> Cut | None:
    """How the one file of a spec is cut; None where the spec does not ask for it.

    `known` are the labels that rows may have.

    A row goes where the digest of its text and query puts it, or of its group where it has one: so
    texts that stand twice are in one split, and groups stay whole.

    Raises:
        InputError: the file cannot be read, its rows name their split already, or a class has too
            few texts or groups to be in every split.
    """
    if spec.split is None:
        return None
    assert spec.file is not None  # the spec sees to it
    shares = shares_of(spec.split)
    secret = str(spec.split_seed).encode()
    keys, labels, names = array("Q"), array("i"), dict[str, int]()
    grouped, allowed = False, set(known)
    column = spec.fields.column("split")
    with closing(rows_of(spec, spec.file, ("text", "label"))) as rows:
        for line, row in rows:
            if row.get(column) not in (None, ""):
                raise InputError(
                    f"the row names its split in the field {column!r}, and the spec says to split"
                    f" the file by {spec.split}",
                    where=spec.file,
                    line=line,
                    hint="leave out `split:`, or rename that field",
                )
            group = key_of(spec, row, "group", spec.file, line)
            grouped = grouped or group is not None
            keys.append(_digest(row, spec, group, secret))
            label = row_label(row, spec, spec.file, line)
            if label not in allowed:
                raise unknown_label(label, spec, known, spec.file, line)
            stratum = label if spec.one is None else _WHATEVER
            labels.append(names.setdefault(stratum, len(names)))
    # Numbered in alphabetical order, so that the order of the rows decides nothing.
    ranks = {name: i for i, name in enumerate(sorted(names))}
    renumber = np.array([ranks[name] for name in names], np.int64)
    numbered = renumber[np.array(labels, np.int64)]
    try:
        found = places(np.array(keys, np.uint64), numbered, list(shares.values()))
    except TooFewError as error:
        raise _too_few(spec, sorted(names)[error.label], error, grouped) from None
    counts = np.zeros((len(shares), len(names)), np.int64)
    np.add.at(counts, (found, numbered), 1)
    for split, by_label in zip(shares, counts, strict=True):
        if not by_label.all():
            lacking = sorted(names)[int(np.flatnonzero(by_label == 0)[0])]
            raise InputError(
                f"no row{_of(lacking)} would be in {split}, because rows of one"
                f" {'group' if grouped else 'text'} stay together",
                where=spec.file,
                hint="give another `split_seed`, or larger shares of the small splits",
            )
    sums = counts.sum(1).tolist()
    rows_in = dict(zip(shares, sums, strict=True))
    return Cut(spec.split, spec.split_seed, rows_in, grouped, found, spec.one is None)


def _of(label: str) -> str:
    return "" if label == _WHATEVER else f" of the label {label!r:.80}"


def _digest(row: Row, spec: DatasetSpec, group: str | None, secret: bytes) -> int:
    """64 bits of what decides the place of a row: its group, else its text and query."""
    if group is not None:
        told: list[object] = [group]
    else:
        sides = (row.get(spec.fields.column(role)) for role in ("text", "query"))
        told = [" ".join(side.split()) if isinstance(side, str) else side for side in sides]
    text = json.dumps(told, sort_keys=True, default=str).encode("ascii")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=secret).digest(), "big")


def _too_few(spec: DatasetSpec, label: str, error: TooFewError, grouped: bool) -> InputError:
    what = "groups" if grouped else "different texts"
    few = f"{error.units} {what}" if error.units != 1 else f"1 {what.removesuffix('s')}"
    if label == _WHATEVER:
        return InputError(f"has {few}, too few for {error.splits} splits", where=spec.file)
    return InputError(
        f"the label {label!r:.80} has {few}, too few for {error.splits} splits",
        where=spec.file,
        hint="add rows of that label, join it with another in the spec's `labels`, or leave its"
        " rows out",
    )
