"""Records of models that an audit trains: one per model and instance, on dev and the audited split.

Besides what every record holds (see `common`):

* `run`: which model it is of, with the `split` the instance is from, since rows count anew in each;
* `attention`: one number per word, mean over heads, renormalised over the content;
* `jsd` and `tvd`: between its attention, or its answer, and the audited model's; absent in the
  records of the audited model itself, whose run is `{"model": "base"}`;
* `tokens`: the words, in the audited model's records, only where text is asked for;
* what else an audit asks of the audited model, in the records of that model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnaudit.audits.audit import Record
from attnaudit.audits.common import Answered, answer, words_of
from attnaudit.data.batch import Batch
from attnaudit.execution.observer import Observer
from attnaudit.measures.divergences import jsd, tvd
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import halving
from attnaudit.models.retraining import Retraining, View, as_it_is
from attnaudit.report.records import Run, compact

BASE: Run = {"model": "base"}


@dataclass(frozen=True)
class Ledger:
    """What an audit that retrains is told about its records.

    `done` gives the rows that a run has a record of already; `audited` names the audited split;
    `records` gives those made so far; `pieces` says that the unit is the piece; trained models are
    kept in the folder `models`, and taken from there if the audit is to `resume`; with `reuse` too,
    and then those of another model give way. The digests are those of the audited model and of the
    audited data file.
    """

    done: Callable[[Run], Set[int]]
    audited: str
    pieces: bool = False
    models: Path | None = None
    records: Callable[[], Iterator[Record]] = lambda: iter(())
    resume: bool = False
    reuse: bool = False
    model_sha256: str | None = None
    data_sha256: str | None = None

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that records are made on: dev, where choices are made, and the audited one."""
        return tuple(dict.fromkeys(("dev", self.audited)))


def audited_split(splits: Iterable[str]) -> str:
    """The split that is audited, of those that records are on: dev only where there is no other."""
    return next((split for split in splits if split != "dev"), "dev")


Trained = tuple[AttentionModel, View]  # a model, and how it looks on each split
# Of the audited model and a batch, what else its records hold: one an instance.
Asked = Callable[[AttentionModel, Answered], Sequence[Record]]


def each_run(
    runs: Iterable[tuple[Run, Callable[[], Trained]]],
    retraining: Retraining,
    ledger: Ledger,
    observer: Observer,
    text: bool = False,
    asked: Asked | None = None,
) -> Iterator[list[Record]]:
    """The records of each run in turn; a model is trained only if records of it are missing.

    First come those of the audited model, which hold what is `asked` of it besides.
    """

    def audited() -> Trained:
        return retraining.base, as_it_is

    for run, make in ((BASE, audited), *runs):
        missing = [s for s in ledger.splits if not _complete(run, s, retraining, ledger)]
        if not missing:
            continue
        model, view = make()
        for split in missing:
            named = {**run, "split": split}
            yield from _run_records(
                named, view(model, split), retraining, ledger, observer, text, asked
            )


def _complete(run: Run, split: str, retraining: Retraining, ledger: Ledger) -> bool:
    done = ledger.done({**run, "split": split})
    return len(done) == len(retraining.splits[split].instances)


def _run_records(
    run: Run,
    model: AttentionModel,
    retraining: Retraining,
    ledger: Ledger,
    observer: Observer,
    text: bool,
    asked: Asked | None,
) -> Iterator[list[Record]]:
    split = str(run["split"])
    model.eval()
    base, done = retraining.base, ledger.done(run)
    by_row = {i.row: i for i in retraining.splits[split].instances}
    batches = retraining.batches(split, ledger.pieces)
    is_base = run.get("model") == BASE["model"]

    def make(batch: Batch) -> list[Record]:
        ours = answer(model, batch, by_row)
        theirs = ours if is_base else answer(base, batch, by_row)
        made = _records(run, ours, theirs, is_base, text)
        if is_base and asked:
            made = [{**a, **b} for a, b in zip(made, asked(model, ours), strict=True)]
        return made

    for made in halving(make, batches, observer):
        yield [record for record in made if record["row"] not in done]


def _records(run: Run, ours: Answered, theirs: Answered, is_base: bool, text: bool) -> list[Record]:
    attention = ours.on_words.float().cpu().numpy()
    before = theirs.on_words.float().cpu().numpy()
    probs, said = (a.probs.float().cpu().numpy() for a in (ours, theirs))
    moved = tvd(probs, said)
    apart = jsd(_distributions(attention), _distributions(before))
    made: list[Record] = []
    for b, n in enumerate(ours.batch.word_counts.tolist()):
        record: Record = {"run": dict(run), **ours.record(b)}
        record["attention"] = compact(attention[b, :n])
        if not is_base:
            record["jsd"], record["tvd"] = compact([float(apart[b]), float(moved[b])])
        elif text:
            record["tokens"] = words_of(ours, b)
        made.append(record)
    return made


def _distributions(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rows in float64 that sum to 1 as exactly as a divergence needs."""
    wide = rows.astype(np.float64)
    made: NDArray[np.float64] = wide / np.maximum(wide.sum(1, keepdims=True), 1e-300)
    return made
