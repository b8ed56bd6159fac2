"""Does attention rank words as other measures of importance do? Jain & Wallace 2019, test A.

Besides what every record holds (see `common`), which feeds `model.*`, the strata by predicted class
and by length, and resampling by group:

* `target`: the class whose probability is explained;
* `attention` and `importance.<m>`: one number per word; attention against a measure feeds
  `correlate.<m>.*`, one measure against another `correlate.<a>~<b>.*`, the reference;
* `completeness_error` feeds `correlate.integrated_gradients.completeness_error.mean`;
* `tokens`: the words, only where text is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pydantic
from numpy.typing import NDArray

from attnaudit.audits.agreement import Agreement
from attnaudit.audits.audit import Audit, Record
from attnaudit.audits.common import Answered, Basics, each_batch, words_of
from attnaudit.audits.compared import ComparedSettings, settle
from attnaudit.audits.correlate_tables import (
    agreement_table,
    detail_table,
    reference_table,
    strata_table,
)
from attnaudit.execution.observer import Observer
from attnaudit.importance.choice import note_on
from attnaudit.importance.compute import importances
from attnaudit.measures.summary import Summary
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import Batches
from attnaudit.records.rounding import compact

TERCILES = ("short", "middle", "long")


class CorrelateSettings(ComparedSettings):
    """What decides the result; stored with the records."""

    target: Literal["predicted", "gold"] = "predicted"
    top: float = pydantic.Field(0.2, gt=0, le=1, description="share of words that count as top")
    seed: int = pydantic.Field(0, ge=0)
    text: bool = False


def records(
    model: AttentionModel,
    batches: Batches,
    settings: CorrelateSettings,
    observer: Observer,
) -> Iterator[list[Record]]:
    """The records of each batch in turn; `row` says where an instance stands in the data set."""

    def make(known: Answered) -> list[Record]:
        return _batch_records(model, known, settings, batches.budget)

    return each_batch(model, batches, make, observer, settings.heads)


def _batch_records(
    model: AttentionModel, known: Answered, settings: CorrelateSettings, budget: int
) -> list[Record]:
    batch = known.batch
    target = batch.labels if settings.target == "gold" else known.probs.argmax(1)
    found = importances(
        model,
        batch,
        known.on_words,
        known.probs,
        target,
        settings.names,
        [i.id for i in known.instances],
        settings.seed,
        budget,
    )
    attention = known.on_words.float().cpu().numpy()
    made: list[Record] = []
    for b, n in enumerate(batch.word_counts.tolist()):
        record = known.record(b) | {
            "target": int(target[b]),
            "attention": compact(attention[b, :n]),
            "importance": {name: compact(s[b, :n]) for name, s in found.scores.items()},
        }
        if found.completeness_error is not None:
            record["completeness_error"] = compact(found.completeness_error[b : b + 1])[0]
        if settings.text:
            record["tokens"] = words_of(known, b)
        made.append(record)
    return made


def summarise(
    records: Iterable[Mapping[str, Any]], settings: CorrelateSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    names = settings.names
    basics, agreement = Basics(), Agreement(names, settings.top)
    for record in records:
        basics.add(record)
        agreement.add(record)
    bootstrap = basics.bootstrap(settings.seed)
    metrics = basics.model_scores(bootstrap) | agreement.metrics(bootstrap)
    strata = _strata(basics.predicted, basics.words, labels)
    tables = {
        "correlate.agreement": agreement_table(names, metrics, settings.top),
        "correlate.reference": reference_table(names, metrics),
        "correlate.strata": strata_table(agreement, strata),
        "correlate.strata_detail": detail_table(agreement, strata, basics, settings.seed),
    }
    notes = [*basics.notes(), *bootstrap.notes, *_notes(agreement), *note_on(settings.left_out)]
    return Summary(metrics, tables, notes, columns=basics.columns(agreement.columns()))


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


def _notes(agreement: Agreement) -> list[str]:
    notes = ["Below 5 words no tau can be significant."]
    taus = (agreement.figure(f"{name}.tau") for name in agreement.names)
    worst = max(int(np.isnan(tau).sum()) for tau in taus)
    if worst:
        notes.append(
            f"Up to {worst} of {len(agreement)} instances gave no tau: attention or importance is "
            "constant there. They are counted as undefined, not averaged."
        )
    return notes


AUDIT = Audit("correlate", CorrelateSettings, summarise, records, settle=settle)
