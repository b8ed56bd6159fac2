"""The section of a Hugging Face model card that says what an audit found.

It is Markdown below YAML metadata, as `huggingface_hub.ModelCard` reads a card. The metadata are a
`model-index`: the model's scores and the figures of the evidence, as evaluation results by the
specification of the hub (hub-docs, modelcard.md). To a card that exists already, add the section by
hand, and the results with `huggingface_hub.metadata_update`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from attnaudit.errors import printable
from attnaudit.questions import all_questions
from attnaudit.report.markdown import heart
from attnaudit.report.schema import Metric, Report
from attnaudit.yaml_writer import written

TITLE = "## May the attention of this model be shown as an explanation?"
# What the hub calls the scores of a classifier, and what readers do.
_SCORES = {
    "model.accuracy": ("accuracy", "Accuracy"),
    "model.f1": ("f1", "F1"),
    "model.auroc": ("roc_auc", "AUROC"),
}


def model_card(report: Report) -> str:
    """The metadata and the section, as one file."""
    metadata = written(_index(report), sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{metadata}---\n\n" + "\n\n".join(_section(report)) + "\n"


def _section(report: Report) -> Iterator[str]:
    made = report.manifest
    yield TITLE
    yield (
        "This section weighs evidence. It certifies nothing. It is only about this model, "
        "these data and this split."
    )
    yield from heart(report)
    digest = "not known" if report.model.sha256 is None else report.model.sha256[:12]
    day = (made.finished or made.started)[:10]
    yield (
        f"Made by attnaudit {_plain(made.attnaudit)} on {_plain(day)}; sha256 of the model:"
        f" {_plain(digest)}."
    )


def _index(report: Report) -> dict[str, Any]:
    """The evaluation results as the hub has them."""
    data = report.dataset
    name = printable(data.name)
    slug = re.sub(r"[^\w.-]+", "-", PurePath(name).stem).strip("-.") or "data"
    dataset = {"type": slug, "name": name, "split": printable(data.split)}
    if data.sha256 is not None:
        dataset["revision"] = data.sha256
    metrics = [
        {"type": kind, "value": round(metric.value, 6), "name": shown}
        for kind, shown, metric in _results(report)
        if metric.value is not None
    ]
    result = {
        "task": {"type": "text-classification", "name": "Text Classification"},
        "dataset": dataset,
        "metrics": metrics,
    }
    results = [result] if metrics else []
    return {"model-index": [{"name": printable(report.model.name), "results": results}]}


def _results(report: Report) -> Iterator[tuple[str, str, Metric]]:
    """What each result is called in the metadata, its name for readers, and the figure."""
    for name, (kind, shown) in _SCORES.items():
        if name in report.metrics:
            yield kind, shown, report.metrics[name]
    for question in all_questions():
        for row in question.evidence:
            if row.metric in report.metrics:
                yield f"attnaudit.{row.metric}", row.figure, report.metrics[row.metric]


def _plain(text: str) -> str:
    """What a manifest says of itself, where it says what it should."""
    return re.sub(r"[^\w. -]", "", text)
