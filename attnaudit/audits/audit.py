"""What an audit is: a generator of records, and a pure function from records to a summary."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.measures.summary import Summary
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import Batches

if TYPE_CHECKING:
    from attnaudit.audits.runs import Ledger
    from attnaudit.models.retraining import Retraining

Record = dict[str, Any]
# Each a module of this package that holds its `AUDIT`.
AUDITS = ("correlate", "permute", "erase", "adversary", "seed-baseline", "probe")


@dataclass(frozen=True)
class Audit:
    """An audit: `summarise(records, settings, labels)` of what its two kinds of work leave.

    `records(model, batches, settings, observer)` looks at the audited model; `runs(retraining,
    ledger, settings, observer)` trains others and compares them with it, wherever
    `retrains(settings)`. An audit has one of the two, or both. Before any work `settle(settings,
    model)` gives the settings that hold for this model, with nothing left open; it raises
    InputError where the model cannot do what they ask.
    """

    name: str
    settings: type[Settings]
    summarise: Callable[[Iterable[Mapping[str, Any]], Any, Sequence[str]], Summary]
    records: Callable[[AttentionModel, Batches, Any, Observer], Iterator[list[Record]]] | None = (
        None
    )
    runs: Callable[[Retraining, Ledger, Any, Observer], Iterator[list[Record]]] | None = None
    retrains: Callable[[Any], bool] = lambda settings: True
    settle: Callable[[Any, AttentionModel], Settings] = lambda settings, model: settings


def find_audit(name: str) -> Audit:
    """The audit called `name`; raises InputError for one that this version does not know."""
    if name not in AUDITS:
        raise InputError(
            f"this attnaudit has no audit {name!r}", hint="use the version that wrote the records"
        )
    audit: Audit = importlib.import_module(f"attnaudit.audits.{name.replace('-', '_')}").AUDIT
    return audit
