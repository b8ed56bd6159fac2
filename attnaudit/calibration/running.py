"""Running plants: tasks shared out over processes, and a file of what is done to go on from."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from attnaudit import __version__
from attnaudit.calibration.auditing import audit_plant
from attnaudit.calibration.plants import PLANTS
from attnaudit.calibration.verdicts import counted, rows
from attnaudit.execution.device import prepare_cpu
from attnaudit.execution.files import output_errors
from attnaudit.execution.observer import Observer
from attnaudit.execution.units import Engine, Failure, Unit, carry_out
from attnaudit.inputs import read_text
from attnaudit.records.calibration import Calibration, deciding_code
from attnaudit.records.manifest import versions
from attnaudit.records.schema import Platform

JUDGING = range(120, 140)  # the seeds on which the rules themselves are judged
FIRST = 1000  # the first seed of a user's calibration
# Of every finding these hold one plant where it must be found, and one where its contrary must.
QUICK = ("marker", "twin", "shift", "coin-seed", "decoy", "untrained", "idle-head")
# Roughly the CPU seconds of a plant, which say with which one to begin: the longest, and those on
# which adversaries are trained, take two minutes of one core.
LONG, MIDDLING, SHORT = 120.0, 60.0, 20.0
SECONDS: Mapping[str, float] = {
    **dict.fromkeys(PLANTS, SHORT),
    **dict.fromkeys(("marker", "twin", "pair", "coin-text", "ninety", "noise"), LONG),
    **dict.fromkeys(("shift", "rationaliser", "label-coded", "keyword", "xor-bilstm"), MIDDLING),
}
Task = tuple[str, int]  # a plant, and the seed that it is grown from


class Found(NamedTuple):
    """What was found on one plant with one seed, and the CPU seconds that this took."""

    plant: str
    seed: int
    statuses: Mapping[str, str]
    seconds: float


def tasks_of(names: Iterable[str], seeds: Sequence[int]) -> list[Task]:
    """Each plant with each seed, those first that take longest."""
    ordered = sorted(names, key=lambda name: -SECONDS[name])
    return [(name, seed) for name in ordered for seed in seeds]


def work(task: Task) -> Found:
    """What is found on one plant; to be called in a process of its own, which gets one thread."""
    prepare_cpu(1)
    plant, seed = task
    started = time.process_time()
    statuses = audit_plant(plant, PLANTS[plant], seed)
    return Found(plant, seed, statuses, time.process_time() - started)


@dataclass(frozen=True)
class Notes:
    """What is done, one JSON line a task, in a file that another run can go on from.

    A line of other code, or one that cannot be read, says nothing. Without a path nothing is kept.
    """

    path: Path | None

    def read(self, tasks: Iterable[Task]) -> dict[Task, Found]:
        """What there is of these tasks; raises InputError where the file cannot be read."""
        if self.path is None or not self.path.exists():
            return {}
        wanted, ours = set(tasks), deciding_code()
        known: dict[Task, Found] = {}
        for line in read_text(self.path).splitlines():
            with suppress(ValueError, TypeError, KeyError):
                note = json.loads(line)
                found = _found(note)
                if note["code"] == ours and (found.plant, found.seed) in wanted:
                    known[found.plant, found.seed] = found
        return known

    def add(self, found: Found) -> None:
        """Write down one task; raises OutputError."""
        if self.path is None:
            return
        line = json.dumps({**found._asdict(), "code": deciding_code()})
        with output_errors(self.path), self.path.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

    def clear(self) -> None:
        """Remove the file."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _found(note: Any) -> Found:
    """What a line says; raises ValueError, TypeError or KeyError where it says something else."""
    plant, seed, statuses = note["plant"], note["seed"], note["statuses"]
    expected = PLANTS[plant].expected
    if type(seed) is not int or statuses.keys() != expected.keys():
        raise ValueError("contains other findings")
    if not all(isinstance(status, str) for status in statuses.values()):
        raise ValueError("contains a status that is not text")
    return Found(plant, seed, dict(statuses), float(note["seconds"]))


def run(tasks: Sequence[Task], engine: Engine, notes: Notes, observer: Observer) -> Iterator[Found]:
    """What is found by each task: what the notes know first, the others as they are done.

    Raises the error of a task that failed each time that it was tried.
    """
    known = notes.read(tasks)
    yield from known.values()
    units = [Unit(f"{plant} {seed}", (plant, seed)) for plant, seed in tasks]
    left = [unit for unit in units if unit.what not in known]
    with observer.task("calibrate", len(tasks), len(known)) as bar:
        for unit, outcome in carry_out(engine, work, left):
            if isinstance(outcome, Failure):
                raise outcome.error
            notes.add(outcome)
            bar.advance(1, unit.key)
            yield outcome


def document(found: Sequence[Found], quick: bool) -> Calibration:
    """The document about what was found; all plants were generated with the same seeds."""
    counts = counted((one.plant, one.statuses) for one in found)
    names = {one.plant for one in found}
    seeds = {one.seed for one in found}
    seconds = {
        name: round(sum(one.seconds for one in found if one.plant == name), 1)
        for name in PLANTS
        if name in names
    }
    return Calibration(
        attnaudit=__version__,
        code=deciding_code(),
        python=platform.python_version(),
        packages=versions(),
        platform=Platform(system=platform.system(), machine=platform.machine()),
        made=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        quick=quick,
        first_seed=min(seeds),
        seeds=len(seeds),
        seconds=seconds,
        table=list(rows(counts, {name: PLANTS[name] for name in seconds})),
    )
