"""Does attention rank words as other measures of importance do? Jain & Wallace 2019, test A.

Besides what every record holds (see `questions.answers`), which feeds `model.*`, the strata by
predicted class and by length, and resampling by group:

* `target`: the class whose probability is explained;
* `attention` and `importance.<m>`: one number per word; attention against a measure feeds
  `correlate.<m>.*`, one measure against another `correlate.<a>~<b>.*`, the reference;
* `no_reading`: why the reading of the attention is undefined for the text. Its `attention` is then
  null for each word; it feeds `correlate.no_reading`;
* `importance` and `signs` of attributions, which `--attributions` names, hold the scores of another
  tool in the same way, null for a text of which its file says nothing;
* `signs.<m>`, of deletions, integrals and gradients times input along the text: for each word 1
  where it speaks for the target class, -1 where against it, 0 for neither; heatmaps show them;
* `integration.<m>`, of each importance that is an integral: `gradients`, how many it took;
  `tolerance`, and `error` as estimated, both shares of its largest score; `completeness_error`;
  and the `reason` why its scores are null, where they are. It feeds
  `correlate.<m>.completeness_error.mean`, `.gradients.mean` and `.undefined`;
* `tokens`: the words, only where text is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from attnaudit.execution.observer import Observer
from attnaudit.importance.compute import importances
from attnaudit.models.interface import AttentionModel
from attnaudit.models.predict import Batches
from attnaudit.questions.answers import Answered, each_batch, words_of
from attnaudit.questions.correlate.cost import cost
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.maker import Maker, Record
from attnaudit.questions.settling import settle
from attnaudit.records.rounding import compact_rows


def records(
    model: AttentionModel,
    batches: Batches,
    settings: CorrelateSettings,
    observer: Observer,
) -> Iterator[list[Record]]:
    """The records of each batch in turn; `row` says where an instance stands in the data set."""

    def make(known: Answered) -> list[Record]:
        return _batch_records(model, known, settings, batches.budget)

    return each_batch(model, batches, make, observer, settings.shown, settings.target == "gold")


def _batch_records(
    model: AttentionModel, known: Answered, settings: CorrelateSettings, budget: int
) -> list[Record]:
    batch = known.batch
    target = batch.labels if settings.target == "gold" else known.probs.argmax(1)
    found = importances(known.request(model, target, settings.names, settings.seed, budget))
    made: list[Record] = []
    targets, counts = target.tolist(), batch.host.word_counts.tolist()
    scores = {name: compact_rows(s, counts) for name, s in found.scores.items()}
    for b, n in enumerate(counts):
        record = known.record(b) | {
            "target": targets[b],
            **known.shown_record(b),
            "importance": {name: rows[b] for name, rows in scores.items()},
            "signs": {name: signs[b, :n].tolist() for name, signs in found.signs.items()},
        }
        record |= found.told(b)
        if settings.text:
            record["tokens"] = words_of(known, b)
        made.append(record)
    return made


MAKER = Maker(records, settle=settle, cost=cost)
