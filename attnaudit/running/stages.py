"""The passes of a question over texts: first where choices are made, then the audited ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from attnaudit.questions.maker import Record
from attnaudit.records.schema import Run
from attnaudit.running.work import Work


def passes_over(
    work: Work, made: Callable[[], Iterator[Record]]
) -> Iterator[tuple[Run | None, Work]]:
    """The work of each pass, and the run of its records; see `Maker.stages`.

    `made` gives the records so far.
    """
    if work.maker.stages is None:
        yield None, work
        return
    data, others = work.choices, dict[str, Work]()
    if data is not None:
        others[data.split] = replace(work, data=data, job=replace(work.job, split=data.split))
    for stage in work.maker.stages(work.settings, work.loaded.model, list(others), made):
        over = work if stage.run is None else others[str(stage.run["split"])]
        yield stage.run, replace(over, settings=stage.settings)
