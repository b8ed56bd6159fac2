"""The records of `loud`."""

from __future__ import annotations

from attnaudit.questions.answers import each_batch, words_of
from attnaudit.questions.maker import Maker
from attnaudit.records.rounding import compact
from toys.loud.cost import cost


def records(model, batches, settings, observer):
    """The records of each batch in turn."""

    def make(known):
        made = []
        for b, row in enumerate(known.on_words.float().cpu().numpy()):
            words = row[: int(known.batch.word_counts[b])]
            more = {"attention": compact(words)}
            if settings.text:
                more["tokens"] = words_of(known, b)
            made.append(known.record(b) | more | {"largest": settings.times * float(words.max())})
        return made

    return each_batch(model, batches, make, observer, settings.shown)


MAKER = Maker(records, cost=cost)
