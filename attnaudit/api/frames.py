"""Figures of each text as pandas frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnaudit.errors import InputError
from attnaudit.records.metric import MetricSpec

if TYPE_CHECKING:
    import pandas as pd

    from attnaudit.report.rebuild import Part

    Sources = Sequence[tuple[Part, Path]]

_COMMON = {
    "id": "The id of the text in the data.",
    "split": "The split that the text is from.",
    "group": "The group that the text belongs to, if the data say so.",
    "gold": "The correct class, from the data.",
    "predicted": "The class that the model predicts.",
    "right": "Whether the predicted class is the correct one.",
    "words": "The number of words that attention is shown for.",
    "outside": "The share of the attention that lies outside these words, 0 to 1.",
    "attention": "One weight for each word; they add up to 1, except for rounding. None where "
    "the reading is undefined for the text.",
    "tokens": "The words, if the records were made with --text.",
    "jsd": "How far the attention is from the audited model's (JSD), in nats, 0 to 0.693.",
    "tvd": "How far the answer is from the audited model's (TVD), 0 to 1.",
}
_SCALARS = ("group", "gold", "predicted", "words", "outside")
_PER_MODEL = ("jsd", "tvd")


def read_records(*paths: str | Path, lists: bool = False, runs: bool = False) -> pd.DataFrame:
    """The records in some files as a pandas frame, with one row for each text.

    The index is the id of the text. The columns are as follows, if the records contain them:

    * `group`, `gold`, `predicted`, `right`, `words`, `outside`, and `p.LABEL`, the probability of
      each class;
    * for each metric that is a mean over texts, what it is a mean of, under the name of the metric
      without `.mean` at its end: `correlate.gradient.tau` is Kendall's tau of a text, whose mean is
      `correlate.gradient.tau.mean`; `permute.tvd` is the median TVD of a text under shuffled
      weights, and `adversary.instance.jsd` the JSD that weights found for it reach. A figure that
      is undefined for a text is NaN. `attnaudit explain NAME` says what a metric is;
    * with `lists`: `attention`, `tokens` (of records with text) and `importance.NAME`, each a list
      with one entry for each word.

    `frame.attrs["columns"]` says in a sentence what each column is.

    With `runs` there is instead one row for each trained model and text. `run.KEY` names the model
    (seed, lambda, guide, ...), `split` names the split, and `jsd` and `tvd` say how far the model
    is from the audited one.

    Raises InputError if pandas is not installed, if a file contains no records, or if the files
    belong to several models or data sets.
    """
    from attnaudit.report.combine import check_alike
    from attnaudit.report.rebuild import is_records, load

    if not paths:
        raise InputError("read_records needs at least one file of records")
    loaded = []
    for path in map(Path, paths):
        if not is_records(path):
            raise InputError(
                "contains no records",
                where=path,
                hint="give files that --records wrote; read_report reads reports",
            )
        loaded += [(path, part) for part in load(path)]
    check_alike(loaded)
    return frame_of([(part, path) for path, part in loaded], lists=lists, runs=runs)


def frame_of(sources: Sources, *, lists: bool = False, runs: bool = False) -> pd.DataFrame:
    """The frame of `read_records`, of parts of one report with the files of their records."""
    try:
        import pandas as pd
    except ImportError:
        raise InputError(
            "frames need pandas, which is not installed", hint='pip install "attnaudit[pandas]"'
        ) from None
    if runs:
        rows = [row for part, path in sources for row in _of_runs(part, path, lists)]
        frame = pd.DataFrame(rows)
        if not rows:
            raise InputError(
                "these records contain no trained models",
                hint="seed-baseline, model-adversary and probe train models",
            )
        frame = frame.set_index("id")
    else:
        columns: dict[str, dict[str, Any]] = {}
        for part, path in sources:
            for name, values in _of_texts(part, path, lists).items():
                columns.setdefault(name, values)
        frame = pd.DataFrame({name: pd.Series(values) for name, values in columns.items()})
        frame.index.name = "id"
    frame.attrs["columns"] = {name: _says(str(name)) for name in frame.columns}
    return frame


def _of_texts(part: Part, path: Path, lists: bool) -> dict[str, dict[str, Any]]:
    """The columns that a part has of the audited model, each from id to value."""
    assert part.header is not None
    columns: dict[str, dict[str, Any]] = {}
    split = part.header.dataset.split
    for record in _records(path, part.header.audit):
        run = record.get("run")
        if run is None or (run.get("model") == "base" and run.get("split") == split):
            for name, value in _row(record, part, lists).items():
                columns.setdefault(name, {})[record["id"]] = value
    found = part.columns
    if found is not None:
        ids = list(found.ids)
        for metric in found.values:
            if metric != "model.accuracy":  # which is `right`
                columns[_column(metric)] = dict(
                    zip(ids, map(float, found.values[metric]), strict=True)
                )
    return columns


def _of_runs(part: Part, path: Path, lists: bool) -> Iterator[dict[str, Any]]:
    """A row for each record of a trained model."""
    assert part.header is not None
    for record in _records(path, part.header.audit):
        run = record.get("run")
        if run is None or run.get("model") == "base" or "probs" not in record:
            continue
        named = {f"run.{key}": value for key, value in run.items() if key != "split"}
        own = {key: record[key] for key in _PER_MODEL if key in record}
        asked = {"question": part.header.audit, "split": run.get("split")}
        yield {"id": record["id"], **asked, **named, **_row(record, part, lists), **own}


def _row(record: Mapping[str, Any], part: Part, lists: bool) -> dict[str, Any]:
    from attnaudit.report.rebuild import labels_of

    assert part.header is not None
    labels = labels_of(part.header)
    row: dict[str, Any] = {key: record[key] for key in _SCALARS if key in record}
    row["right"] = row["gold"] == row["predicted"]
    row |= {key: labels[row[key]] for key in ("gold", "predicted")}
    row |= {f"p.{label}": p for label, p in zip(labels, record["probs"], strict=True)}
    if lists:
        row |= {key: record[key] for key in ("attention", "tokens") if key in record}
        scores = record.get("importance", {})
        row |= {f"importance.{name}": found for name, found in scores.items()}
    return row


def _records(path: Path, audit: str) -> Iterable[Mapping[str, Any]]:
    """The records of one question in a file, checked."""
    from attnaudit.questions.opening import open_records
    from attnaudit.records.older import question_of

    file = open_records(path)
    return (one for one in file if question_of(file.header.audit, one) == audit)


def _column(metric: str) -> str:
    return metric.removesuffix(".mean")


def _says(column: str) -> str:
    """What a column is, in a sentence."""
    from attnaudit.report.registry import find

    if column in _COMMON:
        return _COMMON[column]
    kind, _, name = column.partition(".")
    if kind == "p":
        return f"The probability that the model gives the class {name}, 0 to 1."
    if kind == "importance":
        return f"The importance {name} of each word."
    if kind == "run":
        return f"The {name} of the trained model."
    spec: MetricSpec | None = None
    metric = next((m for m in (f"{column}.mean", column) if (spec := find(m))), column)
    if spec is None:
        return "The question that trained the model."
    said = spec.definition.format_map(spec.values(metric) or {})
    return f"Its mean is the metric {metric}. {said}"
