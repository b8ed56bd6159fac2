"""What makes the records of a question: it looks at the audited model, or trains others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attnaudit.config import Settings
from attnaudit.execution.observer import Observer

if TYPE_CHECKING:
    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes
    from attnaudit.models.predict import Batches
    from attnaudit.models.retraining import Retraining
    from attnaudit.questions.recording import Ledger
    from attnaudit.records.schema import Header, Run

Record = dict[str, Any]


@dataclass(frozen=True)
class Trains:
    """Trains models and compares them with the audited one.

    `rounds(retraining, ledger, settings, made, observer)` gives the runs, list by list: those of a
    list can be made in any order, and the next list may depend on the records of all before, which
    `made` gives. `records(retraining, ledger, settings, run, observer)` trains the model of one run
    and gives its records on every split; it depends on nothing else. `later(settings)` are as many
    runs of each kind as the lists after the first hold at most. `first_trained(settings, asked)` is
    how many models of the recipe are trained before the first list, in a suite that has asked the
    questions of these names before. `together(retraining, runs)` gives tasks that make the records
    of all these runs: by default each run is one. A task is for `records` alone, and may give the
    records of several runs that have a training in common.
    """

    rounds: Callable[
        [Retraining, Ledger, Any, Callable[[], Iterator[Record]], Observer], Iterator[list[Run]]
    ]
    records: Callable[[Retraining, Ledger, Any, Run, Observer], list[Record]]
    later: Callable[[Any], Sequence[Run]] = lambda settings: ()
    first_trained: Callable[[Any, Sequence[str]], int] = lambda settings, asked: 0
    together: Callable[[Retraining, Sequence[Run]], Sequence[Run]] = lambda retraining, runs: runs


@dataclass(frozen=True)
class Stage:
    """A pass over texts, with the `settings` that hold there.

    `run` names its records, and in `split` the texts that they are of. None: those that are
    audited, whose records have no run.
    """

    settings: Settings
    run: Run | None = None


@dataclass(frozen=True)
class Maker:
    """Makes the records of a question: it has either `records` or `trains`.

    `records(model, batches, settings, observer)` looks at the audited model; what it records of an
    instance may depend on the batch of that instance, and on nothing else. `trains` is about other
    models. Before any work `settle(settings, model)` gives the settings that hold for this model,
    with nothing left open; it raises InputError where the model cannot do what they ask. For a dry
    run, `alike(settings, asked)` names kinds of trainings that earlier questions, whose names are
    `asked`, will add; each with the kind that it costs as much as. `cost(model, texts, settings)`
    is how often `records` sends texts through the model; `asked(model, count)` what a question that
    trains asks of the audited model besides an answer, of so many texts. `check(settings, header)`
    raises InputError where the settings name what was made of another model or of other data. A
    question that takes seconds a text has `alone`: every text is a batch of its own, whose record
    is kept as soon as it is made.
    """

    records: Callable[[AttentionModel, Batches, Any, Observer], Iterator[list[Record]]] | None = (
        None
    )
    trains: Trains | None = None
    settle: Callable[[Any, AttentionModel], Settings] = lambda settings, model: settings
    alike: Callable[[Any, Sequence[str]], Mapping[str, str]] = lambda settings, asked: {}
    cost: Callable[[AttentionModel, Texts, Any], Passes] | None = None
    asked: Callable[[AttentionModel, int], Passes] | None = None
    alone: bool = False
    check: Callable[[Any, Header], None] = lambda settings, header: None
    stages: (
        Callable[
            [Any, AttentionModel, Sequence[str], Callable[[], Iterator[Record]]], Iterator[Stage]
        ]
        | None
    ) = None

    @property
    def joins(self) -> bool:
        """Whether others can be asked with it, batch by batch, and share what is computed."""
        return self.records is not None and not self.alone and self.stages is None

    def __post_init__(self) -> None:
        if (self.records is None) == (self.trains is None):
            raise ValueError("a question looks at the audited model, or trains others")
        if (self.records is None) != (self.cost is None):
            raise ValueError("what looks at the audited model has a cost")
