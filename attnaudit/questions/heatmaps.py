"""Which texts heatmaps show, and what they show of them: decided while records pass by.

*Which texts.* Never the most striking ones: texts are ranked by how far the attention can be moved
(JSD) and taken at even steps of rank, from the least to the largest; a single one is the middle
one. Where no record says how far, the largest attention weight ranks them. Of equals the one that
comes first in the data goes first.

Or somebody names the texts by their ids. Then all that the records hold of them is shown, with the
figures of each text.

*What.* What each question has beside the attention (see `beside`), and of the models that it
trained the one that it picks. A question may also say whether the attention is supported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attnaudit.measures.by_row import ByRow
from attnaudit.questions.beside import Beside, Trained
from attnaudit.questions.gallery import Gallery
from attnaudit.questions.one_text import OneText, is_base
from attnaudit.questions.question import Question
from attnaudit.records.reading import Placed

Record = Mapping[str, Any]
Tokens = Callable[[Record], Sequence[str] | None]


def recorded_tokens(record: Record) -> Sequence[str] | None:
    """The words that a record holds if it was made with --text."""
    tokens: Sequence[str] | None = record.get("tokens")
    return tokens


class Chooser:
    """Watches the records of one model and data set in passing, and makes heatmaps in the end.

    Of a record it keeps a few numbers and the place where it stands. The records of the chosen
    texts alone are read again. `tokens` gives the words of a record. `ids` name the texts that
    somebody asked for.
    """

    def __init__(self, tokens: Tokens = recorded_tokens, ids: Sequence[str] = ()) -> None:
        self._tokens, self._ids = tokens, ids
        self._found: dict[str, int] = {}  # the rows of those that were asked for
        self._watched: list[_Watched] = []
        self._largest = ByRow()  # attention weight, of the rows that have words too

    def watch(
        self,
        question: Question,
        split: str,
        source: Placed,
        records: Iterator[dict[str, Any]],
        reading: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The same `records` of `question`, which come from `source`; seen as they pass by.

        Those of other splits than the audited `split` are passed over. `reading` names the one by
        which their attention is shown.
        """
        watched = _Watched(source, question.beside or Beside(), reading)
        self._watched.append(watched)
        for record in records:
            if record.get("run", {}).get("split", split) == split and "attention" in record:
                if not is_base(record):
                    watched.see_trained(record)
                elif self._tokens(record) is None:
                    watched.see_base(record, ranked=False)
                else:
                    shown = "no_reading" not in record
                    watched.see_base(record, ranked=shown)
                    if record["id"] in self._ids:
                        self._found[record["id"]] = record["row"]
                    if shown:
                        self._largest.put(record["row"], max(record["attention"]))
            yield record

    def gallery(self, count: int, labels: Sequence[str]) -> Gallery:
        """Up to `count` heatmaps, or those that were asked for; `labels` name the classes.

        None where no record has attention and words.
        """
        shown, picked = self._shown()
        scores, what = self._scores(shown, picked)
        rule = f"chosen at even steps of rank by {what}, from the smallest to the largest"
        rows = evenly(scores, count)
        if self._ids:
            rule = "asked for by id"
            rows = [self._found[name] for name in self._ids if name in self._found]
        gathered = {row: OneText(bool(self._ids)) for row in rows}
        for one in self._watched:
            for record in one.read(rows, picked if one is shown else None):
                tokens = self._tokens(record)
                gathered[record["row"]].add(record, one.beside, tokens, one.reading)
        maps = [made for row in rows if (made := gathered[row].heatmap()) is not None]
        tested = next((one.statuses for one in self._watched if one.statuses), Counter[str]())
        unsupported = tested["unsupported"]
        judged = tested["supported"] + unsupported
        return Gallery(maps, len(scores), rule, labels, judged, unsupported)

    @property
    def missing(self) -> list[str]:
        """Ids that were asked for, of which no record has attention and words."""
        return [name for name in self._ids if name not in self._found]

    def _shown(self) -> tuple[_Watched | None, _Model | None]:
        """The retrained model that is shown, and where it was met."""
        with_models = [one for one in self._watched if one.models]
        if not with_models:
            return None, None
        shown = max(with_models, key=lambda one: one.beside.priority)
        return shown, shown.pick()

    def _scores(
        self, shown: _Watched | None, picked: _Model | None
    ) -> tuple[Mapping[int, float], str]:
        """Scores by row, and what they are."""
        moved = max(
            (one for one in self._watched if one.moved),
            key=lambda one: one.beside.priority,
            default=None,
        )
        above = shown.beside.priority if shown else 0
        if moved is not None and moved.beside.priority >= above:
            return moved.moved, moved.beside.moved_by
        if shown is None or picked is None:
            return self._largest, "their largest attention weight"
        scores = {row: picked.jsd[row] for row in self._largest if row in picked.jsd}
        return scores, f"JSD to {shown.beside.name(picked.run)}"


def evenly(scores: Mapping[int, float], count: int) -> list[int]:
    """Up to `count` keys at even steps of rank, from the least score to the largest."""
    order = sorted(scores, key=lambda row: (scores[row], row))
    if count >= len(order):
        return order
    if count <= 1:
        return [order[len(order) // 2]] if count == 1 else []
    return [order[round(k * (len(order) - 1) / (count - 1))] for k in range(count)]


@dataclass
class _Model:
    """The records of a trained model: where they stand, and what they say, by row."""

    run: Mapping[str, Any]
    places: ByRow = field(default_factory=ByRow)
    jsd: ByRow = field(default_factory=ByRow)
    tvd: float = 0.0  # in sum

    def means(self) -> Trained:
        """Its means over the texts."""
        n = len(self.jsd)
        return Trained(self.run, sum(self.jsd.values()) / n, self.tvd / n)


class _Watched:
    """What is kept of the records of one question, which stand in `source`."""

    def __init__(self, source: Placed, beside: Beside, reading: str | None) -> None:
        self.source, self.beside, self.reading = source, beside, reading
        self.models: dict[frozenset[tuple[str, Any]], _Model] = {}
        self.moved = ByRow()
        self.statuses = Counter[str]()  # of support
        self._base = ByRow()  # places

    def see_base(self, record: Record, ranked: bool) -> None:
        """Note a record of the audited model, which can be shown if it is `ranked`."""
        self._base.put(record["row"], self.source.place)
        support = self.beside.support(record)
        if support is not None:
            self.statuses[support.status] += 1
        moved = self.beside.moved(record) if ranked else None
        if moved is not None:
            self.moved.put(record["row"], moved)

    def see_trained(self, record: Record) -> None:
        """Note a record of a trained model, if that is ever shown."""
        row, run, jsd = record["row"], record["run"], record.get("jsd")
        if jsd is None or self.beside.name(run) is None:
            return
        model = self.models.setdefault(frozenset(run.items()), _Model(run))
        model.places.put(row, self.source.place)
        model.jsd.put(row, jsd)
        model.tvd += record.get("tvd") or 0.0

    def pick(self) -> _Model:
        """The model that is shown, of one at least."""
        models = [(model.means(), model) for model in self.models.values()]
        picked = self.beside.pick([means for means, _ in models])
        return next(model for means, model in models if means is picked)

    def read(self, rows: Sequence[int], picked: _Model | None) -> Iterator[Record]:
        """The records of these rows again: the audited model's, and those of the `picked` one."""
        noted = [self._base] if picked is None else [self._base, picked.places]
        places = sorted(int(one[row]) for one in noted for row in rows if row in one)
        yield from self.source.at(places)
