"""What a data set holds, split by split: counts, lengths, vocabulary, and leaks from train."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from attnaudit.data.cutting import Cut
from attnaudit.data.dataset import REASONS, Dataset
from attnaudit.data.instance import Instance
from attnaudit.data.loading import ALL, load_dataset, splits_of
from attnaudit.data.names import OneLabel
from attnaudit.data.opening import header_of
from attnaudit.data.reader import described
from attnaudit.data.settings import TEXT_FIRST
from attnaudit.data.several import has_several, labels_of
from attnaudit.data.shares import EXAMPLE
from attnaudit.data.spec import DatasetSpec
from attnaudit.data.split_names import SPLITS
from attnaudit.data.written import spec_text
from attnaudit.measures.columns import Column
from attnaudit.measures.summary import Cell, Table


@dataclass(frozen=True)
class Lengths:
    """Tokens a text, among the usable rows; each is the length of some text.

    At least half (95 %) of the texts are no longer than `median` (`p95`).
    """

    smallest: int
    median: int
    p95: int
    largest: int


@dataclass(frozen=True)
class SplitReport:
    """What one split holds.

    `rows` counts those read, `usable` those kept, `labels` the kept ones by label, `skipped` the
    others by reason. `with_query`, `with_rationale`, `with_group` and `with_impermissible` are
    shares of the usable rows, in [0, 1]. `vocabulary` counts distinct tokens. Set against train
    (None for train itself, and where there is none): `unseen_types` and `unseen_tokens` are the
    shares of distinct and of running tokens that train does not have, in [0, 1], and `leaked`
    counts rows whose text (with its query) also occurs in train; the fewer the better. `order` says
    which side of a pair comes first for a model that reads both as one sequence; None without
    pairs. `also` counts rows whose text also occurs in each split before, and `cut` says how the
    splits came about, if not by the data themselves. `unlabelled` counts the texts without a label
    where texts may have several; None elsewhere.
    """

    split: str
    path: Path
    rows: int
    usable: int
    labels: dict[str, int]
    lengths: Lengths
    skipped: dict[str, int]
    truncated: int
    with_query: float
    with_rationale: float
    with_group: float
    vocabulary: int
    unseen_types: float | None
    unseen_tokens: float | None
    leaked: int | None
    order: str | None = None
    also: dict[str, int] = field(default_factory=dict)
    cut: Cut | None = None
    unlabelled: int | None = None
    with_impermissible: float = 0.0


def check_dataset(spec: DatasetSpec) -> list[SplitReport]:
    """What every split of a data set holds, as it would be read for training and audits.

    Without labels in the spec, those of the first split must do for all. Where texts may have
    several labels, those that have each are counted.

    Raises:
        InputError: the first mistake in any file.
    """
    reports: list[SplitReport] = []
    splits = splits_of(spec)
    spec, several = _as_read(spec, spec.path(splits[0]))
    labels = spec.labels
    seen: dict[str, _Seen] = {}
    for split in splits:
        data = load_dataset(spec, split, labels=labels)
        labels = data.labels
        reports.append(_report(data, seen, several))
        if split in SPLITS:
            seen[split] = _Seen(data)
    return reports


def _as_read(spec: DatasetSpec, path: Path) -> tuple[DatasetSpec, Sequence[str]]:
    """The data as they can be read, and the labels of which a text may have several, if so."""
    if not has_several(spec, path):
        return spec, ()
    labels = labels_of(spec, path)
    return spec.about(OneLabel(labels[0], labels[0], labels)), labels


def remarks(spec: DatasetSpec, reports: Sequence[SplitReport]) -> list[str]:
    """What a user should know of how the files were read, or may want to do about it.

    Raises InputError for a file that cannot be read.
    """
    said = []
    if cut := reports[0].cut:
        said.append(f"{reports[0].path} is {cut.words}")
    elif [r.split for r in reports] == [ALL]:
        ways = (
            f"; to train on this file, write `split: {EXAMPLE}` in its spec, or give --split"
            f" {EXAMPLE}"
            if reports[0].unlabelled is None
            else ""  # no model is trained on texts of several labels
        )
        said.append("the rows name no split, so there is one, `all`" + ways)
    for path in dict.fromkeys(report.path for report in reports):
        if found := described(path, header_of(spec)):
            said.append(f"{path}: {found}")
    if spec.left_out:
        said.append(f"splits that are left out: {', '.join(spec.left_out)}")
    return said


def spec_read(spec: DatasetSpec, reports: Sequence[SplitReport], folder: Path) -> str:
    """The spec by which the data were read, as a YAML file in `folder` would have it."""
    shares = {
        "query": [r.with_query for r in reports],
        "rationale": [r.with_rationale for r in reports],
        "impermissible": [r.with_impermissible for r in reports],
        "group": [r.with_group for r in reports],
    }
    there = [role for role, found in shares.items() if any(found)]
    return spec_text(spec, list(reports[0].labels), [r.split for r in reports], folder, there)


def to_tables(reports: Sequence[SplitReport], remarks: Sequence[str] = ()) -> list[Table]:
    """The reports as two tables with a column a split: what there is, and rows by label.

    `remarks` stand below the first.
    """
    columns = [report.split for report in reports]
    skipped: list[tuple[str, list[Cell]]] = [
        (f"skipped: {name}", [r.skipped.get(name, 0) for r in reports])
        for name in REASONS
        if any(name in r.skipped for r in reports)
    ]
    pairs: list[tuple[str, list[Cell]]] = []
    if any(r.order for r in reports):
        pairs = [("first side of a pair", [r.order for r in reports])]
    barred: list[tuple[str, list[Cell]]] = []
    if any(r.with_impermissible for r in reports):
        barred = [("share with impermissible", [r.with_impermissible for r in reports])]
    measures: list[tuple[str, list[Cell]]] = [
        ("rows", [r.rows for r in reports]),
        ("usable rows", [r.usable for r in reports]),
        *skipped,
        ("truncated", [r.truncated for r in reports]),
        ("tokens, smallest", [r.lengths.smallest for r in reports]),
        ("tokens, median", [r.lengths.median for r in reports]),
        ("tokens, 95th percentile", [r.lengths.p95 for r in reports]),
        ("tokens, largest", [r.lengths.largest for r in reports]),
        ("share with query", [r.with_query for r in reports]),
        *pairs,
        ("share with rationale", [r.with_rationale for r in reports]),
        *barred,
        ("share with group", [r.with_group for r in reports]),
        ("vocabulary", [r.vocabulary for r in reports]),
        ("different words not in train", [r.unseen_types for r in reports]),
        ("tokens not in train", [r.unseen_tokens for r in reports]),
        ("texts also in train", [r.leaked for r in reports]),
    ]
    if any("dev" in r.also for r in reports):
        measures.append(("texts also in dev", [r.also.get("dev") for r in reports]))
    notes = [
        *remarks,
        *(
            f"texts of {r.split} that also occur in {other}: {count}. They make the model's"
            " scores look better than they are"
            for r in reports
            for other, count in r.also.items()
            if count
        ),
    ]
    if any(r.order and "not given" in r.order for r in reports):
        notes.append(
            "the spec gives no `order`, so transformers read a pair as [text, query]. If the "
            "model was trained the other way round, as models for question answering and "
            "rerankers are, write `order: [query, text]` in the spec"
        )
    names = list(dict.fromkeys(name for report in reports for name in report.labels))
    by_label: list[tuple[str, list[Cell]]] = [
        (name, [report.labels.get(name, 0) for report in reports]) for name in names
    ]
    on_labels = []
    if any(r.unlabelled is not None for r in reports):
        by_label.append(("(no label)", [r.unlabelled for r in reports]))
        on_labels = [
            "a text may have several labels. `audit` and the single tests ask about one at a time,"
            " as a yes or no: --label NAME"
        ]
    return [
        Table("Data", ("", *columns), [(name, *cells) for name, cells in measures], notes),
        Table(
            "Usable rows by label",
            ("label", *columns),
            [(name, *cells) for name, cells in by_label],
            on_labels,
        ),
    ]


class _Seen:
    """The tokens that a split holds, and what tells its texts apart."""

    def __init__(self, data: Dataset) -> None:
        self.tokens: set[str] = set()
        self.texts: set[bytes] = set()
        for instance in data.instances:
            self.tokens.update(instance.tokens)
            self.texts.add(_digest(instance))


def _digest(instance: Instance) -> bytes:
    """128 bits that no two texts, with their queries, will have in common."""
    text = json.dumps((instance.tokens, instance.query)).encode("ascii")
    return hashlib.blake2b(text, digest_size=16).digest()


def _report(data: Dataset, seen: Mapping[str, _Seen], several: Sequence[str] = ()) -> SplitReport:
    train = seen.get("train")
    counts: Counter[str] = Counter()
    by_label: Counter[int] = Counter()
    lengths = Column(np.int64)
    with_query = with_rationale = with_group = with_impermissible = 0
    also = dict.fromkeys(seen, 0)
    for instance in data.instances:
        counts.update(instance.tokens)
        by_label[instance.label] += 1
        lengths.add(len(instance.tokens))
        with_query += instance.query is not None
        with_rationale += instance.rationale is not None
        with_group += instance.group is not None
        with_impermissible += instance.impermissible is not None
        if seen:
            digest = _digest(instance)
            for split, earlier in seen.items():
                also[split] += digest in earlier.texts
    n = len(data.instances)
    smallest, median, p95, largest = np.percentile(
        lengths.array(), [0, 50, 95, 100], method="inverted_cdf"
    ).tolist()
    unseen = [] if train is None else [token for token in counts if token not in train.tokens]
    return SplitReport(
        split=data.split,
        path=data.path,
        rows=n + sum(data.skipped.values()),
        usable=n,
        labels={name: data.having.get(name, 0) for name in several}
        or {name: by_label[i] for i, name in enumerate(data.labels)},
        lengths=Lengths(smallest, median, p95, largest),
        skipped=data.skipped,
        truncated=data.truncated,
        with_query=with_query / n,
        with_rationale=with_rationale / n,
        with_group=with_group / n,
        vocabulary=len(counts),
        unseen_types=None if train is None else len(unseen) / len(counts),
        unseen_tokens=None if train is None else sum(counts[t] for t in unseen) / counts.total(),
        leaked=also.get("train"),
        order=_first_side(data) if with_query else None,
        also=also,
        cut=data.cut,
        unlabelled=data.unlabelled if several else None,
        with_impermissible=with_impermissible / n,
    )


def _first_side(data: Dataset) -> str:
    return (data.order or TEXT_FIRST)[0] + (" (not given)" if data.order is None else "")
