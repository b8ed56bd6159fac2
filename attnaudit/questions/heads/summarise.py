"""What the records of `heads` say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from attnaudit.measures.columns import Frame
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.questions.heads.gathered import LAYERED, PATTERNS, Gathered
from attnaudit.questions.heads.metrics import KNOCKED, SPECS
from attnaudit.questions.heads.pruning import NO_DEV, curves_of, pruning_metrics, pruning_table
from attnaudit.questions.heads.settings import HeadsSettings
from attnaudit.questions.heads.tables import (
    ABLATION,
    DEPTH,
    KNOCKOUT,
    MAPS,
    ablation_of,
    depth_of,
    knockout_of,
    patterns_of,
)
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.records.metric import range_of

# Why a figure may have no value.
_REASONS = {
    "heads.knockout.special": "no text has special tokens",
    "heads.knockout.words": "no text holds a word that --knock-out names",
}


def summarise(
    records: Iterable[Mapping[str, Any]], settings: HeadsSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    found = Gathered(records)
    basics = found.basics
    classes, sample = basics.probs.shape[1], basics.sample()
    score = ScoreOfSeeds(basics.gold, classes, sample)
    columns = _columns(found, settings)
    ablation, needed = ablation_of(found, score, sample)
    curves = curves_of(found, score, settings.steps)
    metrics = {
        **basics.model_scores(),
        **sample.means(columns, partial(range_of, SPECS)),
        "heads.ablation.needed": Estimate(needed, n=found.texts),
        **pruning_metrics(curves),
    }
    for name, reason in _REASONS.items():
        if name in metrics and metrics[name].value is None:
            metrics[name] = replace(metrics[name], reason=reason)
    tables = {
        ABLATION: ablation,
        **pruning_table(curves),
        MAPS: patterns_of(found),
        DEPTH: depth_of(found, sample),
        KNOCKOUT: knockout_of(found, sample),
    }
    layers, heads = found.shape
    notes = [*basics.notes(), f"The model has {layers} layers of {heads} heads."]
    if curves is None:
        notes.append(f"There is no pruning curve: {NO_DEV}.")
    else:
        notes.append(
            f"Orders of heads were chosen on {found.on_dev.texts:,} dev texts, and are scored on"
            f" {found.texts:,} other texts."
        )
    return Summary(metrics, tables, notes, columns=basics.columns(columns))


def _columns(found: Gathered, settings: HeadsSettings) -> Frame:
    """What the metrics that are means over texts are means of, as far as they were asked for."""
    patterns, depth = found.patterns.mean(2), found.depth[:, :, -2]  # where the last layer reads
    flips = found.classes != found.basics.predicted[:, None]
    frame = Frame()
    columns = {
        "heads.ablation.tvd.mean": found.moved.mean(1),
        "heads.ablation.flips.mean": flips.mean(1),
        **{f"heads.{name}.mean": patterns[:, k] for k, name in enumerate(PATTERNS)},
        **{
            f"heads.{'own' if k > 1 else 'identifiable'}.{name}": depth[:, k]
            for k, name in enumerate(LAYERED[: 4 if settings.draws else 2])
        },
        **{
            f"heads.knockout.{name}": found.knocked[f"tvd.{name}"]
            for name in KNOCKED
            if settings.words or name != "words"
        },
    }
    frame.extend(columns, found.texts)
    return frame
