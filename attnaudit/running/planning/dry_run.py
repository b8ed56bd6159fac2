"""What an audit would do, with time and memory: all is loaded and checked, and little is run.

Whatever the real run refuses before it begins is refused here, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter, process_time

from attnaudit.config import Settings
from attnaudit.execution.engines import open_engine
from attnaudit.execution.memory import forget_peak
from attnaudit.execution.observer import Observer, Silent
from attnaudit.execution.units import Engine
from attnaudit.models.fit import say_cut
from attnaudit.models.interface import AttentionModel
from attnaudit.models.lengths import Texts
from attnaudit.models.passes import Passes, answering
from attnaudit.models.retraining import Retraining
from attnaudit.questions.maker import Record
from attnaudit.questions.question import Question
from attnaudit.questions.runs import BASE_RUN
from attnaudit.records.schema import Run
from attnaudit.report.demands import Demands
from attnaudit.running.job import Job
from attnaudit.running.load import engine_for
from attnaudit.running.planning.check import plan_check
from attnaudit.running.planning.estimate import Piloted, pilot_records, summary_seconds
from attnaudit.running.planning.forecast import (
    Memory,
    Shared,
    around,
    notes_on_trainings,
    passes_of_training,
    sizes_of,
    span_of_training,
    trainings_of,
    whole,
)
from attnaudit.running.planning.plan import Part, Span, Stage, Trainings, WorkPlan
from attnaudit.running.planning.trial import Timed, Trial
from attnaudit.running.stages import passes_over
from attnaudit.running.work import Work, load_works


def plan_questions(
    asked: Sequence[tuple[Question, Settings]],
    job: Job,
    demands: Demands | None,
    observer: Observer,
) -> WorkPlan:
    """What `run_questions` would do; raises what it would raise before its work begins."""
    with open_engine(job.workers, job.cluster, observer) as engine:
        begun, start_up = perf_counter(), process_time()
        works = load_works(asked, job, demands, observer)
        say_cut(works[0].data, observer)
        for work in works:
            _ = work.header  # a question that retrains reads its recipe and data for it
            work.others.tell(observer)
        loading = perf_counter() - begun
        memory = Memory(works[0].device)
        memory.look()
        check = plan_check(works[0])
        piloted = joint_pilot(works)
        parts = [plan_part(work, engine, loading, memory, piloted) for work in works]
        begin = start_up + loading
        command = asked[0][0].command
        return whole(command, job, works[0].device, parts, begin, memory, engine.size, check)


def joint_pilot(works: Sequence[Work]) -> Piloted | None:
    """The pilot of those questions whose records are made in one pass, if there are several."""
    several = [work for work in works if work.maker.joins]
    return pilot_records(several) if len(several) > 1 else None


def plan_part(
    work: Work,
    engine: Engine,
    loading: float,
    memory: Memory,
    piloted: Piloted | None = None,
    alike: Mapping[str, str] | None = None,
    asked: Sequence[str] = (),
) -> Part:
    """What a question would do.

    `engine` is where, and `loading` what a worker takes to load. `piloted` is the pilot of the
    questions that share a pass; the question may be none of them. `alike` names kinds of trainings
    that will come to those that are known now, each with the kind that it is like. `asked` names
    the questions of a suite.
    """
    name = work.question.name
    texts = Texts.of(work.batches)
    cost, retraining = work.maker.cost, work.retraining
    passes, stages, notes = Passes(), list[Stage](), list[str]()
    made: list[Record] = []
    trainings: tuple[Trainings, ...] = ()
    if cost:
        *before, audited = (part for _, part in passes_over(work, lambda: iter(())))
        own = cost(work.loaded.model, texts, audited.settings)
        if piloted is None or name not in piloted.records:
            piloted = pilot_records([audited])
        found = piloted.found
        made += piloted.records[name]
        memory.note(found.peak, found.device_peak)
        batches = range(len(work.batches))
        chosen = engine_for(engine, piloted.works, batches, found.seconds.likely)
        shared = Shared.of(work.job, chosen.size)
        whole_pass = shared.spread(found.seconds, len(work.batches), loading)
        seconds = whole_pass.times(piloted.share(name))
        passes += own
        share = 1.0  # as long as the audited texts take, by how many tokens pass the model
        for part in before:
            others = Texts.of(part.batches)
            more = cost(work.loaded.model, others, part.settings)
            share += _weight(more, others) / _weight(own, texts)
            passes += more
        seconds = seconds.times(share)
        stages.append(Stage(name="records", seconds=seconds))
        if work.loaded.model.answer_cost is not None:
            notes.append(_answers_cost(work.loaded.model))
        if len(piloted.works) > 1:
            notes.append(
                "They share one pass over the data. The table counts the work that several of them "
                "need for each of them, but it is done once."
            )
        if found.rough:
            notes.append("There was no time to try the longest texts, so this is a rough guess.")
    if retraining is not None:
        learned = _learn(work, retraining, engine, loading, memory, alike or {}, asked)
        passes += learned.passes
        trainings = learned.trainings
        made += learned.records
        stages.append(Stage(name="training", seconds=learned.seconds))
        notes += learned.notes
    summary = around(summary_seconds(work, made, len(texts)))
    stages.append(Stage(name="summary", seconds=summary))
    return Part(
        name=name,
        split=work.data.split,
        instances=len(texts),
        batches=len(work.batches),
        passes=passes,
        trainings=trainings,
        stages=tuple(stages),
        notes=tuple(notes),
    )


def _answers_cost(model: AttentionModel) -> str:
    """What an answer under other weights takes at a site of many rows."""
    return (
        f"The site is {model.site}. An answer under other weights runs this layer and those above"
        f" it again, which costs about {model.answer_cost:.2g} of a forward pass."
    )


def _weight(passes: Passes, texts: Texts) -> float:
    """How many tokens pass the model, about; a gradient counts as two passes."""
    return (passes.forward + 2 * passes.backward) * float(texts.tokens.mean())


@dataclass(frozen=True)
class _Learned:
    """What the trainings of an audit and their records take, and some of these records."""

    trainings: tuple[Trainings, ...]
    passes: Passes
    seconds: Span
    records: list[Record]
    notes: list[str]


def _learn(
    work: Work,
    retraining: Retraining,
    engine: Engine,
    loading: float,
    memory: Memory,
    alike: Mapping[str, str],
    asked: Sequence[str],
) -> _Learned:
    trains, settings = work.maker.trains, work.settings
    assert trains is not None
    dry, nothing = replace(work.ledger, dry=True), list[Record]()
    runs = next(trains.rounds(retraining, dry, settings, lambda: iter(nothing), Silent()))
    later = trains.later(settings)
    ledger = replace(dry, models=None)
    forget_peak(work.device)
    trial = Trial(retraining)

    def timed(run: Run) -> Timed:
        return trial.time(
            lambda observer: trains.records(trial, ledger, settings, run, observer), ledger.splits
        )

    sizes = sizes_of(retraining.splits)
    recorded = sum(sizes[split] for split in ledger.splits)
    base = timed(BASE_RUN)
    kept, made = list(base.kept), list(base.made)
    passes, seconds = answering(recorded), Span()
    if work.maker.asked:
        passes += work.maker.asked(retraining.base, recorded)
    trainings: list[Trainings] = []
    if first := trains.first_trained(settings, asked):
        learning = trial.time(lambda observer: _learned_first(trial, observer), ("dev",))
        training = trainings_of("model to start from", first, retraining.schedule, sizes["train"])
        trainings.append(training)
        passes += passes_of_training(training, retraining.schedule, sizes).times(first)
        seconds += span_of_training(learning, training).times(first)
    known, more = _kinds(runs), _kinds(later)
    tasks = trains.together(retraining, runs)
    shared = Shared.of(work.job, engine_for(engine, [work], tasks).size)
    at_first = 0
    for kind, members in known.items():
        found = timed(members[0])
        assert found.schedule is not None
        kept += found.kept
        count = len(members) + len(more.get(kind, ()))
        names = (kind, *(new for new, like in alike.items() if like == kind))
        at_first += len(names) * len(members)
        for name in names:
            training = trainings_of(name, count, found.schedule, sizes["train"], found.stops)
            trainings.append(training)
            passes += answering(count * recorded)
            alone = count - sum(_is_part(run, task) for run in members for task in tasks)
            passes += passes_of_training(training, found.schedule, sizes).times(alone)
            seconds += span_of_training(found, training).times(alone)
            seconds += around(found.records).times(count - alone)
        made += [
            {**record, "run": {**run, "split": record["run"]["split"]}}
            for run in members
            for record in found.made
        ]
    memory.look()
    for split, _ in kept:
        passes += answering(sizes[split])
    count = sum(training.count for training in trainings)
    # What is kept of a model every worker keeps for itself.
    once = around(base.records + sum(took for _, took in kept))
    notes = notes_on_trainings(trainings)
    if later:
        others = count - first - at_first
        notes.append(
            f"{at_first} trainings come first. Their results decide how many of the other "
            f"{others} follow."
        )
    return _Learned(
        tuple(trainings),
        passes + Passes(exact=not later),
        once + shared.spread(seconds, count, loading),
        made,
        notes,
    )


def _is_part(run: Run, task: Run) -> bool:
    """Whether another run of the task makes the model of this one, too: see `Trains.together`."""
    return run != task and run.items() <= task.items()


def _learned_first(trial: Trial, observer: Observer) -> list[Record]:
    """Train a model of the recipe, of which there are no records."""
    seed = trial.schedule.seed
    trial.learn(trial.fresh(seed), seed, observer, "first")
    return []


def _kinds(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs by what their trainings cost: seeds do not differ in it, nor do strengths."""
    kinds: dict[str, list[Run]] = {}
    for run in runs:
        told = [
            f"{key} {value}" if key == "removed" else str(value)
            for key, value in run.items()
            if key not in ("seed", "lambda", "coefficient", "least_accuracy")
        ]
        told = ["lambda", *told] if "lambda" in run else told
        kinds.setdefault(" ".join(told), []).append(run)
    return kinds
