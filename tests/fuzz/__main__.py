"""Odd files for every command that reads one, on and on.

    python -m tests.fuzz [TARGET ...] [--minutes 5] [--seed N] [--failures FOLDER]

Goes over all targets in turn, with fresh seeds. Prints how many cases each has had, the slowest and
the largest, and every distinct failure, whose files it keeps in FOLDER with the command that reads
them. Ends with 1 if there is a failure that `known.py` does not list.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_EACH = 25  # cases of a target in a row
_SILENT = 400.0  # seconds without news of a case, after which it is killed
_BUILDING = 900.0  # seconds to make the valid files


def tell(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def child(files: Path, place: Path, names: list[str], seed: int, skip: int) -> None:
    """Run cases without end; `skip` targets come later."""
    import torch
    import torch._dynamo

    from tests.fuzz import corpus

    torch.set_num_threads(1)
    if not (files / "complete").exists():
        corpus.build(files)
        (files / "complete").touch()
    for number in itertools.count():
        for name in names[skip:] if number == 0 else names:
            some(name, files, place, seed + number)


def some(name: str, files: Path, place: Path, seed: int) -> None:
    """Run some cases of a target, and print a line of JSON before and after each."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    from tests.fuzz.targets import TARGETS, Case, cases, execute

    @seeded(seed)
    @settings(
        max_examples=_EACH,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(TARGETS[name]))
    def run(case: Case) -> None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        told: dict[str, Any] = {"target": name, "case": ascii(case)[:600], "seed": seed}
        tell(json.dumps(told))
        outcome = execute(case, files, place)
        if outcome is not None:
            ended = outcome.ended
            told |= {"code": ended.code, "seconds": ended.seconds, "grown": ended.grown}
            kept = None
            if outcome.faults:
                kept = tempfile.mkdtemp(dir=place.parent)
                shutil.copytree(place, kept, dirs_exist_ok=True, symlinks=True)
            tell(json.dumps(told | {"faults": outcome.faults, "kept": kept}))

    run()


class Tally:
    """What has been seen: cases by target and exit code, failures, the slowest and the largest."""

    def __init__(self, failures: Path) -> None:
        self.failures = failures
        self.cases: dict[str, Counter[int]] = {}
        self.seen: dict[tuple[str, str], int] = {}
        self.slowest: tuple[float, str] = (0.0, "")
        self.largest: tuple[int, str] = (0, "")
        self.new = 0

    def add(self, told: dict[str, Any]) -> None:
        """Count a case, and keep the files of a failure that was not seen before."""
        name = told["target"]
        self.cases.setdefault(name, Counter())[told["code"]] += 1
        self.slowest = max(self.slowest, (told["seconds"], told["case"]))
        self.largest = max(self.largest, (told["grown"], told["case"]))
        for fault in told["faults"]:
            self._fail(name, fault, told)
        if told.get("kept"):
            shutil.rmtree(told["kept"])

    def _fail(self, name: str, fault: str, told: dict[str, Any]) -> None:
        from tests.fuzz.known import known

        key = (name, signature(fault))
        self.seen[key] = self.seen.get(key, 0) + 1
        if self.seen[key] > 1:
            return
        entry = known(name, fault)
        self.new += entry is None
        kept = self.failures / f"{len(self.seen):03}-{name}"
        kept.mkdir(parents=True, exist_ok=True)
        if told.get("kept"):
            shutil.copytree(told["kept"], kept, dirs_exist_ok=True, symlinks=True)
        (kept / "failure.txt").write_text(f"{fault}\n{told['case']}\nseed {told['seed']}\n")
        tell(
            f"{'known' if entry else 'NEW'}: {name}: {fault}\n    {told['case'][:300]}\n    {kept}"
        )

    def show(self) -> None:
        """Print all of it."""
        for name, codes in self.cases.items():
            ended = ", ".join(f"{n} with {code}" for code, n in sorted(codes.items()))
            failed = sum(n for (target, _), n in self.seen.items() if target == name)
            tell(f"{name:30} {codes.total():6} cases: {ended}; {failed} faults")
        total = sum(codes.total() for codes in self.cases.values())
        tell(f"{total} cases, {len(self.seen)} distinct failures, {self.new} of them new")
        for (name, what), count in sorted(self.seen.items()):
            tell(f"  {count:4} x {name}: {what}")
        tell(f"slowest: {self.slowest[0]:.1f} s, {self.slowest[1][:300]}")
        tell(f"largest: {self.largest[0] >> 20} MB, {self.largest[1][:300]}")


def signature(fault: str) -> str:
    """A failure without what changes from case to case: numbers and what stands in quotes."""
    short = re.sub(r"'[^']*'|\"[^\"]*\"", "'...'", fault)
    return re.sub(r"[-+]?\d[\d.e+-]*", "N", short)[:240]


def main() -> int:
    """Fuzz for so many minutes."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="how targets begin; all")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument(
        "--failures", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-failures"
    )
    parser.add_argument("--files", type=Path, help="where the valid files stand, or are made")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--skip", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child, given.targets, given.seed, given.skip)
    from tests.fuzz.targets import TARGETS

    names = [n for n in TARGETS if not given.targets or n.startswith(tuple(given.targets))]
    given.failures.mkdir(parents=True, exist_ok=True)
    tally = Tally(given.failures)
    tell(f"seed {given.seed}, {len(names)} targets, failures in {given.failures}")
    with tempfile.TemporaryDirectory() as scratch:
        files = (given.files or Path(scratch) / "files").resolve()
        _watch(names, given.seed, given.minutes * 60, files, Path(scratch) / "now", tally)
    tally.show()
    return bool(tally.new)


def _watch(
    names: list[str], seed: int, seconds: float, files: Path, now: Path, tally: Tally
) -> None:
    """Run children until the time is over; one that says nothing any more, or dies, is replaced."""
    files.mkdir(parents=True, exist_ok=True)
    now.mkdir()
    place = now / "case"
    until, skip = None, 0
    while until is None or time.monotonic() < until:
        told: dict[str, Any] = {}
        process = _start(names, seed, files, place, skip)
        assert process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            while until is None or time.monotonic() < until:
                if not ready.select(_BUILDING if until is None else _SILENT):
                    process.kill()
                    break
                line = process.stdout.readline()
                if not line:
                    break
                until = until or time.monotonic() + seconds  # the valid files are made
                try:
                    told = json.loads(line)
                except json.JSONDecodeError:  # a library writes past Python, and so into results
                    noise = {"code": -1, "seconds": 0.0, "grown": 0, "seed": seed}
                    tally.add({**told, **noise, "faults": [f"printed by itself: {line[:90]!r}"]})
                    continue
                if "code" in told:
                    tally.add(told)
            else:
                process.kill()
                process.wait()
                return
        code = process.wait()
        if not told:
            raise RuntimeError(f"the valid files cannot be made (exit code {code})")
        what = "hangs, and was killed" if code == -9 else f"its process ended with {code}"
        told = {**told, "code": -1, "seconds": _SILENT, "grown": 0, "faults": [what], "seed": seed}
        tally.add(told | {"kept": str(place)})
        seed, skip = seed + 1000, names.index(told["target"]) + 1


def _start(
    names: list[str], seed: int, files: Path, place: Path, skip: int
) -> subprocess.Popen[str]:
    line = ["--child", str(files), str(place), "--seed", str(seed), "--skip", str(skip), *names]
    offline = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.fuzz", *line],
        env={**os.environ, **offline},
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


if __name__ == "__main__":
    sys.exit(main())
