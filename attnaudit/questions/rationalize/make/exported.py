"""Rationales as predictions of ERASER, for its evaluation and for other tools.

DeYoung et al. 2020, section 4, and the benchmark's description of predictions. A line is a text
that is audited. It has the `annotation_id`, and `rationales`. These hold the document, `docid`, the
spans of tokens that were chosen (`hard_rationale_predictions`; the end does not belong to a span)
and a score for each token (`soft_rationale_predictions`). It also has what the first predictor
answers: `classification` and `classification_scores`. Tokens are what stands between spaces. A
token is chosen if one of its words is. It has the largest score of its words, or 0 where it has no
word, as behind the place where a text was cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.data.spaced import Spaced
from attnaudit.execution.files import atomic, output_errors
from attnaudit.questions.maker import Record
from attnaudit.questions.rationalize.kinds import kind_named
from attnaudit.questions.runs import BASE_RUN, kind_of

Answers = Mapping[int, Sequence[float]]  # the probabilities of each class, by row


def export(
    folder: Path,
    by: Sequence[str],
    split: str,
    labels: Sequence[str],
    records: Iterable[Record],
    texts: Iterable[Spaced],
) -> None:
    """Write a file for each score in `by` into `folder`: the rationales of a `split`.

    `records` are those of the question, and `texts` the words of each text of the split. Raises
    OutputError where nothing can be written.
    """
    support, answers = _gathered(records, by, split)
    words = {text.row: text for text in texts}
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name in by:
        with atomic(folder / f"{name}.jsonl", "w") as stream:
            for row in sorted(support):
                line = prediction(support[row], name, words[row], labels, answers[name].get(row))
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def prediction(
    record: Record,
    name: str,
    text: Spaced,
    labels: Sequence[str],
    probs: Sequence[float] | None,
) -> dict[str, Any]:
    """The line of a text whose support model has the `record`; `probs` is what a predictor says."""
    told, start = record["rationales"][name], record.get("reach", (0, 0))[0]
    scores, chosen = told["scores"] or [0.0] * record["words"], set(told["chosen"])
    hard = np.zeros(text.count, bool)
    soft = np.zeros(text.count)
    for word, score in enumerate(scores, start):
        touched = slice(int(text.first[word]), int(text.stop[word]))
        soft[touched] = np.maximum(soft[touched], score)
        if word - start in chosen:
            hard[touched] = True
    made: dict[str, Any] = {
        "annotation_id": text.id,
        "rationales": [
            {
                "docid": text.group or text.id,
                "hard_rationale_predictions": [
                    {"start_token": first, "end_token": end} for first, end in _spans(hard)
                ],
                "soft_rationale_predictions": soft.tolist(),
            }
        ],
    }
    if probs is not None:
        made["classification"] = labels[int(np.argmax(probs))]
        made["classification_scores"] = dict(zip(labels, probs, strict=True))
    return made


def _spans(hard: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(hard, prepend=False, append=False)).reshape(-1, 2)
    yield from map(tuple, edges.tolist())


def _gathered(
    records: Iterable[Record], by: Sequence[str], split: str
) -> tuple[dict[int, Record], dict[str, Answers]]:
    """The support model's records by row, and what the first predictor of each score answers."""
    kinds = {kind_named(name): name for name in by}
    support: dict[int, Record] = {}
    first: dict[str, tuple[int, dict[int, Sequence[float]]]] = {}
    for record in records:
        run = record["run"]
        if run["split"] != split or "diverged" in record:
            continue
        if run.get("model") == BASE_RUN["model"]:
            support[record["row"]] = record
            continue
        name = kinds.get(kind_of(**{k: v for k, v in run.items() if k not in ("seed", "split")}))
        if name is None:
            continue
        seed, answers = first.setdefault(name, (run["seed"], {}))
        if run["seed"] < seed:
            seed, answers = first[name] = (run["seed"], {})
        if run["seed"] == seed:
            answers[record["row"]] = record["probs"]
    return support, {name: first.get(name, (0, {}))[1] for name in by}
