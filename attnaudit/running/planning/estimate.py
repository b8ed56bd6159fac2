"""How long the records of the audited model and their summary take, from a pilot of seconds.

The pilot is the audit itself: its own code on a few texts of a few batches (see `extrapolate`), and
its own summary of their records, as if they were more. What is found so is thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from time import perf_counter, process_time

from attnaudit.execution.memory import device_peak_bytes, forget_peak, peak_bytes
from attnaudit.execution.observer import Silent
from attnaudit.execution.once import Once
from attnaudit.findings.assess import assess
from attnaudit.findings.evidence import gather
from attnaudit.findings.rules import Deltas
from attnaudit.models.lengths import tokens_of
from attnaudit.questions.maker import Record
from attnaudit.records.schema import run_key
from attnaudit.records.writing import RecordsWriter
from attnaudit.running.planning.extrapolate import Extrapolated, Tried, extrapolate
from attnaudit.running.work import Work

SECONDS = 10.0  # that trying out records takes, about
SUMMARISED = (150, 450)  # records of a run of which a summary is tried


@dataclass(frozen=True)
class Piloted:
    """What all records of questions that share a pass would take, and those of the pilot.

    `records` is what each question made, by its name.
    """

    works: Sequence[Work]
    found: Extrapolated
    records: Mapping[str, list[Record]]

    def share(self, name: str) -> float:
        """The part of the time that a question takes. What several need counts for the first."""
        return dict(zip(self.records, self.found.shares, strict=True))[name]


def pilot_records(works: Sequence[Work]) -> Piloted:
    """Make some records of the audited model, and say what those of all batches would take.

    Several questions about the same model and data share what they make of a batch, as in a run.
    """
    batches = works[0].batches
    kept: dict[str, dict[int, Record]] = {work.question.name: {} for work in works}

    def attempt(places: Sequence[int]) -> Tried:
        some, once = [batches.instances[i] for i in places], Once()
        forget_peak(works[0].device)
        begun, worked = perf_counter(), process_time()
        on_cpu, ends = works[0].device.type == "cpu", [0.0]
        for work in works:
            assert work.maker.records is not None
            own = replace(work.batches, instances=some, once=once)
            for part in work.maker.records(work.loaded.model, own, work.settings, Silent()):
                kept[work.question.name].update((record["row"], record) for record in part)
            # On another device a process mostly waits.
            ends.append(process_time() - worked if on_cpu else perf_counter() - begun)
        work_of_each = tuple(end - start for start, end in pairwise(ends))
        peaks = peak_bytes(), device_peak_bytes(works[0].device)
        return Tried(perf_counter() - begun, work_of_each, *peaks)

    found = extrapolate(batches.groups, tokens_of(batches), attempt, SECONDS)
    return Piloted(works, found, {name: list(made.values()) for name, made in kept.items()})


def summary_seconds(work: Work, records: Sequence[Record], instances: int) -> float:
    """Seconds that it takes to read and sum up the records of so many instances, of every run.

    `records` are of a few instances of each run, which stand for all.
    """
    known = []
    for count in sorted({min(instances, n) for n in SUMMARISED}):
        with RecordsWriter(None, work.header) as writer:
            writer.write(_repeated(records, count))
            begun = perf_counter()
            labels = work.data.labels
            summary = work.question.summarise(writer.records(), work.settings, labels)
            if summary.runs is not None:
                assess(gather([(writer.header, summary.runs)]), Deltas())
            known.append((count, perf_counter() - begun))
    (few, sooner), (many, later) = known[0], known[-1]
    slope = max(0.0, later - sooner) / max(1, many - few)
    return later + slope * (instances - many)


def _repeated(records: Sequence[Record], count: int) -> list[Record]:
    """So many records of each run, made of those that there are."""
    by_run: dict[str, list[Record]] = {}
    for record in records:
        by_run.setdefault(run_key(record.get("run")), []).append(record)
    return [
        {**some[row % len(some)], "row": row, "id": str(row)}
        for some in by_run.values()
        for row in range(count)
    ]
