"""The audit of the audit: every plant on many seeds, as a table and a verdict.

python -m tests.planted [PLANT ...] [--seeds 20] [--first 100] [--workers 1] [--output FILE]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import torch
from tests.planted.audit import audit_plant
from tests.planted.plants import PLANTS
from tests.planted.verdicts import Counts, markdown, verdicts

from attnaudit.findings.finding import FindingName

RESULTS = Path(__file__).with_name("RESULTS.md")
Task = tuple[str, int]
Found = tuple[str, int, dict[FindingName, str], float]


def work(task: Task) -> Found:
    """The statuses of one plant and seed, and the CPU seconds that they took."""
    torch.set_num_threads(1)
    plant, seed = task
    started = time.process_time()
    findings = audit_plant(PLANTS[plant], seed)
    statuses = {name: str(found.status) for name, found in findings.items()}
    return plant, seed, statuses, time.process_time() - started


def _results(tasks: Iterable[Task], workers: int) -> Iterator[Found]:
    if workers == 1:
        yield from map(work, tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, tasks)


def main() -> int:
    """Run what the arguments ask for; 0 if every verdict holds, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.add_argument("plants", nargs="*", metavar="PLANT", help=f"of {', '.join(PLANTS)}")
    parser.add_argument("--seeds", type=int, default=20, help="how many (20)")
    parser.add_argument("--first", type=int, default=100, help="100 judges; all others have tuned")
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    parser.add_argument("--output", type=Path, help="where the table is written as Markdown")
    asked = parser.parse_args()
    unknown = [name for name in asked.plants if name not in PLANTS]
    if unknown:
        parser.error(f"there is no plant {unknown[0]!r}")
    names = asked.plants or list(PLANTS)
    seeds = range(asked.first, asked.first + asked.seeds)
    counts, seconds = Counts(), dict.fromkeys(names, 0.0)
    for plant, seed, statuses, spent in _results(product(names, seeds), asked.workers):
        counts.add(plant, statuses)
        seconds[plant] += spent
        said = ", ".join(f"{name} {status}" for name, status in statuses.items())
        sys.stderr.write(f"{plant} {seed}: {said} ({spent:.0f} s)\n")
    table = markdown(counts, seeds, seconds)
    sys.stdout.write(table)
    if asked.output:
        asked.output.write_text(table)
    return 0 if all(verdict.holds for verdict in verdicts(counts, len(seeds))) else 1


if __name__ == "__main__":
    sys.exit(main())
