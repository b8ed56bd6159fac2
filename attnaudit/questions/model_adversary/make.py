"""Models that answer as the audited one does and attend otherwise: Wiegreffe & Pinter 2019, 4.

For each lambda and seed a fresh model of the same recipe is trained to answer as the audited model
does (TVD) and to attend differently (KL, times lambda); see `models.imitation`. Unlike the
per-instance adversary, one set of parameters must produce all these weights. Lambda 0 gives
imitators, which say how far a model moves that only imitates; they are trained in any case, as
many, as long.

Records are those of `questions.recording`, one per model and instance, on dev and on the audited
split; `run` is `{"lambda": 0.001, "seed": 1}` with its split. A training that diverged leaves one
record a split, `{"run", "row", "id", "diverged": true}`, and no figures.

Deviations from the authors' code: TVD is the full one, so that our lambda is twice theirs; the
epoch is picked on dev by the objective (theirs: lowest training loss), among at most 40, and
training stops after 10 without a better one (theirs: 80 and 10).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.models.retraining import Retraining, as_it_is
from attnaudit.models.training import DivergedError
from attnaudit.questions.maker import Maker, Record, Trains
from attnaudit.questions.model_adversary.seeds_tvd import SeedsTvd
from attnaudit.questions.model_adversary.settings import ModelSettings
from attnaudit.questions.model_adversary.store import Store
from attnaudit.questions.model_adversary.strengths import (
    LEAST_SEEDS_TVD,
    MARGIN,
    Point,
    key_of,
    next_strength,
)
from attnaudit.questions.recording import Ledger, Trained, run_records
from attnaudit.questions.settling import settle_reading
from attnaudit.records.schema import Run


def rounds(
    retraining: Retraining,
    ledger: Ledger,
    settings: ModelSettings,
    made: Callable[[], Iterator[Record]],
    observer: Observer,
) -> Iterator[list[Run]]:
    """The models by lambda and seed: those of the given lambdas, then each refinement by itself.

    Raises InputError if the seeds' TVD is of another model or data set, OutputError if checkpoints
    cannot be written.
    """
    _check_same(settings.seeds_tvd, ledger)
    if ledger.models is not None and not _open(retraining, ledger, settings):
        observer.say("the adversaries are not kept: models of this kind have no checkpoints")
    seeds = retraining.seeds(settings.seeds, settings.seed)
    tried = {0.0, *settings.lambdas}
    yield [{"lambda": strength, "seed": seed} for strength in sorted(tried) for seed in seeds]
    for _ in range(settings.refine):
        found = _next(made(), settings, tried, observer)
        if found is None:
            break
        tried.add(found)
        yield [{"lambda": found, "seed": seed} for seed in seeds]


def records(
    retraining: Retraining, ledger: Ledger, settings: ModelSettings, run: Run, observer: Observer
) -> list[Record]:
    """The records of one model, or those that say that its training diverged."""

    def make() -> Trained:
        strength, seed = key_of(run)
        store = _store(retraining, ledger, settings)
        model = store.find(strength, seed) if store else None
        if model is not None:
            return model.to(retraining.device).eval().requires_grad_(False), as_it_is
        model = retraining.fresh(seed)
        progress = retraining.imitate(
            model,
            seed,
            strength,
            settings.epochs,
            settings.patience,
            observer,
            f"lambda {strength!r}, seed {seed}",
            settings.shown.compute,
        )
        if store:
            store.keep(model, strength, seed, len(progress.epochs))
        return model, as_it_is

    try:
        return run_records(run, make, retraining, ledger, observer, settings.shown, settings.text)
    except DivergedError:
        strength, seed = key_of(run)
        observer.say(f"lambda {strength!r}, seed {seed}: the training diverged")
        return _gave_up(run, retraining, ledger)


def _store(retraining: Retraining, ledger: Ledger, settings: ModelSettings) -> Store | None:
    return Store.of(retraining, ledger, settings.epochs, settings.patience, settings.reading)


def _open(retraining: Retraining, ledger: Ledger, settings: ModelSettings) -> bool:
    """Make the store ready to be written to; False where such models are not kept."""
    store = _store(retraining, ledger, settings)
    if store:
        (store.check if ledger.dry else store.open)(ledger.reuse)
    return store is not None


def _gave_up(run: Run, retraining: Retraining, ledger: Ledger) -> list[Record]:
    """The records of a training that diverged, one a split."""
    made: list[Record] = []
    for split in ledger.splits:
        here, first = {**run, "split": split}, retraining.splits[split].instances[0]
        made.append({"run": here, "row": first.row, "id": first.id, "diverged": True})
    return made


def _next(
    records: Iterator[Record], settings: ModelSettings, tried: set[float], observer: Observer
) -> float | None:
    """The lambda that refines the sweep, from the records on dev."""
    # A run that goes on has records of later strengths too; it must come to the same ones.
    points = {s: point for s, point in dev_points(records).items() if s in tried}
    if points.keys() != tried:  # one diverged: nothing is known on its side
        return None
    imitators = points[0.0].tvd
    seeds = settings.seeds_tvd
    bound = max(seeds.tvd, LEAST_SEEDS_TVD) if seeds else imitators + MARGIN
    if imitators > bound:
        observer.say(
            f"not refined: imitators alone have TVD {imitators:.3f} on dev, more than {bound:.3f}"
        )
        return None
    found = next_strength(list(points.values()), bound)
    if found is not None:
        observer.say(f"lambda {found!r} is added, to meet TVD {bound:.3f} on dev more closely")
    return found


def dev_points(records: Iterable[Mapping[str, Any]]) -> dict[float, Point]:
    """Mean JSD and TVD on dev by lambda, without lambdas of which a training diverged."""
    figures: dict[float, list[tuple[float, float]]] = defaultdict(list)
    diverged: set[float] = set()
    for record in records:
        run: Mapping[str, Any] = record.get("run", {})
        if "lambda" not in run or run["split"] != "dev":
            continue
        if record.get("diverged"):
            diverged.add(run["lambda"])
        else:
            figures[run["lambda"]].append((record["jsd"], record["tvd"]))
    return {
        strength: Point(strength, *(float(x) for x in np.mean(pairs, axis=0)))
        for strength, pairs in figures.items()
        if strength not in diverged
    }


def _check_same(seeds: SeedsTvd | None, ledger: Ledger) -> None:
    if seeds is None:
        return
    for what, theirs, ours in (
        ("model", seeds.model_sha256, ledger.model_sha256),
        ("data", seeds.data_sha256, ledger.data_sha256),
    ):
        if theirs != ours:
            raise InputError(
                f"--seed-baseline holds seeds of another {what}",
                hint="run `attnaudit seed-baseline` on this model and data, with --records",
            )


def _refinements(settings: ModelSettings) -> int:
    return settings.refine * settings.seeds


MAKER = Maker(trains=Trains(rounds, records, _refinements), settle=settle_reading)
