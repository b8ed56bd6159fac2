"""Heatmaps: attention over the words of a few instances, beside what else it might have been.

Terminal and page show the same instances on the same scale, which are both decided here.

*Which instances.* Never the most striking ones: instances are ranked by how far the attention can
be moved (JSD) and taken at even steps of rank, from the least to the largest; a single one is the
middle one. Without an adversary the largest attention weight ranks them. Of equals the one that
comes first in the data goes first.

*Which scale.* One for all rows of an instance: equal ink is equal weight. Importances, which are
no distributions, are shown as shares of their sum.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from attnaudit.errors import printable
from attnaudit.records.reading import read_records
from attnaudit.records.schema import Header

Record = Mapping[str, Any]
Source = Callable[[], Iterable[Record]]  # gives the records anew at every call
Tokens = Callable[[Record], Sequence[str] | None]

LEVELS = 5  # steps of ink above none
NUMBERED = 3  # words of a row that show their weight in digits
CHEAP = 0.05  # mean TVD up to which an adversary still answers like the model it copies
_BESIDE = ("leave_one_out", "gradient")  # importances that are shown beside attention


@dataclass(frozen=True)
class Weights:
    """One row of a heatmap: a weight for each word, at least 0.

    `probs` is the answer under these weights, where one was given; `jsd` how far they lie from the
    model's attention, in nats.
    """

    name: str
    weights: Sequence[float]
    probs: Sequence[float] | None = None
    jsd: float | None = None


@dataclass(frozen=True)
class Heatmap:
    """An instance with its words, and rows of weights of which the first is the attention."""

    id: str
    tokens: Sequence[str]
    gold: int
    predicted: int
    rows: Sequence[Weights]

    def levels(self, row: Weights) -> list[int]:
        """The ink of each word of `row`, from 0 to LEVELS, in proportion to the weight."""
        largest = max((w for r in self.rows for w in r.weights), default=0.0)
        return [math.floor(LEVELS * w / largest + 0.5) if largest > 0 else 0 for w in row.weights]

    def numbered(self, row: Weights) -> set[int]:
        """The words of `row` that show their weight in digits: the heaviest that show ink."""
        levels = self.levels(row)
        order = sorted(range(len(levels)), key=lambda i: (-row.weights[i], i))
        return {i for i in order[:NUMBERED] if levels[i]}

    def change(self, row: Weights) -> float | None:
        """How much more probable the predicted class is under `row` than in the model's answer."""
        first = self.rows[0].probs
        if row is self.rows[0] or row.probs is None or first is None:
            return None
        return row.probs[self.predicted] - first[self.predicted]


@dataclass(frozen=True)
class Gallery:
    """The chosen heatmaps, out of `of` instances that could be shown; `rule` says how chosen.

    `labels` name the classes.
    """

    heatmaps: Sequence[Heatmap]
    of: int
    rule: str
    labels: Sequence[str]


def recorded_tokens(record: Record) -> Sequence[str] | None:
    """The words that a record holds if it was made with --text."""
    tokens: Sequence[str] | None = record.get("tokens")
    return tokens


def choose(
    sources: Sequence[Source],
    split: str,
    labels: Sequence[str],
    count: int,
    tokens: Tokens = recorded_tokens,
) -> Gallery:
    """Up to `count` heatmaps of the instances in the records of one data set's `split`.

    Records are read twice and never held: once for the ranking, once for the chosen. Records of
    audits without attention are passed over. No heatmap where no record has attention and tokens.
    """
    ranking = _Ranking(tokens)
    for record in _audited(sources, split):
        ranking.add(record)
    scores, rule, run = ranking.decide()
    rows = evenly(scores, count)
    gathered = {row: _Gathered() for row in rows}
    for record in _audited(sources, split):
        if record["row"] in gathered:
            gathered[record["row"]].add(record, run, tokens)
    maps = [made for row in rows if (made := gathered[row].heatmap()) is not None]
    return Gallery(maps, len(scores), rule, labels)


def choose_recorded(paths: Sequence[Path], count: int) -> Gallery:
    """Up to `count` heatmaps of records of one data set, which hold words if made with --text.

    Raises:
        InputError: A file cannot be read, or is not one of complete records.
    """
    header, _ = read_records(paths[0])
    sources = [partial(_lines, path) for path in paths]
    return choose(sources, header.dataset.split, class_labels(header), count)


def _lines(path: Path) -> Iterable[Record]:
    return read_records(path)[1]


def class_labels(header: Header) -> list[str]:
    """The names of the classes of the model that the records are of."""
    return [str(label) for label in header.model.model_dump().get("labels") or ()]


def heading(heatmap: Heatmap, labels: Sequence[str]) -> str:
    """What the instance is called, and what the model and the data say of it."""
    gold, predicted = (printable(labels[c]) for c in (heatmap.gold, heatmap.predicted))
    probs = heatmap.rows[0].probs
    sure = "" if probs is None else f" ({probs[heatmap.predicted]:.3f})"
    return f"{printable(heatmap.id)}: predicted {predicted}{sure}, gold {gold}"


def caption(heatmap: Heatmap, row: Weights, labels: Sequence[str]) -> str:
    """What a row shows: its name, how far it lies from the attention, and what it answers."""
    parts = [row.name]
    if row.jsd is not None:
        parts.append(f"JSD {row.jsd:.3f}")
    change = heatmap.change(row)
    if change is not None and row.probs is not None:
        label = printable(labels[heatmap.predicted])
        moved = round(change, 3) + 0.0  # takes the sign off a negative zero
        parts.append(f"P({label}) {row.probs[heatmap.predicted]:.3f}, changed by {moved:+.3f}")
    return ", ".join(parts)


def evenly(scores: Mapping[int, float], count: int) -> list[int]:
    """Up to `count` keys at even steps of rank, from the least score to the largest."""
    order = sorted(scores, key=lambda row: (scores[row], row))
    if count >= len(order):
        return order
    if count <= 1:
        return [order[len(order) // 2]] if count == 1 else []
    return [order[round(k * (len(order) - 1) / (count - 1))] for k in range(count)]


def _audited(sources: Sequence[Source], split: str) -> Iterable[Record]:
    for source in sources:
        for record in source():
            if record.get("run", {}).get("split", split) == split:
                yield record


def _is_base(record: Record) -> bool:
    run = record.get("run")
    return "attention" in record and (run is None or run.get("model") == "base")


@dataclass(frozen=True)
class _Run:
    """A retrained model: an adversary of some lambda, or (lambda None) one of another seed."""

    seed: int
    strength: float | None = None

    @property
    def name(self) -> str:
        if self.strength is None:
            return f"another seed ({self.seed})"
        return f"adversary, retrained (lambda {self.strength!r})"


def _run_of(record: Record) -> _Run | None:
    run = record.get("run") or {}
    strength = run.get("lambda")
    if (strength is None and run.get("model") != "seed") or strength == 0:
        return None
    return _Run(run.get("seed", 0), strength)


@dataclass
class _Sums:
    jsd: dict[int, float] = field(default_factory=dict)
    tvd: float = 0.0

    @property
    def mean_jsd(self) -> float:
        return sum(self.jsd.values()) / len(self.jsd)

    @property
    def mean_tvd(self) -> float:
        return self.tvd / len(self.jsd)


class _Scores(Mapping[int, float]):
    """A number for some rows of a data set, at eight bytes a row."""

    def __init__(self) -> None:
        self._values = array("d")  # by row, NaN where there is none
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        return (row for row, value in enumerate(self._values) if not math.isnan(value))

    def __getitem__(self, row: int) -> float:
        value = self._values[row] if 0 <= row < len(self._values) else math.nan
        if math.isnan(value):
            raise KeyError(row)
        return value

    def put(self, row: int, value: float) -> None:
        self._values.extend([math.nan] * (row + 1 - len(self._values)))
        self._count += math.isnan(self._values[row])
        self._values[row] = value


class _Ranking:
    """What instances may be ranked by."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.largest = _Scores()  # of the rows that have words and attention
        self.instance = _Scores()  # JSD of the adversary per instance
        self.runs: dict[_Run, _Sums] = {}

    def add(self, record: Record) -> None:
        row, run = record["row"], _run_of(record)
        if _is_base(record) and self.tokens(record) is not None:
            self.largest.put(row, max(record["attention"]))
            found = (record.get("adversary") or [{}])[0]
            if found.get("weights") and found.get("jsd") is not None:
                self.instance.put(row, found["jsd"])
        if run is not None and "attention" in record and record.get("jsd") is not None:
            sums = self.runs.setdefault(run, _Sums())
            sums.jsd[row] = record["jsd"]
            sums.tvd += record.get("tvd") or 0.0

    def decide(self) -> tuple[Mapping[int, float], str, _Run | None]:
        """Scores by row, what they are, and the retrained model that is shown."""
        run = self._shown_run()
        scores: Mapping[int, float]
        if self.instance:
            scores, what = self.instance, "JSD of the adversary per instance"
        elif run is not None:
            jsd = self.runs[run].jsd
            scores, what = {r: jsd[r] for r in self.largest if r in jsd}, f"JSD of {run.name}"
        else:
            scores, what = self.largest, "their largest attention weight"
        return scores, f"at even steps of rank by {what}, from the least to the largest", run

    def _shown_run(self) -> _Run | None:
        """The adversary that moves attention most while it answers alike; else a seed's model."""
        adversaries = [run for run in self.runs if run.strength is not None]
        if not adversaries:
            return min(self.runs, key=lambda run: run.seed, default=None)
        cheap = [run for run in adversaries if self.runs[run].mean_tvd <= CHEAP]
        if cheap:
            return max(cheap, key=lambda run: self.runs[run].mean_jsd)
        return min(adversaries, key=lambda run: self.runs[run].mean_tvd)


class _Gathered:
    """What the records of one instance give for its heatmap."""

    def __init__(self) -> None:
        self.base: Record | None = None
        self.tokens: Sequence[str] | None = None
        self.others: dict[str, Weights] = {}
        self.importances: dict[str, Weights] = {}

    def add(self, record: Record, run: _Run | None, tokens: Tokens) -> None:
        if _is_base(record):
            self.base = self.base or record
            self.tokens = self.tokens or tokens(record)
            self._add_adversary(record)
            self._add_importance(record)
        elif run is not None and _run_of(record) == run and "attention" in record:
            self.others[run.name] = Weights(
                run.name, record["attention"], record.get("probs"), record.get("jsd")
            )

    def _add_adversary(self, record: Record) -> None:
        found = (record.get("adversary") or [{}])[0]
        if found.get("weights"):
            name = f"adversary, per instance (epsilon {found.get('epsilon')!r})"
            self.others[name] = Weights(
                name, found["weights"][0], found.get("said"), found.get("jsd")
            )

    def _add_importance(self, record: Record) -> None:
        for measure in _BESIDE:
            scores = record.get("importance", {}).get(measure)
            total = 0.0 if not scores or None in scores else sum(scores)
            if total > 0 and min(scores) >= 0:
                self.importances[measure] = Weights(
                    measure.replace("_", " "), [s / total for s in scores]
                )

    def heatmap(self) -> Heatmap | None:
        """The heatmap; None where the words do not go with the weights."""
        if self.base is None or self.tokens is None:
            return None
        first = Weights("attention", self.base["attention"], self.base.get("probs"))
        rows = [first, *self.others.values(), *self.importances.values()]
        if any(len(row.weights) != len(self.tokens) for row in rows):
            return None
        return Heatmap(
            str(self.base["id"]),
            self.tokens,
            self.base["gold"],
            self.base["predicted"],
            rows,
        )
