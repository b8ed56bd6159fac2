"""What the records of `identify` say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from attnaudit.measures.columns import Frame
from attnaudit.measures.summary import Estimate, Summary
from attnaudit.questions.identify.gathered import READ, Gathered
from attnaudit.questions.identify.metrics import INTERVALS, OTHERS, SPECS
from attnaudit.questions.identify.settings import IdentifySettings
from attnaudit.questions.identify.tables import answers_of, heads_of, lengths_of
from attnaudit.records.metric import range_of

NO_KEYS = "not available: this model does not show keys and a query that its weights come from"
NO_MAP = "not available: this model shows no linear map behind its heads"
NONE_SHORT = "all texts have more tokens than --longest"
NONE_FOUND = "no other weights were found"
NOT_STILL = 1e-3  # a mean TVD above it says that answers read the weights in another way


def summarise(
    records: Iterable[Mapping[str, Any]], settings: IdentifySettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    found = Gathered(records)
    basics = found.basics
    sample = basics.sample()
    columns = _columns(found, settings)
    metrics = {
        **basics.model_scores(),
        **sample.means(columns, partial(range_of, SPECS)),
    }
    for name, reason in _reasons(found).items():
        if name in metrics and metrics[name].value is None:
            metrics[name] = replace(metrics[name], reason=reason)
    tables = {
        "identify.lengths": lengths_of(found, settings),
        "identify.heads": heads_of(found, settings),
        "identify.answers": answers_of(found, sample),
    }
    notes = [*basics.notes(), *_notes(found, settings, metrics)]
    return Summary(metrics, tables, notes, columns=basics.columns(columns))


def _columns(found: Gathered, settings: IdentifySettings) -> Frame:
    """What the metrics are means of; those of options that were not given are left out."""
    free = found.by_head(settings.kept) == 0
    tvd, flips = (np.stack([found.read[f"{what}.{n}"] for n in READ]) for what in ("tvd", "flips"))
    columns = {
        **{f"identify.freedom.{n}.mean": found.mean(n) for n in ("values", "output", "producible")},
        "identify.unique.detached": found.share(free, settings.kept),
        "identify.unique.producible": found.share(found.by_head("producible") == 0, "producible"),
        "identify.identified.mean": found.mean("fixed"),
        "identify.least_norm.jsd.mean": found.mean("jsd"),
        "identify.answers.tvd.mean": np.nanmax(tvd, axis=0),
        "identify.answers.flips": np.nanmax(flips, axis=0),
    }
    if settings.intervals:
        names = ("necessary", "dispensable", "width", "support")
        columns |= {f"identify.{name}.mean": found.mean(name) for name in names}
    if settings.starts:
        columns |= {
            "identify.others.share": found.share(found.by_head("found") > 0, "found"),
            "identify.others.jsd.mean": found.mean("elsewhere"),
            "identify.others.unsolved": found.mean("unsolved") / settings.starts,
        }
    frame = Frame()
    frame.extend(columns, found.texts)
    return frame


def _reasons(found: Gathered) -> Mapping[str, str]:
    """Why a figure may have no value."""
    return {
        "identify.freedom.output.mean": NO_MAP,
        "identify.freedom.producible.mean": NO_KEYS,
        "identify.unique.producible": NO_KEYS,
        **{spec.pattern: NONE_SHORT for spec in INTERVALS},
        **{spec.pattern: NONE_FOUND if found.starts else NO_KEYS for spec in OTHERS},
    }


def _notes(
    found: Gathered, settings: IdentifySettings, metrics: Mapping[str, Estimate]
) -> Iterator[str]:
    yield (
        f"Singular values up to {settings.tolerance:g} times the largest one count as 0."
        if settings.tolerance
        else "Singular values up to the larger side of a matrix, times the precision in which the"
        " model computes, times the largest one count as 0. All else is in float64."
    )
    if metrics["identify.freedom.producible.mean"].value is None:
        yield "Weights that a query makes: " + NO_KEYS + "."
    values, output = found.by_head("values"), found.by_head("output")
    if lost := int((output > values).any(0).sum()):
        yield (
            f"The linear map behind {lost} of {found.heads} heads loses directions: it leaves more"
            " weights possible than the average of the values does."
        )
    if settings.intervals and (long := int((found.positions > settings.longest).sum())):
        yield (
            f"{long:,} of {found.texts:,} texts have more than {settings.longest} tokens, and are"
            " left out of the intervals: these take up to two linear programs for each token and"
            " head, which grow with the text (--longest)."
        )
    if found.failed:
        yield f"{found.failed:,} ends of intervals are unknown: their linear programs failed."
    if (metrics["identify.answers.tvd.mean"].value or 0.0) > NOT_STILL:
        yield (
            "Weights that leave what the heads give as it is move the answers of this model. So"
            " its answers read the weights in another way, too, and freedom says nothing of them."
        )
