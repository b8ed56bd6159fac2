"""What the records of `compare-readings` say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from attnaudit.measures.summary import Summary
from attnaudit.questions.compare_readings.gathered import PEOPLE, PREFIX, Gathered
from attnaudit.questions.compare_readings.metrics import SPECS
from attnaudit.questions.compare_readings.names import BASE
from attnaudit.questions.compare_readings.settings import CompareReadingsSettings
from attnaudit.questions.compare_readings.tables import (
    left_out_of,
    order_of,
    people_of,
    scores_of,
    soft_of,
)
from attnaudit.records.metric import range_of


def summarise(
    records: Iterable[Mapping[str, Any]],
    settings: CompareReadingsSettings,
    labels: Sequence[str],
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    found = Gathered(records, settings)
    basics, sample = found.basics, found.basics.sample()
    without = _without(found)
    columns = {name: found.columns[name] for name in found.columns if name not in without}
    metrics = {
        **basics.model_scores(),
        **sample.means(columns, partial(range_of, SPECS)),
    }
    tables = {
        f"{PREFIX}order": order_of(found, metrics, sample),
        f"{PREFIX}scores": scores_of(found, metrics),
    }
    if settings.draws:
        tables[f"{PREFIX}soft"] = soft_of(found, metrics)
    if found.marked:
        tables[f"{PREFIX}plausibility"] = people_of(found, metrics)
    if (left_out := left_out_of(found)).rows:
        tables[f"{PREFIX}left_out"] = left_out
    notes = [*basics.notes(), *_notes(found)]
    return Summary(metrics, tables, notes, columns=basics.columns(columns))


def _without(found: Gathered) -> set[str]:
    """The metrics that say nothing: of people who marked nothing, and gains over themselves."""
    names = found.names
    gone = {
        f"{PREFIX}{operator}.gain.{name}"
        for operator in found.settings.operators or ()
        for name in names
        if name == BASE or BASE not in names
    }
    if not found.marked:
        gone |= {f"{PREFIX}{figure}.{name}" for figure in PEOPLE for name in names}
    if "leave_one_out" in names:
        gone.add(f"{PREFIX}tau.leave_one_out")
    return gone


def _notes(found: Gathered) -> Iterator[str]:
    settings = found.settings
    yield (
        "A good score does not prove that a ranking is faithful. Texts with erased words are unlike"
        " real texts, and a model can treat them in its own way (Hsia et al. 2024)."
    )
    if found.long:
        yield (
            f"{found.long:,} of {found.texts:,} texts have more than {settings.longest} words, and"
            " no NAOPC: the search for the least and the greatest score grows with the square of"
            " the words (--longest)."
        )
    if found.searched:
        yield (
            f"In {found.searched:,} of {found.texts:,} texts, of more than 12 words, a search found"
            f" the least and the greatest score (--beam {settings.beam}). Better ones may exist."
        )
    if found.unmarked and found.marked:
        yield (
            f"{found.unmarked:,} of {found.texts:,} texts have no human rationale. Plausibility is"
            " undefined for them."
        )
