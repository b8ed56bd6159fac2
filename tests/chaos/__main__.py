"""Chaos: runs that are killed, paused and starved, against undisturbed ones.

    python -m tests.chaos [TRIAL ...] [--times 20] [--folder FOLDER]

where TRIAL is one of kills, pauses, workers, cluster, scheduler, disk, memory, suite.

Prints a line a trial and ends with 1 if any run has left other records or another report.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.chaos.commands import ENVIRONMENT, Command, Outcome, disturbed, kill_after, moments
from tests.execution.dask_processes import DaskProcesses

CONFIG = """\
data:
  reviews: {train: 400, dev: 100, test: 300, seed: 0}
model: {encoder: bilstm, embedding: 32, hidden: 16, attention: additive}
training: {epochs: 3, learning_rate: 0.01, seed: 0}
audit:
  correlate: {measure: [gradient, integrated_gradients]}
  erase: {measure: [gradient]}
  seed-baseline: {seeds: 2}
  adversary: {lambda: [0.01], seeds: 2, epochs: 2, refine: 1}
  probe: {seeds: 2}
"""
WHERE = ("../base/model.pt", "../base/data.yaml")
CORRELATE = Command(
    (
        *("correlate", *WHERE, "--records", "r.jsonl", "-o", "r.json", "--batch-tokens", "150"),
        *("--measure", "gradient", "--measure", "integrated_gradients"),
    ),
    ("r.jsonl", "r.json"),
    ("--resume",),
)
SEEDS = Command(
    ("seed-baseline", *WHERE, "--seeds", "3", "--records", "s.jsonl", "-o", "s.json"),
    ("s.jsonl", "s.json"),
    ("--resume",),
)
SUITE = Command(
    ("audit", "../chaos.yaml", "-o", "out"),
    (
        "out/report.json",
        *(
            f"out/records/{n}.jsonl"
            for n in ("correlate", "erase", "permute", "adversary", "seed-baseline", "probe")
        ),
    ),
)


def tell(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Trials:
    """A folder with a model and data, and the undisturbed results of commands on them."""

    def __init__(self, folder: Path, times: int, seed: int) -> None:
        self.folder, self.times, self.seed, self.wrong = folder, times, seed, 0
        (folder / "chaos.yaml").write_text(CONFIG)
        Command(("train", "chaos.yaml", "-o", "base"), ()).finish(folder)
        self._known: dict[str, tuple[dict[str, Any], float]] = {}

    def undisturbed(self, command: Command) -> tuple[dict[str, Any], float]:
        """What a command leaves, and how long it takes."""
        name = command.line[0]
        if name not in self._known:
            place, begun = self.empty(f"{name}-undisturbed"), time.monotonic()
            command.finish(place)
            self._known[name] = command.left(place), time.monotonic() - begun
        return self._known[name]

    def empty(self, name: str) -> Path:
        """An empty folder of that name."""
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return place

    def tell(self, name: str, outcome: Outcome) -> None:
        """Print how a trial went."""
        tell(f"{name}: {outcome}")
        self.wrong += not outcome.same


def kills(trials: Trials) -> None:
    """Each command killed at random moments: a fresh run each time, killed once, resumed."""
    for command in (CORRELATE, SEEDS):
        expected, seconds = trials.undisturbed(command)
        for number, moment in enumerate(moments(trials.times, seconds, trials.seed)):
            place = trials.empty(f"{command.line[0]}-killed")
            outcome = disturbed(command, place, expected, kill_after(moment), 1)
            while outcome.same and not outcome.hits:  # it had ended before
                place, moment = trials.empty(place.name), 0.8 * moment
                outcome = disturbed(command, place, expected, kill_after(moment), 1)
            trials.tell(f"{command.line[0]} {number + 1}, SIGKILL at {moment:.1f} s", outcome)


def suite(trials: Trials) -> None:
    """One run of everything, killed again and again until it ends."""
    expected, seconds = trials.undisturbed(SUITE)
    dice = random.Random(trials.seed)

    def strike(process: Any) -> bool:
        return kill_after(dice.uniform(3, 3 + 2 * seconds / trials.times))(process)

    outcome = disturbed(SUITE, trials.empty("suite-killed"), expected, strike, trials.times)
    trials.tell(f"audit, SIGKILL up to {trials.times} times", outcome)


def workers(trials: Trials) -> None:
    """Two worker processes, of which one is killed now and then."""
    for command in (CORRELATE, SEEDS):
        expected, _ = trials.undisturbed(command)
        shared = Command((*command.line, "--workers", "2"), command.leaves, command.again)
        killer = _Killer(random.Random(trials.seed))
        place = trials.empty(f"{command.line[0]}-workers")
        outcome = disturbed(shared, place, expected, killer.strike, 1)
        name = f"{command.line[0]} --workers 2, {killer.killed} workers killed"
        trials.tell(name, outcome)


class _Killer:
    """Kills three workers of a process, now and then."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.killed = dice, 0

    def strike(self, process: Any) -> bool:
        """Go on until the process ends."""
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self.dice.uniform(2, 6))
                break
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                children = _children(process.pid)
                if children and self.killed < 3:
                    os.kill(self.dice.choice(children), signal.SIGKILL)
                    self.killed += 1
        return self.killed > 0


def pauses(trials: Trials) -> None:
    """The process, and then one of its workers, stopped for a while and let go on."""
    for command in (CORRELATE, SEEDS):
        expected, _ = trials.undisturbed(command)
        for workers in (1, 2):
            line = (*command.line, "--workers", str(workers))
            shared = Command(line, command.leaves, command.again)
            place = trials.empty(f"{command.line[0]}-paused")
            outcome = disturbed(shared, place, expected, Pauser(workers > 1).strike, 1)
            who = "a worker" if workers > 1 else "the process"
            trials.tell(f"{command.line[0]}, {who} stopped and let go on", outcome)


class Pauser:
    """Stops a process, or one of its workers, three times for a second."""

    def __init__(self, workers: bool, times: int = 3, seconds: float = 1.0) -> None:
        self.workers, self.times, self.seconds = workers, times, seconds

    def strike(self, process: Any) -> bool:
        """Say whether it was stopped before it ended."""
        stopped = 0
        while process.poll() is None and stopped < self.times:
            time.sleep(self.seconds)
            with contextlib.suppress(ProcessLookupError, FileNotFoundError, IndexError):
                pid = _children(process.pid)[0] if self.workers else process.pid
                os.kill(pid, signal.SIGSTOP)
                time.sleep(self.seconds)
                os.kill(pid, signal.SIGCONT)
                stopped += 1
        return stopped > 0


def scheduler(trials: Trials) -> None:
    """A scheduler that goes away for good: one line, and the run goes on without a cluster."""
    for command in (CORRELATE, SEEDS):
        expected, _ = trials.undisturbed(command)
        place, begun = trials.empty(f"{command.line[0]}-scheduler"), time.monotonic()
        clean, said = without_scheduler(command, trials.folder, place)
        command.finish(place, *command.again)
        same = clean and command.left(place) == expected
        outcome = Outcome(1, same, time.monotonic() - begun)
        trials.tell(f"{command.line[0]} --cluster, the scheduler gone", outcome)
        if not clean:
            tell(f"  {said}")


def without_scheduler(command: Command, folder: Path, place: Path) -> tuple[bool, str]:
    """Whether a run whose scheduler is killed under it ends as it should, and what it says."""
    dask = DaskProcesses(folder, 2)
    try:
        with command.start(place, "--cluster", dask.address) as process:
            while process.poll() is None and not _begun(place):
                time.sleep(0.05)
            dask.scheduler.kill()
            try:
                _, said = process.communicate(timeout=180)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return False, "hangs"
    finally:
        dask.close()
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    clean = process.returncode == 2 and len(errors) == 1 and "Traceback" not in said
    return clean and "the scheduler is gone" in errors[0], f"{process.returncode}: {said}"


def _begun(place: Path) -> bool:
    return any(p.read_bytes().count(b"\n") > 3 for p in place.glob("*.partial"))


def memory(trials: Trials) -> None:
    """A process that the system gives no more memory than it has, at some moment, and some more."""
    for command in (CORRELATE, SEEDS):
        expected, _ = trials.undisturbed(command)
        for room in (1 << 20, 1 << 24, 1 << 26):
            place, begun = trials.empty(f"{command.line[0]}-memory"), time.monotonic()
            code, said = starved(command, place, room)
            clean = code == 0 or (code == 2 and said.count("\n") == 1 and "memory ran out" in said)
            command.finish(place, *command.again)
            outcome = Outcome(
                int(code != 0), clean and command.left(place) == expected, time.monotonic() - begun
            )
            trials.tell(f"{command.line[0]}, {room >> 20} MB left for all of it", outcome)
            if not clean:
                tell(f"  exit code {code}: {said}")


# The limit is set when all is imported: what is to run out of memory is the audit.
STARVED = """\
import resource, sys
import torch, torch._dynamo
from attnaudit.cli.main import main
import attnaudit.running.run, attnaudit.models.training
torch.set_num_threads(1)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + int(sys.argv.pop(1)),) * 2)
main()
"""


def starved(command: Command, place: Path, room: int) -> tuple[int, str]:
    """Exit code and stderr of a run that may take so many bytes beyond its imports."""
    done = subprocess.run(
        [sys.executable, "-c", STARVED, str(room), *command.line],
        cwd=place,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def cluster(trials: Trials) -> None:
    """A scheduler and three workers, of which one is killed and one is paused."""
    for command in (CORRELATE, SEEDS):
        expected, _ = trials.undisturbed(command)
        place = trials.empty(f"{command.line[0]}-cluster")
        dask = DaskProcesses(trials.folder, 3, SCHEDULER__WORKER_TTL="30s")
        try:
            line = (*command.line, "--cluster", dask.address)
            shared = Command(line, command.leaves, command.again)
            strike = functools.partial(_kill_one_and_pause_one, dask, place)
            outcome = disturbed(shared, place, expected, strike, 1)
        finally:
            dask.close()
        trials.tell(f"{command.line[0]} --cluster, one worker killed, one paused", outcome)


def _kill_one_and_pause_one(dask: DaskProcesses, place: Path, process: Any) -> bool:
    """As soon as there are records, and until the process ends."""
    while not _begun(place):
        if process.poll() is not None:
            return False
        time.sleep(0.05)
    dask.workers[0].kill()
    time.sleep(0.5)
    dask.workers[1].send_signal(signal.SIGSTOP)
    process.wait()
    return True


def disk(trials: Trials) -> None:
    """A disk that is full in the middle of the work, and has room again when it is resumed."""
    for command in (CORRELATE, SEEDS):
        expected, _ = trials.undisturbed(command)
        whole = sum(len(x) for x in expected.values() if isinstance(x, bytes))
        for share in (0.05, 0.4, 0.9, 1.3):
            place = trials.empty(f"{command.line[0]}-disk")
            with _small_disk(place, int(share * whole)) as room:
                begun = time.monotonic()
                code, said = command.run(place, most_bytes=room)
                clean = code == 2 and said.count("\n") == 1 and "cannot be written" in said
            command.finish(place, *command.again)
            same = clean and command.left(place) == expected
            _unmount(place)
            outcome = Outcome(1, same, time.monotonic() - begun)
            trials.tell(f"{command.line[0]}, disk full at {share:.0%} of the records", outcome)
            if not clean:
                tell(f"  exit code {code}: {said}")


@contextlib.contextmanager
def _small_disk(place: Path, size: int) -> Iterator[int | None]:
    """A disk of so many bytes on `place`, with all the room one needs after the context.

    Where none can be mounted, the most bytes that a file may have instead.
    """
    options = f"size={size}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield size
        return
    yield None
    larger = ["mount", "-o", "remount,size=1g", str(place)]
    subprocess.run(larger, check=True)


def _unmount(place: Path) -> None:
    if place.is_mount():
        subprocess.run(["umount", str(place)], check=True)


def _children(pid: int) -> list[int]:
    """The workers of a process; its resource tracker is none."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(c) for c in found if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]


TRIALS: dict[str, Callable[[Trials], None]] = {
    "kills": kills,
    "pauses": pauses,
    "workers": workers,
    "cluster": cluster,
    "scheduler": scheduler,
    "disk": disk,
    "memory": memory,
    "suite": suite,
}


def main() -> int:
    """Run the trials that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("trials", nargs="*", choices=[[], *TRIALS], metavar="TRIAL")
    parser.add_argument("--times", type=int, default=20, help="how often a run is killed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        made = Trials(folder, given.times, given.seed)
        for name in given.trials or TRIALS:
            TRIALS[name](made)
    tell(f"{made.wrong} trials left something else" if made.wrong else "all left the same")
    return bool(made.wrong)


if __name__ == "__main__":
    sys.exit(main())
