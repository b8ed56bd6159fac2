"""What was tested, as the first box of the page says it: facts of the report alone.

Where an older report lacks a fact, nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attnaudit.questions.basics import OUTSIDE_NOTE
from attnaudit.readings import READINGS
from attnaudit.records.repaired import repairs_in_words
from attnaudit.report.listing import listed
from attnaudit.report.schema import Report
from attnaudit.report.wording import Fact, facts, readings_of

_ENCODERS = {
    "bilstm": "a BiLSTM",
    "orthogonal_bilstm": "an orthogonal BiLSTM",
    "cnn": "a convolutional network",
    "average": "an encoder that sees each word by itself",
}
_UNITS = {"word": "words", "piece": "pieces of words"}
_SHOWN_HERE = ("model", "data", "instances", "site", "reading", "scores")  # in words of their own


def tested(report: Report) -> Iterator[Fact]:
    """The model and its attention, then the data, then the run; loud facts stand elsewhere."""
    yield Fact("model", report.model.name)
    yield from _model(report.model.model_extra or {})
    yield from _attention(report)
    yield from _data(report)
    yield from (f for f in facts(report) if f.name not in _SHOWN_HERE and not f.loud)
    yield from _run(report)


def loud(report: Report) -> list[Fact]:
    """What the reader must know before anything else."""
    return [fact for fact in facts(report) if fact.loud]


def _model(more: Mapping[str, Any]) -> Iterator[Fact]:
    recipe = more.get("recipe")
    parts = []
    if more.get("kind") == "transformer" and "architecture" in more:
        parts.append(f"{more['architecture']}, {_count(more.get('layers'), 'layer')}")
    elif isinstance(recipe, dict) and "encoder" in recipe:
        encoder = _ENCODERS.get(str(recipe["encoder"]), str(recipe["encoder"]))
        parts.append(f"{encoder} below one layer of {recipe.get('attention', '')} attention")
    elif more.get("kind") == "plugin":
        parts.append("the user's own model")
    if isinstance(more.get("parameters"), int):
        parts.append(f"{more['parameters']:,} parameters")
    if weights := [words for words in repairs_in_words(more) if not words.startswith("orth")]:
        parts.append(f"trained with repairs: {listed(weights)}")
    if more.get("supervised"):
        parts.append("training tells it where to attend")
    if parts:
        yield Fact("architecture", "; ".join(parts))
    if more.get("revision"):
        yield Fact("revision", str(more["revision"]))


def _attention(report: Report) -> Iterator[Fact]:
    """Which weights were audited, and how they are shown."""
    more = report.model.model_extra or {}
    layers, heads, row = (more.get(name) for name in ("layers", "heads", "row"))
    if report.model.site is not None:
        yield Fact("layer and row", report.model.site)
    elif more.get("kind") == "transformer" and layers and row:
        yield Fact("layer and row", f"layer {layers} of {layers}, the row of {row}")
    if heads:
        yield Fact("heads", f"{heads}")
    elif isinstance(more.get("recipe"), dict):
        yield Fact("heads", "1")
    shown = readings_of(report)
    if len(shown) == 1 and (heads or shown != ["mean"]):
        known = READINGS.get(shown[0])
        meaning = f": {known.definition[0].lower()}{known.definition[1:]}" if known else ""
        yield Fact("reading", f"{shown[0]}{meaning}".rstrip("."))
    unit = (report.dataset.model_extra or {}).get("unit")
    if unit in _UNITS:
        yield Fact("weights are shown for", _UNITS[str(unit)])
    outside = [note for note in report.notes if OUTSIDE_NOTE in note]
    if outside:
        yield Fact("the rest of the attention", f"{outside[0]} The tests do not change it.")


def _data(report: Report) -> Iterator[Fact]:
    data = report.dataset
    yield Fact("data", f"{data.name}, split {data.split}")
    yield Fact("texts", f"{data.instances:,}")
    labels = (report.model.model_extra or {}).get("labels")
    if isinstance(labels, list) and "classes" not in (report.model.model_extra or {}):
        yield Fact("classes", ", ".join(map(str, labels)))
    scores = [
        f"{words} {metric.value:.3f}"
        for name, words in _SCORES.items()
        if (metric := report.metrics.get(name)) is not None and metric.value is not None
    ]
    if scores:
        yield Fact("the model's answers", ", ".join(scores))


_SCORES = {
    "model.accuracy": "accuracy",
    "model.majority_accuracy": "always the most common class",
    "model.auroc": "AUROC",
}


def _run(report: Report) -> Iterator[Fact]:
    made = report.manifest
    packages = [f"{name} {made.packages[name]}" for name in _PACKAGES if name in made.packages]
    yield Fact("date", made.started[:10])
    yield Fact("versions", listed([f"attnaudit {made.attnaudit}", *packages]))
    digests = {"model": report.model.sha256, "data": report.dataset.sha256}
    known = [f"{name} {digest[:12]}" for name, digest in digests.items() if digest is not None]
    if known:
        yield Fact("SHA-256", ", ".join(known))


_PACKAGES = ("torch", "transformers")


def _count(n: object, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
