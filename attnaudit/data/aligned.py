"""Attributions that were made elsewhere, brought to the words or pieces of the texts of a data set.

A span of characters gives its score to the words that it covers, in proportion to how many of its
characters are theirs. Characters of no word, such as spaces, take no share. A score of nothing but
such characters, or of an empty span as tools give to special tokens, belongs to no word and is left
out. So are scores of words behind the place where a text was cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnaudit.data.attributions import MOST, Scored, scored_rows
from attnaudit.data.dataset import Dataset
from attnaudit.data.instance import Instance
from attnaudit.data.loading import ids_of, load_dataset
from attnaudit.data.prompted import text_tokeniser
from attnaudit.data.spec import DatasetSpec
from attnaudit.data.store import Hashes
from attnaudit.data.tokenise import Token, Tokeniser
from attnaudit.errors import InputError
from attnaudit.measures.spool import Spool

Array = NDArray[np.float64]
Places = NDArray[np.int64]
MOST_SHARES = 10_000_000  # of the spans of one text among its words


@dataclass
class Aligned:
    """The scores of one file by the row of a text in the data set: few bytes of memory a text.

    `texts` says how many texts there are, `scored` how many have scores, and `elsewhere` how many
    rows of the file are of other texts of the data. `left_out`, in [0, 1], is the share of all
    scores, by magnitude, that belong to no word that was read.
    """

    texts: int
    scored: int = 0
    elsewhere: int = 0
    left_out: float = 0.0
    _spool: Spool = field(default_factory=Spool, repr=False)

    def __post_init__(self) -> None:
        self._starts = np.full(self.texts, -1, np.int64)
        self._counts = np.zeros(self.texts, np.int64)
        self._lines = np.zeros(self.texts, np.int64)

    def put(self, row: int, line: int, scores: Array) -> None:
        """Take in the scores of a text, which stand on a line of the file."""
        self._starts[row] = self._spool.append(np.asarray(scores, np.float64).tobytes())
        self._counts[row], self._lines[row] = len(scores), line
        self.scored += 1

    def line(self, row: int) -> int | None:
        """Where the scores of a text stand in the file; None for a text without scores."""
        return int(self._lines[row]) or None

    def of(self, row: int) -> Array | None:
        """(words,) the scores of a text, with their signs; None for a text without scores."""
        if self._starts[row] < 0:
            return None
        count = int(self._counts[row])
        return np.frombuffer(self._spool.read(int(self._starts[row]), 8 * count), np.float64)


def align(
    path: Path,
    spec: DatasetSpec,
    data: Dataset,
    *,
    min_words: int,
    limit: int | None,
    pieces: bool = False,
) -> Aligned:
    """The scores in the file `path`, one for each word of the texts of `data`.

    Args:
        path: a file of attributions.
        spec: the data set.
        data: a split of it, as `load_dataset` read it with the same `min_words` and `limit`.
        min_words: the fewest words of a usable text.
        limit: how many texts were read at most.
        pieces: whether there is a score for each token, and not for each word.

    Raises:
        InputError: the file cannot be read; a row is of no text of the data, of one that had a row
            before, of another text, or of another number of words; or no text has scores.
    """
    known = load_dataset(
        spec, data.split, labels=data.labels, min_words=min_words, limit=limit, keep_text=True
    )
    if known.sha256 != data.sha256:
        raise InputError("has changed since it was read", where=data.path)
    aligner = _Aligner(path, known.instances, text_tokeniser(spec))
    unknown = aligner.read(pieces)
    if unknown:
        _check_elsewhere(path, spec, data.split, aligner.found)
        aligner.found.elsewhere = unknown
    return aligner.found


class _Aligner:
    """Reads the rows of a file into `found`, and finds the text of each by its id."""

    def __init__(self, path: Path, instances: Sequence[Instance], tokenise: Tokeniser) -> None:
        self.path, self.instances, self.tokenise = path, instances, tokenise
        self.found = Aligned(len(instances))
        hashes = np.fromiter((hash(i.id) for i in instances), np.int64, len(instances))
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]

    def read(self, pieces: bool) -> int:
        """Take in all rows; how many are of none of the texts."""
        unknown, all_scores, left_out = 0, 0.0, 0.0
        for row in scored_rows(self.path):
            instance = self._instance(row.id)
            if instance is None:
                unknown += 1
                continue
            self._check(row, instance)
            scores, outside = self._scores(row, instance, pieces)
            all_scores += float(np.abs(row.scores).sum())
            left_out += outside
            self.found.put(instance.row, row.line, scores)
        self.found.left_out = left_out / all_scores if all_scores else 0.0
        return unknown

    def _instance(self, name: str) -> Instance | None:
        wanted = hash(name)
        place = int(np.searchsorted(self._hashes, wanted))
        while place < len(self._hashes) and self._hashes[place] == wanted:
            instance = self.instances[int(self._order[place])]
            if instance.id == name:
                return instance
            place += 1
        return None

    def _check(self, row: Scored, instance: Instance) -> None:
        before = self.found.line(instance.row)
        if before is not None:
            what = f"the text {row.id!r:.80} has scores twice"
            raise self._wrong(row, what, f"first on line {before}")
        if row.text is not None and row.text != instance.text:
            what = f"the text {row.id!r:.80} is another one in the data"
            raise self._wrong(row, what, "the scores must be of the same data")

    def _wrong(self, row: Scored, what: str, hint: str | None = None) -> InputError:
        return InputError(what, where=self.path, line=row.line, hint=hint)

    def _scores(self, row: Scored, instance: Instance, pieces: bool) -> tuple[Array, float]:
        """One score for each word that was read, and what is left out, by magnitude."""
        text = instance.text or ""
        tokens = self.tokenise(text)
        starts, ends = units(text, tokens, pieces)
        kept = len(instance.tokens) if pieces else instance.words[-1] + 1
        if row.spans is None:
            if len(row.scores) not in (len(starts), kept):
                what = "pieces" if pieces else "words"
                raise self._wrong(
                    row,
                    f"{len(row.scores):,} scores, but the text {row.id!r:.80} has"
                    f" {len(starts):,} {what}",
                    f"give one score for each of its {what}, as the data's tokeniser splits it; or"
                    " give spans of characters",
                )
            scores = np.array(row.scores, np.float64)
            return scores[:kept], float(np.abs(scores[kept:]).sum())
        for place, (start, end) in enumerate(row.spans, 1):
            if end > len(text):
                raise self._wrong(
                    row,
                    f"the span {place} runs from {start} to {end}, but the text {row.id!r:.80} has"
                    f" {len(text):,} characters",
                    "the scores must be of the same text",
                )
        try:
            found = on_units(row.spans, row.scores, starts, ends)
        except ValueError as error:
            raise self._wrong(row, str(error)) from None
        sizes = np.abs(row.scores)
        inside = on_units(row.spans, sizes, starts, ends)[:kept]
        return found[:kept], max(0.0, float(sizes.sum() - inside.sum()))


def units(text: str, tokens: Sequence[Token], pieces: bool) -> tuple[Places, Places]:
    """(units,) where each word, or each token if `pieces`, begins in `text`, and where it ends.

    White space around it does not count. Both never fall along the text.
    """
    bounds: list[tuple[int, int]] = []
    last = -1
    for token in tokens:
        part = text[token.start : token.end]
        start = token.end - len(part.lstrip())
        end = max(start, token.start + len(part.rstrip()))
        if not pieces and token.word == last:
            bounds[-1] = (bounds[-1][0], max(bounds[-1][1], end))
        else:
            bounds.append((start, end))
        last = token.word
    found = np.maximum.accumulate(np.array(bounds, np.int64).reshape(-1, 2))
    return found[:, 0], found[:, 1]


def on_units(
    spans: Sequence[tuple[int, int]], scores: ArrayLike, starts: Places, ends: Places
) -> Array:
    """(units,) the sum of the scores of the spans in each unit, a span's score shared by overlap.

    Raises ValueError where many spans that each cover many units would take too long, or where a
    sum is too large.
    """
    found = np.zeros(len(starts))
    bounds = np.array(spans, np.int64).reshape(-1, 2)
    values = np.asarray(scores, np.float64)
    first = np.searchsorted(ends, bounds[:, 0], "right")  # (spans,) the first unit behind a start
    stop = np.searchsorted(starts, bounds[:, 1], "left")
    stop = np.where(bounds[:, 1] > bounds[:, 0], stop, first)  # an empty span covers nothing
    one, several = stop - first == 1, stop - first > 1
    np.add.at(found, first[one], values[one])
    if int((stop - first)[several].sum()) > MOST_SHARES:
        raise ValueError("too many spans that each cover many words")
    for place in np.flatnonzero(several).tolist():
        covered = slice(int(first[place]), int(stop[place]))
        start, end = bounds[place].tolist()
        shared = np.minimum(ends[covered], end) - np.maximum(starts[covered], start)
        found[covered] += values[place] * (shared / max(1, int(shared.sum())))
    if np.abs(found).max(initial=0.0) > MOST:
        raise ValueError(f"the scores of a word add up to more than {MOST:g}")
    return found


def _check_elsewhere(path: Path, spec: DatasetSpec, split: str, found: Aligned) -> None:
    """Raise InputError unless every row is of some row of the data set, and some of the split."""
    ids = Hashes()
    for name in ids_of(spec):
        ids.add(name)
    lost, first, rows = 0, None, 0
    for row in scored_rows(path):
        rows += 1
        if row.id not in ids:
            lost += 1
            first = first or row
    hint = f"the ids are those of the data set's rows; {_without_ids(spec)}"
    if first is not None and lost == rows:
        what = f"none of its {rows:,} rows is of a text of the data set: no id is the same"
        raise InputError(what, where=path, line=first.line, hint=hint)
    if first is not None:
        more = f", and so with {lost - 1:,} more rows" if lost > 1 else ""
        what = f"no text of the data set has the id {first.id!r:.80}{more}"
        raise InputError(what, where=path, line=first.line, hint=hint)
    if not found.scored:
        raise InputError(
            f"has scores of other texts only: none of its {rows:,} rows is of a text that is"
            f" audited, in the split {split!r}",
            where=path,
            hint="make attributions of the texts of that split, or choose another --split",
        )


def _without_ids(spec: DatasetSpec) -> str:
    column = spec.fields.column("id")
    return f"a row without the field {column!r} has the number of its line as its id"
