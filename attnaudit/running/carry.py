"""The work of an audit shared out over an engine, and its records written as they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from time import perf_counter
from typing import Any, TypeAlias

from attnaudit.errors import AuditError
from attnaudit.execution.observer import Observer
from attnaudit.execution.shortage import memory_ran_out
from attnaudit.execution.units import (
    ATTEMPTS,
    Engine,
    Failure,
    Here,
    UnfinishedError,
    Unit,
    carry_out,
    named,
)
from attnaudit.findings.rules import Deltas
from attnaudit.questions.maker import Record
from attnaudit.questions.no_reading import check_read
from attnaudit.questions.shown import ShownSettings
from attnaudit.records.schema import Run
from attnaudit.records.writing import RecordsWriter
from attnaudit.running.deciding import decided_by
from attnaudit.running.load import engine_for, to_time
from attnaudit.running.rounds import record_rounds
from attnaudit.running.stages import passes_over
from attnaudit.running.work import (
    Order,
    Result,
    Task,
    Work,
    join_records,
    perform,
    perform_joined,
    unit_key,
)

Outcomes: TypeAlias = Iterator[tuple[Unit, Any]]  # units with their results, or errors


def record(
    work: Work,
    writer: RecordsWriter,
    engine: Engine,
    observer: Observer,
    deltas: Deltas | None = None,
) -> None:
    """Make the records that `writer` lacks, with the audited model and with others.

    `deltas` are the smallest effects of interest, by which seeds that grow are enough; None: the
    usual ones.

    Raises UnfinishedError at the end of all work if some of it failed for good, InputError where no
    text has the reading of the attention that is asked for, and whatever nothing can go on with.
    """
    if writer.remark:
        observer.say(writer.remark)
    if work.maker.records is not None:
        for run, part in passes_over(work, writer.records):
            _record_batches(part, run, writer, engine, observer)
        if isinstance(work.settings, ShownSettings):
            check_read(writer.records(), work.settings.reading)
    if work.retraining is not None:
        assert work.maker.trains is not None

        def carry(runs: Sequence[Task]) -> Iterator[list[Record]]:
            title = f"{work.question.name}: models"
            with observer.task(title, len(runs)) as task:
                for made in _results(work, runs, writer, engine, observer):
                    yield made
                    task.advance()

        ledger = replace(work.ledger, decided=decided_by(work.header, deltas or Deltas()))
        record_rounds(
            work.maker.trains, work.retraining, ledger, work.settings, writer, observer, carry
        )


def record_joined(
    asked: Sequence[tuple[Work, RecordsWriter]], engine: Engine, observer: Observer
) -> None:
    """Make the records of several questions about the same model and data in one pass over them.

    Each batch goes through all questions before the next one comes. So the model answers once, an
    importance is computed once, and what is kept is that of one batch. The records are those that
    `record` makes. The pass ends at the first failure of any question: `record` makes what is then
    missing, and says what cannot be done.
    """
    works = [work for work, _ in asked]
    done = [writer.done_in(None) for _, writer in asked]
    groups = works[0].batches.groups
    tasks = [number for number, group in enumerate(groups) if _lacking(group.tolist(), done)]
    failed = False

    def at_hand(what: tuple[Sequence[Order], int]) -> tuple[list[list[Record]], list[str]]:
        return join_records(works, what[1], observer), []

    def outcomes(where: Engine, some: Sequence[Task]) -> Outcomes:
        here = isinstance(where, Here)
        orders = () if here else tuple(map(Order.of, works))

        def units() -> Iterator[Unit]:
            for number in some:
                if not failed:
                    yield Unit(unit_key(works[0].header, number), (orders, number))

        return where.outcomes(at_hand if here else perform_joined, units())

    there = sum(len(group) for group in groups) - sum(len(groups[number]) for number in tasks)
    title = ", ".join(work.question.name for work in works)
    with observer.task(title, len(works[0].data.instances), there) as task:
        for unit, outcome in _shared_out(engine, works, tasks, outcomes):
            if isinstance(outcome, Exception):
                failed = True
                continue
            each, remarks = outcome
            for remark in remarks:
                observer.say(remark)
            for (_, writer), rows, made in zip(asked, done, each, strict=True):
                try:
                    writer.write([record for record in made if record["row"] not in rows])
                except AuditError:
                    failed = True
            task.advance(len(groups[unit.what[1]]))


def _shared_out(
    engine: Engine,
    works: Sequence[Work],
    tasks: Sequence[Task],
    outcomes: Callable[[Engine, Sequence[Task]], Outcomes],
) -> Outcomes:
    """The outcomes of tasks, from the engine that suits them; see `load`."""
    first = to_time(engine, works, tasks)
    others = [task for task in tasks if task not in first]
    seconds = None
    if first:
        begun = perf_counter()
        made = list(outcomes(engine, first))
        seconds = len(others) * (perf_counter() - begun)
        yield from made
    if others:
        yield from outcomes(engine_for(engine, works, others, seconds), others)


def _lacking(rows: Sequence[int], done: Sequence[Set[int]]) -> bool:
    return not all(row in there for there in done for row in rows)


def _record_batches(
    work: Work, run: Run | None, writer: RecordsWriter, engine: Engine, observer: Observer
) -> None:
    """Make whole batches again of which a record is missing: what is there was made just so."""
    done, total = writer.done_in(run), len(work.data.instances)
    tasks = [
        number
        for number, group in enumerate(work.batches.groups)
        if _lacking(group.tolist(), [done])
    ]
    if not tasks:
        return
    named, more = work.question.name, {} if run is None else {"run": dict(run)}
    title = named if run is None else f"{named}: {' '.join(map(str, run.values()))}"
    with observer.task(title, total, len(done)) as task:
        for made in _results(work, tasks, writer, engine, observer):
            missing = [{**more, **record} for record in made if record["row"] not in done]
            writer.write(missing)
            task.advance(len(missing))


def _results(
    work: Work, tasks: Sequence[Task], writer: RecordsWriter, engine: Engine, observer: Observer
) -> Iterator[list[Record]]:
    """The records of each task as it is done; raises UnfinishedError at the end if some failed."""

    def at_hand(task: Task) -> Result:
        return Result(work.perform(task, observer))

    def outcomes(where: Engine, some: Sequence[Task]) -> Outcomes:
        if not isinstance(where, Here):
            return carry_out(where, perform, Order.of(work).units(some))
        # The model is open here, and its progress can be seen.
        units = (Unit(unit_key(work.header, task), task) for task in some)
        return carry_out(where, at_hand, units)

    failures = []
    for _, outcome in _shared_out(engine, [work], tasks, outcomes):
        if isinstance(outcome, Failure):
            failures.append(outcome)
            continue
        for remark in outcome.remarks:
            observer.say(remark)
        yield outcome.records
    if failures:
        raise _unfinished(work, failures, len(tasks), writer) from failures[0].error


def _unfinished(
    work: Work, failures: Sequence[Failure], tasks: int, writer: RecordsWriter
) -> UnfinishedError:
    lost = []
    for failure in failures:
        what = failure.unit.what
        task = what[1] if isinstance(what, tuple) else what
        if isinstance(task, int):
            lost += work.ids(task)
        else:
            lost.append(json.dumps(task))
    error = failures[0].error
    why = "memory ran out" if memory_ran_out(error) else f"{type(error).__name__}: {error}"
    kept = "give --records next time, to keep the finished work"
    if writer.partial is not None:
        kept = (
            f"the finished work is kept in {writer.partial}: remove the cause, then continue with "
            "--resume"
        )
    return UnfinishedError(
        f"{len(failures)} of {tasks} pieces of work failed {ATTEMPTS} times ({why}); not done: "
        f"{named(lost)}",
        hint=kept,
    )
