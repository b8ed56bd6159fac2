"""The passes of a question over texts: where choices are made, and then the audited ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from attnaudit.data.loading import load_dataset, splits_of
from attnaudit.questions.maker import Record
from attnaudit.records.schema import Run
from attnaudit.running.job import MIN_WORDS
from attnaudit.running.work import Work

CHOICES = "dev"  # the split that choices are made on


def passes_over(
    work: Work, made: Callable[[], Iterator[Record]]
) -> Iterator[tuple[Run | None, Work]]:
    """The work of each pass, and the run of its records; see `Maker.stages`.

    `made` gives the records so far. Where the data has no dev split, or it is the audited one,
    there is nothing that choices could be made on. A limit holds for dev, too.
    """
    stages = work.maker.stages
    if stages is None:
        yield None, work
        return
    splits = [CHOICES] if CHOICES in splits_of(work.spec) and work.data.split != CHOICES else []
    known: dict[str, Work] = {}
    for stage in stages(work.settings, work.loaded.model, splits, made):
        if stage.run is None:
            yield None, replace(work, settings=stage.settings)
            continue
        split = str(stage.run["split"])
        if split not in known:
            known[split] = _on(work, split)
        yield stage.run, replace(known[split], settings=stage.settings)


def _on(work: Work, split: str) -> Work:
    """The same work on the texts of another split."""
    data = load_dataset(
        work.spec,
        split,
        labels=work.loaded.spec.labels,
        min_words=MIN_WORDS,
        limit=work.job.limit,
    )
    return replace(work, data=data, job=replace(work.job, split=split))
