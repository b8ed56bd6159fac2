"""Models that answer as the audited one does and attend otherwise: Wiegreffe & Pinter 2019, 4.

A model of the same recipe is trained to answer as the audited model does (TVD) and to attend
differently (KL, times lambda); see `models.imitation`. Unlike the per-instance adversary, one set
of parameters must produce all these weights. Lambda 0 gives imitators, which say how far a model
moves that only imitates; they are trained in any case.

Half of the models begin from scratch. The other half is warm-started: it begins from models of the
recipe with other seeds, because from scratch many models never learn to imitate. First the
imitators are trained. One that got stuck tells nothing, nor would its adversaries: it is replaced
by a further seed of the same kind of start (see `units`). Stuck is an imitator that diverged, that
is not better than a constant answer on dev, or that goes beyond the budget of the seeds on dev,
where that is known. Adversaries far beyond the budget are not stuck: a large lambda may want that.
A kind of start is given up once all of its imitators so far, at least six, got stuck.
Then come the adversaries of all lambdas, and those that refine a sweep. If no imitator is usable,
the first units have adversaries all the same: their figures describe, and no finding rests on them.

Records are those of `questions.recording`, one per model and instance, on dev and on the audited
split; `run` is `{"lambda": 0.001, "start": "warm", "seed": 1}` with its split. A training that
diverged leaves one record a split, `{"run", "row", "id", "diverged": true}`, and no figures.

Deviations from the authors' code: TVD is the full one, so that our lambda is twice theirs; half of
the models are warm-started (theirs: none); the epoch is picked on dev by the objective (theirs:
lowest training loss), among at most 3 times the recipe's epochs, and training stops after half of
the recipe's epochs, and at least 2, without a better one (theirs: 80 and 10).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.models.retraining import Retraining, as_it_is
from attnaudit.models.training import DivergedError
from attnaudit.questions.budget import Budget
from attnaudit.questions.maker import Maker, Record, Trains
from attnaudit.questions.model_adversary.choice import STARTS, WARM, Sweep, Unit, adversary_of
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.model_adversary.store import Store
from attnaudit.questions.model_adversary.strengths import MARGIN, Point, next_strength
from attnaudit.questions.model_adversary.units import MOST_REPLACED, Seeds, shares
from attnaudit.questions.model_adversary.warm import WarmStarts
from attnaudit.questions.recording import Ledger, Trained, run_records
from attnaudit.questions.runs import BASE_RUN, read_runs
from attnaudit.questions.scored import IN_WORDS
from attnaudit.questions.settling import settle_reading
from attnaudit.records.schema import Run

TIMES = 3  # an imitation may take so many times the epochs of the recipe
LEAST_PATIENCE = 2  # epochs


def rounds(
    retraining: Retraining,
    ledger: Ledger,
    settings: ModelSettings,
    made: Callable[[], Iterator[Record]],
    observer: Observer,
) -> Iterator[list[Run]]:
    """The imitators, those that replace stuck ones, all given lambdas, then each refinement.

    Raises InputError if the seeds' budget is of another model, data set or score, or if a model to
    start from is; OutputError if checkpoints cannot be written.
    """
    check_same(settings, ledger)
    warm = WarmStarts(retraining, settings.start)
    warm.check(ledger)
    if ledger.models is not None and not _open(retraining, ledger, settings):
        observer.say(
            "the adversaries are not kept, because models of this kind have no checkpoints"
        )
    seeds = Seeds.of(
        settings.seeds, lambda count: retraining.seeds(count, settings.seed), warm.seeds
    )
    units = first = seeds.first(settings.seeds)
    _tell_starts(settings, units, observer)
    yield [_run(0.0, unit) for unit in units]
    fresh = first
    while fresh := seeds.replace(stuck(made(), fresh, settings)):
        observer.say(f"imitators that got stuck are replaced: {_listed(fresh)}")
        units = [*units, *fresh]
        yield [_run(0.0, unit) for unit in fresh]
    lost = stuck(made(), units, settings)
    units = [unit for unit in units if unit not in lost]
    if lost:
        observer.say(f"{len(units)} imitators of {len(units) + len(lost)} are usable")
    if not units:  # the figures of each lambda are asked for all the same
        observer.say(
            "the adversaries that belong to stuck imitators are shown, but no finding uses them"
        )
        units = first
    tried = {0.0, *settings.lambdas}
    yield [_run(strength, unit) for strength in sorted(tried - {0.0}) for unit in units]
    for _ in range(settings.refine):
        found = _next(made(), units, settings, tried, observer)
        if found is None:
            break
        tried.add(found)
        yield [_run(found, unit) for unit in units]


def _run(strength: float, unit: Unit) -> Run:
    return {"lambda": strength, "start": unit.start, "seed": unit.seed}


def _listed(units: Sequence[Unit]) -> str:
    return "; ".join(unit.words for unit in units)


def _tell_starts(settings: ModelSettings, units: Sequence[Unit], observer: Observer) -> None:
    """Say where warm-started models begin, where that is not as one would expect."""
    wanted, found = shares(settings.seeds)[WARM], sum(unit.start == WARM for unit in units)
    if settings.start is None and wanted:
        observer.say(
            f"--start was not given, so {wanted} {'model' if wanted == 1 else 'models'} to "
            f"start from {'is' if wanted == 1 else 'are'} trained first, by the recipe"
        )
    elif found < wanted:
        observer.say(
            f"{wanted} models should start from trained models, but --start contains only {found}"
        )


def records(
    retraining: Retraining, ledger: Ledger, settings: ModelSettings, run: Run, observer: Observer
) -> list[Record]:
    """The records of one model, or those that say that its training diverged."""
    one = None if run == BASE_RUN else adversary_of(run)

    def make() -> Trained:
        assert one is not None  # the audited model is not made
        store, warm = _store(retraining, ledger, settings), WarmStarts(retraining, settings.start)
        is_warm, seed = one.unit.start == WARM, one.unit.seed
        origin = warm.origin(seed) if is_warm else None
        model = store.find(one, origin) if store else None
        if model is not None:
            return model.to(retraining.device).eval().requires_grad_(False), as_it_is
        model = warm.begin(seed, observer) if is_warm else retraining.fresh(seed)
        progress = retraining.imitate(
            model,
            seed,
            one.strength,
            *_length(retraining, settings),
            observer,
            one.words,
            settings.shown.weigh,
        )
        if store:
            store.keep(model, one, origin, len(progress.epochs))
        return model, as_it_is

    try:
        return run_records(run, make, retraining, ledger, observer, settings.shown, settings.text)
    except DivergedError:
        observer.say(f"{'the audited model' if one is None else one.words}: the training diverged")
        return _gave_up(run, retraining, ledger)


def _length(retraining: Retraining, settings: ModelSettings) -> tuple[int, int]:
    """The most epochs of a training, and how many without a better one end it."""
    epochs = retraining.schedule.epochs
    patience = max(LEAST_PATIENCE, math.ceil(epochs / 2))
    return settings.epochs or TIMES * epochs, settings.patience or patience


def _store(retraining: Retraining, ledger: Ledger, settings: ModelSettings) -> Store | None:
    return Store.of(retraining, ledger, *_length(retraining, settings), settings.reading)


def _open(retraining: Retraining, ledger: Ledger, settings: ModelSettings) -> bool:
    """Make the store ready to be written to; False where such models are not kept."""
    store = _store(retraining, ledger, settings)
    if store:
        (store.kept.check if ledger.dry else store.kept.open)(ledger.reuse)
    return store is not None


def _gave_up(run: Run, retraining: Retraining, ledger: Ledger) -> list[Record]:
    """The records of a training that diverged, one a split."""
    made: list[Record] = []
    for split in ledger.splits:
        here, first = {**run, "split": split}, retraining.splits[split].instances[0]
        made.append({"run": here, "row": first.row, "id": first.id, "diverged": True})
    return made


def stuck(
    records: Iterable[Mapping[str, Any]], units: Sequence[Unit], settings: ModelSettings
) -> list[Unit]:
    """Those of `units` whose imitator got stuck, by its records on dev."""
    dev = read_runs(record for record in records if _of_imitators_on_dev(record)).get("dev")
    if dev is None:
        return list(units)
    given = settings.budget
    budget = None if given is None else Budget(given.tvd, given.flips, given.loss)
    usable = set(Sweep.of(dev, settings.score, budget).usable)
    return [unit for unit in units if unit not in usable]


def _of_imitators_on_dev(record: Mapping[str, Any]) -> bool:
    run: Mapping[str, Any] = record.get("run", {})
    return run.get("split") == "dev" and run.get("lambda", 0.0) == 0.0


def _next(
    records: Iterator[Record],
    units: Sequence[Unit],
    settings: ModelSettings,
    tried: set[float],
    observer: Observer,
) -> float | None:
    """The lambda that refines the sweep, from the records on dev."""
    # A run that goes on has records of later strengths too; it must come to the same ones.
    points = {s: point for s, point in dev_points(records, units).items() if s in tried}
    if points.keys() != tried:  # one diverged: nothing is known on its side
        return None
    bound = settings.budget.tvd if settings.budget else points[0.0].tvd + MARGIN
    found = next_strength(list(points.values()), bound)
    if found is not None:
        observer.say(f"lambda {found!r} is added, to come closer to a TVD of {bound:.3f} on dev")
    return found


def dev_points(records: Iterable[Mapping[str, Any]], units: Collection[Unit]) -> dict[float, Point]:
    """Mean JSD and TVD on dev by lambda, without lambdas of which a training diverged.

    They are means over models of `units` alone.
    """
    figures: dict[float, list[tuple[float, float]]] = defaultdict(list)
    diverged: set[float] = set()
    for record in records:
        run: Mapping[str, Any] = record.get("run", {})
        if "lambda" not in run or run["split"] != "dev":
            continue
        strength, unit = adversary_of(run)
        if unit not in units:
            continue
        if record.get("diverged"):
            diverged.add(strength)
        else:
            figures[strength].append((record["jsd"], record["tvd"]))
    return {
        strength: Point(strength, *(float(x) for x in np.mean(pairs, axis=0)))
        for strength, pairs in figures.items()
        if strength not in diverged
    }


def check_same(settings: ModelSettings, ledger: Ledger) -> None:
    """Raise InputError if the seeds' budget is of another model, data set or score."""
    budget = settings.budget
    if budget is None:
        return
    for what, theirs, ours in (
        ("model", budget.model_sha256, ledger.model_sha256),
        ("data set", budget.data_sha256, ledger.data_sha256),
    ):
        if theirs != ours:
            raise InputError(
                f"--seed-baseline contains seeds of another {what}",
                hint="run `attnaudit seed-baseline` on this model and data, with --records",
            )
    if budget.score != settings.score:
        raise InputError(
            f"--seed-baseline compares models by {IN_WORDS[budget.score]}, but this audit "
            f"compares them by {IN_WORDS[settings.score]}",
            hint="run both with the same --score",
        )


def later(settings: ModelSettings) -> list[Run]:
    """The most that may come after the first imitators: replacements, all lambdas, refinements.

    Replacements are shared out among the kinds of start as the units are.
    """
    times = len({*settings.lambdas} - {0.0}) + settings.refine
    parts = shares(settings.seeds), shares(MOST_REPLACED)
    return [
        _run(1.0, Unit(start, seed))
        for start in STARTS
        for seed in range(times * parts[0][start] + parts[1][start])
    ]


def first_trained(settings: ModelSettings, asked: Sequence[str]) -> int:
    """How many models of the recipe are trained first, to start from.

    None where they are given, or where a suite has asked seed-baseline, which keeps its own.
    """
    given = settings.start is not None or "seed-baseline" in asked
    return 0 if given else shares(settings.seeds)[WARM]


MAKER = Maker(trains=Trains(rounds, records, later, first_trained), settle=settle_reading)
