"""What the records of `erase` say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.importance.choice import note_on
from attnaudit.measures.columns import Frame, joined, parts
from attnaudit.measures.summary import Summary
from attnaudit.questions.attributions import Origins
from attnaudit.questions.basics import Basics
from attnaudit.questions.erase.deletion_tables import (
    deletion_columns,
    deletion_figures,
    deletion_tables,
)
from attnaudit.questions.erase.flip_curve import NAME, FlipCurve
from attnaudit.questions.erase.flip_tables import flip_columns, flip_table
from attnaudit.questions.erase.metrics import SPECS
from attnaudit.questions.erase.plausibility_tables import plausibility_columns, plausibility_table
from attnaudit.questions.erase.rightness import NAME as RIGHTNESS
from attnaudit.questions.erase.rightness import marked_columns, rightness
from attnaudit.questions.erase.settings import EraseSettings
from attnaudit.questions.erase.single_tables import (
    single_columns,
    single_gaps,
    single_statistics,
    single_tables,
)
from attnaudit.questions.erase.support_tables import (
    support_columns,
    support_figures,
    support_tables,
)
from attnaudit.questions.integrals import Integrals
from attnaudit.questions.no_reading import NoReading, spread
from attnaudit.questions.reliance_tables import reliance_columns, reliance_notes, reliance_tables
from attnaudit.records.metric import range_of

Array = NDArray[np.float64]

_SUPPORT = "erase.unsupported.attention"  # which records of older versions do not hold


def summarise(
    records: Iterable[Mapping[str, Any]], settings: EraseSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    names, basics = settings.rankings, Basics()
    integrals, origins = Integrals(names), Origins(settings.attributions)
    unread = NoReading("erase", settings.reading)
    columns, gaps, by_share, support, lacking = Frame(), Frame(), Frame(), Frame(), 0
    marked = Frame()
    curve = FlipCurve()
    for part in parts(records):
        for record in part:
            basics.add(record)
            integrals.add(record)
            origins.add(record["comprehensiveness"])
            lacking += record["plausibility"] is None
        there = np.array([unread.add(record) for record in part])
        ranked = [record for record, has in zip(part, there, strict=True) if has]
        curve.add([record["fractions"] for record in ranked])
        made = [spread(found, there) for found in _columns(ranked, names)]
        columns.extend({**made[0], **reliance_columns(part), **made[1]}, len(part))
        for frame, found in zip((gaps, by_share, support), made[2:], strict=True):
            frame.extend(found, len(part))
        marked.extend(marked_columns(part), len(part))
    sample = basics.sample()
    metrics = {
        **basics.model_scores(),
        **unread.metrics(sample),
        **sample.means(columns, partial(range_of, SPECS)),
        **single_statistics(gaps["gap"], columns, sample),
    }
    tables = {
        **single_tables(metrics),
        "erase.flips": flip_table(metrics, columns, settings.optimum_items),
        **({NAME: drawn} if (drawn := curve.table()) else {}),
        **reliance_tables(metrics),
        **(support_tables(metrics, columns, support, basics.ids) if _SUPPORT in columns else {}),
        **deletion_tables(metrics, by_share, names, [*integrals.notes(), *origins.notes()]),
    }
    notes = [*basics.notes(), *unread.notes()]
    notes += reliance_notes(metrics.get("erase.all.tvd.mean"))
    notes.append(
        "Setting a word's weight to zero does not remove the word: the states of other words "
        "still contain it. Deleting words makes texts unlike those that the model was trained "
        "on. Compare each figure with the figure of a random order."
    )
    n = len(basics.ids)
    if any(name.startswith("plausibility.") for name in columns):
        tables["plausibility"] = plausibility_table(metrics, names)
        if np.isfinite(marked["attention"]).any():
            more, tables[RIGHTNESS] = rightness(basics, marked["attention"], marked["words"])
            metrics |= more
        if lacking:
            notes.append(
                f"{lacking} of {n} texts have no human rationale. Plausibility is undefined for "
                "them."
            )
    return Summary(
        metrics,
        tables,
        [*notes, *note_on(settings.left_out)],
        basics.columns(joined(columns, unread.columns)),
    )


def _columns(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Array]]:
    """What some records say of rankings, one value a text: empty where there is no record.

    By metric, of weights and then of words; and what tables need besides: the gaps between weights,
    deletions share by share, and what unsupported texts are listed with.
    """
    if not records:
        return [{}] * 5
    singles = [record["single"] for record in records]
    weights = {**single_columns(singles), **flip_columns([r["fractions"] for r in records])}
    deletions, by_share = deletion_columns([deletion_figures(r, names) for r in records], names)
    people = plausibility_columns([record["plausibility"] for record in records], names)
    words = {**support_columns(records), **deletions, **people}
    return [weights, words, {"gap": single_gaps(singles)}, by_share, support_figures(records)]
