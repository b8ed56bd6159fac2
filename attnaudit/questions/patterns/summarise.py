"""What the records of `patterns` say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from attnaudit.measures.columns import Frame
from attnaudit.measures.summary import Summary
from attnaudit.questions.patterns.gathered import Gathered
from attnaudit.questions.patterns.guides import GUIDES, INFLUENCE, KEPT, LEVELS
from attnaudit.questions.patterns.metrics import SPECS
from attnaudit.questions.patterns.settings import PatternsSettings
from attnaudit.questions.patterns.tables import (
    CHECKS,
    KEPT_TABLE,
    LAYERS,
    SHARES,
    TEXT,
    checks_of,
    kept_of,
    layers_of,
    shares_of,
    text_of,
)
from attnaudit.records.metric import range_of

ALL_LONG = "all texts have more tokens than --longest"
ONE_LAYER = "the model has one layer, so that a pattern has no position to choose"
NO_INFLUENCE = "no word has any influence"
CONSERVED = 1e-5  # the authors' test: 5 decimals


def summarise(
    records: Iterable[Mapping[str, Any]], settings: PatternsSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    found = Gathered(records)
    basics = found.basics
    sample = basics.sample()
    columns = _columns(found)
    metrics = {
        **basics.model_scores(),
        **sample.means(columns, partial(range_of, SPECS)),
    }
    for name, one in metrics.items():
        if name.startswith("patterns.") and one.value is None:
            metrics[name] = replace(one, reason=_reason(found, name))
    tables = {SHARES: shares_of(found, sample), KEPT_TABLE: kept_of(found, sample)}
    if found.shown is not None:
        tables |= {
            LAYERS: layers_of(found),
            CHECKS: checks_of(found),
            TEXT: text_of(found.shown, labels),
        }
    notes = [*basics.notes(), *_notes(found, settings)]
    return Summary(metrics, tables, notes, columns=basics.columns(columns))


def _columns(found: Gathered) -> Frame:
    """What the metrics are means of."""
    figures, ablated = found.figures, found.ablated
    columns = {
        **{
            f"patterns.share.{name}.{level}": figures[f"share.{name}.{level}"]
            for name in GUIDES
            for level in LEVELS
        },
        **{
            f"patterns.overlap.{name}": figures[f"overlap.{name}"]
            for name in GUIDES
            if name != INFLUENCE
        },
        "patterns.past.mean": figures["past"],
        **{
            f"patterns.ablation.{name}.{level}.{one}": ablated[f"{name}.{level}.{one}"]
            for name in KEPT
            for level in LEVELS
            for one in ("tvd", "flips")
        },
        "patterns.conservation.mean": figures["gap"],
        "patterns.pairs.mean": figures["pairs"],
        "patterns.completeness.mean": figures["completeness"],
    }
    frame = Frame()
    frame.extend(columns, found.texts)
    return frame


def _reason(found: Gathered, name: str) -> str:
    """Why a figure has no value."""
    if found.shown is None:
        return ALL_LONG
    return ONE_LAYER if name.startswith("patterns.overlap.") else NO_INFLUENCE


def _notes(found: Gathered, settings: PatternsSettings) -> Iterator[str]:
    yield (
        "Influence is on the log-odds of the predicted class against all others: with two classes,"
        " its logit minus the other one. It is measured on the way from a text with"
        f" {_BASELINES[settings.placeholder]} in place of its words, at {settings.steps}"
        " points."
    )
    if found.long:
        yield (
            f"{found.long:,} of {found.texts:,} texts have more than {settings.longest} tokens, and"
            " are left out: time and memory grow with the square of the length (--longest)."
        )
    gaps = np.concatenate([found.figures[name] for name in ("gap", "pairs")])
    largest = float(np.nanmax(gaps)) if found.shown is not None else 0.0
    if largest > CONSERVED:
        yield (
            f"Conservation holds to {largest:.1g} only, and not to 5 decimals. Where the influences"
            " themselves are large, that is the rounding of float32; else the model mixes positions"
            " outside its attention, and the patterns leave out what goes that way."
        )


_BASELINES = {
    "auto": "mask tokens, tokens for unknown words or zeros",
    "mask": "mask tokens",
    "unknown": "tokens for unknown words",
    "zeros": "zeros",
}
