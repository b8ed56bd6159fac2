"""Ours against its rivals: the same work, the same results, in one run.

python -m tests.benchmarks [NAME ...] [--rounds 5] [--quick] [--no-memory] [--beside CHECKOUT]
                           [--json FILE] [--markdown FILE] [--plot FILE] [--list]

`--beside CHECKOUT` is for speed before and after a change: our side of every case is done by the
package of that checkout, too, in a process of its own, turn by turn with all others.

Times are measured, never judged: the exit code is 0 whether targets are met or missed, 1 if two
sides have computed different things or one has failed, 2 for a mistake on the command line.

Ours and rivals run in one process that is set up as the program sets itself up: on one thread, with
freed memory kept. A researcher's script would not have the latter. Some cases are processes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path

from attnaudit.execution.device import prepare_cpu
from tests.benchmarks.beside import beside
from tests.benchmarks.case import BESIDE, AbsentError, Benchmark, DisagreementError
from tests.benchmarks.machine import commit_of, machine
from tests.benchmarks.measure import Result, measure
from tests.benchmarks.memory import side_peak
from tests.benchmarks.suite import BENCHMARKS
from tests.benchmarks.table import as_json, markdown


def run(
    benchmark: Benchmark, rounds: int, quick: bool, memory: bool, other: Path | None = None
) -> list[Result]:
    """All cases of a benchmark, and what is said over all of them; `other`: another checkout."""
    results = []
    for name, build in benchmark.cases(quick).items():
        sys.stderr.write(f"{benchmark.name}: {name}\n")
        try:
            with ExitStack() as open_:
                case = build()
                if other is not None:
                    try:
                        case = open_.enter_context(beside(case, other, benchmark.name, name, quick))
                    except RuntimeError as error:  # it may lack what the case needs
                        sys.stderr.write(f"{error}, and is left out\n")
                result = measure(benchmark.name, name, case, rounds)
        except AbsentError as error:
            result = Result(benchmark.name, name, skipped=str(error))
        except DisagreementError as error:
            result = Result(benchmark.name, name, disagreement=str(error))
        except Exception as error:  # what was measured before it is worth keeping
            result = Result(benchmark.name, name, failure=f"{type(error).__name__}: {error}")
        if memory and result.rivals and result.ours and case.memory:
            sides = {"": result.ours, **result.rivals}
            for side, cost in sides.items():
                if side == BESIDE:
                    continue
                cost.peak, cost.above = side_peak(benchmark.name, name, side, quick)
        results.append(result)
    if benchmark.over_all and all(result.ours for result in results):
        results.append(benchmark.over_all(results))
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=(__doc__ or "").partition("\n")[0],
    )
    asked_for = ", ".join(b.name for b in BENCHMARKS.values() if b.asked)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"benchmarks; all but {asked_for} if none is named"
    )
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--quick", action="store_true", help="toy sizes: only compares results")
    parser.add_argument("--no-memory", action="store_true", help="measure no peak memory")
    parser.add_argument(
        "--beside", type=Path, metavar="CHECKOUT", help="do our side with that package, too"
    )
    parser.add_argument("--list", action="store_true", help="name the benchmarks, run none")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw growth curves")
    asked = parser.parse_args(arguments)
    if asked.list:
        width = max(map(len, BENCHMARKS))
        for benchmark in BENCHMARKS.values():
            only = " (only if named)" if benchmark.asked else ""
            sys.stdout.write(f"{benchmark.name:{width}}  {benchmark.about}{only}\n")
        return 0
    for name in asked.names:
        if name not in BENCHMARKS:
            near = get_close_matches(name, BENCHMARKS, 1)
            hint = f"did you mean {near[0]!r}?" if near else "--list names them all"
            sys.stderr.write(f"there is no benchmark {name!r}: {hint}\n")
            return 2
    if asked.rounds < 1:
        sys.stderr.write("--rounds must be at least 1\n")
        return 2
    if asked.beside and not (asked.beside / "attnaudit" / "__init__.py").is_file():
        sys.stderr.write(f"--beside: {asked.beside} holds no attnaudit/\n")
        return 2
    prepare_cpu(1)
    chosen = [
        b for b in BENCHMARKS.values() if b.name in asked.names or not (asked.names or b.asked)
    ]
    facts = machine()
    if asked.beside:
        facts[BESIDE] = commit_of(asked.beside)
    results, table = list[Result](), ""
    for benchmark in chosen:
        results += run(
            benchmark,
            asked.rounds,
            asked.quick,
            not asked.no_memory,
            asked.beside and asked.beside.resolve(),
        )
        # After each, since all of them take an hour, and may be stopped.
        table = markdown(results, facts, asked.quick)
        if asked.markdown:
            asked.markdown.write_text(table)
        if asked.json:
            asked.json.write_text(as_json(results, facts, asked.quick))
    sys.stdout.write(table)
    if asked.plot:
        from tests.benchmarks.plot import draw

        draw(results, asked.plot)
    return 1 if any(result.disagreement or result.failure for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
