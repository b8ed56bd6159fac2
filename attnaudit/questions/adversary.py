"""How far can attention be moved while the answers stay? For each text, and by other models.

Records without a `run` are those of `instance_adversary` (Jain & Wallace 2019, test C), records
with one those of `model_adversary` (Wiegreffe & Pinter 2019, section 4); the former come first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attnaudit.execution.observer import Observer
from attnaudit.measures.columns import joined
from attnaudit.measures.summary import Columns, Summary
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import Batches
from attnaudit.questions.answers import each_batch
from attnaudit.questions.audit import Audit, Record, Trains
from attnaudit.questions.instance_adversary.make import instance_records
from attnaudit.questions.instance_adversary.settings import InstanceSettings
from attnaudit.questions.instance_adversary.summarise import instance_summary
from attnaudit.questions.model_adversary import make as model_adversary
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.model_adversary.summarise import model_summary


class AdversarySettings(InstanceSettings, ModelSettings):
    """What decides the result; stored with the records.

    Models are trained wherever there are `lambdas`.
    """

    per_instance: bool = True


def records(
    model: AttentionModel, batches: Batches, settings: AdversarySettings, observer: Observer
) -> Iterator[list[Record]]:
    """The records of each batch in turn."""
    return each_batch(model, batches, lambda k: instance_records(model, k, settings), observer)


def summarise(
    records: Iterable[Mapping[str, Any]], settings: AdversarySettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    stream, met = iter(records), []

    def without_run() -> Iterator[Mapping[str, Any]]:
        for record in stream:
            if "run" in record:
                met.append(record)
                return
            yield record

    parts = []
    if settings.per_instance:
        parts.append(instance_summary(without_run(), settings, labels))
    if settings.lambdas:
        parts.append(model_summary(itertools.chain(met, stream), settings, labels))
    return parts[0] if len(parts) == 1 else _joined(*parts)


def _joined(one: Summary, other: Summary) -> Summary:
    """Two summaries of the same model and instances as one."""
    assert one.columns is not None
    assert other.columns is not None
    values = joined(one.columns.values, other.columns.values)
    return Summary(
        {**one.metrics, **other.metrics},
        {**one.tables, **other.tables},
        list(dict.fromkeys([*one.notes, *other.notes])),
        Columns(one.columns.ids, one.columns.groups, values),
    )


def _trains_models(settings: AdversarySettings) -> bool:
    return bool(settings.lambdas)


def _refinements(settings: AdversarySettings) -> int:
    return settings.refine * settings.seeds


AUDIT = Audit(
    "adversary",
    AdversarySettings,
    summarise,
    records,
    lambda settings: bool(settings.per_instance),
    Trains(model_adversary.rounds, model_adversary.records, _trains_models, _refinements),
)
