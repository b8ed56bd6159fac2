"""Records of models that an audit trains: one per model and instance, on dev and the audited split.

Besides what every record holds (see `questions.answers`):

* `run`: which model it is of, with the `split` the instance is from, since rows count anew in each;
* `attention`: one number per word, by the reading, renormalised over the content;
* `jsd` and `tvd`: between its attention, or its answer, and the audited model's; absent in the
  records of the audited model itself, whose run is `{"model": "base"}`;
* `tokens`: the words, in the audited model's records, only where text is asked for;
* what else an audit asks of the audited model, in the records of that model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnaudit.data.batch import Batch
from attnaudit.data.spaced import Spaced
from attnaudit.execution.observer import Observer
from attnaudit.measures.divergences import jsd, tvd
from attnaudit.models.interface import AttentionModel
from attnaudit.models.retraining import Retraining, Said, View, as_it_is
from attnaudit.questions.answers import Answered, answer, words_of
from attnaudit.questions.looks import Decided
from attnaudit.questions.maker import Record
from attnaudit.questions.runs import BASE_RUN
from attnaudit.readings.reading import Reading
from attnaudit.records.rounding import compact, compact_rows
from attnaudit.records.schema import Run


@dataclass(frozen=True)
class Ledger:
    """What an audit that retrains is told about its records.

    `audited` names the audited split; `pieces` says that the unit is the piece; trained models are
    kept in the folder `models`, and taken from there if the audit is to `resume`; with `reuse` too,
    and then those of another model give way. The digests are those of the audited model and of the
    audited data file. A `dry` run may write nothing. `decided` says whether seeds that grow are
    enough; without it they grow to the last look. `spaced` gives the words of the audited texts, as
    files need them that count the tokens between spaces.
    """

    audited: str
    pieces: bool = False
    models: Path | None = None
    resume: bool = False
    reuse: bool = False
    model_sha256: str | None = None
    data_sha256: str | None = None
    dry: bool = False
    decided: Decided | None = None
    spaced: Callable[[], Iterable[Spaced]] = tuple

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that records are made on: dev, where choices are made, and the audited one."""
        return tuple(dict.fromkeys(("dev", self.audited)))


Trained = tuple[AttentionModel, View]  # a model, and how it looks on each split
# Of the audited model and a batch, what else its records hold: one an instance.
Asked = Callable[[AttentionModel, Answered], Sequence[Record]]


def run_records(
    run: Run,
    make: Callable[[], Trained],
    retraining: Retraining,
    ledger: Ledger,
    observer: Observer,
    reading: Reading,
    text: bool = False,
    asked: Asked | None = None,
    own: Reading | None = None,
    besides: Mapping[str, Asked] | None = None,
) -> list[Record]:
    """The records of one run on every split, with the model that `make` trains.

    Those of the audited model, which is not made, hold what is `asked` of it besides. `besides`
    says for a split what the records of any model hold more. Both models are shown by the
    `reading`, or the trained one by its `own`, where it has other heads.
    """
    readings = (own or reading, reading)
    is_base = run == BASE_RUN
    model, view = (retraining.base, as_it_is) if is_base else make()
    made: list[Record] = []
    for split in ledger.splits:
        named = {**run, "split": split}
        more = [one for one in ((besides or {}).get(split), asked if is_base else None) if one]
        parts = _run_records(
            named, view(model, split), readings, retraining, ledger, observer, text, more
        )
        for part in parts:
            made += part
    return made


def diverged(run: Run, retraining: Retraining, ledger: Ledger) -> list[Record]:
    """The records of a training that diverged: one a split, which say so and hold no figures."""
    made: list[Record] = []
    for split in ledger.splits:
        here, first = {**run, "split": split}, retraining.splits[split].instances[0]
        made.append({"run": here, "row": first.row, "id": first.id, "diverged": True})
    return made


def _run_records(
    run: Run,
    model: AttentionModel,
    readings: tuple[Reading, Reading],
    retraining: Retraining,
    ledger: Ledger,
    observer: Observer,
    text: bool,
    asked: Sequence[Asked],
) -> Iterator[list[Record]]:
    split = str(run["split"])
    model.eval()
    base, instances = retraining.base, retraining.splits[split].instances
    by_row = {i.row: i for i in instances}
    batches = retraining.batches(split, ledger.pieces)
    is_base = run.get("model") == BASE_RUN["model"]

    def make(batch: Batch) -> list[Record]:
        ours = answer(model, batch, by_row, readings[0])

        def asked_of_base() -> Said:
            theirs = answer(base, batch, by_row, readings[1])
            return theirs.on_words, theirs.probs

        if is_base:
            theirs = ours.on_words, ours.probs
        else:
            about = (ledger.pieces, readings[1].name, *batch.rows.tolist())
            theirs = retraining.said(split, about, asked_of_base)
        made = _records(run, ours, theirs, is_base, text)
        for ask in asked:
            made = [{**a, **b} for a, b in zip(made, ask(model, ours), strict=True)]
        return made

    return batches.memory.results(make, batches, observer)


def _records(run: Run, ours: Answered, theirs: Said, is_base: bool, text: bool) -> list[Record]:
    attention, probs = (x.float().cpu().numpy() for x in (ours.on_words, ours.probs))
    before, said = (x.float().cpu().numpy() for x in theirs)
    moved = tvd(probs, said)
    apart = jsd(_distributions(attention), _distributions(before))
    weights = compact_rows(attention, ours.batch.word_counts.tolist())
    made: list[Record] = []
    for b, each in enumerate(weights):
        record: Record = {"run": dict(run), **ours.record(b), "attention": each}
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
