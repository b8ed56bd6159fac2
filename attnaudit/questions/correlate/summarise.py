"""What the records of `correlate` say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnaudit.importance.choice import note_on
from attnaudit.measures.columns import joined
from attnaudit.measures.summary import Summary
from attnaudit.questions.attributions import Origins
from attnaudit.questions.basics import Basics
from attnaudit.questions.correlate.agreement import Agreement
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.correlate.tables import (
    agreement_table,
    detail_table,
    reference_table,
    strata_table,
)
from attnaudit.questions.no_reading import NoReading

TERCILES = ("short", "middle", "long")


def summarise(
    records: Iterable[Mapping[str, Any]], settings: CorrelateSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    names = settings.names
    basics, agreement = Basics(), Agreement(names, settings.top)
    origins, lacking = Origins(settings.attributions), NoReading("correlate", settings.reading)
    for record in records:
        basics.add(record)
        lacking.add(record)
        agreement.add(record)
        origins.add(record["importance"])
    sample = basics.sample()
    metrics = basics.model_scores() | lacking.metrics(sample) | agreement.metrics(sample)
    strata = _strata(basics.predicted, basics.words, labels)
    tables = {
        "correlate.agreement": agreement_table(agreement, metrics, settings.top, origins.notes()),
        "correlate.reference": reference_table(names, metrics),
        "correlate.strata": strata_table(agreement, strata),
        "correlate.strata_detail": detail_table(agreement, strata, basics),
    }
    notes = [*basics.notes(), *lacking.notes(), *_notes(agreement, lacking.texts)]
    columns = joined(agreement.columns(), lacking.columns)
    return Summary(
        metrics, tables, [*notes, *note_on(settings.left_out)], columns=basics.columns(columns)
    )


def _strata(
    predicted: NDArray[np.int64], words: NDArray[np.int64], labels: Sequence[str]
) -> dict[str, NDArray[np.bool_]]:
    """Instances by predicted class and by tercile of length; empty strata are left out."""
    strata = {f"predicted {label}": predicted == c for c, label in enumerate(labels)}
    low, high = np.quantile(words, [1 / 3, 2 / 3])
    parts = (words <= low, (words > low) & (words <= high), words > high)
    for name, part in zip(TERCILES, parts, strict=True):
        if part.any():
            strata[f"{name} ({words[part].min()}-{words[part].max()} words)"] = part
    return {name: part for name, part in strata.items() if part.any()}


def _notes(agreement: Agreement, unread: int) -> list[str]:
    """Remarks on texts without a tau; `unread` have no reading of the attention."""
    notes = ["In a text of fewer than 5 words no tau can be significant."]
    taus = (agreement.figure(f"{name}.tau") for name in agreement.names)
    worst = max(int(np.isnan(tau).sum()) for tau in taus) - unread
    if worst:
        notes.append(
            f"Up to {worst} of {len(agreement) - unread} texts gave no tau, because attention or "
            "importance is the same for all their words, or because the importance is "
            "undefined. These texts are counted, but are not part of the means."
        )
    return notes
