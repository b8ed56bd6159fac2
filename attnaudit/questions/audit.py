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
    from attnaudit.models.retraining import Retraining
    from attnaudit.questions.trained import Ledger
    from attnaudit.records.schema import Run

Record = dict[str, Any]
# Each a module of this package that holds its `AUDIT`.
AUDITS = ("correlate", "permute", "erase", "adversary", "seed-baseline", "probe")


@dataclass(frozen=True)
class Trains:
    """The work of an audit that trains models and compares them with the audited one.

    `rounds(retraining, ledger, settings, made, observer)` gives the runs, list by list: those of a
    list can be made in any order, and the next list may depend on the records of all before, which
    `made` gives. `records(retraining, ledger, settings, run, observer)` trains the model of one run
    and gives its records on every split; it depends on nothing else. Nothing is trained unless
    `wanted(settings)`. `later(settings)` is how many runs the lists after the first hold at most.
    """

    rounds: Callable[
        [Retraining, Ledger, Any, Callable[[], Iterator[Record]], Observer], Iterator[list[Run]]
    ]
    records: Callable[[Retraining, Ledger, Any, Run, Observer], list[Record]]
    wanted: Callable[[Any], bool] = lambda settings: True
    later: Callable[[Any], int] = lambda settings: 0


@dataclass(frozen=True)
class Audit:
    """An audit: `summarise(records, settings, labels)` of what its two kinds of work leave.

    `records(model, batches, settings, observer)` looks at the audited model, unless `looks` says
    that these settings ask for nothing of it; what it records of an instance may depend on the
    batch of that instance, and on nothing else. `trains` is about other models. An audit has one of
    the two, or both. Before any work `settle(settings, model)` gives the settings that hold for
    this model, with nothing left open; it raises InputError where the model cannot do what they
    ask.
    """

    name: str
    settings: type[Settings]
    summarise: Callable[[Iterable[Mapping[str, Any]], Any, Sequence[str]], Summary]
    records: Callable[[AttentionModel, Batches, Any, Observer], Iterator[list[Record]]] | None = (
        None
    )
    looks: Callable[[Any], bool] = lambda settings: True
    trains: Trains | None = None
    settle: Callable[[Any, AttentionModel], Settings] = lambda settings, model: settings

    def retrains(self, settings: Settings) -> bool:
        """Whether it trains models."""
        return self.trains is not None and self.trains.wanted(settings)


def find_audit(name: str) -> Audit:
    """The audit called `name`; raises InputError for one that this version does not know."""
    if name not in AUDITS:
        raise InputError(
            f"this attnaudit has no audit {name!r}", hint="use the version that wrote the records"
        )
    audit: Audit = importlib.import_module(f"attnaudit.questions.{name.replace('-', '_')}").AUDIT
    return audit
