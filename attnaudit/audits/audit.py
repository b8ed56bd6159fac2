"""What an audit is: a generator of records, and a pure function from records to a summary."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attnaudit.config import Settings
from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.measures.summary import Summary
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import Batches

Record = dict[str, Any]
AUDITS = ("correlate", "permute")  # each a module of this package that holds its `AUDIT`


@dataclass(frozen=True)
class Audit:
    """`records(model, batches, settings, observer)` and `summarise(records, settings, labels)`."""

    name: str
    settings: type[Settings]
    records: Callable[[AttentionModel, Batches, Any, Observer], Iterator[list[Record]]]
    summarise: Callable[[Iterable[Mapping[str, Any]], Any, Sequence[str]], Summary]


def find_audit(name: str) -> Audit:
    """The audit called `name`; raises InputError for one that this version does not know."""
    if name not in AUDITS:
        raise InputError(
            f"this attnaudit has no audit {name!r}", hint="use the version that wrote the records"
        )
    audit: Audit = importlib.import_module(f"attnaudit.audits.{name}").AUDIT
    return audit
