"""The runs of an audit that trains models, round after round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Protocol

from attnaudit.config import Settings
from attnaudit.execution.observer import Observer
from attnaudit.models.retraining import Retraining
from attnaudit.questions.maker import Record, Trains
from attnaudit.questions.recording import Ledger
from attnaudit.questions.runs import BASE_RUN
from attnaudit.records.schema import Run, run_key


class Book(Protocol):
    """What records are written into, and read from while more are made."""

    def done_in(self, run: Run | None) -> Set[int]:
        """The rows that have a record of `run`."""

    def records(self) -> Iterator[Record]:
        """All records so far."""

    def write(self, batch: Iterable[Record]) -> None:
        """Take records in."""


# The records of each of some runs, which are made in any order.
CarryOut = Callable[[Sequence[Run]], Iterable[list[Record]]]


def record_rounds(
    trains: Trains,
    retraining: Retraining,
    ledger: Ledger,
    settings: Settings,
    book: Book,
    observer: Observer,
    carry_out: CarryOut | None = None,
) -> None:
    """Write the records of all runs into `book`; a model is trained only if some are missing.

    The first run is the audited model. Without `carry_out` one run is made after the other.
    """

    def one_by_one(runs: Sequence[Run]) -> Iterator[list[Record]]:
        return (trains.records(retraining, ledger, settings, run, observer) for run in runs)

    gave_up = {run_key(r["run"]) for r in book.records() if r.get("diverged")}
    sizes = {split: len(retraining.splits[split].instances) for split in ledger.splits}

    def complete(run: Run) -> bool:
        parts = {split: {**run, "split": split} for split in ledger.splits}
        rows = {split: book.done_in(part) for split, part in parts.items()}  # all: for their order
        return all(
            len(rows[split]) == sizes[split] or run_key(part) in gave_up
            for split, part in parts.items()
        )

    first = True
    for runs in trains.rounds(retraining, ledger, settings, book.records, observer):
        wanted = [run for run in ([BASE_RUN, *runs] if first else runs) if not complete(run)]
        first = False
        for made in (carry_out or one_by_one)(trains.together(retraining, wanted)):
            book.write(r for r in made if r["row"] not in book.done_in(r["run"]))
