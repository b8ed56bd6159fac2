"""How often the 95 % intervals hold the truth: simulated, as a table.

What `tests.coverage.alike` wrote at the end of the page stays as it is.

python -m tests.coverage [--draws 2000] [--seed 1] [--output FILE]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.coverage.alike import split
from tests.coverage.cases import one_level, two_levels
from tests.coverage.simulate import Result, markdown, simulate

RESULTS = Path(__file__).with_name("RESULTS.md")

HEAD = """\
# Coverage of the intervals

`python -m tests.coverage --draws {draws} --seed {seed}` made this page.

Each line draws {draws:,} samples of a population of which the true figure is known. *now*: the
share of the nominal 95 % intervals that hold the truth, and their mean width. *before*: the same of
the first edition, which took percentiles of resamples, on the first 400 samples. {draws:,} samples
tell a share of .95 to +-{error:.3f}, and 400 to +-.021.

Read it so:

* A share has an interval that covers at least 95 %. It is wider than it must be where the share
  times n is small, because the number of cases is whole.
* A mean of ten skewed values covers less than it says. No interval knows a tail that the ten did
  not show. Gates ask for at least 30 texts.
* Normal seeds are covered at least as often as the interval says, also where there are only three
  of them. Where seeds and texts vary alike it covers more, and is wider than it must be.
* A kind of failure that is rarer than one seed in five does not show among five seeds, and no
  interval can know of it: see *one in ten fails*. Of five seeds none fails in 59 % of all cases.
  Where the texts vary too, their variance widens the interval and hides the fault. The lines
  *almost only seeds* show it.
"""


def main() -> int:
    """Write the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
    parser.add_argument("--draws", type=int, default=2000, help="samples a line")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the page (Markdown)")
    asked = parser.parse_args()
    started, results = time.process_time(), []
    cases = [*sorted(one_level(), key=lambda case: case.figure), *two_levels()]
    for number, case in enumerate(cases):
        results.append(simulate(case, asked.draws, asked.seed + 1000 * number))
        _say(f"{case.figure}, {case.size}: {_said(results[-1])}")
    error = 1.96 * (0.95 * 0.05 / asked.draws) ** 0.5
    head = HEAD.format(draws=asked.draws, seed=asked.seed, error=error)
    single, several = (
        [r for r in results if r.case.size.endswith("seeds") == of_seeds]
        for of_seeds in (False, True)
    )
    lines = [
        head,
        "## Figures of one model",
        *markdown(single),
        "\n## Means over seeds, on 300 texts",
    ]
    lines += markdown(several)
    _, own = split(asked.output.read_text(encoding="utf-8")) if asked.output.exists() else ("", "")
    lines += ["", own.rstrip("\n")] if own else []
    asked.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _say(f"{time.process_time() - started:.0f} s of CPU time")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _said(result: Result) -> str:
    return f"{result.now.share:.3f}, width {result.now.width:.4f}"


if __name__ == "__main__":
    sys.exit(main())
